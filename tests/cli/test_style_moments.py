#!/usr/bin/env python3
"""A style file's numbers are the moments of the features that another implementation computes: numpy, in double. Skips
without it."""
import json
import pathlib
import struct
import sys
import unittest

import wct_test
from wct_test import SHARED, SOURCE, noise, run, smooth, write_png

try:
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

TYPES = {"F32": "<f4", "F16": "<f2"}


def read(path):
    """Numbers by name, in double, and texts."""
    blob = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + length])
    texts = header.pop("__metadata__")
    return {n: np.frombuffer(blob[8 + length:][slice(*t["data_offsets"])], TYPES[t["dtype"]]).reshape(t["shape"]).astype(float)
            for n, t in header.items() if t["dtype"] in TYPES}, texts


class Encoder:
    """VGG's plan: 3x3 convolutions on reflected borders, ReLU, 2x2 maxima."""

    def __init__(self, path):
        self.weights = read(path)[0]

    def convolve(self, x, name):
        weight, bias = self.weights[name + ".weight"], self.weights[name + ".bias"]
        side = weight.shape[-1]
        padded = np.pad(x, ((0, 0), (side // 2,) * 2, (side // 2,) * 2), mode="reflect")
        height, width = x.shape[1:]
        return bias[:, None, None] + sum(np.tensordot(weight[:, :, i, j], padded[:, i:i + height, j:j + width], 1)
                                         for i in range(side) for j in range(side))

    def encode(self, x, level):
        own = f"encoder{level}."
        prefix = own if any(n.startswith(own) for n in self.weights) else "encoder."
        if prefix + "conv0.weight" in self.weights:
            x = self.convolve(x, prefix + "conv0")
        for block, convolutions in zip(range(1, level + 1), (2, 2, 4, 4, 1)):
            if block > 1:
                x = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
            for i in range(1, (1 if block == level else convolutions) + 1):
                x = np.maximum(self.convolve(x, f"{prefix}conv{block}_{i}"), 0)
        return x


def read_style(path):
    """Mean, covariance and number of positions of each level."""
    values, texts = read(path)
    for level in range(1, 6):
        mean, packed = (values[f"relu{level}_1.{k}"] + values[f"relu{level}_1.{k}_rest"] for k in ("mean", "covariance"))
        covariance = np.zeros((len(mean), len(mean)))
        covariance[np.triu_indices(len(mean))] = packed
        yield level, mean, covariance + np.triu(covariance, 1).T, int(texts[f"relu{level}_1.positions"])


class Moments(wct_test.Case):
    def check(self, model):
        """1e-4 of the largest: features are sums of up to 1152 products in float, and go through up to 13 layers."""
        if not model.exists():
            raise unittest.SkipTest(f"no {model}")
        width, height = 96, 64  # of 16s: nothing is filled up
        pixels = [(a + b) // 2 for a, b in zip(smooth(width, height, 256), noise(width * height * 3, 256, 7))]
        picture, out = write_png(self.path("style.png"), width, height, 3, pixels), self.path("s.wctstyle")
        self.assert_done(run("style", "save", picture, "-o", out, "--model", model))
        encoder, x = Encoder(model), np.array(pixels, float).reshape(height, width, 3).transpose(2, 0, 1) / 255
        for level, mean, covariance, positions in read_style(out):
            features = encoder.encode(x, level)
            features = features.reshape(features.shape[0], -1)
            self.assertEqual(positions, features.shape[1])
            for name, got, expected in (("mean", mean, features.mean(1)), ("covariance", covariance, np.cov(features))):
                worst, allowed = np.abs(got - expected).max(), 1e-4 * np.abs(expected).max()
                self.assertLess(worst, allowed, f"{name} of level {level}")

    def test_moments_are_those_that_numpy_finds_with_the_model_that_comes_along(self):
        self.check(SOURCE / "weights/wct-compact.safetensors")

    def test_moments_are_those_that_numpy_finds_with_a_trunk_for_each_level(self):
        self.check(SHARED / "weights/compact16x.safetensors")


if __name__ == "__main__":
    wct_test.main()
