#!/usr/bin/env python3
"""Every file of shared/data/odd: a picture of the same size, or one sentence and exit 1; nothing left behind."""
import math
import os
import unittest

import wct_test
from wct_test import SHARED, Pixels, environment, run, vips

ODD = SHARED / "data" / "odd"

# What must fail, and a word of its sentence. Everything else must give a picture.
REFUSED = {
    "empty.png": "is empty",
    "not_an_image.jpg": "is not a picture",
    "truncated.jpg": "cut short",
    "huge_header_100000x100000.png": "--content-size",
}


def upright_size(path):
    field = dict(line.split(": ", 1) for line in vips("vipsheader", "-a", path).splitlines() if ": " in line)
    size = int(field["width"]), int(field["height"])
    return size[::-1] if int(field.get("orientation", 1)) >= 5 else size


@unittest.skipUnless(ODD.is_dir(), f"no {ODD}; set WCT_SHARED")
class Odd(wct_test.Case):
    def files(self):
        return sorted(ODD.iterdir())

    def test_list_of_what_must_fail_names_files_of_the_set(self):
        self.assertLess(set(REFUSED), {p.name for p in self.files()})

    def test_each_file_is_stylized_or_refused_as_content(self):
        model = wct_test.tiny_model()
        style = ODD / "palette_16_4bit.png"
        for path in self.files():
            with self.subTest(content=path.name):
                result = run("stylize", path, style, "-o", self.path("out.png"), "--model", model, "--style-size", 64)
                self.check(path, result)

    def test_each_file_is_measured_or_refused_as_style(self):
        model = wct_test.tiny_model()
        for path in self.files():
            with self.subTest(style=path.name):
                result = run("stylize", ODD / "tiny_17x17.png", path, "-o", self.path("out.png"), "--model", model)
                if path.name in REFUSED:
                    self.assert_refused(result, 1, path.name, REFUSED[path.name].replace("content", "style"))
                    self.assertEqual(self.names(), [])
                    continue
                self.assert_done(result)
                self.assertEqual((Pixels(self.path("out.png")).width, self.names()), (17, ["out.png"]))
                os.remove(self.path("out.png"))

    def check(self, path, result):
        if path.name in REFUSED:
            self.assert_refused(result, 1, path.name, REFUSED[path.name])
            self.assertEqual(self.names(), [])
            return
        self.assert_done(result)
        got = Pixels(self.path("out.png"))
        self.assertEqual((got.width, got.height), upright_size(path))
        self.assertTrue(all(math.isfinite(v) for v in got.values))
        self.assertEqual(self.names(), ["out.png"])
        os.remove(self.path("out.png"))

    def test_alpha_of_each_file_stays(self):
        for name in ("rgba_soft_alpha.png", "rgba_binary_alpha_black_under.png", "rgba_fully_transparent.png",
                     "rgba_16bit.png", "grey_alpha.png", "palette_trns.png"):
            with self.subTest(name=name):
                self.assert_done(self.copy(ODD / name, self.path(name)))
                source, got = Pixels(ODD / name), Pixels(self.path(name))
                self.assertEqual((got.format, got.band(3)), (source.format, source.band(source.bands - 1)))

    def test_the_four_turned_files_are_one_picture(self):
        for number in (3, 5, 6, 8):
            self.assert_done(self.copy(ODD / f"exif_orientation_{number}.jpg", self.path(f"{number}.png")))
        first = Pixels(self.path("3.png"))
        for number in (5, 6, 8):
            got = Pixels(self.path(f"{number}.png"))
            self.assertEqual((got.width, got.height), (first.width, first.height))
            mean = sum(abs(a - b) for a, b in zip(got.values, first.values)) / len(got.values)
            self.assertLess(mean, 5, f"orientation {number}")  # each was compressed by itself

    def test_the_four_files_of_linear_light_are_one_picture(self):
        names = ("float32_linear_hdr.tif", "float32_linear_hdr.pfm", "half_linear_hdr.exr", "radiance.hdr")
        for name in names:
            self.assert_done(self.copy(ODD / name, self.path(name + ".png")))
        first = Pixels(self.path(names[0] + ".png")).color()
        for name in names[1:]:
            got = Pixels(self.path(name + ".png")).color()
            mean = sum(abs(a - b) for a, b in zip(got, first)) / len(first)
            # less than a step of 8 bits; Radiance rounds dark colors beside bright ones more than that
            self.assertLess(mean, 257, name)

    def test_huge_header_is_refused_within_200_MB_and_a_second_of_processor_time(self):
        path = ODD / "huge_header_100000x100000.png"
        plain = environment(MALLOC_PERTURB_="0")  # which would touch all that is only reserved
        for size in (0, 512, 5000):
            with self.subTest(content_size=size):
                result = run("reconstruct", path, "--level", 1, "-o", self.path("out.png"), "--content-size", size,
                             "--model", self.identity, env=plain)
                self.assert_refused(result, 1, path.name)
                seconds = result.usage.ru_utime + result.usage.ru_stime
                if os.environ.get("WCT_SANITIZE", "none") == "none":  # sanitizers take memory of their own
                    self.assertLess(result.usage.ru_maxrss / 1000, 200, "MB")
                self.assertLess(seconds, 1, "seconds of the processor")


if __name__ == "__main__":
    wct_test.main()
