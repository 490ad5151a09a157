#!/usr/bin/env python3
"""OUT appears whole or not at all, and nothing else is left in its folder."""
import os
import resource
import signal
import subprocess
import tempfile

import wct_test
from wct_test import Pixels, Terminal, noise, run, write_png

W, H = 40, 30


class Output(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.source = write_png(self.path("a.png"), W, H, 3, noise(W * H * 3, 256))

    def test_existing_file_stays_without_force(self):
        self.path("b.png").write_text("precious")
        self.assert_refused(self.copy(self.source, self.path("b.png")), 1, "--force")
        self.assertEqual(self.path("b.png").read_text(), "precious")
        self.assertEqual(self.names(), ["a.png", "b.png"])

    def test_existing_file_is_replaced_with_force_and_keeps_its_mode(self):
        self.path("b.png").write_text("old")
        os.chmod(self.path("b.png"), 0o640)
        self.assert_done(self.copy(self.source, self.path("b.png"), "--force"))
        self.assertEqual(Pixels(self.path("b.png")).color(), noise(W * H * 3, 256))
        self.assertEqual(os.stat(self.path("b.png")).st_mode & 0o777, 0o640)

    def test_new_file_has_the_mode_that_the_mask_allows(self):
        for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
            self.assert_done(run("reconstruct", self.source, "--level", 1, "--model", self.identity, "-o",
                                 self.path(f"{mode:o}.png"), before=lambda mask=mask: os.umask(mask)))
            self.assertEqual(os.stat(self.path(f"{mode:o}.png")).st_mode & 0o777, mode)

    def test_input_may_be_replaced_by_its_result(self):
        self.assert_done(self.copy(self.source, self.source, "--force", "--content-size", 20))
        self.assertEqual((Pixels(self.source).width, self.names()), (20, ["a.png"]))

    def test_failed_run_with_force_leaves_the_old_file(self):
        self.path("b.png").write_text("old")
        self.path("bad.png").write_bytes(self.source.read_bytes()[:-400])
        self.assert_refused(self.copy(self.path("bad.png"), self.path("b.png"), "--force"), 1, "bad.png")
        self.assertEqual(self.path("b.png").read_text(), "old")
        self.assertEqual(self.names(), ["a.png", "b.png", "bad.png"])

    def test_symbolic_link_stays_and_its_target_is_replaced(self):
        self.path("there").mkdir()
        self.path("there/b.png").write_text("old")
        self.path("link.png").symlink_to("there/b.png")
        self.assert_done(self.copy(self.source, self.path("link.png"), "--force"))
        self.assertTrue(self.path("link.png").is_symlink())
        self.assertEqual(Pixels(self.path("there/b.png")).width, W)

    def test_what_is_not_a_regular_file_is_left_alone_even_with_force(self):
        os.mkfifo(self.path("pipe.png"))
        self.path("folder.png").mkdir()
        self.path("nowhere.png").symlink_to("none/x.png")
        for name in ("pipe.png", "folder.png", "nowhere.png"):
            with self.subTest(name=name):
                self.assert_refused(self.copy(self.source, self.path(name), "--force"), 1, name)
        self.assertEqual(self.names(), ["a.png", "folder.png", "nowhere.png", "pipe.png"])

    def test_output_is_checked_before_anything_is_read(self):
        result = self.copy(self.path("none.png"), self.path("none/b.png"))
        self.assert_refused(result, 1, "none/b.png")

    def test_name_as_long_as_names_can_be_works(self):
        name = "x" * 251 + ".png"
        self.assert_done(self.copy(self.source, self.path(name)))
        self.assertEqual(self.names(), ["a.png", name])

    def test_output_without_a_folder_goes_to_the_working_folder(self):
        self.assert_done(run("reconstruct", "a.png", "--level", 1, "--model", self.identity, "-o", "b.png",
                             cwd=self.folder))
        self.assertEqual(self.names(), ["a.png", "b.png"])

    def test_extension_may_be_in_capitals(self):
        self.assert_done(self.copy(self.source, self.path("B.TIFF")))
        self.assertEqual(self.path("B.TIFF").read_bytes()[:2], b"II")


class Full(wct_test.Case):
    """A file system that takes no more."""

    def big(self):
        return write_png(self.path("a.png"), 200, 200, 3, noise(200 * 200 * 3, 256))

    def test_limit_on_file_sizes_ends_in_one_sentence(self):
        source = self.big()
        for extension in ("png", "jpg", "tif", "webp"):
            with self.subTest(extension=extension):
                result = run("reconstruct", source, "--level", 1, "--model", self.identity, "-o",
                             self.path(f"b.{extension}"),
                             before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
                self.assert_refused(result, 1, f"b.{extension}", "cannot be written")
                self.assertEqual(self.names(), ["a.png"])

    def test_full_disk_ends_in_one_sentence(self):
        source = self.big()
        with tempfile.TemporaryDirectory() as folder:
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", folder], capture_output=True)
            if mounted.returncode != 0:
                self.skipTest("a small file system cannot be mounted here: " + mounted.stderr.decode().strip())
            try:
                for extension in ("png", "jpg", "tif", "webp"):
                    with self.subTest(extension=extension):
                        result = self.copy(source, f"{folder}/b.{extension}")
                        self.assert_refused(result, 1, f"b.{extension}", "No space left")
                        self.assertEqual(os.listdir(folder), [])
            finally:
                subprocess.run(["umount", folder], check=True)


class Interrupted(wct_test.Case):
    """A job that takes a while: the identity model, a hundred times."""

    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and programs started from here inherit that

    def start(self, *more):
        source = write_png(self.path("a.png"), 512, 384, 3, noise(512 * 384 * 3, 256))
        return Terminal("stylize", source, source, "-o", self.path("b.png"), "--model", self.identity, "--passes", 100,
                        "--backend", "reference", *more)

    def test_signal_stops_the_job_and_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                terminal = self.start()
                terminal.wait_for("stylize")
                terminal.process.send_signal(number)
                self.assertEqual(terminal.end(), 1)
                self.assertRegex(terminal.seen, r"wct: canceled\r?\n\Z")
                self.assertEqual(self.names(), ["a.png"])

    def test_second_signal_ends_the_program_at_once(self):
        terminal = self.start("--threads", 1)
        terminal.wait_for("stylize")
        terminal.process.send_signal(signal.SIGSTOP)  # so that both arrive before it can answer the first
        terminal.process.send_signal(signal.SIGINT)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.process.send_signal(signal.SIGINT)
        self.assertIn(terminal.end(), (1, -signal.SIGINT))
        self.assertEqual(self.names(), ["a.png"])

    def test_file_that_appears_meanwhile_stays(self):
        source = write_png(self.path("a.png"), 128, 128, 3, noise(128 * 128 * 3, 256))
        terminal = Terminal("stylize", source, source, "-o", self.path("b.png"), "--model", self.identity, "--passes",
                            100, "--backend", "reference")
        terminal.wait_for("stylize")
        self.path("b.png").write_text("precious")
        self.assertEqual(terminal.end(), 1)
        self.assertIn("exists already", terminal.seen)
        self.assertEqual(self.path("b.png").read_text(), "precious")
        self.assertEqual(self.names(), ["a.png", "b.png"])


if __name__ == "__main__":
    wct_test.main()
