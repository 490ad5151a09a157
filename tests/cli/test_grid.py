#!/usr/bin/env python3
"""wct grid: a sheet whose cells are what single runs give, each in its place."""
import json
import os
import re
import unittest

import wct_test
from wct_test import Pixels, Terminal, noise, run, smooth, vips, write_png

CELL = 48
GAP, NAMES = 2, 16  # of a sheet with such cells, px: 3 and 13 percent, but never less


class GridCase(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.wide = write_png(self.path("wide.png"), 60, 40, 3, smooth(60, 40, 255))
        self.high = write_png(self.path("high.png"), 30, 50, 3, smooth(30, 50, 200))
        self.first = write_png(self.path("first.png"), 40, 40, 3, noise(40 * 40 * 3, 256))
        self.second = write_png(self.path("second.png"), 64, 48, 3, noise(64 * 48 * 3, 256, seed=3))
        self.out = self.path("out.png")

    def grid(self, *arguments, cell=CELL):
        """The sheet and its report."""
        result = run("grid", *arguments, "--cell", cell, "--model", self.model, "-o", self.out, "--force", "--json")
        self.assert_done(result)
        self.assertEqual(result.out.count("\n"), 1)
        return Pixels(self.out), json.loads(result.out)

    def part(self, sheet, left, top, width, height):
        """Color values of a rectangle."""
        return [v for y in range(top, top + height)
                for v in sheet.values[(y * sheet.width + left) * 3:(y * sheet.width + left + width) * 3]]

    def cell(self, sheet, report, index):
        where = report["cells"][index]
        return self.part(sheet, *(where[key] for key in ("left", "top", "width", "height")))

    def stylized(self, content, style, *options):
        self.assert_done(run("stylize", content, style, "--model", self.model, "-o", self.path("one.png"), "--force",
                             *options))
        return Pixels(self.path("one.png"))

    def scaled(self, picture, side):
        """The picture alone at this size, as reading makes it."""
        self.assert_done(self.copy(picture, self.path("scaled.png"), "--content-size", side, "--force"))
        return Pixels(self.path("scaled.png"))


class Cells(GridCase):
    def test_each_cell_is_what_stylize_makes_of_its_content_and_style(self):
        contents, styles = (self.wide, self.high), (self.first, self.second)
        options = ("--alpha", "5=0.3,3=0.8,1=1", "--passes", 2, "--style-size", 33, "--damping", 0.1)
        sheet, report = self.grid("--contents", *contents, "--styles", *styles, *options)
        self.assertEqual([(c["content"], c["style"]) for c in report["cells"]],
                         [(str(c), str(s)) for c in contents for s in styles])
        for i, cell in enumerate(report["cells"]):
            with self.subTest(cell=i):
                one = self.stylized(cell["content"], cell["style"], *options, "--content-size", CELL)
                self.assertEqual((cell["width"], cell["height"]), (one.width, one.height))
                self.assertEqual(self.cell(sheet, report, i), list(one.values))

    def test_each_column_is_what_stylize_makes_at_its_strength(self):
        sheet, report = self.grid("--contents", self.wide, self.high, "--styles", self.first, "--alphas", "0,0.5,1")
        self.assertEqual([c["alpha"] for c in report["cells"]], [0, 0.5, 1] * 2)
        self.assertEqual(report["alpha"], {})
        for i, cell in enumerate(report["cells"]):
            with self.subTest(cell=i):
                one = self.stylized(cell["content"], self.first, "--alpha", cell["alpha"], "--content-size", CELL)
                self.assertEqual(self.cell(sheet, report, i), list(one.values))

    def test_larger_results_are_made_smaller_to_fit(self):
        sheet, report = self.grid("--contents", self.wide, "--styles", self.first, "--content-size", 2 * CELL)
        self.stylized(self.wide, self.first, "--content-size", 2 * CELL)
        vips("vips", "thumbnail", self.path("one.png"), self.path("small.png"), CELL, "--height", CELL)
        self.assertEqual(self.cell(sheet, report, 0), list(Pixels(self.path("small.png")).values))

    def test_results_that_are_smaller_stay_so(self):
        sheet, report = self.grid("--contents", self.wide, "--styles", self.first, "--content-size", 30)
        one = self.stylized(self.wide, self.first, "--content-size", 30)
        self.assertEqual(one.width, 30)
        self.assertEqual(self.cell(sheet, report, 0), list(one.values))

    def test_scale_of_styles_goes_by_the_size_that_is_stylized(self):
        sheet, report = self.grid("--contents", self.wide, "--styles", self.second, "--style-scale", 50)
        one = self.stylized(self.wide, self.second, "--content-size", CELL, "--style-size", CELL // 2)
        self.assertEqual(self.cell(sheet, report, 0), list(one.values))


class Layout(GridCase):
    def test_originals_stand_in_the_first_row_and_column_and_all_is_where_it_should_be(self):
        sheet, report = self.grid("--contents", self.wide, self.high, "--styles", self.first, self.second)
        # first.png is 48×48, second.png 48×36, wide.png 48×32, high.png 29×48 (28.8)
        self.assertEqual((sheet.width, sheet.height), (NAMES + 3 * CELL + 2 * GAP, NAMES + 48 + 32 + 48 + 2 * GAP))
        self.assertEqual((report["width"], report["height"]), (sheet.width, sheet.height))
        column, row = NAMES + CELL + GAP, NAMES + CELL + GAP
        for picture, left, top in ((self.first, column, NAMES), (self.second, column + CELL + GAP, NAMES + 6),
                                   (self.wide, NAMES, row), (self.high, NAMES + (48 - 29) // 2, row + 32 + GAP)):
            with self.subTest(picture=picture.name):
                alone = self.scaled(picture, CELL)
                self.assertEqual(self.part(sheet, left, top, alone.width, alone.height), list(alone.values))
        self.assertEqual([(c["left"], c["top"]) for c in report["cells"]],
                         [(column, row), (column + CELL + GAP, row), (column + 9, row + 32 + GAP),
                          (column + CELL + GAP + 9, row + 32 + GAP)])
        self.assertEqual(set(self.part(sheet, NAMES, NAMES, CELL, CELL)), {255})  # the corner

    def test_originals_stand_before_a_row_of_strengths_no_higher_than_it(self):
        sheet, report = self.grid("--contents", self.wide, "--styles", self.first, "--alphas", "0.5,1")
        self.assertEqual((sheet.width, sheet.height), (CELL + GAP + 32 + 2 * (GAP + CELL), NAMES + 32))
        alone = self.scaled(self.wide, CELL)
        self.assertEqual(self.part(sheet, 0, NAMES, CELL, 32), list(alone.values))
        self.assertEqual([c["left"] for c in report["cells"]], [CELL + GAP + 32 + GAP, 2 * CELL + 32 + 3 * GAP])

    def test_style_is_shown_as_it_is_framed(self):
        sheet, _ = self.grid("--contents", self.wide, "--styles", self.second, "--style-rotation", 90, "--no-names")
        turned = self.path("turned.png")
        vips("vips", "rot", self.second, turned, "d270")
        alone = self.scaled(turned, CELL)
        got = self.part(sheet, CELL + GAP + (CELL - alone.width) // 2, 0, alone.width, alone.height)
        # two steps: libvips scales first one direction, then the other, so what is turned is rounded otherwise
        self.assert_close(got, list(alone.values), 2)

    def test_names_are_drawn_beside_rows_and_above_columns(self):
        sheet, _ = self.grid("--contents", self.wide, self.high, "--styles", self.first, self.second)
        column, row = NAMES + CELL + GAP, NAMES + CELL + GAP
        for left, top, width, height in ((column, 0, CELL, NAMES), (column + CELL + GAP, 0, CELL, NAMES),
                                         (0, row, NAMES, 32), (0, row + 32 + GAP, NAMES, 48)):
            values = self.part(sheet, left, top, width, height)
            self.assertLess(min(values), 100)  # ink
            self.assertGreater(sum(values) / len(values), 190)  # on white
        self.assertEqual(set(self.part(sheet, 0, 0, column - GAP, NAMES)), {255})

    def test_sheet_without_names_is_the_same_but_for_their_strips(self):
        call = ("--contents", self.wide, "--styles", self.first)
        named, bare = self.grid(*call)[0], self.grid(*call, "--no-names")[0]
        self.assertEqual((bare.width, bare.height), (named.width - NAMES, named.height - NAMES))
        self.assertEqual(self.part(named, NAMES, NAMES, bare.width, bare.height), list(bare.values))

    def test_names_too_long_or_not_utf8_or_with_markup_are_drawn(self):
        for name in ("x" * 200, "<b>&", "\udcff\udcfe", ".png"):
            with self.subTest(name=name):
                path = write_png(self.path(f"{name}.png"), 40, 40, 3, noise(40 * 40 * 3, 256))
                self.grid("--contents", path, "--styles", path)


class Lists(GridCase):
    def test_folder_stands_for_its_pictures_by_name(self):
        folder = self.path("paintings")
        folder.mkdir()
        for name in ("b.png", "a.PNG", ".hidden.png"):
            (folder / name).write_bytes(self.first.read_bytes())
        (folder / "notes.txt").write_text("no picture")
        _, report = self.grid("--contents", self.wide, "--styles", folder, self.second)
        self.assertEqual([c["style"] for c in report["cells"]],
                         [f"{folder}/a.PNG", f"{folder}/b.png", str(self.second)])

    def test_options_may_come_again_and_between(self):
        _, report = self.grid("--styles", self.first, "--alpha", 1, "--contents", self.wide, self.high, "--styles",
                              self.second)
        self.assertEqual(len(report["cells"]), 4)

    def test_file_whose_name_begins_with_a_dash_follows_two_dashes(self):
        write_png(self.path("-a.png"), 20, 20, 3, noise(1200, 256))
        result = run("grid", "--contents", self.wide, "-o", self.out, "--model", self.model, "--cell", 32, "--styles",
                     self.first, "--", "-a.png", "--json", cwd=self.folder)
        self.assert_refused(result, 1, "--json")  # a file's name too, behind two dashes
        result = run("grid", "--contents", self.wide, "-o", self.out, "--model", self.model, "--cell", 32, "--styles",
                     self.first, "--", "-a.png", cwd=self.folder)
        self.assert_done(result)


class Memory(GridCase):
    @unittest.skipIf(os.environ.get("WCT_SANITIZE", "none") != "none", "sanitizers take memory of their own")
    def test_peak_is_foreseen_within_a_quarter_and_no_limit_changes_a_byte(self):
        call = ("--contents", self.wide, self.high, "--styles", self.first, self.second, "--content-size", 900)
        _, report = self.grid(*call)
        ratio = report["estimated_memory_bytes"] / report["peak_memory_bytes"]
        self.assertTrue(0.75 <= ratio <= 1.25, f"estimate / peak is {ratio:.2f}")
        self.assertFalse(report["temporary_files"])
        sheet = self.out.read_bytes()
        for size in range(report["estimated_memory_bytes"], report["estimated_memory_bytes"] // 2, -(1 << 22)):
            result = run("grid", *call, "--cell", CELL, "--model", self.model, "-o", self.out, "--force", "--json",
                         "--memory", size)
            self.assert_done(result)
            self.assertEqual(self.out.read_bytes(), sheet)
            if json.loads(result.out)["temporary_files"]:
                return
        self.fail("no size")


class Refused(GridCase):
    def refuse(self, status, arguments, *words, **more):
        before = self.names()
        result = run("grid", "--model", self.model, *arguments, **more)
        self.assert_refused(result, status, *words)
        self.assertEqual(self.names(), before)

    def test_command_line_that_cannot_be_understood(self):
        both, out = ("--contents", self.wide, "--styles", self.first), ("-o", self.out)
        for arguments, word in (((*both,), "-o OUT"), (("--styles", self.first, *out), "--contents"),
                                (("--contents", self.wide, *out), "--styles"),
                                ((self.wide, *both, *out), "wide.png' belongs to no option"),
                                ((*both, *out, self.wide), "wide.png' belongs to no option"),
                                ((*both, *out, "--alphas", "0.5,"), "0.2,0.4"),
                                ((*both, *out, "--alphas", "0.5,2"), "0.5,2"),
                                ((*both, *out, "--alphas", "1", "--alpha", "1"), "do not go together"),
                                ((*both, *out, "--cell", "15"), "--cell"),
                                ((*both, *out, "--contents"), "--contents needs a value"),
                                (("--contents", *[self.wide] * 65, "--styles", self.first, *out), "64 files"),
                                ((*both, *out, "--masks", self.wide), "--masks"),
                                ((*both, *out, "--style-weights", "1"), "--style-weights")):
            with self.subTest(word=word):
                self.refuse(2, arguments, word)

    def test_picture_that_cannot_be_read_is_named_before_anything_is_computed(self):
        text = self.path("text.png")
        text.write_text("no picture")
        cut = self.path("cut.png")
        cut.write_bytes(self.second.read_bytes()[:-2000])
        for bad, word in ((self.path("none.png"), "none.png"), (text, "text.png"), (cut, "cut.png")):
            for contents, styles in (((self.wide, bad), (self.first,)), ((self.wide,), (self.first, bad))):
                with self.subTest(bad=bad.name, contents=bad in contents):
                    # the model would be looked for later
                    self.refuse(1, ("--contents", *contents, "--styles", *styles, "-o", self.out, "--model",
                                    self.path("no.safetensors")), word)

    def test_folder_without_pictures_is_named(self):
        self.path("empty").mkdir()
        self.refuse(1, ("--contents", self.path("empty"), "--styles", self.first, "-o", self.out), "empty", "--contents")

    def test_folder_with_more_pictures_than_a_sheet_has_is_refused(self):
        self.path("many").mkdir()
        for i in range(65):
            self.path(f"many/{i}.png").touch()
        self.refuse(1, ("--contents", self.wide, "--styles", self.path("many"), "-o", self.out), "--styles", "64")

    def test_too_little_memory_is_one_sentence(self):
        self.refuse(1, ("--contents", self.wide, self.high, "--styles", self.first, "-o", self.out, "--memory", "1k"),
                    "wide.png", "--memory", "--content-size")

    def test_sheet_that_the_format_cannot_hold_is_refused(self):
        self.refuse(1, ("--contents", self.wide, "--styles", *[self.first] * 17, "--cell", 960, "-o",
                        self.path("out.webp")), "WebP", "16383")

    def test_file_that_is_there_is_kept(self):
        self.out.write_text("mine")
        self.refuse(1, ("--contents", self.wide, "--styles", self.first, "-o", self.out), "--force")
        self.assertEqual(self.out.read_text(), "mine")


class Progress(GridCase):
    def test_one_bar_counts_over_all_cells(self):
        terminal = Terminal("grid", "--contents", self.wide, self.high, "--styles", self.first, self.second, "-o",
                            self.out, "--model", self.model)
        self.assertEqual(terminal.end(), 0)
        shown = [int(p) for p in re.findall(r"stylize, \d+\.\d GB +\[[#.]+\] +(\d+) %", terminal.seen)]
        self.assertEqual((shown, shown[0], shown[-1]), (sorted(shown), 0, 100))
        self.assertGreater(len(shown), 8)  # four cells, each more than once
        self.assertRegex(terminal.seen, r"\r {40,}\r\Z")


if __name__ == "__main__":
    wct_test.main()
