#!/usr/bin/env python3
"""wct stylize --frames: a sequence is mapped as one of its frames is, and does not flicker."""
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import unittest

import wct_test
from wct_test import PROGRAM, SOURCE, Pixels, environment, noise, run, smooth, write_png

COMPACT = SOURCE / "weights" / "wct-compact.safetensors"


class Frames(wct_test.Case):
    """Five frames of noise, a folder that is none of theirs, a style."""

    NAMES = [f"frame_{i:02}.png" for i in range(1, 6)]

    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.path("in/other").mkdir(parents=True)
        for i, name in enumerate(self.NAMES):
            write_png(self.path("in") / name, 48, 40, 3, noise(48 * 40 * 3, 128 + 30 * i, i + 1))
        write_png(self.path("in/other/x.png"), 10, 10, 3, noise(300, 256))
        self.path("in/sound.txt").write_text("la la la")
        self.style = write_png(self.path("style.png"), 32, 32, 3, smooth(32, 32, 256))

    def arguments(self, *more, out="out"):
        return ["stylize", "--frames", self.path("in"), self.style, "-o", self.path(out), "--model", self.model, *more]

    def stylize(self, *more, out="out"):
        return run(*self.arguments(*more, out=out))

    def files(self, out="out"):
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in self.path(out).iterdir()}

    def single(self, name):
        self.assert_done(run("stylize", self.path("in") / name, self.style, "-o", self.path("one.png"), "--force",
                             "--model", self.model))
        return hashlib.sha256(self.path("one.png").read_bytes()).hexdigest()


class Results(Frames):
    def test_frames_right_in_the_folder_are_stylized_under_their_names(self):
        self.assert_done(self.stylize())
        self.assertEqual(sorted(self.files()), self.NAMES)

    def test_each_frame_by_itself_is_what_stylize_makes_of_it(self):
        self.assert_done(self.stylize("--frames-from", 0))
        self.assertEqual(self.files(), {name: self.single(name) for name in self.NAMES})

    def test_frame_that_the_statistics_are_of_is_what_stylize_makes_of_it_and_others_are_not(self):
        for number in (1, 3):
            with self.subTest(number=number):
                self.assert_done(self.stylize("--frames-from", number, out=str(number)))
                same = [name for name, digest in self.files(str(number)).items() if digest == self.single(name)]
                self.assertEqual(same, [self.NAMES[number - 1]])

    def test_bits_do_not_depend_on_threads(self):
        for threads in (1, 2, 3):
            self.assert_done(self.stylize("--threads", threads, out=str(threads)))
        self.assertEqual(self.files("1"), self.files("2"))
        self.assertEqual(self.files("1"), self.files("3"))

    def test_summary_counts_frames_made_now_and_before(self):
        first, again = (json.loads(self.stylize("--json").out) for _ in range(2))
        self.assertEqual([(r["frames"], r["before"]) for r in (first, again)], [(5, 0), (5, 5)])


class Resuming(Frames):
    def test_results_that_are_there_stay_and_missing_ones_get_the_same_bits(self):
        self.assert_done(self.stylize(out="whole"))
        self.assert_done(self.stylize())
        for name in self.NAMES[:2]:
            self.path("out").joinpath(name).unlink()
        self.path("out").joinpath(self.NAMES[4]).write_text("mine")
        self.path("out/.frame_01.png.wct-a1B2c3").write_text("left by a killed run")
        self.assert_done(self.stylize())
        self.assertEqual(self.path("out").joinpath(self.NAMES[4]).read_text(), "mine")
        self.assert_done(self.stylize("--force"))
        self.assertEqual(self.files(), self.files("whole"))

    def test_killed_run_goes_on_to_the_same_bits(self):
        self.assert_done(self.stylize(out="whole"))
        for count in range(1, 5):
            process = subprocess.Popen([PROGRAM, *map(str, self.arguments())], stdin=subprocess.DEVNULL, env=environment())
            while process.poll() is None:
                if self.path("out").is_dir() and len(os.listdir(self.path("out"))) >= count:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        self.assert_done(self.stylize())
        self.assertEqual(self.files(), self.files("whole"))


class Refusals(Frames):
    def test_what_cannot_be_a_sequence_gets_one_sentence(self):
        mask = write_png(self.path("mask.png"), 8, 8, 1, noise(64, 256))
        self.path("empty").mkdir()
        for more, status, word in ((("--masks", mask), 2, "--frames and --masks"), (("--frames-from", 6), 1, "5 frames"),
                                   (("--frames-from", -1), 2, "--frames-from")):
            with self.subTest(more=more):
                self.assert_refused(self.stylize(*more), status, word)
                self.assertFalse(self.path("out").exists())
        self.assert_refused(self.stylize(out="in"), 1, "is the folder of the frames")
        self.assert_refused(run("stylize", "--frames", self.path("empty"), self.style, "-o", self.path("out")), 1,
                            "no picture")
        self.assert_refused(run("stylize", self.path("in"), self.style, "-o", self.path("x.png"), "--frames-from", 2), 2,
                            "needs --frames")

    def test_frame_of_another_size_is_named_and_those_before_it_are_kept(self):
        write_png(self.path("in") / self.NAMES[3], 40, 48, 3, noise(48 * 40 * 3, 256))
        self.assert_refused(self.stylize(), 1, self.NAMES[3], "40×48", self.NAMES[0], "48×40")
        self.assertEqual(sorted(self.files()), self.NAMES[:3])

    def test_second_run_at_the_same_time_is_refused(self):
        self.path("out").mkdir()
        folder = os.open(self.path("out"), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)  # as a run that works holds it
        self.assert_refused(self.stylize(), 1, "another run")
        os.close(folder)
        self.assert_done(self.stylize())


@unittest.skipUnless(COMPACT.exists(), f"no {COMPACT}")
class Flicker(wct_test.Case):
    """A disc comes into a landscape that stands still. Far from it nothing happens in the frames; statistics of a whole
    frame change, though."""

    WIDTH, HEIGHT, COUNT = 320, 64, 4
    STILL_FROM = 240  # pixels; the disc ends 150 pixels before, further than what it does to features shows

    def write_frames(self):
        scene = self.path("scene.png")
        wct_test.vips("vips", "thumbnail", SOURCE / "data/samples/lake.jpg", scene, self.WIDTH, "--height", self.HEIGHT,
                      "--size", "force")
        values = list(Pixels(scene).values)
        self.path("in").mkdir()
        for t in range(self.COUNT):
            frame = list(values)
            for y in range(self.HEIGHT):
                for x in range(90):
                    if (x - 20 * t) ** 2 + (y - 32) ** 2 < 28 ** 2:
                        at = 3 * (y * self.WIDTH + x)
                        frame[at:at + 3] = (240, 215, 60)
            write_png(self.path("in") / f"{t}.png", self.WIDTH, self.HEIGHT, 3, frame)

    def flicker(self, out, *more):
        """The mean absolute difference of successive results where nothing happens, in gray levels."""
        self.assert_done(run("stylize", "--frames", self.path("in"), SOURCE / "data/samples/style-swirls.jpg", "-o",
                             self.path(out), "--model", COMPACT, "--style-size", 128, *more))
        results, total, count = [Pixels(self.path(out) / f"{t}.png").values for t in range(self.COUNT)], 0, 0
        for before, after in zip(results, results[1:]):
            for y in range(self.HEIGHT):
                row = slice(3 * (y * self.WIDTH + self.STILL_FROM), 3 * (y + 1) * self.WIDTH)
                total += sum(abs(a - b) for a, b in zip(before[row], after[row]))
                count += 3 * (self.WIDTH - self.STILL_FROM)
        return total / count

    def test_what_stands_still_flickers_less_when_frozen(self):
        self.write_frames()
        frozen, each = self.flicker("frozen"), self.flicker("each", "--frames-from", 0)
        print(f"flicker in gray levels: frozen {frozen:.3f}, each frame by itself {each:.3f}")
        self.assertGreater(each, 1)  # or the scene shows nothing
        self.assertLess(frozen, each / 4)


if __name__ == "__main__":
    wct_test.main()
