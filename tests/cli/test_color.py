#!/usr/bin/env python3
"""What is taken back from the original, and recolored styles, against the same computed by numpy around plain runs: nothing
here knows of the network. Pictures have 16 bits; what a file clips is left out.

Needs numpy."""
import sys

try:
    import numpy as np
except ImportError:
    print("no numpy")
    sys.exit(77)

import wct_test
from wct_test import SOURCE, Pixels, run, write_png

MODEL = SOURCE / "weights" / "wct-compact.safetensors"
SAMPLES = SOURCE / "data" / "samples"
WHITE = 65535
LUMA = np.array([0.299, 0.587, 0.114])
RADIUS, EPSILON = 1, 3e-4  # of the guided filter
VARIANCE_FLOOR = 1e-4  # of a style's colors
# Both runs round pictures to 16 bits on their way (8e-6), which what follows may enlarge.
ALLOWED = 1e-3


def luma(pixels):
    return (pixels @ LUMA)[..., None]


def keep_colors(content, result, share):
    chroma = content - luma(content)
    light = luma(result)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(chroma > 0, (1 - light) / chroma, np.where(chroma < 0, -light / chroma, np.inf))
    fits = np.clip(room.min(axis=-1, keepdims=True), 0, 1)
    return result + share * (light + fits * chroma - result)


# ---- recoloring ---------------------------------------------------------------------------------------------------

def decode(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode(v):
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055)


def power(matrix, exponent, floor):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values, floor) ** exponent) @ vectors.T


def by_moments(style, content, share):
    s, c = decode(style.reshape(-1, 3)), decode(content.reshape(-1, 3))
    matrix = power(np.cov(c.T), 0.5, 0) @ power(np.cov(s.T), -0.5, VARIANCE_FLOOR)
    moved = encode(np.clip((s - s.mean(axis=0)) @ matrix.T + c.mean(axis=0), 0, 1)).reshape(style.shape)
    return style + share * (moved - style)


def ranks(values):
    """The different ones, and the middle rank of each."""
    different, counts = np.unique(np.round(values * WHITE), return_counts=True)
    return different / WHITE, (np.cumsum(counts) - 0.5 * counts) / values.size


def by_histogram(style, content, share):
    out = style.copy()
    for c in range(3):
        values, rank = ranks(style[..., c])
        to_values, to_rank = ranks(content[..., c])
        seen = np.round(style[..., c] * WHITE) / WHITE
        moved = np.interp(np.interp(seen, values, rank), to_rank, to_values)
        out[..., c] += share * (moved - out[..., c])
    return out


# ---- sizes --------------------------------------------------------------------------------------------------------

def narrow(pixels, count, axis):
    """Means of areas along one axis: differences of the integral, which is linear in a pixel."""
    pixels = np.moveaxis(pixels, axis, 0)
    integral = np.concatenate([np.zeros_like(pixels[:1]), np.cumsum(pixels, axis=0)])
    edges = np.arange(count + 1) * len(pixels) / count
    whole = np.minimum(edges.astype(int), len(pixels) - 1)
    part = (edges - whole).reshape(-1, *[1] * (pixels.ndim - 1))
    return np.moveaxis(np.diff(integral[whole] * (1 - part) + integral[whole + 1] * part, axis=0), 0, axis) \
        * count / len(pixels)


def window_mean(pixels):
    padded = np.pad(pixels, ((RADIUS, RADIUS), (RADIUS, RADIUS)) + ((0, 0),) * (pixels.ndim - 2))
    ones = np.pad(np.ones(pixels.shape[:2]), RADIUS)
    parts = [(slice(y, y + pixels.shape[0]), slice(x, x + pixels.shape[1]))
             for y in range(2 * RADIUS + 1) for x in range(2 * RADIUS + 1)]
    return sum(padded[p] for p in parts) / sum(ones[p] for p in parts)[..., None]


def widen(pixels, count, axis):
    """Bilinear, edges repeated."""
    pixels = np.moveaxis(pixels, axis, 0)
    at = np.clip((np.arange(count) + 0.5) * len(pixels) / count - 0.5, 0, len(pixels) - 1)
    before = np.minimum(at.astype(int), len(pixels) - 2)
    share = (at - before).reshape(-1, *[1] * (pixels.ndim - 1))
    return np.moveaxis(pixels[before] * (1 - share) + pixels[before + 1] * share, 0, axis)


def follow(content, small_content, small_result):
    """The guided filter with the content's luminance for a guide."""
    guide = luma(small_content)
    mean, variance = window_mean(guide), window_mean(guide**2) - window_mean(guide) ** 2
    a = (window_mean(guide * small_result) - mean * window_mean(small_result)) / (variance + EPSILON)
    b = window_mean(small_result) - a * mean
    a, b = (widen(widen(window_mean(v), content.shape[0], 0), content.shape[1], 1) for v in (a, b))
    return a * luma(content) + b


# ---- cases --------------------------------------------------------------------------------------------------------

class Color(wct_test.Case):
    def setUp(self):
        super().setUp()
        for path in (MODEL, SAMPLES):
            if not path.exists():
                self.skipTest(f"no {path}")
        self.content = self.cut("still-life.jpg", 70, 330, 150, 110)
        self.style = self.cut("style-swirls.jpg", 40, 60, 100, 90)

    def cut(self, name, x, y, width, height):
        """A part of a sample, of 16 bits, without strong lights and darks: so little is clipped."""
        picture = Pixels(SAMPLES / name)
        pixels = np.array(picture.values, float).reshape(picture.height, picture.width, 3)[y:y + height, x:x + width]
        return np.round((0.25 + 0.5 * pixels / 255) * WHITE) / WHITE

    def write(self, name, pixels):
        values = np.clip(np.round(pixels * WHITE), 0, WHITE).astype(int)
        return write_png(self.path(name), pixels.shape[1], pixels.shape[0], 3, values.ravel().tolist(), 16)

    def stylize(self, content, style, *options):
        """@content, @style: pixels."""
        paths = self.write("content.png", content), self.write("style.png", style)
        self.assert_done(run("stylize", *paths, "-o", self.path("out.png"), "--model", MODEL, "--force", *options))
        out = Pixels(self.path("out.png"))
        return np.array(out.values, float).reshape(out.height, out.width, 3) / WHITE

    def assert_near(self, got, expected, usable=True):
        usable = np.broadcast_to(usable, got.shape)
        self.assertGreater(usable.mean(), 0.3)
        worst = np.abs(np.where(usable, got - expected, 0)).max()
        self.assertLessEqual(worst, ALLOWED)

    def test_kept_colors_are_the_contents_chroma_under_the_results_luminance(self):
        plain = self.stylize(self.content, self.style)
        not_clipped = ((plain > 0) & (plain < 1)).all(axis=-1, keepdims=True)
        for percent in (100, 35):
            with self.subTest(percent=percent):
                got = self.stylize(self.content, self.style, "--keep-colors", percent)
                self.assert_near(got, np.clip(keep_colors(self.content, plain, percent / 100), 0, 1), not_clipped)
                self.assertGreater(np.abs(got - plain).max(), 0.05)

    def test_recolored_style_is_another_style(self):
        plain = self.stylize(self.content, self.style)
        for moments, histogram in ((100, 0), (40, 0), (0, 100), (0, 60), (70, 80)):
            with self.subTest(moments=moments, histogram=histogram):
                got = self.stylize(self.content, self.style, "--recolor", moments, "--recolor-histogram", histogram)
                style = by_moments(self.style, self.content, moments / 100)
                style = by_histogram(style, self.content, histogram / 100)
                self.assert_near(got, self.stylize(self.content, style))
                self.assertGreater(np.abs(got - plain).max(), 0.05)

    def test_recolored_style_does_not_see_what_is_wholly_transparent(self):
        half = self.content.shape[1] // 2
        hidden = self.content.copy()
        hidden[:, half:] = 0
        alpha = np.ones(self.content.shape[:2] + (1,))
        alpha[:, half:] = 0
        values = np.round(np.concatenate([hidden, alpha], axis=-1) * WHITE).astype(int)
        write_png(self.path("hidden.png"), hidden.shape[1], hidden.shape[0], 4, values.ravel().tolist(), 16)
        self.write("style.png", self.style)
        self.assert_done(run("stylize", self.path("hidden.png"), self.path("style.png"), "-o", self.path("out.png"),
                             "--model", MODEL, "--recolor", 100))
        got = np.array(Pixels(self.path("out.png")).color(), float).reshape(hidden.shape) / WHITE
        style = by_moments(self.style, self.content[:, :half], 1)
        self.assert_near(got, self.stylize(hidden, style))

    def test_working_size_is_a_small_run_whose_lines_the_original_is_read_at(self):
        height, width = self.content.shape[:2]
        for size in (100, 64):
            with self.subTest(size=size):
                small_content = narrow(narrow(self.content, round(height * size / width), 0), size, 1)
                small = self.stylize(small_content, self.style)
                clipped = ((small <= 0) | (small >= 1)).any(axis=-1, keepdims=True).astype(float)
                near_clipped = widen(widen(window_mean(window_mean(clipped)), height, 0), width, 1) > 0
                got = self.stylize(self.content, self.style, "--working-size", size)
                expected = np.clip(follow(self.content, small_content, small), 0, 1)
                self.assert_near(got, expected, ~near_clipped)
                # with the original's colors
                got = self.stylize(self.content, self.style, "--working-size", size, "--keep-colors", 100)
                expected = np.clip(keep_colors(self.content, follow(self.content, small_content, small), 1), 0, 1)
                self.assert_near(got, expected, ~near_clipped)

    def test_working_size_that_is_not_smaller_changes_nothing(self):
        plain = self.stylize(self.content, self.style)
        got = self.stylize(self.content, self.style, "--working-size", self.content.shape[1])
        self.assertTrue((plain == got).all())


if __name__ == "__main__":
    wct_test.main()
