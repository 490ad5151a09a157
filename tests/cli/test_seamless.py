#!/usr/bin/env python3
"""--seamless makes what tiles, and is exactly a network that wraps around; --guide-picture shows in the noise."""
import array
import importlib.util

import wct_test
from wct_test import SHARED, SOURCE, Pixels, noise, run, smooth, write_png

try:
    import numpy
except ImportError:
    numpy = None


def lines(pixels, across):
    """Changes from each line to the next, the last and the first being neighbors: (values along the line) for each.
    @across: 0 from row to row, 1 from column to column."""
    w, h, n, v = pixels.width, pixels.height, pixels.bands, pixels.values
    rows = [v[y * w * n:(y + 1) * w * n] for y in range(h)]
    if across:
        columns = [array.array("f", [c for row in rows for c in row[x * n:(x + 1) * n]]) for x in range(w)]
        rows = columns
    return [[abs(a - b) for a, b in zip(row, rows[(i + 1) % len(rows)])] for i, row in enumerate(rows)]


def strongest(changes, measure):
    """The share of the lines inside that the seam is stronger than."""
    seam, *inside = [measure(c) for c in [changes[-1], *changes[:-1]]]
    return sum(value < seam for value in inside) / len(inside)


def seam(path):
    """How much of the inside the seam is stronger than, at most, by its mean change and by its largest."""
    pixels = Pixels(path)
    return max(strongest(lines(pixels, across), measure) for across in (0, 1) for measure in (sum, max))


class Tiles(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = SOURCE / "weights" / "wct-compact.safetensors"
        self.style = SOURCE / "data" / "samples" / "style-glass.jpg"

    def texture(self, name, *arguments):
        path = self.path(name)
        self.assert_done(run("texture", self.style, "--style-size", 256, "-o", path, "--model", self.model, *arguments))
        return path

    def test_texture_has_no_seam_where_it_is_seamless(self):
        size = ("--size", "160x128", "--seed", 1)
        self.assertEqual(seam(self.texture("a.png", *size)), 1)  # stronger than everything inside
        self.assertLess(seam(self.texture("b.png", *size, "--seamless")), 0.99)

    def test_texture_whose_sides_do_not_divide_by_16_has_no_seam(self):
        path = self.texture("a.png", "--size", "141x103", "--seamless")
        self.assertLess(seam(path), 0.99)
        pixels = Pixels(path)
        self.assertEqual((pixels.width, pixels.height), (141, 103))

    def test_texture_smaller_than_what_a_pixel_sees_has_no_seam(self):
        self.assertLess(seam(self.texture("a.png", "--size", "48x32", "--seamless")), 0.99)

    def test_picture_in_its_own_style_becomes_a_tile(self):
        for size in ((128, 96), (121, 87)):
            with self.subTest(size=size):
                source = self.path("a.png")
                write_png(source, *size, 3, [min(255, a + b) for a, b in zip(
                    smooth(*size, 230), noise(size[0] * size[1] * 3, 26))])  # a ramp with some grain
                self.assertEqual(seam(source), 1)
                tile = self.path("b.png")
                self.assert_done(run("stylize", source, source, "--seamless", "-o", tile, "--model", self.model,
                                     "--force"))
                self.assertLess(seam(tile), 0.99)

    def test_both_back_ends_make_the_same_tile(self):
        tiles = [Pixels(self.texture(f"{name}.png", "--size", "48x32", "--seamless", "--alpha", "3=1", "--passes", 1,
                                     "--backend", name)) for name in ("reference", "auto")]
        self.assert_close(tiles[0].values, tiles[1].values, 1)  # of 255: a value may lie between two


class Styles(wct_test.Case):
    """Many styles, where they are beside the checkout."""

    def test_textures_of_twenty_styles_have_no_seam(self):
        folder = SHARED / "data" / "styles"
        if not folder.is_dir():
            self.skipTest(f"no {folder}")
        styles = sorted(folder.glob("*.jpg"))
        seams = {"": 0, "--seamless": 0}
        for style in styles[::len(styles) // 20][:20]:
            for option in seams:
                path = self.path("a.png")
                self.assert_done(run("texture", style, "--style-size", 256, "--size", "160x128", *filter(None, [option]), "-o",
                                     path, "--force", "--model", SOURCE / "weights" / "wct-compact.safetensors"))
                seen = seam(path) >= 0.99
                seams[option] += seen
                if option:
                    self.assertFalse(seen, style)
        self.assertGreater(seams[""], 15)  # so that the measure can fail


class Torus(wct_test.Case):
    """The reference's networks with padding that wraps around, by torch."""

    def setUp(self):
        super().setUp()
        script = SHARED / "reference" / "wct_reference.py"
        self.model = SHARED / "weights" / "compact16x.safetensors"
        for path in (script, self.model):
            if not path.exists():
                self.skipTest(f"no {path}")
        if numpy is None or importlib.util.find_spec("torch") is None:
            self.skipTest("no numpy or no torch")
        spec = importlib.util.spec_from_file_location("wct_reference", script)
        self.reference = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.reference)

    def networks(self):
        from torch.nn import functional

        class Torus(self.reference.Model):
            def conv(self, x, name, relu=True):
                weight, bias = self.t[name + ".weight"], self.t[name + ".bias"]
                if weight.shape[-1] == 3:
                    x = functional.pad(x, (1, 1, 1, 1), mode="circular")
                x = functional.conv2d(x, weight, bias)
                return functional.relu(x) if relu else x

        return Torus(self.model), self.reference.Model(self.model)

    def tensor(self, width, height, values):
        import torch
        return torch.tensor(values, dtype=torch.float32).reshape(height, width, 3).permute(2, 0, 1)[None]

    def assert_torus(self, levels, alpha, backend):
        torus, plain = self.networks()
        width, height = 112, 96
        values, style_values = noise(width * height * 3, 65536), smooth(80, 96, 200)
        style_values = [a + b for a, b in zip(style_values, noise(80 * 96 * 3, 50, seed=3))]
        style = self.tensor(80, 96, [v / 255 for v in style_values])
        expected = self.tensor(width, height, [v / 65535 for v in values])
        for level in sorted(levels, reverse=True):
            features = torus.encode(expected, level)
            expected = torus.decode(self.reference.wct(features, [plain.encode(style, level)], alpha, [1.0], None), level)
        result = self.path("b.png")
        self.assert_done(run("texture", write_png(self.path("style.png"), 80, 96, 3, style_values), "--noise",
                             write_png(self.path("a.png"), width, height, 3, values, depth=16), "--seamless", "--passes", 1,
                             "--alpha", ",".join(f"{level}={alpha}" for level in levels), "--model", self.model,
                             "--backend", backend, "-o", result, "--force"))
        got = numpy.array(Pixels(result).values).reshape(height, width, 3) / 65535
        difference = numpy.abs(got - expected[0].permute(1, 2, 0).numpy().clip(0, 1)).max()
        # whitening makes some 1e-5 of float sums that are added in another order
        self.assertLess(difference, 1e-3)

    def test_one_level_is_that_of_a_network_that_wraps_around(self):
        for backend in ("auto", "reference"):
            with self.subTest(backend=backend):
                self.assert_torus([3], 1, backend)

    def test_five_levels_are_those_of_networks_that_wrap_around(self):
        for backend in ("auto", "reference"):
            with self.subTest(backend=backend):
                self.assert_torus([5, 4, 3, 2, 1], 0.6, backend)


def splitmix(seed, count):
    """The noise that textures start from, from its definition (Steele, Lea, Flood 2014)."""
    values, mask = [], 2**64 - 1
    for i in range(count):
        z = (seed + (i + 1) * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        values.append(((z ^ (z >> 31)) >> 40) / 2**24)
    return values


class Guide(wct_test.Case):
    """With the identity model at strength 0 a texture is what it starts from."""

    W, H = 20, 12

    def setUp(self):
        super().setUp()
        self.values = smooth(self.W, self.H, 255)
        self.picture = write_png(self.path("guide.png"), self.W, self.H, 3, self.values)
        self.style = write_png(self.path("style.png"), 16, 16, 3, noise(768, 256))

    def start(self, *arguments):
        path = self.path("b.png")
        self.assert_done(run("texture", self.style, "-o", path, "--force", "--model", self.identity, "--alpha", "1=0",
                             "--passes", 1, *arguments))
        return Pixels(path)

    def assert_mixed(self, got, share, guide, seed=0):
        expected = [255 * (1 - share) * n + share * g for n, g in zip(splitmix(seed, len(guide)), guide)]
        self.assert_close(got.values, expected, 0.501)  # rounded to 8 bits

    def test_guide_shows_as_much_as_it_is_told_to(self):
        for share in (0, 25, 100):
            with self.subTest(share=share):
                got = self.start("--guide-picture", self.picture, "--guide", share, "--seed", 7)
                self.assertEqual((got.width, got.height), (self.W, self.H))
                self.assert_mixed(got, share / 100, self.values, seed=7)

    def test_half_of_it_shows_where_nothing_else_is_said(self):
        self.assert_mixed(self.start("--guide-picture", self.picture), 0.5, self.values)

    def test_guide_of_another_size_is_stretched(self):
        flat = write_png(self.path("flat.png"), 7, 30, 3, [200, 100, 50] * 210)
        got = self.start("--guide-picture", flat, "--size", "33x18")
        self.assertEqual((got.width, got.height), (33, 18))
        self.assert_mixed(got, 0.5, [200, 100, 50] * (33 * 18))

    def test_guide_of_a_seamless_texture_is_made_to_tile(self):
        plain, tile = self.path("a.png"), self.path("c.png")
        picture = write_png(self.path("ramp.png"), 64, 48, 3, smooth(64, 48, 255))
        for path, option in ((plain, []), (tile, ["--seamless"])):
            self.start("--guide-picture", picture, "--guide", 100, *option)
            self.path("b.png").rename(path)
        self.assertEqual(seam(plain), 1)
        self.assertLess(seam(tile), 0.99)

    def test_what_does_not_fit_together_is_refused(self):
        output = self.path("b.png")
        for arguments, words in ((["--guide", 50, "--size", "9x9"], ["--guide-picture"]),
                                 (["--guide-picture", self.picture, "--noise", self.picture], ["do not go together"])):
            result = run("texture", self.style, "-o", output, "--model", self.identity, *arguments)
            self.assert_refused(result, 2, *words)
        result = run("texture", self.style, "-o", output, "--model", self.identity, "--guide-picture", self.path("none.png"))
        self.assert_refused(result, 1, "none.png")
        self.assertFalse(output.exists())


if __name__ == "__main__":
    wct_test.main()
