"""What the tests of wct-train share: small pictures, small runs, and looking into a run's folder."""
import json
import pathlib
import struct
import subprocess
import tempfile

import wct_test
from wct_test import TRAINER, noise, write_png

SIDE = 40  # of the pictures
FAST = ["--crop", 32, "--batch", 2, "--lanes", 2, "--threads", 2, "--lr", 1e-3, "--warmup", 2, "--test-count", 2]


def read_tensors(path):
    """(metadata, {name: (dtype, shape, bytes)}) of a .safetensors file."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    metadata = header.pop("__metadata__", {})
    return metadata, {name: (about["dtype"], about["shape"], body[slice(*about["data_offsets"])])
                      for name, about in header.items()}


def write_tensors(path, metadata, tensors):
    header, body = {"__metadata__": metadata}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)


def give_levels_trunks(path, model):
    """Writes @model, of a shared trunk, with a trunk of its own for each level."""
    metadata, tensors = read_tensors(model)
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder.")}
    for level in range(1, 6):
        own |= {name.replace("encoder.", f"encoder{level}."): tensor for name, tensor in tensors.items()
                if name.startswith("encoder.") and name[len("encoder.conv"):].split(".")[0] <= f"{level}_1"}
    write_tensors(path, metadata, own)


class Case(wct_test.Case):
    """A folder of its own with eight pictures in photos/."""

    @classmethod
    def setUpClass(cls):
        cls.model = wct_test.tiny_model()
        cls.pictures = tempfile.TemporaryDirectory()
        cls.photos = pathlib.Path(cls.pictures.name)
        for i in range(8):
            write_png(cls.photos / f"{i}.png", SIDE, SIDE, 3, noise(SIDE * SIDE * 3, 256, seed=i + 1))

    @classmethod
    def tearDownClass(cls):
        cls.pictures.cleanup()

    def train(self, *arguments, before=None):
        return wct_test.run(*arguments, program=TRAINER, before=before, cwd=self.folder)

    def command(self, run, *more, level="1,3"):
        return ["decoder", "--encoder", self.model, "--level", level, "--data", self.photos, *FAST, "-o", self.path(run),
                "--quiet", *more]

    def make_run(self, run, *more, level="1,3"):
        """A run that ends well."""
        done = self.train(*self.command(run, *more, level=level))
        self.assertEqual((done.status, done.err), (0, ""))
        return done

    def start(self, run, *more, level="1,3"):
        """A run in the background."""
        process = subprocess.Popen([TRAINER, *map(str, self.command(run, *more, level=level))], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=wct_test.environment())
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def lines(self, run):
        """metrics.jsonl, also while it is being written."""
        path = self.path(run) / "metrics.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def wait_for_step(self, process, run, step):
        while not any(line["step"] >= step for line in self.lines(run)):
            if process.poll() is not None:
                raise AssertionError(f"the run ended before step {step}: {process.stderr.read().decode()}")

    def steps(self, run):
        """What each step did, without what a clock says."""
        return [{k: v for k, v in line.items() if k not in ("seconds", "pictures_per_second")} for line in self.lines(run)]

    def state(self, run):
        """The newest checkpoint's bytes."""
        return sorted(self.path(run).glob("checkpoints/*/state.safetensors"))[-1].read_bytes()

    def assert_refused(self, result, status, *words):
        self.assertEqual(result.status, status, result.err)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, r"\Awct-train[ a-z]*: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, result.err)
