#!/usr/bin/env python3
"""wct-train eval --pairs and --textures: what is measured, printed and drawn. (test_peer.py has the numbers.)"""
import json
import xml.etree.ElementTree

import train_test
import wct_test
from wct_test import noise, write_png

TILE, GAP, NAMES = 200, 6, 26  # of a contact sheet, px


class Compare(train_test.Case):
    def setUp(self):
        """Two more pictures than photos/ has are the styles, one of them narrow."""
        super().setUp()
        self.styles = self.path("styles")
        self.styles.mkdir()
        write_png(self.styles / "a.png", 48, 20, 3, noise(48 * 20 * 3, 256, seed=50))
        write_png(self.styles / "b.png", 24, 24, 3, noise(24 * 24 * 3, 200, seed=51))

    def compare(self, *arguments, models=None):
        done = self.train("eval", *(models or [self.model]), "--styles", self.styles, "--judge", self.model, *arguments)
        self.assertEqual((done.status, done.err), (0, ""))
        return done.out

    def rows(self, *arguments, **more):
        return json.loads(self.compare(*arguments, "--json", **more))

    def test_three_settings_are_measured(self):
        rows = self.rows("--data", self.photos, "--pairs", 3)
        self.assertEqual([(row["setting"], row["alpha"], row["pairs"]) for row in rows],
                         [("five levels", 0.6, 3), ("relu4_1", 0.8, 3), ("five levels", 1, 3)])
        for row in rows:
            for i, kind in enumerate(("style", "content")):
                self.assertAlmostEqual(row[kind], sum(each[i] for each in row["each"]) / 3, places=7)
                self.assertGreater(row[kind], 0)

    def test_results_can_be_those_of_optimal_transport(self):
        plain, moved = (self.rows("--data", self.photos, "--pairs", 1, *more) for more in ([], ["--transport"]))
        for a, b in zip(plain, moved):
            self.assertNotEqual((a["style"], a["content"]), (b["style"], b["content"]))

    def test_threads_do_not_change_a_digit(self):
        arguments = ["--data", self.photos, "--pairs", 3, "--json", "--threads"]
        self.assertEqual(self.compare(*arguments, 1), self.compare(*arguments, 3))

    def test_equal_models_are_equally_good(self):
        text = self.compare("--data", self.photos, "--pairs", 2, models=[self.model, self.model])
        self.assertIn("tiny / tiny: 1.000 1.000 1.000 1.000 1.000 1.000  mean 1.000  largest 1.000", text)

    def test_a_picture_that_cannot_be_read_takes_its_pair_along(self):
        (self.styles / "a.png").write_bytes(b"no picture")
        done = self.train("eval", self.model, "--data", self.photos, "--styles", self.styles, "--judge", self.model, "--pairs", 2)
        self.assertEqual(done.status, 0)
        self.assertRegex(done.err, r"\Awct-train: left out: [^\n]*a\.png[^\n]+\n\Z")
        self.assertIn("n=1\n", done.out)
        (self.styles / "b.png").write_bytes(b"nor this")
        done = self.train("eval", self.model, "--data", self.photos, "--styles", self.styles, "--judge", self.model, "--pairs", 2)
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("none of the 2 pairs", done.err.splitlines()[-1])

    def test_a_shard_is_measured_as_its_folder(self):
        self.assertEqual(self.train("pack", self.photos, "-o", self.path("a.shard")).status, 0)
        self.assertEqual(self.rows("--data", self.path("a.shard"), "--pairs", 2), self.rows("--data", self.photos, "--pairs", 2))

    def test_textures_are_of_the_styles_and_of_no_content(self):
        text = self.compare("--textures", 2, models=[self.model, self.model])
        self.assertRegex(text, r"\Atiny (\d\.\d{4})  tiny \1  a\.png\ntiny (\d\.\d{4})  tiny \2  b\.png\n"
                               r"tiny: mean (\d\.\d{4}), at or below tiny's \3 on 2 of 2\n\Z")
        self.assertEqual({each[1] for row in self.rows("--textures", 2) for each in row["each"]}, {0})

    def test_a_contact_sheet_shows_every_picture_once(self):
        sheet = self.path("sheet.png")
        self.compare("--data", self.photos, "--pairs", 2, "--sheet", sheet, models=[self.model, self.model])
        pixels = wct_test.Pixels(sheet)
        self.assertEqual((pixels.width, pixels.height), (8 * TILE + 7 * GAP, NAMES + 2 * TILE + GAP))
        self.compare("--textures", 1, "--sheet", sheet, "--force")
        self.assertEqual(wct_test.Pixels(sheet).width, 2 * TILE + GAP)

    def test_curves_have_a_dot_for_each_strength_of_each_model(self):
        plot = self.path("curves.svg")
        text = self.compare("--data", self.photos, "--pairs", 1, "--pareto", plot, models=[self.model, self.model])
        self.assertIn("tiny, five levels: below and left of 5 of 5 points of tiny", text)
        root = xml.etree.ElementTree.parse(plot).getroot()
        circles = [element for element in root.iter() if element.tag.endswith("circle")]
        self.assertEqual(len(circles), 2 * 2 * 5)
        rows = self.rows("--data", self.photos, "--pairs", 1, "--pareto", self.path("curves.png"))
        self.assertEqual([row["alpha"] for row in rows], 2 * [0.2, 0.4, 0.6, 0.8, 1])
        self.assertGreater(wct_test.Pixels(self.path("curves.png")).width, 300)

    def test_a_model_without_the_deeper_levels_is_measured_with_those_it_has(self):
        self.make_run("shallow", "--steps", 1, level="1,4")
        model = self.path("shallow.safetensors")
        self.assertEqual(self.train("export", self.path("shallow"), "-o", model).status, 0)
        self.assertEqual(len(self.rows("--data", self.photos, "--pairs", 1, models=[model])), 3)
        self.make_run("none", "--steps", 1, level="1")
        self.assertEqual(self.train("export", self.path("none"), "-o", model, "--force").status, 0)
        done = self.train("eval", model, "--data", self.photos, "--pairs", 1, "--styles", self.styles, "--judge", self.model)
        self.assert_refused(done, 1, "shallow.safetensors", "relu4_1")

    def test_a_judge_looks_at_five_levels(self):
        metadata, tensors = train_test.read_tensors(self.model)
        shallow = self.path("shallow.safetensors")
        train_test.write_tensors(shallow, metadata, {name: tensor for name, tensor in tensors.items()
                                                          if not any(part in name for part in ("4_2", "4_3", "4_4", "5"))})
        done = self.train("eval", self.model, "--data", self.photos, "--pairs", 1, "--styles", self.styles, "--judge", shallow)
        self.assert_refused(done, 1, "--judge", "relu5_1")


if __name__ == "__main__":
    wct_test.main()
