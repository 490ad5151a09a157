#!/usr/bin/env python3
"""--transport, --damping and --swap through the program, against formulas: the optimal-transport map by numpy's
eigen-decompositions, the style swap by PyTorch's unfold and fold. Encoding and decoding are the reference implementation's."""
import sys
import unittest

import wct_test
from wct_test import SHARED, Pixels, noise, run, write_png

REFERENCE = SHARED / "reference"
PUBLISHED = SHARED / "weights" / "compact16x.safetensors"
PHOTOS, STYLES = SHARED / "data" / "photos-test", SHARED / "data" / "styles"

try:
    import numpy as np
    import torch
    from PIL import Image
    from torch.nn import functional
except ImportError:
    torch = None
if torch is not None and REFERENCE.is_dir():
    sys.path.insert(0, str(REFERENCE))
    import wct_reference
    torch.set_grad_enabled(False)

# Of a value between 0 and 1. Two float encoders and decoders differ by some 1e-6, which whitening amplifies up to
# 1/sqrt(floor) = 316 times; 16 bits round by 1e-5.
ALLOWED = 1e-3

# Where two patches are as near as this, rounding may choose the one or the other: no test is made of such pictures.
TIE = 1e-4

FLOOR = 1e-5


def power(covariance, exponent, floor=FLOOR):
    values, vectors = np.linalg.eigh(covariance)
    kept = values > floor
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T


def moments(features):
    """Of (channels, positions)."""
    mean = features.mean(1, keepdims=True)
    centered = features - mean
    return mean, centered @ centered.T / (features.shape[1] - 1)


def transport(content, style):
    whitening, root = power(content, -0.5), power(content, 0.5)
    return whitening @ power(root @ style @ root, 0.5, 1e-12 * np.trace(root @ style @ root)) @ whitening


def swapped(content, style, side, stride):
    """Whitened maps (c, h, w), of doubles: the content's with the style's patches in the places of its own."""
    side = min(side, *content.shape[1:], *style.shape[1:])
    found = functional.unfold(torch.from_numpy(style)[None], side, stride=stride)[0].T
    wanted = functional.unfold(torch.from_numpy(content)[None], side)[0]
    likeness = found / (found.norm(dim=1, keepdim=True) + 1e-8) @ wanted
    if len(likeness) > 1:
        first, second = likeness.topk(2, dim=0).values
        assert ((first - second) / wanted.norm(dim=0)).min() > TIE, "two patches are too much alike for this test"
    chosen = found[likeness.argmax(0)].T[None]
    size = content.shape[1:]
    counts = functional.fold(torch.ones_like(chosen), size, side)
    return (functional.fold(chosen, size, side) / counts)[0].numpy()


class Settings:
    def __init__(self, alpha, transport=False, damping=0.0, swap=0.0, side=3, stride=1):
        self.alpha, self.transport, self.damping = alpha, transport, damping
        self.swap, self.side, self.stride = swap, side, stride

    def options(self):
        return ["--alpha", ",".join(f"{level}={value}" for level, value in self.alpha.items()), "--damping", self.damping,
                *(["--transport"] if self.transport else []), "--swap", self.swap, "--swap-patch", self.side,
                "--swap-stride", self.stride]


def map_features(features, styles, weights, alpha, settings, swap):
    """(c, h, w) of doubles. Each style's result by itself, added up: all of it is linear in them, but for the root of a
    blend, which is that of --transport."""
    channels = len(features)
    f = features.reshape(channels, -1)
    mean, covariance = moments(f)
    covariance = covariance + settings.damping * np.eye(channels)
    each = [moments(style.reshape(channels, -1)) for style in styles]
    whitened = power(covariance, -0.5) @ (f - mean)
    root = sum(weight * power(c, 0.5) for weight, (_, c) in zip(weights, each))
    style_mean = sum(weight * m for weight, (m, _) in zip(weights, each))
    plain = transport(covariance, root @ root) @ (f - mean) if settings.transport else root @ whitened
    out = plain + style_mean
    if swap:
        put = 0
        for style, weight, (own_mean, c) in zip(styles, weights, each):
            patches = power(c, -0.5) @ (style.reshape(channels, -1) - own_mean)
            patches = swapped(whitened.reshape(features.shape), patches.reshape(style.shape), settings.side, settings.stride)
            put = put + weight * (power(c, 0.5) @ patches.reshape(channels, -1) + own_mean)
        out = (1 - settings.swap) * out + settings.swap * put
    return (alpha * out + (1 - alpha) * f).reshape(features.shape)


def stylize(model, content, styles, weights, settings):
    """@content, @styles: (h, w, 3) of floats. Clipped, as it is written."""
    planar = lambda picture: wct_reference.pad16(torch.from_numpy(picture).permute(2, 0, 1)[None])
    encode = lambda x, level: model.encode(x, level)[0].double().numpy()
    height, width = content.shape[:2]
    x, styles = planar(content), [planar(style) for style in styles]
    for level in sorted(settings.alpha, reverse=True):
        features = map_features(encode(x, level), [encode(style, level) for style in styles], weights,
                                settings.alpha[level], settings, settings.swap > 0 and level == 5)
        x = model.decode(torch.from_numpy(features).float()[None], level)
    return x[0, :, :height, :width].clamp(0, 1).permute(1, 2, 0).numpy()


@unittest.skipIf(torch is None, "no numpy, PIL and PyTorch for this Python")
@unittest.skipUnless(PUBLISHED.exists() and REFERENCE.is_dir(), f"no {PUBLISHED}; set WCT_SHARED")
class Formulas(wct_test.Case):
    def picture(self, folder, number, width, height):
        """A file of 16 bits, and its values."""
        source = sorted(folder.iterdir())[number]
        pixels = np.asarray(Image.open(source).convert("RGB").resize((width, height), Image.LANCZOS), np.int64) * 257
        path = write_png(self.path(f"{folder.name}-{number}.png"), width, height, 3, pixels.ravel().tolist(), 16)
        return path, (pixels / 65535).astype(np.float32)

    def assert_by_formula(self, settings, content=(7, 150, 118), styles=((3, 176, 120),), weights=(1.0,)):
        """@content, @styles: numbers of pictures, and their sizes."""
        model = wct_reference.Model(PUBLISHED)
        path, pixels = self.picture(PHOTOS, *content)
        styles = [self.picture(STYLES, *style) for style in styles]
        expected = stylize(model, pixels, [style for _, style in styles], weights, settings)
        for backend in ("cpu", "reference"):
            with self.subTest(backend=backend):
                result = run("stylize", path, *(p for p, _ in styles), "-o", self.path("out.png"), "--force", "--model",
                             PUBLISHED, "--style-weights", ",".join(map(str, weights)), "--backend", backend,
                             *settings.options())
                self.assert_done(result)
                got = np.array(Pixels(self.path("out.png")).values).reshape(expected.shape) / 65535
                worst = np.abs(got - expected).max()
                self.assertLess(worst, ALLOWED, f"{(np.abs(got - expected) > ALLOWED).mean():.1%} of the values are off")
        return expected

    def test_damping_is_added_to_the_contents_covariance(self):
        self.assert_by_formula(Settings({4: 0.8}, damping=0.5))

    def test_transport_is_the_map_between_two_gaussians(self):
        self.assert_by_formula(Settings({4: 0.8}, transport=True))
        self.assert_by_formula(Settings({level: 0.6 for level in range(1, 6)}, transport=True))

    def test_transport_damps_and_blends(self):
        self.assert_by_formula(Settings({3: 1.0}, transport=True, damping=0.5), styles=((3, 176, 120), (20, 96, 128)),
                               weights=(0.75, 0.25))

    def test_swap_puts_the_most_similar_patches_of_the_style(self):
        whole = self.assert_by_formula(Settings({5: 1.0}, swap=1.0))
        none = self.assert_by_formula(Settings({5: 1.0}))
        self.assertGreater(np.abs(whole - none).max(), 0.1)

    def test_swap_has_a_strength_beside_that_of_the_level(self):
        self.assert_by_formula(Settings({5: 0.7}, swap=0.4))

    def test_swap_has_sides_and_strides(self):
        self.assert_by_formula(Settings({5: 1.0}, swap=1.0, side=2))
        self.assert_by_formula(Settings({5: 1.0}, swap=1.0, side=5, stride=2))
        self.assert_by_formula(Settings({5: 1.0}, swap=1.0, side=3, stride=15))  # one patch

    def test_swap_of_a_blend_is_that_of_each_style(self):
        self.assert_by_formula(Settings({5: 0.9}, swap=0.6), styles=((3, 176, 120), (20, 96, 128)), weights=(0.75, 0.25))

    def test_swap_finds_in_whitened_features_whatever_map_there_is(self):
        self.assert_by_formula(Settings({5: 0.9}, transport=True, damping=0.1, swap=0.6))

    def test_patch_is_as_large_as_fits(self):
        self.assert_by_formula(Settings({5: 1.0}, swap=1.0), content=(7, 150, 20))
        self.assert_by_formula(Settings({5: 1.0}, swap=1.0, side=15), styles=((3, 60, 70),))

    def test_swap_goes_through_all_levels(self):
        # one level's rounding is the next one's input: some 1e-6, amplified five times
        self.assert_by_formula(Settings({level: 0.6 for level in range(1, 6)}, swap=0.5))


class Bytes(wct_test.Case):
    """On the tiny model of random weights."""

    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.style = write_png(self.path("style.png"), 120, 90, 3, noise(120 * 90 * 3, 256, seed=7))
        self.content = write_png(self.path("a.png"), 300, 210, 3, noise(300 * 210 * 3, 256))

    def bytes_with(self, *options):
        out = self.path("out.png")
        self.assert_done(run("stylize", self.content, self.style, "-o", out, "--model", self.model, "--force", *options))
        return out.read_bytes()

    def test_threads_do_not_change_a_byte(self):
        for options in (["--transport"], ["--swap", 0.7]):
            one = self.bytes_with("--threads", 1, *options)
            for threads in (2, 3):
                self.assertEqual(one, self.bytes_with("--threads", threads, *options))

    def test_swap_without_relu5_is_nothing(self):
        self.assertEqual(self.bytes_with("--alpha", "4=1"), self.bytes_with("--alpha", "4=1", "--swap", 1))

    def test_a_style_smaller_than_a_feature_and_a_picture_of_one_pixel(self):
        for width, height in ((1, 1), (16, 16), (17, 300)):
            self.content = write_png(self.path("a.png"), width, height, 3, noise(width * height * 3, 256))
            self.bytes_with("--swap", 1, "--swap-patch", 15)
        self.style = write_png(self.path("style.png"), 1, 1, 3, [9, 99, 199])
        self.bytes_with("--swap", 1)

    def test_swap_with_masks_is_refused_in_one_sentence(self):
        mask = write_png(self.path("mask.png"), 2, 1, 1, [255, 0])
        result = run("stylize", self.content, self.style, "-o", self.path("b.png"), "--model", self.model, "--masks",
                     mask, "--swap", 0.5)
        self.assert_refused(result, 1, "style swap", "masks")

    def test_texture_swaps_too(self):
        out = self.path("out.png")
        command = ["texture", self.style, "--size", "96x64", "-o", out, "--model", self.model, "--force"]
        self.assert_done(run(*command, "--passes", 2))
        plain = out.read_bytes()
        self.assert_done(run(*command, "--passes", 2, "--swap", 1))
        self.assertNotEqual(plain, out.read_bytes())


if __name__ == "__main__":
    wct_test.main()
