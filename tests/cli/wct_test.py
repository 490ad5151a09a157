"""What the tests of the program share: running it, making pictures and models, reading pictures back.

Needs Python's standard library and libvips' `vips` and `vipsheader`, nothing else. The build says where things are:
WCT and WCT_TRAIN (the programs), WCT_TEST_MODELS (a folder with tiny.safetensors), WCT_SHARED (the shared material, may be absent).
"""
import array
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = os.environ.get("WCT", "wct")
TRAINER = os.environ.get("WCT_TRAIN", "wct-train")
SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("WCT_SHARED", SOURCE.parent / "shared"))

FORMATS = {"uchar": "B", "ushort": "H", "float": "f"}


class Result:
    """How a run ended."""

    def __init__(self, status, out, err, usage=None):
        self.status, self.out, self.err, self.usage = status, out, err, usage


def environment(**changes):
    env = {k: v for k, v in os.environ.items() if k not in ("WCT_MODEL", "XDG_DATA_HOME", "XDG_DATA_DIRS")}
    env["XDG_CACHE_HOME"] = "/nowhere"  # styles are measured
    env.update(changes)
    return env


def run(*arguments, program=PROGRAM, cwd=None, env=None, before=None):
    """Runs wct, or @program, to its end, with nothing on standard input. Result.usage has its own time and memory."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   cwd=cwd, env=env or environment(), preexec_fn=before)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Result(process.returncode, out.read().decode(), err.read().decode(), usage)


class Terminal:
    """wct with standard error on a terminal, so that it shows its progress: a way to know what it is doing. @changes are
    to its environment."""

    def __init__(self, *arguments, cwd=None, **changes):
        try:
            self.ours, theirs = pty.openpty()
        except OSError as error:
            raise unittest.SkipTest(f"there is no pseudo-terminal here: {error}") from error
        self.seen = ""
        self.process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=theirs, cwd=cwd,
                                        env=environment(TERM="xterm", **changes), start_new_session=True)
        os.close(theirs)

    def read(self):
        """What came next, or nothing at the end."""
        select.select([self.ours], [], [])
        try:
            text = os.read(self.ours, 65536).decode(errors="replace")
        except OSError:  # the other side is closed
            return ""
        self.seen += text
        return text

    def wait_for(self, text):
        while text not in self.seen:
            if not self.read():
                raise AssertionError(f"wct ended without showing {text!r}; it said {self.seen!r}")

    def end(self):
        """The exit status."""
        while self.read():
            pass
        os.close(self.ours)
        return self.process.wait()


# ---- pictures -----------------------------------------------------------------------------------------------------

def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, width, height, channels, values, depth=8, extra=()):
    """@channels: 1 gray, 2 gray and alpha, 3 color, 4 color and alpha. @extra: (kind, data) of more chunks."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    numbers = array.array("B" if depth == 8 else "H", values)
    if depth == 16:
        numbers.byteswap()
    data = numbers.tobytes()
    row = width * channels * depth // 8
    rows = b"".join(b"\0" + data[y * row:(y + 1) * row] for y in range(height))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)))
        for name, content in extra:
            f.write(png_chunk(name, content))
        f.write(png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b""))
    return path


def write_tiff(path, width, height, channels, values, kind="f"):
    """One strip, uncompressed. @kind: B, H or f; a fourth (or second) channel is unassociated alpha."""
    data = array.array(kind, values).tobytes()
    size = {"B": 8, "H": 16, "f": 32}[kind]
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [size] * channels), (259, 3, [1]),
            (262, 3, [2 if channels >= 3 else 1]), (273, 4, [0]), (277, 3, [channels]), (278, 4, [height]),
            (279, 4, [len(data)]), (284, 3, [1]), (339, 3, [3 if kind == "f" else 1] * channels)]
    if channels in (2, 4):
        tags.insert(-1, (338, 3, [2]))
    tail = 8 + 2 + 12 * len(tags) + 4
    extra, entries = b"", b""
    for tag, form, numbers in tags:
        packed = struct.pack("<%d%s" % (len(numbers), "H" if form == 3 else "I"), *numbers)
        if tag == 273:
            place = len(entries) + 8
        if len(packed) > 4:
            extra, packed = extra + packed + b"\0" * (len(packed) % 2), struct.pack("<I", tail + len(extra))
        entries += struct.pack("<HHI", tag, form, len(numbers)) + packed.ljust(4, b"\0")
    entries = entries[:place] + struct.pack("<I", tail + len(extra)) + entries[place + 4:]
    with open(path, "wb") as f:
        f.write(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0" + extra + data)
    return path


def noise(count, limit, seed=1):
    """Equal numbers in every run: a linear congruential generator is random enough for pixels."""
    values = []
    for _ in range(count):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((seed >> 33) % limit)
    return values


def smooth(width, height, limit):
    """A color picture without sharp edges, which lossy formats keep well."""
    return [v for y in range(height) for x in range(width)
            for v in (limit * (x + 1) // (width + 1), limit * (y + 1) // (height + 1), limit // 3)]


class Pixels:
    """A picture as libvips' own tools see it."""

    def __init__(self, path):
        header = vips("vipsheader", "-a", path)
        field = dict(line.split(": ", 1) for line in header.splitlines() if ": " in line)
        self.width, self.height, self.bands = (int(field[k]) for k in ("width", "height", "bands"))
        self.format, self.interpretation = field["format"], field["interpretation"]
        self.profile = "icc-profile-data" in field
        self.orientation = int(field.get("orientation", 1))
        self.exif = {k: v for k, v in field.items() if k.startswith("exif-")}
        with tempfile.TemporaryDirectory() as folder:
            vips("vips", "rawsave", path, f"{folder}/raw")
            self.values = array.array(FORMATS[self.format])
            self.values.frombytes(pathlib.Path(folder, "raw").read_bytes())

    def band(self, index):
        return list(self.values[index::self.bands])

    def color(self):
        """The values without alpha, pixel by pixel."""
        if self.bands in (1, 3):
            return list(self.values)
        return [v for i, v in enumerate(self.values) if i % self.bands != self.bands - 1]


def vips(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command} failed: {done.stderr}")
    return done.stdout


# ---- models -------------------------------------------------------------------------------------------------------

def write_identity_model(path, **metadata):
    """A model of level 1 whose encoder and decoder hand pixels through: what comes out of reconstruct is what reading
    and writing did."""
    kernel = array.array("f", [1.0 if a == b and k == 4 else 0.0 for a in range(3) for b in range(3) for k in range(9)])
    zeros = array.array("f", [0.0] * 3)
    header, data = {"__metadata__": {"format": "wct", "version": "1", "topology": "vgg19", "name": "identity",
                                     **metadata}}, b""
    for name in ("decoder1.conv1_1", "encoder.conv1_1"):
        for part, values, shape in (("bias", zeros, [3]), ("weight", kernel, [3, 3, 3, 3])):
            header[f"{name}.{part}"] = {"dtype": "F32", "shape": shape,
                                        "data_offsets": [len(data), len(data) + 4 * len(values)]}
            data += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def tiny_model():
    """Five levels with random weights."""
    path = pathlib.Path(os.environ.get("WCT_TEST_MODELS", "."), "tiny.safetensors")
    if not path.exists():
        raise unittest.SkipTest(f"no {path}; tests/models/make_models.py makes it")
    return path


# ---- cases --------------------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """A folder of its own, with an identity model in a place that is not looked at."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for tool in ("vips", "vipsheader"):
            if shutil.which(tool) is None:
                raise unittest.SkipTest(f"no {tool}; install libvips-tools")
        cls.shelf = tempfile.TemporaryDirectory()
        cls.identity = write_identity_model(pathlib.Path(cls.shelf.name, "identity.safetensors"))

    @classmethod
    def tearDownClass(cls):
        cls.shelf.cleanup()

    def setUp(self):
        self.box = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.box.name)
        self.addCleanup(self.box.cleanup)

    def path(self, name):
        return self.folder / name

    def names(self):
        return sorted(p.name for p in self.folder.iterdir())

    def copy(self, source, target, *more):
        """Reads and writes a picture and nothing else: reconstruction by the identity model."""
        return run("reconstruct", source, "--level", 1, "--model", self.identity, "--backend", "reference", "-o",
                   target, *more)

    def assert_done(self, result):
        self.assertEqual((result.status, result.err), (0, ""))

    def assert_refused(self, result, status, *words):
        """One sentence on standard error, that holds @words; nothing on standard output."""
        self.assertEqual(result.status, status, result.err)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, r"\Awct[ a-z]*: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, result.err)

    def assert_close(self, got, expected, allowed):
        self.assertEqual(len(got), len(expected))
        worst = max((abs(a - b), i) for i, (a, b) in enumerate(zip(got, expected)))
        if worst[0] > allowed:
            i = worst[1]
            self.fail(f"value {i}: expected {expected[i]}, got {got[i]}, allowed difference {allowed}")


def main():
    """Exit 77, meson's skip, where not one test could run."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    # a class that is skipped as a whole counts once, and no test of it as run
    sys.exit(77 if len(result.skipped) >= max(result.testsRun, 1) else 0)
