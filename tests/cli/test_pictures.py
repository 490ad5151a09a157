#!/usr/bin/env python3
"""What goes in comes out: depth, alpha, orientation, profiles, every kind of picture."""
import math
import struct
import zlib

import wct_test
from wct_test import Pixels, noise, smooth, vips, write_png, write_tiff

W, H = 23, 17


def encode(light):
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


class Depth(wct_test.Case):
    def check(self, source, out, form, expected, allowed):
        self.assert_done(self.copy(source, self.path(out)))
        got = Pixels(self.path(out))
        self.assertEqual((got.width, got.height, got.format), (W, H, form))
        self.assert_close(got.color(), expected, allowed)

    def test_8_bit_png_stays_as_it_is(self):
        values = noise(W * H * 3, 256)
        self.check(write_png(self.path("a.png"), W, H, 3, values), "b.png", "uchar", values, 0)

    def test_16_bit_png_stays_as_it_is(self):
        values = noise(W * H * 3, 65536)
        self.check(write_png(self.path("a.png"), W, H, 3, values, 16), "b.png", "ushort", values, 0)

    def test_8_bit_tiff_stays_as_it_is(self):
        values = noise(W * H * 3, 256)
        self.check(write_tiff(self.path("a.tif"), W, H, 3, values, "B"), "b.tiff", "uchar", values, 0)

    def test_16_bit_tiff_stays_as_it_is(self):
        values = noise(W * H * 3, 65536)
        self.check(write_tiff(self.path("a.tif"), W, H, 3, values, "H"), "b.tif", "ushort", values, 0)

    def test_8_bit_picture_becomes_8_bit_jpeg_close_to_it(self):
        values = smooth(W, H, 255)
        self.check(write_png(self.path("a.png"), W, H, 3, values), "b.jpg", "uchar", values, 6)

    def test_8_bit_picture_becomes_8_bit_webp_close_to_it(self):
        values = smooth(W, H, 255)
        self.check(write_png(self.path("a.png"), W, H, 3, values), "b.webp", "uchar", values, 16)

    def test_16_bit_picture_is_rounded_to_8_bit_where_the_format_has_no_more(self):
        values = smooth(W, H, 65535)
        self.check(write_png(self.path("a.png"), W, H, 3, values, 16), "b.jpeg", "uchar", [v / 257 for v in values], 6)

    def test_linear_float_tiff_stays_linear_float_and_says_nothing_else(self):
        values = [v / 1000 for v in noise(W * H * 3, 1001)]
        self.check(write_tiff(self.path("a.tif"), W, H, 3, values), "b.tif", "float", values, 1e-6)
        got = Pixels(self.path("b.tif"))
        self.assertEqual((got.interpretation, got.profile), ("scrgb", False))

    def test_light_beyond_white_and_below_black_is_clipped(self):
        values = [v / 100 - 1 for v in noise(W * H * 3, 500)]
        expected = [min(max(v, 0), 1) for v in values]
        self.check(write_tiff(self.path("a.tif"), W, H, 3, values), "b.tif", "float", expected, 1e-6)

    def test_linear_float_becomes_gamma_encoded_16_bit_png(self):
        values = [v / 1000 for v in noise(W * H * 3, 1001)]
        self.check(write_tiff(self.path("a.tif"), W, H, 3, values), "b.png", "ushort",
                   [65535 * encode(v) for v in values], 1)

    def test_gray_float_tiff_is_gamma_encoded_and_its_result_says_so_by_a_profile(self):
        values = [v / 1000 for v in noise(W * H, 1001)]
        self.check(write_tiff(self.path("a.tif"), W, H, 1, values), "b.tif", "float",
                   [v for v in values for _ in range(3)], 1e-6)
        self.assertTrue(Pixels(self.path("b.tif")).profile)
        self.assert_done(self.copy(self.path("b.tif"), self.path("c.png")))
        self.assert_close(Pixels(self.path("c.png")).color(), [65535 * v for v in values for _ in range(3)], 16)

    def test_pfm_is_linear_and_its_last_row_comes_first(self):
        rows = [[(x + y * W) / (W * H) for x in range(W) for _ in range(3)] for y in range(H)]
        with open(self.path("a.pfm"), "wb") as f:
            f.write(b"PF\n%d %d\n-1.0\n" % (W, H))
            for row in reversed(rows):
                f.write(struct.pack("<%df" % len(row), *row))
        self.check(self.path("a.pfm"), "b.tif", "float", [v for row in rows for v in row], 1e-6)

    def test_pnm_with_another_white_is_scaled_to_it(self):
        values = noise(W * H * 3, 101)
        self.path("a.ppm").write_bytes(b"P6\n%d %d\n100\n" % (W, H) + bytes(values))
        self.check(self.path("a.ppm"), "b.png", "uchar", [v * 2.55 for v in values], 0.51)


class Kinds(wct_test.Case):
    def test_gray_becomes_color(self):
        values = noise(W * H, 256)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 1, values), self.path("b.png")))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.bands, got.color()), (3, [v for v in values for _ in range(3)]))

    def test_gray_of_16_bit_becomes_color_of_16_bit(self):
        values = noise(W * H, 65536)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 1, values, 16), self.path("b.png")))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.format, got.color()), ("ushort", [v for v in values for _ in range(3)]))

    def test_gray_of_1_2_and_4_bits_reaches_black_and_white(self):
        for bits in (1, 2, 4):
            with self.subTest(bits=bits):
                levels = 2**bits
                width = 16
                packed = b""
                for _ in range(H):
                    row = 0
                    for x in range(width):
                        row = row << bits | x % levels
                    packed += b"\0" + row.to_bytes(width * bits // 8, "big")
                head = struct.pack(">IIBBBBB", width, H, bits, 0, 0, 0, 0)
                self.path("a.png").write_bytes(
                    b"\x89PNG\r\n\x1a\n" + wct_test.png_chunk(b"IHDR", head)
                    + wct_test.png_chunk(b"IDAT", zlib.compress(packed)) + wct_test.png_chunk(b"IEND", b""))
                self.assert_done(self.copy(self.path("a.png"), self.path(f"b{bits}.png")))
                expected = [255 * (x % levels) // (levels - 1) for _ in range(H) for x in range(width)]
                self.assertEqual(Pixels(self.path(f"b{bits}.png")).band(0), expected)

    def test_cmyk_is_converted(self):
        source = write_png(self.path("a.png"), W, H, 3, smooth(W, H, 255))
        vips("vips", "icc_transform", source, self.path("a.jpg[Q=100]"), "cmyk", "--input-profile", "srgb")
        self.assertEqual(Pixels(self.path("a.jpg")).bands, 4)
        self.assert_done(self.copy(self.path("a.jpg"), self.path("b.png")))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.width, got.height, got.bands), (W, H, 3))
        # CMYK has fewer colors: far from equal, but the same picture
        difference = [abs(a - b) for a, b in zip(got.color(), smooth(W, H, 255))]
        self.assertLess(sum(difference) / len(difference), 30)

    def test_picture_with_pixels_that_are_not_a_number_is_refused(self):
        values = [0.5] * (W * H * 3)
        values[100] = math.nan
        for bands, name in ((3, "color.tif"), (1, "gray.tif")):
            write_tiff(self.path(name), W, H, bands, values[:W * H * bands])
            self.assert_refused(self.copy(self.path(name), self.path("b.tif")), 1, name, "NaN")
        self.assertEqual(self.names(), ["color.tif", "gray.tif"])

    def test_infinite_light_is_white(self):
        values = [math.inf] * (W * H * 3)
        self.assert_done(self.copy(write_tiff(self.path("a.tif"), W, H, 3, values), self.path("b.png")))
        self.assertEqual(set(Pixels(self.path("b.png")).color()), {65535})

    def test_integers_of_32_bits_are_refused_with_advice(self):
        vips("vips", "cast", write_png(self.path("a.png"), W, H, 3, noise(W * H * 3, 256)), self.path("a.tif"), "uint")
        self.assert_refused(self.copy(self.path("a.tif"), self.path("b.png")), 1, "a.tif", "16 bit")

    def test_name_that_looks_like_libvips_options_is_a_name(self):
        write_png(self.path("a.png"), W, H, 3, noise(W * H * 3, 256)).rename(self.path("photo[page=3]"))
        self.assert_done(self.copy(self.path("photo[page=3]"), self.path("b[x].png")))
        self.assertEqual(self.names(), ["b[x].png", "photo[page=3]"])

    def test_picture_cut_short_in_any_format_is_refused(self):
        values = noise(64 * 64 * 3, 256)
        write_png(self.path("whole.png"), 64, 64, 3, values)
        for extension in ("png", "jpg", "tif", "webp", "ppm"):
            with self.subTest(extension=extension):
                whole, cut = self.path(f"c.{extension}"), self.path(f"cut.{extension}")
                vips("vips", "copy", self.path("whole.png"), whole)
                cut.write_bytes(whole.read_bytes()[:whole.stat().st_size * 6 // 10])
                self.assert_refused(self.copy(cut, self.path("out.png")), 1, f"cut.{extension}")
                self.assertFalse(self.path("out.png").exists())


class Alpha(wct_test.Case):
    def test_alpha_stays_bit_for_bit_in_every_format_and_depth(self):
        for name, depth, limit in (("png", 8, 256), ("tif", 8, 256), ("webp", 8, 256), ("png", 16, 65536),
                                   ("tif", 16, 65536)):
            with self.subTest(name=name, depth=depth):
                values = noise(W * H * 4, limit)
                source = write_png(self.path(f"a{depth}.png"), W, H, 4, values, depth)
                self.assert_done(self.copy(source, self.path(f"b{depth}.{name}")))
                self.assertEqual(Pixels(self.path(f"b{depth}.{name}")).band(3), values[3::4])

    def test_float_alpha_stays_bit_for_bit(self):
        values = [v / 1000 for v in noise(W * H * 4, 1001)]
        self.assert_done(self.copy(write_tiff(self.path("a.tif"), W, H, 4, values), self.path("b.tif")))
        self.assertEqual(Pixels(self.path("b.tif")).band(3), Pixels(self.path("a.tif")).band(3))

    def test_color_under_transparent_pixels_stays(self):
        values = noise(W * H * 4, 256)
        values[3::4] = [0] * (W * H)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 4, values), self.path("b.png")))
        self.assertEqual(list(Pixels(self.path("b.png")).values), values)

    def test_alpha_of_gray_goes_with_the_color_picture(self):
        values = noise(W * H * 2, 256)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 2, values), self.path("b.png")))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.bands, got.band(0), got.band(3)), (4, values[0::2], values[1::2]))

    def test_alpha_of_16_bits_is_rounded_for_a_format_of_8(self):
        values = noise(W * H * 4, 65536)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 4, values, 16), self.path("b.webp")))
        self.assert_close(Pixels(self.path("b.webp")).band(3), [v / 257 for v in values[3::4]], 0.5)

    def test_alpha_is_scaled_with_the_content(self):
        values = [v for y in range(40) for x in range(40) for v in (9, 9, 9, 255 if x < 20 else 0)]
        source = write_png(self.path("a.png"), 40, 40, 4, values)
        self.assert_done(self.copy(source, self.path("b.png"), "--content-size", 20))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.width, got.height), (20, 20))
        self.assertEqual([got.values[4 * x + 3] for x in (0, 5, 15, 19)], [255, 255, 0, 0])

    def test_transparent_pixels_are_not_written_as_jpeg(self):
        source = write_png(self.path("a.png"), W, H, 4, noise(W * H * 4, 256))
        self.assert_refused(self.copy(source, self.path("b.jpg")), 1, "transparent", ".png")
        self.assertEqual(self.names(), ["a.png"])

    def test_opaque_alpha_is_no_obstacle_for_jpeg(self):
        values = noise(W * H * 4, 256)
        values[3::4] = [255] * (W * H)
        self.assert_done(self.copy(write_png(self.path("a.png"), W, H, 4, values), self.path("b.jpg")))
        self.assertEqual(Pixels(self.path("b.jpg")).bands, 3)


def exif(orientation):
    """A TIFF directory with that one tag, as PNG's eXIf chunk holds it."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# where the upright picture's pixel (x, y) is stored, for each EXIF orientation; w, h are the upright sides
STORED = {1: lambda x, y, w, h: (x, y), 2: lambda x, y, w, h: (w - 1 - x, y),
          3: lambda x, y, w, h: (w - 1 - x, h - 1 - y), 4: lambda x, y, w, h: (x, h - 1 - y),
          5: lambda x, y, w, h: (y, x), 6: lambda x, y, w, h: (y, w - 1 - x),
          7: lambda x, y, w, h: (h - 1 - y, w - 1 - x), 8: lambda x, y, w, h: (h - 1 - y, x)}


class Orientation(wct_test.Case):
    def stored(self, upright, orientation, name, **more):
        """Writes the picture turned as a camera would, and its upright values."""
        w, h = (W, H) if orientation < 5 else (H, W)
        values = [0] * (W * H * 3)
        for y in range(H):
            for x in range(W):
                sx, sy = STORED[orientation](x, y, W, H)
                values[3 * (sy * w + sx):3 * (sy * w + sx) + 3] = upright[3 * (y * W + x):3 * (y * W + x) + 3]
        return write_png(self.path(name), w, h, 3, values, extra=[(b"eXIf", exif(orientation))])

    def test_each_orientation_comes_out_upright_and_without_its_tag(self):
        upright = noise(W * H * 3, 256)
        for orientation in range(1, 9):
            for extension in ("png", "tif"):
                with self.subTest(orientation=orientation, extension=extension):
                    source = self.stored(upright, orientation, "a.png")
                    self.assertEqual(Pixels(source).orientation, orientation)
                    out = self.path(f"{orientation}.{extension}")
                    self.assert_done(self.copy(source, out))
                    got = Pixels(out)
                    self.assertEqual((got.width, got.height, got.orientation), (W, H, 1))
                    self.assertEqual(list(got.values), upright)

    def test_jpeg_written_from_a_turned_picture_has_no_orientation_tag(self):
        self.assert_done(self.copy(self.stored(smooth(W, H, 255), 6, "a.png"), self.path("b.jpg")))
        got = Pixels(self.path("b.jpg"))
        self.assertEqual((got.width, got.height), (W, H))
        self.assertNotIn("exif-ifd0-Orientation", got.exif)
        self.assert_close(got.color(), smooth(W, H, 255), 6)

    def test_content_size_is_of_the_upright_picture(self):
        source = self.stored(noise(W * H * 3, 256), 8, "a.png")
        self.assert_done(self.copy(source, self.path("b.png"), "--content-size", 2 * W))
        got = Pixels(self.path("b.png"))
        self.assertEqual((got.width, got.height), (2 * W, 2 * H))


class Profiles(wct_test.Case):
    def p3(self, name, depth=16):
        """Moderate colors, that sRGB has too, as numbers of Display P3, and as numbers of sRGB."""
        limit = 2**depth - 1
        srgb = [limit // 4 + v // 2 for v in smooth(W, H, limit)]
        write_png(self.path("plain.png"), W, H, 3, srgb, depth)
        vips("vips", "icc_transform", self.path("plain.png"), self.path(name), "p3", "--input-profile", "srgb",
             "--depth", depth, "--intent", "relative")
        return srgb

    def test_colors_of_another_profile_are_converted_and_the_result_embeds_srgb(self):
        expected = self.p3("a.png")
        stored = Pixels(self.path("a.png"))
        self.assertTrue(stored.profile)
        self.assertGreater(max(abs(a - b) for a, b in zip(stored.color(), expected)), 1000)  # another profile indeed
        self.assert_done(self.copy(self.path("a.png"), self.path("b.png")))
        got = Pixels(self.path("b.png"))
        self.assertTrue(got.profile)
        # a step of 8 bits: two transforms, each rounded to 16 bits, by way of libvips' L*a*b*
        self.assert_close(got.color(), expected, 257)

    def test_result_means_the_same_colors_to_a_program_that_honors_profiles(self):
        self.p3("a.png")
        self.assert_done(self.copy(self.path("a.png"), self.path("b.png")))
        for name in ("a", "b"):
            vips("vips", "icc_import", self.path(f"{name}.png"), self.path(f"{name}.v"), "--embedded")
        self.assert_close(Pixels(self.path("b.v")).color(), Pixels(self.path("a.v")).color(), 0.5)  # L*a*b*

    def test_every_format_embeds_the_profile(self):
        self.p3("a.png", 8)
        for extension in ("png", "jpg", "tif", "webp"):
            with self.subTest(extension=extension):
                self.assert_done(self.copy(self.path("a.png"), self.path(f"b.{extension}")))
                self.assertTrue(Pixels(self.path(f"b.{extension}")).profile)

    def test_picture_without_profile_gets_none(self):
        write_png(self.path("a.png"), W, H, 3, noise(W * H * 3, 256))
        for extension in ("png", "jpg", "tif", "webp"):
            with self.subTest(extension=extension):
                self.assert_done(self.copy(self.path("a.png"), self.path(f"b.{extension}")))
                self.assertFalse(Pixels(self.path(f"b.{extension}")).profile)

    def test_alpha_beside_a_profile_stays_bit_for_bit(self):
        self.p3("a.png", 8)
        values = noise(W * H, 256)
        write_png(self.path("alpha.png"), W, H, 1, values)
        vips("vips", "bandjoin", f"{self.path('a.png')} {self.path('alpha.png')}", self.path("c.png"))
        self.assertTrue(Pixels(self.path("c.png")).profile)
        self.assert_done(self.copy(self.path("c.png"), self.path("d.png")))
        self.assertEqual(Pixels(self.path("d.png")).band(3), values)

    def test_damaged_profile_is_as_good_as_none(self):
        values = noise(W * H * 3, 256)
        broken = b"broken\0\0" + zlib.compress(b"this is no profile" * 20)
        write_png(self.path("a.png"), W, H, 3, values, extra=[(b"iCCP", broken)])
        self.assert_done(self.copy(self.path("a.png"), self.path("b.png")))
        self.assertEqual(Pixels(self.path("b.png")).color(), values)


class Size(wct_test.Case):
    def test_content_size_scales_up_and_down_and_keeps_the_shape(self):
        source = write_png(self.path("a.png"), 60, 30, 3, [128] * (60 * 30 * 3))
        for longer, expected in ((20, (20, 10)), (120, (120, 60)), (60, (60, 30)), (0, (60, 30)), (1, (1, 1))):
            with self.subTest(longer=longer):
                out = self.path(f"{longer}.png")
                self.assert_done(self.copy(source, out, "--content-size", longer))
                got = Pixels(out)
                self.assertEqual((got.width, got.height, set(got.values)), (*expected, {128}))

    def test_picture_wider_than_webp_can_be_is_refused(self):
        source = write_png(self.path("a.png"), 16384, 1, 3, [1] * (16384 * 3))
        self.assert_refused(self.copy(source, self.path("b.webp")), 1, "16384×1", "WebP")
        self.assertEqual(self.names(), ["a.png"])


if __name__ == "__main__":
    wct_test.main()
