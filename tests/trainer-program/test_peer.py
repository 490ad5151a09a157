#!/usr/bin/env python3
"""wct-train against the reference implementation and the PyTorch peer that lie beside this checkout, where they do: the same
loss at every step, the same scores, the same terms on transformed features."""
import os
import re
import shutil
import subprocess
import sys
import unittest

import train_test
import wct_test
from wct_test import SHARED

REFERENCE = SHARED / "reference"
PUBLISHED = SHARED / "weights" / "compact16x.safetensors"
PHOTOS, STYLES = SHARED / "data" / "photos", SHARED / "data" / "styles"

try:
    import numpy as np
    import torch
    from PIL import Image
except ImportError:
    torch = None
if torch is not None and REFERENCE.is_dir():
    sys.path.insert(0, str(REFERENCE))
    import train_transformed
    import wct_reference
    torch.set_grad_enabled(False)

CROP, BATCH = 128, 2


def peer(program, *arguments):
    done = subprocess.run([sys.executable, REFERENCE / program, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "2"})
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout


@unittest.skipUnless(torch is not None and REFERENCE.is_dir(), "needs torch, and the reference beside this checkout")
class Peer(train_test.Case):
    def setUp(self):
        """Decoders that are trained here have no ReLU at their end; the published ones do."""
        super().setUp()
        metadata, tensors = train_test.read_tensors(PUBLISHED)
        self.start = self.path("start.safetensors")
        train_test.write_tensors(self.start, {**metadata, "decoder_final_relu": "false"}, tensors)

    def copy_pictures(self, source, name, count):
        """The first of a folder's as PNG, which all decoders see alike, under the only name that the peer looks for."""
        folder = self.path(name)
        folder.mkdir()
        for path in sorted(source.iterdir())[:count]:
            Image.open(path).convert("RGB").save(folder / f"{path.stem}.jpg", "PNG")
        return folder

    def train_fixed(self, *arguments):
        done = self.train("decoder", "--encoder", self.start, "--start", "model", "--start-model", self.start, "--crop", CROP, "--batch",
                          BATCH, "--lanes", 2, "--fixed", "--test-fraction", 0, "--threads", 2, "--quiet", "-o",
                          self.path("run"), *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return [line for line in self.lines("run") if "loss" in line]

    def test_the_loss_of_fifty_steps_is_the_peers(self):
        photos = self.copy_pictures(PHOTOS, "photos", BATCH)
        text = peer("peer_train.py", self.start, "--level", 3, "--data", photos, "--steps", 50, "--batch", BATCH, "--crop", CROP,
                    "--init", self.start, "--fixed", "--threads", 2)
        expected = {int(step): float(loss) for step, loss in re.findall(r"step (\d+) loss ([0-9.]+)", text)}
        got = self.train_fixed("--level", 3, "--data", photos, "--steps", 50, "--lr", 1e-4, "--schedule", "constant",
                               "--warmup", 0, "--loss-scale", "raw", "--lambda", 1)
        self.assertGreater(len(expected), 4)
        for step, loss in expected.items():
            self.assertLessEqual(abs(got[step]["loss"] - loss), 0.01 * loss, f"step {step}: {got[step]['loss']}, peer {loss}")

    def test_scores_are_the_references(self):
        photos = self.copy_pictures(PHOTOS, "photos", 2)
        text = peer("score.py", "reconstruct", PUBLISHED, *sorted(photos.iterdir()))
        done = self.train("eval", PUBLISHED, "--data", photos, "--place", "top-left")
        self.assertEqual((done.status, done.err), (0, ""))
        numbers = [re.findall(r"relu(\d)_1 +PSNR ([0-9.]+) dB +SSIM ([0-9.]+)", out) for out in (text, done.out)]
        self.assertEqual(len(numbers[0]), 5)
        for expected, got in zip(*numbers):
            self.assertEqual(got[0], expected[0])
            self.assertAlmostEqual(float(got[1]), float(expected[1]), delta=0.011)
            self.assertAlmostEqual(float(got[2]), float(expected[2]), delta=0.00011)

    def centers(self, folder):
        crops = []
        for path in sorted(folder.iterdir())[:BATCH]:
            pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
            y, x = (pixels.shape[0] - CROP) // 2, (pixels.shape[1] - CROP) // 2
            crops.append(torch.from_numpy(pixels[y:y + CROP, x:x + CROP].copy()).permute(2, 0, 1))
        return torch.stack(crops)

    def transformed_terms(self, photos, styles, cascade):
        """{level: (style, twice structure)} by the reference, at full strength, judged by the model itself."""
        model = wct_reference.Model(str(self.start))
        x, style, terms = self.centers(photos), self.centers(styles), {}
        judge = wct_reference.Model(str(self.start))
        judge.t = {name.replace("encoder4.", "encoder."): values for name, values in judge.t.items()
                   if name.startswith("encoder4.")}
        content_taps, style_taps = train_transformed.taps(judge, x), train_transformed.taps(judge, style)
        for level in (5, 4, 3, 2):
            y = model.decode(train_transformed.transformed(model, x, style, level, [1.] * BATCH), level)
            taps, distance = train_transformed.taps(judge, y), 0
            for ours, theirs in zip(taps, style_taps):
                (mean, spread), (wanted_mean, wanted) = train_transformed.moments(ours), train_transformed.moments(theirs)
                distance += (train_transformed.relative(mean, wanted_mean)
                             + train_transformed.relative(spread, wanted).clamp(max=20)).mean().item() / 4
            cosine = torch.nn.functional.cosine_similarity(*map(train_transformed.standardized, (taps[-1], content_taps[-1])))
            terms[level] = distance, 2 * (1 - cosine.mean().item())
            x = y.clamp(0, 1) if cascade else x
        return terms

    def test_terms_on_transformed_features_are_the_references(self):
        photos, styles = self.copy_pictures(PHOTOS, "photos", BATCH), self.copy_pictures(STYLES, "styles", BATCH)
        for cascade in (0, 1):
            with self.subTest(cascade=cascade):
                shutil.rmtree(self.path("run"), ignore_errors=True)
                step = self.train_fixed("--level", "2,3,4,5", "--data", photos, "--styles", styles, "--judge", self.start,
                                        "--transformed", 1, "--cascade", cascade, "--alpha-min", 1, "--steps", 1)[0]
                for level, (style, structure) in self.transformed_terms(photos, styles, cascade).items():
                    got = next(terms for terms in step["levels"] if terms["level"] == level)
                    self.assertAlmostEqual(got["style"], style, delta=2e-3 * style)
                    self.assertAlmostEqual(got["structure"], structure, delta=2e-3 * structure)


if __name__ == "__main__":
    wct_test.main()
