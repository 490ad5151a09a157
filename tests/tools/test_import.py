#!/usr/bin/env python3
"""wct-import as its users run it: what it reads, what it writes, and what it refuses.

Needs numpy; torch for PyTorch's own files and Pillow for --normalize, where they are installed. WCT_IMPORT names the program,
WCT is asked to read what it wrote, WCT_SHARED may hold published weights.
"""
import json
import os
import pathlib
import pickle
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError:
    print("no numpy")
    sys.exit(77)
import foreign

try:
    import torch
except ImportError:
    torch = None
try:
    from PIL import Image
except ImportError:
    Image = None

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("WCT_SHARED", SOURCE.parent / "shared"))
PROGRAM = os.environ.get("WCT_IMPORT", str(SOURCE / "tools" / "wct-import"))
WEIGHTS = SHARED / "weights"


def read_model(path):
    """(metadata, {name: float32 array})"""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata, values = header.pop("__metadata__"), {}
    for name, about in header.items():
        begin, end = (8 + length + offset for offset in about["data_offsets"])
        values[name] = np.frombuffer(data[begin:end], {"F32": "<f4", "F16": "<f2"}[about["dtype"]]).reshape(about["shape"])
    return metadata, values


class Case(unittest.TestCase):
    def setUp(self):
        box = tempfile.TemporaryDirectory()
        self.addCleanup(box.cleanup)
        self.folder = pathlib.Path(box.name)
        self.model = self.folder / "out" / "model.safetensors"
        self.model.parent.mkdir()

    def run_import(self, *arguments, before=None):
        return subprocess.run([sys.executable, "-B", PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, preexec_fn=before)

    def put(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def import_to(self, *files):
        """(metadata, tensors) of what was made of the files; wct reads it, too."""
        done = self.run_import(*files, "-o", self.model)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir(self.model.parent), ["model.safetensors"])
        if "WCT" in os.environ:
            looked = subprocess.run([os.environ["WCT"], "model", str(self.model)], capture_output=True, text=True)
            self.assertEqual((looked.returncode, looked.stderr), (0, ""))
        return read_model(self.model)

    def assert_refused(self, done, *words, status=1):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Awct-import: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.model.parent), [])

    def assert_layers(self, tensors, network, layers):
        for block, number, weight, bias in layers:
            np.testing.assert_array_equal(tensors[f"{network}.conv{block}_{number}.weight"], weight)
            np.testing.assert_array_equal(tensors[f"{network}.conv{block}_{number}.bias"], bias)


class Layouts(Case):
    def test_pickled_arrays_become_an_encoder_with_its_colors_normalized(self):
        metadata, tensors = self.import_to(self.put("vgg16.ckpt", foreign.pickled(foreign.lpips_tree())))
        self.assert_layers(tensors, "encoder", foreign.convolutions("vgg16", 5))
        self.assertEqual(metadata["topology"], "vgg16")
        np.testing.assert_allclose(np.diag(tensors["encoder.conv0.weight"][:, :, 0, 0]), 1 / np.float32([.229, .224, .225]))
        np.testing.assert_allclose(tensors["encoder.conv0.bias"], -np.float32([.485, .456, .406]) / np.float32([.229, .224, .225]),
                                   rtol=1e-6)

    def test_pickles_of_protocols_2_to_4_give_the_same_model(self):
        made = set()
        for protocol in (2, 3, 4):
            self.import_to(self.put("vgg16.ckpt", foreign.pickled(foreign.lpips_tree(), protocol)))
            made.add(self.model.read_bytes())
            self.model.unlink()
        self.assertEqual(len(made), 1)

    def test_torch7_networks_become_one_model(self):
        encoder = foreign.convolutions("vgg19", 3)
        decoder = foreign.mirrored(encoder)
        metadata, tensors = self.import_to(self.put("vgg.t7", foreign.torch7(encoder, "nn.SpatialMaxPooling")),
                                           self.put("invertor.t7", foreign.torch7(decoder, "nn.SpatialUpSamplingNearest")))
        self.assert_layers(tensors, "encoder", encoder)
        self.assert_layers(tensors, "decoder3", decoder)
        self.assertEqual(metadata["decoder_final_relu"], "false")
        np.testing.assert_array_equal(tensors["encoder.conv0.bias"], np.float32([-104, -117, -124]))

    def test_encoders_that_share_nothing_stay_trunks_of_their_own(self):
        files = [self.put(f"{level}.t7", foreign.torch7(foreign.convolutions("vgg19", level, seed=level),
                                                        "nn.SpatialMaxPooling")) for level in (1, 2)]
        _, tensors = self.import_to(*files)
        self.assertEqual({name.split(".")[0] for name in tensors}, {"encoder1", "encoder2"})

    def test_encoders_that_begin_alike_become_one_trunk(self):
        whole = foreign.convolutions("vgg19", 3)
        files = [self.put(f"{level}.t7", foreign.torch7([c for c in whole if (c[0], c[1]) <= (level, 1)],
                                                        "nn.SpatialMaxPooling")) for level in (1, 2, 3)]
        _, tensors = self.import_to(*files)
        self.assert_layers(tensors, "encoder", whole)
        self.assertEqual({name.split(".")[0] for name in tensors}, {"encoder"})

    def test_a_model_of_ours_comes_back_as_it_was(self):
        encoder = foreign.convolutions("vgg19", 2)
        self.import_to(self.put("vgg.t7", foreign.torch7(encoder, "nn.SpatialMaxPooling")),
                       self.put("inv.t7", foreign.torch7(foreign.mirrored(encoder), "nn.SpatialUpSamplingNearest")))
        first = self.model.read_bytes()
        again = self.model.with_name("again.safetensors")
        self.assertEqual(self.run_import(self.model, "-o", again).returncode, 0)
        self.assertEqual(again.read_bytes(), first)

    def test_half_precision_rounds_to_nearest(self):
        path = self.put("vgg16.ckpt", foreign.pickled(foreign.lpips_tree()))
        self.assertEqual(self.run_import(path, "-o", self.model, "--dtype", "f16").returncode, 0)
        _, tensors = read_model(self.model)
        np.testing.assert_array_equal(tensors["encoder.conv1_1.weight"],
                                      foreign.convolutions("vgg16", 5)[0][2].astype(np.float16))


@unittest.skipIf(torch is None, "no torch")
class PyTorch(Case):
    def save(self, name, tensors, legacy=False):
        path = self.folder / name
        torch.save({key: torch.from_numpy(np.array(values)) for key, values in tensors.items()}, path,
                   _use_new_zipfile_serialization=not legacy)
        return path

    def test_both_kinds_of_file_give_the_same_model(self):
        encoder = foreign.convolutions("vgg19", 2)
        tensors = foreign.compact_names(encoder)
        self.assert_layers(self.import_to(self.save("zip.pth", tensors))[1], "encoder", encoder)
        first = self.model.read_bytes()
        self.model.unlink()
        self.import_to(self.save("legacy.pth", tensors, legacy=True))
        self.assertEqual(self.model.read_bytes(), first)

    def test_torchvision_networks_are_cut_at_the_last_tap(self):
        for topology in ("vgg16", "vgg19"):
            with self.subTest(topology=topology):
                metadata, tensors = self.import_to(self.save(f"{topology}.pth", foreign.torchvision_names(topology)))
                self.assert_layers(tensors, "encoder", foreign.convolutions(topology, 5))
                self.assertEqual(metadata["topology"], topology)
                self.assertNotIn("encoder.conv5_2.weight", tensors)
                self.model.unlink()

    def test_batch_normalization_is_refused(self):
        tensors = foreign.torchvision_names("vgg19")
        tensors["features.1.running_mean"] = np.zeros(4, np.float32)
        self.assert_refused(self.run_import(self.save("bn.pth", tensors), "-o", self.model), "batch normalization")

    def test_values_that_are_not_finite_are_refused(self):
        tensors = foreign.compact_names(foreign.convolutions("vgg19", 1))
        tensors["conv11.weight"][0, 0, 0, 0] = np.nan
        self.assert_refused(self.run_import(self.save("nan.pth", tensors), "-o", self.model), "conv11", "NaN")

    def test_every_truncation_is_refused(self):
        for legacy in (False, True):
            data = self.save("whole.pth", foreign.compact_names(foreign.convolutions("vgg19", 1)), legacy).read_bytes()
            for length in range(0, len(data), max(1, len(data) // 25)):
                with self.subTest(legacy=legacy, length=length):
                    self.assert_refused(self.run_import(self.put("cut.pth", data[:length]), "-o", self.model))


class Hostile(Case):
    def test_a_pickle_that_calls_something_is_refused_and_does_not_run(self):
        victim = self.folder / "victim"
        path = self.put("evil.ckpt", pickle.dumps({"VGG16_0": foreign.Touch(victim)}, protocol=2))
        self.assert_refused(self.run_import(path, "-o", self.model), "not allowed")
        self.assertFalse(victim.exists())

    @unittest.skipIf(torch is None, "no torch")
    def test_nor_does_one_inside_of_pytorchs_files(self):
        for legacy in (False, True):
            victim, path = self.folder / "victim", self.folder / "evil.pth"
            torch.save({"conv11.weight": foreign.Touch(victim)}, path, _use_new_zipfile_serialization=not legacy)
            self.assert_refused(self.run_import(path, "-o", self.model), "not allowed")
            self.assertFalse(victim.exists())


class Refusals(Case):
    def setUp(self):
        super().setUp()
        encoder = foreign.convolutions("vgg19", 2)
        self.encoder = self.put("encoder.t7", foreign.torch7(encoder, "nn.SpatialMaxPooling"))
        self.decoder = self.put("decoder.t7", foreign.torch7(foreign.mirrored(encoder), "nn.SpatialUpSamplingNearest"))

    def refuse(self, files, *words, more=()):
        self.assert_refused(self.run_import(*files, "-o", self.model, *more), *words)

    def test_files_that_are_none(self):
        self.refuse([self.folder / "missing.pth"], "missing.pth", "No such file")
        self.refuse([self.put("empty.pth", b"")], "empty.pth")
        self.refuse([self.put("text.pth", b"these are no weights\n")], "neither")
        self.refuse([self.put("zeros.pth", bytes(1000))], "neither")
        folder = self.folder / "nothing"
        folder.mkdir()
        self.refuse([folder], "holds no files of weights")

    def test_a_pipe_is_not_waited_for(self):
        os.mkfifo(self.folder / "pipe.pth")
        self.refuse([self.folder / "pipe.pth"], "is no file")

    def test_networks_that_make_no_model(self):
        self.refuse([self.decoder], "no encoder")
        self.refuse([self.encoder, self.encoder], "second encoder")
        self.refuse([self.encoder, self.decoder, self.decoder], "second decoder")

    def test_a_decoder_of_another_encoder(self):
        other = foreign.convolutions("vgg19", 2, channels=6)
        path = self.put("other.t7", foreign.torch7(foreign.mirrored(other), "nn.SpatialUpSamplingNearest"))
        self.refuse([self.encoder, path], "takes 6 channels", "gives 4")

    def test_a_decoder_deeper_than_the_encoder(self):
        deeper = foreign.mirrored(foreign.convolutions("vgg19", 3))
        path = self.put("deep.t7", foreign.torch7(deeper, "nn.SpatialUpSamplingNearest"))
        self.refuse([self.encoder, path], "level 3", "ends at level 2")

    def test_damaged_pickles(self):
        whole = foreign.pickled(foreign.lpips_tree())
        for length in range(20, len(whole), len(whole) // 20):
            with self.subTest(length=length):
                self.refuse([self.put("cut.ckpt", whole[:length])])
        self.refuse([self.put("long.ckpt", whole + b"x")], "after the end")

    def test_every_truncated_torch7_file(self):
        whole = self.encoder.read_bytes()
        for length in range(0, len(whole), len(whole) // 40):
            with self.subTest(length=length):
                self.refuse([self.put("cut.t7", whole[:length])])

    def test_a_tensor_beyond_its_storage(self):
        whole = self.encoder.read_bytes()
        at = whole.index(b"torch.FloatTensor") + len(b"torch.FloatTensor") + 4
        damaged = whole[:at] + struct.pack("<q", 1 << 20) + whole[at + 8:]
        self.refuse([self.put("big.t7", damaged)], "reaches beyond its storage")

    def test_missing_layers_and_wrong_shapes(self):
        tree = foreign.lpips_tree()
        del tree["VGG16_0"]["Conv_3"]
        self.refuse([self.put("a.ckpt", foreign.pickled(tree))], "12 convolutions")
        tree = foreign.lpips_tree()
        del tree["VGG16_0"]["Conv_3"]["bias"]
        self.refuse([self.put("b.ckpt", foreign.pickled(tree))], "no bias")
        tree = foreign.lpips_tree()
        tree["VGG16_0"]["Conv_3"]["bias"] = np.zeros(5, np.float32)
        self.refuse([self.put("c.ckpt", foreign.pickled(tree))], "do not fit")
        self.refuse([self.put("d.ckpt", foreign.pickled({"epoch": 3}))], "no tensors")
        self.refuse([self.put("e.ckpt", foreign.pickled({"x": np.zeros(3, np.float32)}))], "no known layout")

    def test_values_that_half_precision_cannot_hold(self):
        tree = foreign.lpips_tree()
        tree["VGG16_0"]["Conv_0"]["bias"] = np.float32([1e6, 0, 0, 0])
        self.refuse([self.put("a.ckpt", foreign.pickled(tree))], "float16", more=("--dtype", "f16"))

    def test_normalizing_without_photos(self):
        self.refuse([self.encoder], "photos", more=("--normalize", self.folder / "nowhere"))

    def test_outputs_that_cannot_be(self):
        self.assert_refused(self.run_import(self.encoder, "-o", self.folder / "absent" / "m.safetensors"), "is no folder")
        self.assert_refused(self.run_import(self.encoder, "-o", self.folder / "out" / "m.pth"), "ends in .safetensors")
        self.assertEqual(self.run_import("-o", self.model).returncode, 2)
        self.assertEqual(self.run_import(self.encoder).returncode, 2)

    def test_what_is_there_is_kept_without_force(self):
        path = self.folder / "kept.safetensors"
        path.write_bytes(b"mine")
        self.assert_refused(self.run_import(self.encoder, "-o", path), "exists", "--force")
        self.assertEqual(path.read_bytes(), b"mine")
        self.assertEqual(self.run_import(self.encoder, "-o", path, "--force").returncode, 0)
        self.assertEqual(read_model(path)[0]["format"], "wct")

    def test_a_full_disk_leaves_nothing(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        self.assert_refused(self.run_import(self.encoder, "-o", self.model, before=limit), "cannot be written")


@unittest.skipIf(Image is None, "no Pillow")
class Normalize(Case):
    def setUp(self):
        super().setUp()
        self.photos = self.folder / "photos"
        self.photos.mkdir()
        rng = np.random.default_rng(3)
        for i in range(2):
            Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8)).save(self.photos / f"{i}.png")
        (self.photos / "notes.txt").write_text("no photo")

    def convolve(self, x, weight, bias):
        """Position by position, as the definition says."""
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), "reflect").astype(np.float64)
        return np.stack([np.stack([np.tensordot(weight, padded[:, y:y + 3, c:c + 3], 3) + bias
                                   for c in range(x.shape[2])], -1) for y in range(x.shape[1])], -2)

    def features(self, tensors):
        """What the encoder's layers see in the photos, level 1 to 2, without color layer."""
        for path in sorted(self.photos.glob("*.png")):
            x = np.asarray(Image.open(path), np.float32).transpose(2, 0, 1) / 255
            seen = {}
            for part in ("conv1_1", "conv1_2", "conv2_1"):
                if part == "conv2_1":
                    x = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
                x = np.maximum(self.convolve(x, tensors[f"encoder.{part}.weight"], tensors[f"encoder.{part}.bias"]), 0)
                seen[part] = x
            yield seen

    def test_filters_fire_with_mean_one_and_the_network_computes_the_same(self):
        names = {f"encoder.conv{b}_{n}": (w, c) for b, n, w, c in foreign.convolutions("vgg19", 2)}
        names.update({f"decoder2.conv{b}_{n}": (w, c) for b, n, w, c in foreign.mirrored(foreign.convolutions("vgg19", 2))})
        plain = self.folder / "plain.safetensors"
        write_plain(plain, names)
        done = self.run_import(plain, "--normalize", self.photos, "-o", self.model)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        before, (_, after) = read_model(plain)[1], read_model(self.model)
        seen, was = list(self.features(after)), list(self.features(before))
        for part in ("conv1_1", "conv1_2", "conv2_1"):
            mean = np.mean([f[part].mean((1, 2)) for f in seen], 0)
            fires = np.mean([f[part].mean((1, 2)) for f in was], 0) > 1e-3
            np.testing.assert_allclose(mean[fires], 1, rtol=1e-4)
        for now, then in zip(seen, was):
            made = [self.convolve(f["conv2_1"], t["decoder2.conv2_1.weight"], t["decoder2.conv2_1.bias"])
                    for f, t in ((now, after), (then, before))]
            np.testing.assert_allclose(made[0], made[1], rtol=1e-4, atol=1e-5)


def write_plain(path, layers):
    header, data = {"__metadata__": {"format": "wct", "version": "1"}}, b""
    for name, (weight, bias) in layers.items():
        for part, values in (("weight", weight), ("bias", bias)):
            header[f"{name}.{part}"] = {"dtype": "F32", "shape": list(values.shape),
                                        "data_offsets": [len(data), len(data) + values.nbytes]}
            data += values.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@unittest.skipUnless((WEIGHTS / "originals").is_dir(), "no published weights beside this checkout")
class Published(Case):
    def reproduce(self, folder, model):
        metadata, _ = read_model(WEIGHTS / model)
        done = self.run_import(WEIGHTS / "originals" / folder, "--source", metadata["source"], "-o", self.model)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(self.model.read_bytes() == (WEIGHTS / model).read_bytes(), f"{model} differs")

    def test_compact16x_comes_out_bit_for_bit(self):
        self.reproduce("compact16x", "compact16x.safetensors")

    def test_vgg19_comes_out_bit_for_bit(self):
        self.reproduce("vgg19", "vgg19-levels123.safetensors")


if __name__ == "__main__":
    unittest.main(verbosity=2)
