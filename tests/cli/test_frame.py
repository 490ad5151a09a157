#!/usr/bin/env python3
"""Styles that are cut, turned and scaled by options give what styles give that were prepared so before: by numpy."""
import math
import sys

import wct_test
from wct_test import noise, run, smooth, write_png

try:
    import numpy as np
except ImportError:
    print("skipped: no numpy; install python3-numpy")
    sys.exit(77)

W, H = 60, 44  # the style's size
# Where a style is equal but for rounding: deeper down, so few positions have so many eigenvalues near the floor that
# rounding decides which are dropped.
SHALLOW = ("--alpha", "2=0.6,1=0.6")


def turned_by_right_angles(picture, degrees):
    return np.rot90(picture, degrees // 90)


def largest_inside(width, height, radians):
    """The sides of the largest upright rectangle in a turned one, by trying widths in steps of 1/1000 pixel."""
    sine, cosine = abs(math.sin(radians)), abs(math.cos(radians))
    sides = np.arange(1, width + height, 0.001)
    others = np.minimum((width - sides * cosine) / sine, (height - sides * sine) / cosine)
    best = np.argmax(sides * others)
    return math.floor(sides[best] + 0.01), math.floor(others[best] + 0.01)


def cubic(distance):
    """Keys' kernel for a = -1/2."""
    d = np.abs(distance)
    return np.where(d <= 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((-0.5 * d + 2.5) * d - 4) * d + 2, 0))


def turned(picture, degrees):
    """By any angle, counterclockwise, cut to the largest rectangle inside; every source pixel weighs on every result."""
    height, width = picture.shape[:2]
    angle = math.radians(degrees)
    inner_width, inner_height = largest_inside(width, height, angle)
    x = np.arange(inner_width) - (inner_width - 1) / 2
    y = np.arange(inner_height) - (inner_height - 1) / 2
    from_x = x[None, :] * math.cos(angle) - y[:, None] * math.sin(angle) + (width - 1) / 2
    from_y = x[None, :] * math.sin(angle) + y[:, None] * math.cos(angle) + (height - 1) / 2
    padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="edge")
    across = cubic(from_x[..., None] - (np.arange(width + 4) - 2))
    down = cubic(from_y[..., None] - (np.arange(height + 4) - 2))
    return np.clip(np.einsum("yxi,yxj,jic->yxc", across, down, padded), 0, 1)


class Frame(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.pixels = np.array(smooth(W, H, 255), np.int64).reshape(H, W, 3)
        self.pixels = np.clip(self.pixels + np.array(noise(W * H * 3, 61)).reshape(H, W, 3) - 30, 0, 255)
        self.style = self.save("style", self.pixels)
        self.content = write_png(self.path("content.png"), 64, 48, 3, smooth(64, 48, 200))

    def save(self, name, pixels, depth=8):
        return write_png(self.path(f"{name}.png"), pixels.shape[1], pixels.shape[0], 3,
                         pixels.astype(np.int64).ravel().tolist(), depth)

    def made(self, command, *arguments):
        """The result's pixels."""
        out = self.path("out.png")
        self.assert_done(run(*command, *arguments, "--model", self.model, "-o", out, "--force"))
        return wct_test.Pixels(out).color()

    def stylized(self, *arguments):
        return self.made(("stylize", self.content), *arguments)

    def assert_nearly(self, got, expected):
        """One step: the style was rounded to 16 bits, which moves results that lie between two steps of 8."""
        self.assert_close(got, expected, 1)

    def test_a_cut_style_is_the_style_that_was_cut_before(self):
        for options, rows, columns in ((("--style-left", 25, "--style-top", 50, "--style-width", 50, "--style-height", 25),
                                        slice(22, 33), slice(15, 45)),
                                       (("--style-left", 75), slice(0, 44), slice(45, 60)),  # cut at the edge
                                       (("--style-height", 50), slice(0, 22), slice(0, 60))):
            with self.subTest(options=options):
                cut = self.save("cut", self.pixels[rows, columns])
                self.assertEqual(self.stylized(self.style, *options), self.stylized(cut))
                self.assertNotEqual(self.stylized(cut), self.stylized(self.style))

    def test_a_style_turned_by_right_angles_is_the_one_that_was_turned_before(self):
        seen = set()
        for degrees in (90, 180, -90, -180):
            with self.subTest(degrees=degrees):
                before = self.save("turned", turned_by_right_angles(self.pixels, degrees))
                result = self.stylized(self.style, "--style-rotation", degrees)
                self.assertEqual(result, self.stylized(before))
                seen.add(tuple(result))
        self.assertEqual(len(seen), 3)

    def test_a_style_turned_by_another_angle_is_the_one_that_was_turned_before(self):
        for degrees in (30, -100, 45, 7.25):
            with self.subTest(degrees=degrees):
                pixels = np.round(turned(self.pixels / 255, degrees) * 65535)
                self.assert_nearly(self.stylized(self.style, "--style-rotation", degrees, *SHALLOW),
                                   self.stylized(self.save("turned", pixels, 16), *SHALLOW))

    def test_the_part_is_cut_first_and_turned_then(self):
        cut = self.pixels[11:44, 0:30]
        options = ("--style-top", 25, "--style-width", 50)
        self.assertEqual(self.stylized(self.style, *options, "--style-rotation", 90),
                         self.stylized(self.save("cut", np.rot90(cut))))
        pixels = np.round(turned(cut / 255, 20) * 65535)
        self.assert_nearly(self.stylized(self.style, *options, "--style-rotation", 20, *SHALLOW),
                           self.stylized(self.save("turned", pixels, 16), *SHALLOW))

    def test_sizes_are_of_the_part_that_is_taken(self):
        """Half of the style is 30 pixels long: at this size nothing is scaled."""
        options = ("--style-left", 50, "--style-height", 50)
        half = self.stylized(self.save("half", self.pixels[0:22, 30:60]))
        self.assertEqual(self.stylized(self.style, *options, "--style-size", 30), half)
        self.assertNotEqual(self.stylized(self.style, *options, "--style-size", 60), half)

    def test_scale_is_of_the_contents_longer_side_whatever_its_size(self):
        for side in (64, 128, 31):
            with self.subTest(content_size=side):
                # what --style-size says is said by the scale: half of the content's
                self.assertEqual(
                    self.stylized(self.style, "--content-size", side, "--style-scale", 50, "--style-size", 17),
                    self.stylized(self.style, "--content-size", side, "--style-size", math.floor(side / 2 + 0.5)))

    def test_scale_of_a_texture_is_of_its_longer_side(self):
        texture = ("texture", "--size", "40x80", "--passes", 1, self.style)
        self.assertEqual(self.made(texture, "--style-scale", 50), self.made(texture, "--style-size", 40))
        self.assertNotEqual(self.made(texture, "--style-scale", 50), self.made(texture, "--style-size", 20))

    def test_a_scale_that_makes_a_style_too_large_is_refused_by_name(self):
        result = run("stylize", self.content, self.style, "--style-scale", 1000, "--style-width", 1, "--style-height",
                     1, "--content-size", 3000, "--model", self.model, "-o", self.path("out.png"))
        self.assert_refused(result, 1, "style.png", "too large")


if __name__ == "__main__":
    wct_test.main()
