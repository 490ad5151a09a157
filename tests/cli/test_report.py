#!/usr/bin/env python3
"""What a run says: JSON, progress, and the same picture for the same call."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import unittest

import wct_test
from wct_test import PROGRAM, Pixels, Terminal, environment, noise, run, smooth, write_png

NUMBER = (int, float)


class Json(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.source = write_png(self.path("a.png"), 70, 50, 3, noise(70 * 50 * 3, 256))

    def report(self, *arguments):
        result = run(*arguments, "-o", self.path("out.png"), "--model", self.model, "--json", "--force")
        self.assert_done(result)
        self.assertEqual(result.out.count("\n"), 1)
        return json.loads(result.out)

    def check_common(self, report):
        self.assertEqual(list(report["seconds"]), ["load", "style", "stylize", "save"])
        for stage, seconds in report["seconds"].items():
            self.assertIsInstance(seconds, NUMBER, stage)
            self.assertGreaterEqual(seconds, 0, stage)
        self.assertGreater(report["peak_memory_bytes"], 1 << 20)
        self.assertGreaterEqual(report["threads"], 1)
        self.assertIsInstance(report["backend_detail"], str)
        self.assertEqual(report["model"], str(self.model))
        self.assertEqual(report["output"], str(self.path("out.png")))
        got = Pixels(self.path("out.png"))
        self.assertEqual((report["width"], report["height"]), (got.width, got.height))

    def test_stylize_reports_levels_alpha_and_size(self):
        report = self.report("stylize", self.source, self.source, "--threads", 2, "--backend", "reference")
        self.check_common(report)
        self.assertEqual((report["levels"], report["backend"]), ([5, 4, 3, 2, 1], "reference"))
        self.assertLessEqual(report["threads"], 2)  # the reference knows only one
        self.assertEqual(report["alpha"], {str(level): 0.6 for level in range(1, 6)})
        self.assertGreater(report["estimated_memory_bytes"], 1 << 20)
        self.assertEqual((report["passes"], "seed" in report), (1, False))

    def test_alpha_for_levels_runs_these_only(self):
        report = self.report("stylize", self.source, self.source, "--alpha", "4=0.25,2=1")
        self.assertEqual((report["levels"], report["alpha"]), ([4, 2], {"4": 0.25, "2": 1.0}))

    def test_alpha_for_all_is_of_every_level(self):
        report = self.report("stylize", self.source, self.source, "--alpha", "0.3", "--content-size", 35)
        self.assertEqual((report["alpha"], report["width"]), ({str(level): 0.3 for level in range(1, 6)}, 35))

    def test_texture_reports_its_seed_and_defaults(self):
        report = self.report("texture", self.source, "--size", "33x21", "--seed", 7)
        self.check_common(report)
        self.assertEqual((report["seed"], report["passes"], report["width"], report["height"]), (7, 3, 33, 21))
        self.assertEqual(set(report["alpha"].values()), {1.0})

    def test_texture_from_a_picture_of_noise_has_its_size_and_no_seed(self):
        report = self.report("texture", self.source, "--noise", self.source)
        self.assertEqual((report["width"], report["height"], "seed" in report), (70, 50, False))

    def test_reconstruct_reports_its_level(self):
        report = self.report("reconstruct", self.source, "--level", 3)
        self.check_common(report)
        self.assertEqual((report["levels"], report["alpha"]), ([3], {}))

    @unittest.skipIf(os.environ.get("WCT_SANITIZE", "none") != "none", "sanitizers take memory of their own")
    def test_peak_memory_is_foreseen_within_a_quarter(self):
        jobs = [("texture", self.source, "--size", f"{side}x{side}", "--passes", 1) for side in (64, 300, 900)]
        jobs += [("reconstruct", self.source, "--content-size", 900, "--level", level) for level in (1, 5)]
        for job in jobs:
            report = self.report(*job, "--force")
            ratio = report["estimated_memory_bytes"] / report["peak_memory_bytes"]
            self.assertTrue(0.75 <= ratio <= 1.25, f"{job[0]} {report['width']}: estimate / peak is {ratio:.2f}")

    def test_nothing_is_printed_without_json(self):
        self.assert_done(run("texture", self.source, "--size", "9x9", "-o", self.path("b.png"), "--model", self.model))

    def test_standard_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, "model", str(self.model), "--json"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=environment())
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Awct: standard output[^\n]*\n\Z")


class Model(wct_test.Case):
    def test_model_is_described_in_json(self):
        path = wct_test.tiny_model()
        described = json.loads(run("model", path, "--json").out)
        data = pathlib.Path(path).read_bytes()
        self.assertEqual((described["sha256"], described["bytes"]), (hashlib.sha256(data).hexdigest(), len(data)))
        self.assertEqual([row["level"] for row in described["levels"]], [5, 4, 3, 2, 1])
        self.assertTrue(all(row["stylizes"] and row["channels"] > 0 for row in described["levels"]))
        self.assertEqual(described["metadata"]["format"], "wct")

    def test_model_counts_its_parameters(self):
        described = json.loads(run("model", self.identity, "--json").out)
        row = described["levels"][0]
        self.assertEqual((described["parameters"], row["encoder_parameters"], row["decoder_parameters"]), (168, 84, 84))

    def test_long_texts_are_cut_between_characters(self):
        text = "x" + "ä" * 500
        path = wct_test.write_identity_model(self.path("long.safetensors"), training=text)
        line = next(line for line in run("model", path).out.splitlines() if line.startswith("  training: "))
        self.assertRegex(line, r"^  training: xä{119} \.\.\. \(--json shows all\)$")
        self.assertEqual(json.loads(run("model", path, "--json").out)["metadata"]["training"], text)

    def test_model_is_described_in_words(self):
        result = run("model", self.identity)
        self.assert_done(result)
        digest = hashlib.sha256(self.identity.read_bytes()).hexdigest()
        for word in ("identity.safetensors", "relu1_1", "vgg19", digest):
            self.assertIn(word, result.out)

    def test_model_without_a_name_is_the_one_that_would_be_used(self):
        result = run("model", env=environment(WCT_MODEL=str(self.identity)))
        self.assert_done(result)
        self.assertIn(str(self.identity), result.out)


class Doctor(wct_test.Case):
    def test_doctor_exits_0_where_a_job_could_run(self):
        result = run("doctor", env=environment(WCT_MODEL=str(wct_test.tiny_model())))
        self.assert_done(result)
        for word in ("wct 0.", "cuda", "reference", "Threads", str(wct_test.tiny_model()), "libvips", "PNG", "GIMP"):
            self.assertIn(word, result.out)
        self.assertTrue(result.out.endswith("wct can stylize here.\n"))

    def test_doctor_exits_1_and_says_what_to_do_where_no_model_can_be_used(self):
        self.path("bad.safetensors").write_text("no model")
        for model in (self.path("none.safetensors"), self.path("bad.safetensors")):
            with self.subTest(model=model.name):
                result = run("doctor", env=environment(WCT_MODEL=str(model)))
                self.assertEqual(result.status, 1)
                self.assertIn("used: none", result.out)
                self.assertRegex(result.err, r"\Awct: [^\n]*" + model.name + r"[^\n]*\n\Z")

    def test_doctor_lists_the_models_of_each_folder(self):
        folder = self.path("wct/models")
        folder.mkdir(parents=True)
        wct_test.write_identity_model(folder / "mine.safetensors")
        result = run("doctor", env=environment(XDG_DATA_HOME=str(self.folder)))
        self.assertRegex(result.out, re.escape(str(folder)) + r":[^\n]*\n +mine\.safetensors\n")

    def test_doctor_finds_the_plug_in(self):
        folder = self.path("GIMP/2.10/plug-ins")
        folder.mkdir(parents=True)
        env = environment(XDG_CONFIG_HOME=str(self.folder), WCT_MODEL=str(self.identity))
        self.assertIn(f"{folder}: the WCT plug-in is not installed", run("doctor", env=env).out)
        (folder / "gimp-wct").mkdir()
        self.assertIn(f"{folder}: the WCT plug-in is installed", run("doctor", env=env).out)


class Progress(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.source = write_png(self.path("a.png"), 64, 64, 3, noise(64 * 64 * 3, 256))
        self.call = ("stylize", self.source, self.source, "--model", self.identity, "-o", self.path("b.png"))

    def test_bar_on_a_terminal_counts_up_and_goes_away(self):
        terminal = Terminal(*self.call)
        self.assertEqual(terminal.end(), 0)
        shown = [int(p) for p in re.findall(r"stylize, \d+\.\d GB +\[[#.]+\] +(\d+) %", terminal.seen)]
        self.assertEqual((shown, shown[0], shown[-1]), (sorted(shown), 0, 100))
        self.assertRegex(terminal.seen, r"\r {40,}\r\Z")

    def test_quiet_shows_no_bar(self):
        terminal = Terminal(*self.call, "--quiet")
        self.assertEqual((terminal.end(), terminal.seen), (0, ""))

    def test_nothing_is_shown_in_a_pipe(self):
        self.assert_done(run(*self.call))


class Equal(wct_test.Case):
    """The same call gives the same picture. Level 1 of the identity model whitens and colors the pixels themselves."""

    def setUp(self):
        super().setUp()
        self.source = write_png(self.path("a.png"), 70, 50, 3, noise(70 * 50 * 3, 256))
        self.other = write_png(self.path("c.png"), 40, 40, 3, smooth(40, 40, 255))

    def texture(self, name, model, *more):
        self.assert_done(run("texture", self.other, "--size", "70x41", "-o", self.path(name), "--model", model, *more))
        return self.path(name).read_bytes()

    def stylized(self, name, *more):
        self.assert_done(run("stylize", self.source, self.source, self.other, "--model", self.identity, "--alpha", 1,
                             "-o", self.path(name), *more))
        return Pixels(self.path(name)).color()

    def test_same_seed_gives_the_same_bytes_and_another_seed_others(self):
        first = self.texture("1.png", self.identity, "--seed", 3)
        self.assertEqual(first, self.texture("2.png", self.identity, "--seed", 3))
        self.assertNotEqual(first, self.texture("3.png", self.identity, "--seed", 4))
        self.assertGreater(len(set(Pixels(self.path("1.png")).values)), 50)  # a picture at all

    def test_number_of_threads_changes_nothing(self):
        for model in (self.identity, wct_test.tiny_model()):
            for backend in ("auto", "reference"):
                with self.subTest(backend=backend, model=str(model)):
                    one = self.texture("1.png", model, "--threads", 1, "--backend", backend, "--force")
                    self.assertEqual(one, self.texture("3.png", model, "--threads", 3, "--backend", backend, "--force"))

    def test_weights_need_not_add_up_to_1(self):
        self.assertEqual(self.stylized("1.png", "--style-weights", "1,3"),
                         self.stylized("2.png", "--style-weights", "0.25,0.75"))

    def test_weights_decide_between_the_styles(self):
        first, second, both = (self.stylized(f"{w}.png", "--style-weights", w) for w in ("1,0", "0,1", "1,1"))
        self.assertNotEqual(first, second)
        # the blend of two affine maps with equal weights is the mean, where nothing is clipped
        inside = [(a + b) / 2 - c for a, b, c in zip(first, second, both) if all(0 < v < 255 for v in (a, b, c))]
        self.assertGreater(len(inside), len(both) // 2)
        self.assertLess(max(map(abs, inside)), 1.01)

    def test_content_stays_where_no_mask_is_and_changes_where_one_is(self):
        half = write_png(self.path("m.png"), 2, 1, 1, [0, 255])  # stretched: the right half
        none = write_png(self.path("n.png"), 1, 1, 1, [0])
        got, before = self.stylized("1.png", "--masks", f"{none},{half}", "--hard-masks"), noise(70 * 50 * 3, 256)
        changed = [i // 3 % 70 for i, (a, b) in enumerate(zip(got, before)) if a != b]
        self.assertEqual((min(changed), max(changed)), (35, 69))


if __name__ == "__main__":
    wct_test.main()
