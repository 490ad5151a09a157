#!/usr/bin/env python3
"""--memory changes no byte of the result: what does not fit goes to temporary files, and of these nothing is left."""
import json
import os
import signal
import tempfile

import wct_test
from wct_test import SHARED, Terminal, environment, noise, run, write_png, write_tiff

W, H = 640, 480
ODD = SHARED / "data" / "odd"
STEP = 1 << 19  # finer than a picture of this size (3.7 MB). Two runs may differ by more: the kernel counts pages late


class MemoryCase(wct_test.Case):
    """With a folder of its own for temporary files."""

    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        shelf = tempfile.TemporaryDirectory()
        self.addCleanup(shelf.cleanup)
        self.temporary = shelf.name
        self.style = write_png(self.path("style.png"), 60, 50, 3, noise(60 * 50 * 3, 256, seed=7))

    def content(self, scale=1):
        width, height = W * scale, H * scale
        return write_png(self.path("a.png"), width, height, 3, noise(width * height * 3, 256))

    def run_here(self, *arguments, **changes):
        return run(*arguments, "--model", self.model, env=environment(**{"TMPDIR": self.temporary, **changes}))

    def report(self, *arguments):
        result = self.run_here(*arguments, "--json", "--force")
        self.assert_done(result)
        return json.loads(result.out)

    def memory_that_takes_files(self, *command):
        """A size below what the run takes, where it uses temporary files, and what it writes without and with them. What is
        in use when the job asks differs from run to run: one that is refused says nothing about the next."""
        plain, limited = (self.path(f"{name}.{command[-1]}") for name in ("plain", "limited"))
        report = self.report(*command[:-1], "-o", plain)
        self.assertFalse(report["temporary_files"])
        for size in range(report["estimated_memory_bytes"], report["estimated_memory_bytes"] // 2, -STEP):
            result = self.run_here(*command[:-1], "-o", limited, "--memory", size, "--json", "--force")
            if result.status == 0 and json.loads(result.out)["temporary_files"]:
                return size - STEP, plain, limited  # well inside
        self.fail("no size")

    def assert_same_in_files(self, *command):
        """@command: arguments, then the extension of the result."""
        before = self.names()
        _, plain, limited = self.memory_that_takes_files(*command)
        self.assertEqual(plain.read_bytes(), limited.read_bytes())
        self.assertEqual(os.listdir(self.temporary), [])
        os.remove(plain)
        os.remove(limited)
        self.assertEqual(self.names(), before)


class Same(MemoryCase):
    def test_picture_has_the_same_bytes(self):
        self.assert_same_in_files("stylize", self.content(), self.style, "png")

    def test_picture_has_the_same_bytes_with_less_and_less_memory_until_it_is_refused(self):
        content = self.content()
        size, plain, limited = self.memory_that_takes_files("stylize", content, self.style, "png")
        runs = 0
        while True:
            size -= STEP
            result = self.run_here("stylize", content, self.style, "-o", limited, "--force", "--memory", size)
            if result.status != 0:
                break
            self.assertEqual(plain.read_bytes(), limited.read_bytes())
            runs += 1
        self.assertGreater(runs, 0)
        self.assert_refused(result, 1, "a.png", "--memory", "--content-size")

    def test_picture_has_the_same_bytes_with_masks_and_two_passes(self):
        left = write_png(self.path("left.png"), 2, 1, 1, [255, 0])
        right = write_png(self.path("right.png"), 2, 1, 1, [0, 255])
        self.assert_same_in_files("stylize", self.content(), self.style, self.path("style.png"), "--masks",
                                  f"{left},{right}", "--passes", 2, "jpg")

    def test_picture_has_the_same_bytes_with_the_style_swap_and_two_passes(self):
        self.assert_same_in_files("stylize", self.content(), self.style, "--swap", 0.5, "--passes", 2, "png")

    def test_picture_has_the_same_bytes_with_colors_that_are_kept(self):
        self.assert_same_in_files("stylize", self.content(), self.style, "--keep-colors", 80, "png")

    def test_picture_has_the_same_bytes_with_a_working_size_and_recolored_styles(self):
        self.assert_same_in_files("stylize", self.content(), self.style, "--working-size", 400, "--keep-colors", 20,
                                  "--recolor", 50, "--recolor-histogram", 50, "png")

    def test_texture_from_a_seed_has_the_same_bytes(self):
        self.assert_same_in_files("texture", self.style, "--size", f"{W}x{H}", "--seed", 5, "png")

    def test_seamless_texture_has_the_same_bytes(self):
        self.assert_same_in_files("texture", self.style, "--size", f"{W}x{H}", "--seamless", "png")

    def test_seamless_texture_that_is_resampled_and_guided_has_the_same_bytes(self):
        self.assert_same_in_files("texture", self.style, "--size", f"{W + 9}x{H - 5}", "--seamless", "--guide-picture",
                                  self.content(), "png")

    def test_texture_from_noise_in_a_file_has_the_same_bytes(self):
        self.assert_same_in_files("texture", self.style, "--noise", self.content(), "png")

    def test_alpha_of_every_depth_stays(self):
        values = noise(W * H * 4, 256)
        self.assert_same_in_files("stylize", write_png(self.path("a8.png"), W, H, 4, values), self.style, "png")
        values = noise(W * H * 4, 65536)
        self.assert_same_in_files("stylize", write_png(self.path("a16.png"), W, H, 4, values, 16), self.style, "tif")
        values = [v / 65535 for v in values]
        self.assert_same_in_files("stylize", write_tiff(self.path("a32.tif"), W, H, 4, values), self.style, "tiff")

    def test_content_that_is_turned_has_the_same_bytes(self):
        if not ODD.is_dir():
            self.skipTest(f"no {ODD}; set WCT_SHARED")
        for number in (3, 6):
            with self.subTest(orientation=number):
                self.assert_same_in_files("stylize", ODD / f"exif_orientation_{number}.jpg", self.style, "png")

    def test_content_that_is_scaled_has_the_same_bytes(self):
        content = write_png(self.path("a.png"), 720, 500, 4, noise(720 * 500 * 4, 256))
        for size in (640, 800):
            with self.subTest(size=size):
                self.assert_same_in_files("stylize", content, self.style, "--content-size", size, "png")


class Refused(MemoryCase):
    def assert_nothing_left(self, *names):
        self.assertEqual(self.names(), sorted([*names, "style.png"]))
        self.assertEqual(os.listdir(self.temporary), [])

    def test_too_little_memory_is_one_sentence_with_the_need(self):
        result = self.run_here("stylize", self.content(), self.style, "-o", self.path("b.png"), "--memory", "1k")
        self.assert_refused(result, 1, "a.png", f"{W}×{H}", "need at least 0.", "--memory", "--content-size")
        self.assert_nothing_left("a.png")
        result = self.run_here("texture", self.style, "-o", self.path("b.png"), "--size", f"{W}x{H}", "--memory", "1k")
        self.assert_refused(result, 1, f"{W}×{H}", "need at least 0.", "--memory", "--size")
        self.assert_nothing_left("a.png")

    def test_folder_for_temporary_files_that_is_not_there_is_one_sentence(self):
        content = self.content()
        size, _, _ = self.memory_that_takes_files("stylize", content, self.style, "png")
        os.remove(self.path("plain.png"))
        os.remove(self.path("limited.png"))
        result = self.run_here("stylize", content, self.style, "-o", self.path("b.png"), "--memory", size,
                               TMPDIR=f"{self.folder}/none")
        self.assert_refused(result, 1, "a.png", f"{self.folder}/none", "TMPDIR")
        self.assert_nothing_left("a.png")

    def test_folder_that_is_not_there_is_no_matter_where_no_temporary_files_are_needed(self):
        self.assert_done(self.run_here("stylize", self.content(), self.style, "-o", self.path("b.png"),
                                       TMPDIR=f"{self.folder}/none"))

    def test_transparent_pixel_in_the_last_row_is_refused_for_a_jpeg(self):
        values = [255] * (W * H * 4)
        values[-1] = 254
        source = write_png(self.path("a.png"), W, H, 4, values)
        result = self.run_here("stylize", source, self.style, "-o", self.path("b.jpg"))
        self.assert_refused(result, 1, "b.jpg", "transparent", ".png")
        self.assert_nothing_left("a.png")

    def test_content_that_is_cut_short_in_its_second_half_is_refused(self):
        whole = self.content().read_bytes()
        for share in (0.55, 0.8, 0.99):
            with self.subTest(share=share):
                self.path("a.png").write_bytes(whole[:int(len(whole) * share)])
                result = self.run_here("stylize", self.path("a.png"), self.style, "-o", self.path("b.png"))
                self.assert_refused(result, 1, "a.png", "cut short")
                self.assert_nothing_left("a.png")


class Ended(MemoryCase):
    """A run with temporary files that ends before its time."""

    def start(self):
        content = self.content(scale=2)
        size, plain, limited = self.memory_that_takes_files("stylize", content, self.style, "png")
        os.remove(plain)
        os.remove(limited)
        # more passes take some more memory, for their maps, but less than the files save
        terminal = Terminal("stylize", content, self.style, "-o", self.path("b.png"), "--model", self.model, "--passes",
                            100, "--memory", size, TMPDIR=self.temporary)
        terminal.wait_for("stylize")
        return terminal

    def files_of(self, terminal):
        """Files in the folder for temporary ones that the program has open."""
        links = f"/proc/{terminal.process.pid}/fd"
        if not os.path.isdir(links):
            self.skipTest(f"no {links}: what the program has open is not told here")
        return [name for name in (os.readlink(f"{links}/{number}") for number in os.listdir(links))
                if name.startswith(self.temporary)]

    def end_by(self, number):
        terminal = self.start()
        self.assertNotEqual(self.files_of(terminal), [])
        self.assertEqual(os.listdir(self.temporary), [])  # they have no names
        terminal.process.send_signal(number)
        status = terminal.end()
        self.assertEqual(os.listdir(self.temporary), [])
        return status

    def test_killed_run_leaves_no_temporary_file_and_no_output(self):
        self.assertEqual(self.end_by(signal.SIGKILL), -signal.SIGKILL)
        left = [name for name in self.names() if not name.startswith(".b.png.wct-")]
        self.assertEqual(left, ["a.png", "style.png"])

    def test_interrupted_run_leaves_nothing(self):
        self.assertEqual(self.end_by(signal.SIGINT), 1)
        self.assertEqual(self.names(), ["a.png", "style.png"])


if __name__ == "__main__":
    wct_test.main()
