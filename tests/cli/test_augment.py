#!/usr/bin/env python3
"""wct augment: a folder in random styles of another, the same bits however the work was divided or ended."""
import fcntl
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import unittest

import wct_test
from wct_test import PROGRAM, Pixels, Terminal, environment, noise, run, smooth, write_png

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15

# What a launcher around this test may have set.
LAUNCHERS = ("OMPI_", "PMI_", "PMIX_", "SLURM_", "MPI_LOCAL", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


def alone(**changes):
    env = {k: v for k, v in environment().items() if not k.startswith(LAUNCHERS)}
    env.update({k: str(v) for k, v in changes.items()})
    return env


def content(path):
    """Short enough to be shown where a test fails."""
    data = path.read_bytes()
    return data if len(data) < 50 else hashlib.sha256(data).hexdigest()


# ---- The draw, written again from its description: FNV-1a of the path, SplitMix64 -----------------------------------

def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def hashed(a, b):
    return mix((mix((a + GOLDEN) & MASK) + (b + 1) * GOLDEN) & MASK)


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def draw(seed, path, variant, styles, low=0.4, high=1.0, probability=1.0):
    """Seed, style or None, alpha."""
    own = hashed(hashed(seed, fnv(path)), variant) >> 33
    key = hashed(own, 0)
    bits = [mix((key + (i + 1) * GOLDEN) & MASK) for i in range(3)]
    units = [(b >> 11) * 2.0**-53 for b in bits]
    style = styles[bits[1] % len(styles)]  # a draw that is repeated would need 2^64 mod len numbers in 2^64: never here
    alpha = round(low + (high - low) * units[2], 4)
    return (own, style, alpha) if units[0] < probability else (own, None, None)


class Batch(wct_test.Case):
    """Six pictures in three folders, three styles."""

    SOURCES = ["a.png", "b.PNG", "deep/c.png", "deep/d.png", "deep/er/f.png", "z.png"]  # in the order of whole paths

    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        for name in ("content/deep/er", "style"):
            self.path(name).mkdir(parents=True)
        for i, name in enumerate(self.SOURCES):
            write_png(self.path("content") / name, 40 + i % 2, 30, 3, noise(3 * 30 * (40 + i % 2), 256, i + 1))
        self.styles = ["one.png", "three.png", "two.png"]
        for i, name in enumerate(self.styles):
            write_png(self.path("style") / name, 32, 32, 3, smooth(32, 32, 256 - 50 * i))
        self.path("content/deep/annotations.json").write_text("{}")

    def arguments(self, *more, out="out"):
        return ["augment", self.path("content"), self.path("style"), "-o", self.path(out), "--model", self.model, *more]

    def augment(self, *more, out="out", env=None, before=None):
        return run(*self.arguments(*more, out=out), env=env or alone(), before=before)

    def lines(self, out="out"):
        """Of all parts, by output."""
        found = {}
        for part in sorted(self.path(out).glob("manifest*.jsonl")):
            text = part.read_text()
            self.assertTrue(text == "" or text.endswith("\n"))
            for line in map(json.loads, text.splitlines()):
                self.assertNotIn(line["output"], found, "a picture has two lines")
                found[line["output"]] = line
        return found

    def files(self, out="out"):
        """Name to content of all files but the bookkeeping."""
        root, found = self.path(out), {}
        for path in root.rglob("*"):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not (name == "augment.json" or name.startswith("manifest.")):
                found[name] = content(path)
        return found

    def assert_complete(self, expected, out="out"):
        """As that other folder: the same bits, and one line for each."""
        self.assertEqual(self.files(out), self.files(expected))
        self.assertEqual(self.lines(out), self.lines(expected))
        self.assertEqual(set(self.lines(out)), set(self.files(out)))


class Results(Batch):
    def test_folders_and_names_are_kept_and_other_files_are_not_copied(self):
        self.assert_done(self.augment())
        self.assertEqual(set(self.files()), set(self.SOURCES))
        for name, line in self.lines().items():
            got = Pixels(self.path("out") / name)
            self.assertEqual((line["width"], line["height"], line["source_width"], line["source_height"]),
                             (got.width, got.height, got.width, got.height))
            self.assertEqual((line["source"], line["status"]), (name, "stylized"))

    def test_each_picture_is_what_stylize_makes_of_its_line(self):
        self.assert_done(self.augment("--alpha", "5=1,3=0.5", "--style-size", 24, "--threads", 2))
        for name, line in self.lines().items():
            single = self.path("single.png")
            self.assert_done(run("stylize", self.path("content") / name, self.path("style") / line["style"], "-o", single,
                                 "--alpha", f"5={line['alpha']},3={line['alpha'] * 0.5}", "--style-size", 24, "--force",
                                 "--model", self.model))
            self.assertEqual(content(single), self.files()[name], name)

    def test_what_is_drawn_comes_from_seed_and_path_alone(self):
        self.assert_done(self.augment("--seed", 11, "--alpha-range", "0.2,0.9", "--probability", 0.6, "--count", 3))
        lines = self.lines()
        self.assertEqual(len(lines), 3 * len(self.SOURCES))
        for source in self.SOURCES:
            stem, dot, extension = source.rpartition(".")
            for variant in (1, 2, 3):
                line = lines[f"{stem}-{variant}{dot}{extension}"]
                expected = draw(11, source, variant, self.styles, 0.2, 0.9, 0.6)
                self.assertEqual((line["seed"], line["style"], line["alpha"]), expected)
                self.assertEqual(line["status"], "plain" if expected[1] is None else "stylized")
        self.assertEqual({l["status"] for l in lines.values()}, {"plain", "stylized"})  # or the seed shows nothing

    def test_pictures_that_are_not_stylized_keep_their_pixels(self):
        self.assert_done(self.augment("--probability", 0))
        for name in self.SOURCES:
            self.assertEqual(Pixels(self.path("out") / name).values, Pixels(self.path("content") / name).values)

    def test_formats_that_cannot_be_written_become_png_and_others_as_it_is_said(self):
        for extension in ("jpg", "webp", "tif"):
            wct_test.vips("vips", "copy", self.path("content/a.png"), self.path(f"content/{extension}.{extension}"))
        wct_test.vips("vips", "copy", self.path("content/a.png"), self.path("content/x.ppm"))
        for form, expected in (("keep", {"jpg.jpg", "webp.webp", "tif.tif", "x.png"}),
                               ("jpg", {"jpg.jpg", "webp.jpg", "tif.jpg", "x.jpg"}),
                               ("png", {"jpg.png", "webp.png", "tif.png", "x.png"})):
            with self.subTest(format=form):
                self.assert_done(self.augment("--format", form, out=form))
                self.assertLessEqual(expected, set(self.files(form)))
                for name in self.files(form):
                    loader = wct_test.vips("vipsheader", "-f", "vips-loader", self.path(form) / name)
                    kind = name.rpartition(".")[2].lower()
                    self.assertTrue(loader.startswith({"jpg": "jpeg", "tif": "tiff"}.get(kind, kind)), (name, loader))

    def test_content_size_scales_and_the_line_tells_both_sizes(self):
        self.assert_done(self.augment("--content-size", 20))
        line = self.lines()["a.png"]
        self.assertEqual([line[k] for k in ("source_width", "source_height", "width", "height")], [40, 30, 20, 15])

    def test_summary_counts_what_was_done_now_and_before(self):
        first = json.loads(self.augment("--json").out)
        again = json.loads(self.augment("--json").out)
        for got, before in ((first, 0), (again, 6)):
            self.assertEqual([got[k] for k in ("stylized", "plain", "failed", "before", "shard")], [6, 0, 0, before, "1/1"])

    def test_dry_run_says_what_would_be_made_and_makes_nothing(self):
        result = self.augment("--dry-run", "--shard", "1/2")
        self.assert_done(result)
        self.assertFalse(self.path("out").exists())
        planned = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual([p["source"] for p in planned], self.SOURCES[::2])
        self.assert_done(self.augment("--shard", "1/2"))
        for line in planned:
            self.assertEqual(line, {k: v for k, v in self.lines()[line["output"]].items() if k in line})
        self.assertEqual(self.augment("--dry-run", "--shard", "1/2").out, "")


class Shares(Batch):
    def setUp(self):
        super().setUp()
        self.assert_done(self.augment(out="whole"))

    def test_shards_make_the_same_bits_and_no_picture_twice(self):
        for i in (2, 3, 1):
            self.assert_done(self.augment("--shard", f"{i}/3"))
        self.assertEqual({p.name for p in self.path("out").glob("manifest*")},
                         {f"manifest.{i}-of-3.jsonl" for i in (1, 2, 3)})
        self.assert_complete("whole")

    def test_other_shards_go_on_where_some_ended(self):
        self.assert_done(self.augment("--shard", "1/3"))
        self.assert_done(self.augment("--shard", "2/2"))
        self.assert_done(self.augment())
        self.assert_complete("whole")

    def test_ranks_come_from_the_environment_of_a_launcher(self):
        for i, variables in enumerate((("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"),
                                       ("SLURM_PROCID", "SLURM_NTASKS"))):
            with self.subTest(variables=variables):
                for rank in (0, 1):
                    self.assert_done(self.augment(out=str(i), env=alone(**dict(zip(variables, (rank, 2))))))
                    self.assertEqual(len(self.lines(str(i))), 3 * (rank + 1))
                self.assert_complete("whole", str(i))

    def test_batch_script_of_slurm_is_no_rank(self):
        self.assert_done(self.augment(env=alone(SLURM_PROCID=0, SLURM_NTASKS=4, ENVIRONMENT="BATCH")))
        self.assert_complete("whole")

    @unittest.skipUnless(shutil.which("mpirun"), "no mpirun")
    def test_mpirun_divides_the_work(self):
        version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True).stdout
        if "Open MPI" not in version:
            self.skipTest(f"mpirun is not Open MPI's: {version!r}")
        self.path("content/broken.png").write_text("no picture")  # a rank that tells of it must not end the other
        env = alone(OMPI_ALLOW_RUN_AS_ROOT=1, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
        done = subprocess.run(["mpirun", "--oversubscribe", "-np", "2", PROGRAM, *map(str, self.arguments("--threads", 1))],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("broken.png", done.stderr)
        self.assertEqual({p.name for p in self.path("out").glob("manifest*")},
                         {"manifest.1-of-2.jsonl", "manifest.2-of-2.jsonl"})
        self.assertEqual(self.files(), self.files("whole"))
        self.assertEqual(set(self.lines()) - set(self.lines("whole")), {"broken.png"})


class Ends(Batch):
    def start(self, *more, out="out"):
        return subprocess.Popen([PROGRAM, *map(str, self.arguments(*more, out=out))], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=alone())

    def bytes_written(self, out):
        """Of all files in the folder: changes with whatever is written."""
        total = 0
        for folder, _, names in os.walk(self.path(out)):
            for name in names:
                try:
                    total += os.stat(os.path.join(folder, name)).st_size
                except FileNotFoundError:  # renamed meanwhile
                    pass
        return total

    def kill_somewhere(self, out, chance, *more):
        """Kills the run after some changes in its folder; returns False where it ended before."""
        process, last = self.start(*more, out=out), -1
        changes = chance.randrange(1, 12)
        while process.poll() is None:
            now = self.bytes_written(out)
            changes -= now != last
            last = now
            if changes < 0:
                process.send_signal(signal.SIGKILL)
                break
        err = process.communicate()[1]
        if process.returncode == -signal.SIGKILL:
            return True
        self.assertEqual((process.returncode, err), (0, b""))
        return False

    def test_run_that_is_killed_again_and_again_makes_the_same_bits_and_nothing_twice(self):
        for threads in (1, 2):
            whole, out = f"whole{threads}", f"out{threads}"
            self.assert_done(self.augment("--count", 5, out=whole))
            chance, killed = random.Random(threads), 0
            while self.kill_somewhere(out, chance, "--count", 5, "--threads", threads):
                killed += 1
            with self.subTest(threads=threads, killed=killed):
                self.assertGreater(killed, 2)
                self.assert_complete(whole, out)

    def test_killed_shards_go_on_as_one(self):
        self.assert_done(self.augment("--count", 5, out="whole"))
        chance = random.Random(3)
        for share in ("1/2", "2/2"):
            self.kill_somewhere("out", chance, "--count", 5, "--shard", share)
        self.assert_done(self.augment("--count", 5))
        self.assert_complete("whole")

    def test_what_has_a_line_is_not_made_again_and_what_has_none_is(self):
        self.assert_done(self.augment(out="whole"))
        self.assert_done(self.augment())
        manifest = self.path("out/manifest.jsonl")
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(lines[:3]))
        for name in self.SOURCES:
            self.path("out").joinpath(name).write_bytes(b"mine")
        self.assert_done(self.augment())
        kept = {json.loads(line)["output"] for line in lines[:3]}
        self.assertEqual({name for name, data in self.files().items() if data == b"mine"}, kept)
        self.assertEqual(self.lines(), self.lines("whole"))

    def test_torn_last_line_is_cut_off(self):
        self.assert_done(self.augment(out="whole"))
        whole = self.path("whole/manifest.jsonl").read_bytes()
        second = whole.index(b"\n") + 1
        for torn in (whole[:second + 1], whole[:second + 40], whole[:-1], whole[:second] + b"\0" * 50,
                     whole[:second] + b"\0" * 20 + b"\n", b"{"):
            with self.subTest(torn=torn[-30:]):
                shutil.copytree(self.path("whole"), self.path("out"))
                self.path("out/manifest.jsonl").write_bytes(torn)
                self.assert_done(self.augment())
                self.assert_complete("whole")
                shutil.rmtree(self.path("out"))

    def test_damaged_line_between_good_ones_is_named(self):
        self.assert_done(self.augment())
        manifest = self.path("out/manifest.jsonl")
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text(lines[0] + "what?\n" + "".join(lines[1:]))
        self.assert_refused(self.augment(), 1, "line 2 is damaged")

    def test_leftovers_of_killed_runs_go_and_other_hidden_files_stay(self):
        self.assert_done(self.augment())
        manifest = self.path("out/manifest.jsonl")
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(line for line in lines if "f.png" not in line))
        gone = self.path("out/deep/er/.f.png.wct-a1B2c3")
        stay = [self.path("out/deep/er/.other.png.wct-a1B2c3"), self.path("out/deep/er/.f.png.wct-a1B2"),
                self.path("out/deep/er/.f.png")]
        for path in (gone, *stay):
            path.write_text("x")
        self.assert_done(self.augment())
        self.assertFalse(gone.exists())
        self.assertTrue(all(path.exists() for path in stay))

    def test_interrupted_run_ends_after_a_picture_and_goes_on(self):
        self.assert_done(self.augment("--count", 50, out="whole"))
        terminal = Terminal(*self.arguments("--count", 50))
        terminal.wait_for("2 of 300 pictures")
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.end(), 1)
        self.assertIn("canceled", terminal.seen)
        lines, files = self.lines(), self.files()
        self.assertEqual(set(lines), set(files))  # no picture without line, no line without picture, nothing half
        self.assertLess(len(lines), 300)
        self.assert_done(self.augment("--count", 50))
        self.assert_complete("whole")

    def test_full_disk_is_one_sentence_and_the_run_goes_on_later(self):
        self.assert_done(self.augment(out="whole"))
        largest = max(self.path("whole").joinpath(name).stat().st_size for name in self.files("whole"))
        result = self.augment(before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, largest - 1)))
        self.assert_refused(result, 1, "cannot be written")
        self.assertEqual(set(self.lines()), set(self.files()))
        self.assert_done(self.augment())
        self.assert_complete("whole")


class Failures(Batch):
    def test_pictures_that_cannot_be_used_are_told_once_and_the_others_are_made(self):
        self.assert_done(self.augment(out="whole"))
        good = self.path("content/a.png").read_bytes()
        self.path("content/b-damaged.png").write_bytes(good[:len(good) // 2])
        self.path("content/empty.jpg").touch()
        self.path("content/gone.png").symlink_to("nowhere")
        result = self.augment("--threads", 2)
        self.assertEqual(result.status, 1)
        said = result.err.splitlines()
        self.assertEqual(len(said), 4, said)
        for name, sentence in zip(("b-damaged.png", "empty.jpg", "gone.png", "3 of 9"), sorted(said, key=lambda s: "3 of 9" in s)):
            self.assertIn(name, sentence)
        self.assertEqual(self.files(), self.files("whole"))
        failed = {name: line for name, line in self.lines().items() if line["status"] == "failed"}
        self.assertEqual(set(failed), {"b-damaged.png", "empty.jpg", "gone.png"})
        self.assertTrue(all(name in line["error"] for name, line in failed.items()))

        again = self.augment()  # not tried again, and not forgotten
        self.assertEqual((again.status, len(again.err.splitlines())), (1, 1))

        self.path("content/b-damaged.png").write_bytes(good)
        manifest = self.path("out/manifest.jsonl")
        manifest.write_text("".join(l for l in manifest.read_text().splitlines(True) if "b-damaged" not in l))
        self.assertIn("2 of 9", self.augment().err)
        self.assertEqual(self.lines()["b-damaged.png"]["status"], "stylized")

    def test_style_that_cannot_be_read_fails_the_pictures_that_drew_it(self):
        self.path("style/three.png").write_text("no picture")
        result = self.augment("--count", 4)
        self.assertEqual(result.status, 1)
        for name, line in self.lines().items():
            self.assertEqual(line["status"], "failed" if line["style"] == "three.png" else "stylized", name)
        self.assertEqual({line["status"] for line in self.lines().values()}, {"failed", "stylized"})

    def test_transparent_pixels_are_refused_as_jpeg_and_kept_as_png(self):
        write_png(self.path("content/t.png"), 20, 20, 4, noise(1600, 256))
        self.assertEqual(self.augment("--format", "jpg").status, 1)
        self.assertIn("transparent", self.lines()["t.jpg"]["error"])
        self.assert_done(self.augment(out="kept"))
        self.assertEqual(Pixels(self.path("kept/t.png")).band(3), noise(1600, 256)[3::4])

    def test_other_options_than_the_folder_was_begun_with_are_refused(self):
        self.assert_done(self.augment())
        other_model = wct_test.write_identity_model(self.path("other.safetensors"))
        for more, word in ((("--seed", 1), "seed"), (("--count", 2), "count"), (("--alpha-range", "0,1"), "alpha_range"),
                           (("--content-size", 20), "content_size"), (("--alpha", "5=1"), "alpha"),
                           (("--format", "jpg"), "format"), (("--passes", 2), "passes"),
                           (("--probability", 0.5), "probability"), (("--backend", "reference"), "backend"),
                           (("--model", other_model), "model")):
            with self.subTest(more=more):
                before = self.files()
                self.assert_refused(self.augment(*more), 1, f"begun with {word} ")
                self.assert_refused(self.augment(*more, "--dry-run"), 1, f"begun with {word} ")
                self.assertEqual(self.files(), before)
        write_png(self.path("style/zzz.png"), 8, 8, 3, noise(192, 256))
        self.assert_refused(self.augment(), 1, "begun with styles 3", "4")

    def test_two_runs_at_once_are_refused_but_for_shards_of_one_division(self):
        self.assert_done(self.augment("--shard", "1/2"))
        with open(self.path("out/manifest.1-of-2.jsonl")) as part:
            fcntl.flock(part, fcntl.LOCK_EX)  # as a run that works holds it
            self.assert_refused(self.augment("--shard", "1/2"), 1, "another run")
            self.assert_refused(self.augment(), 1, "another run")
            self.assert_refused(self.augment("--shard", "1/3"), 1, "another run")
            self.assert_done(self.augment("--shard", "2/2"))
        self.assert_done(self.augment())
        self.assertEqual(len(self.lines()), 6)

    def test_folder_that_somebody_else_filled_is_left_alone(self):
        self.path("out").mkdir()
        self.path("out/a.png").write_bytes(b"mine")
        self.assert_refused(self.augment(), 1, "not empty")
        self.assertEqual(self.files(), {"a.png": b"mine"})

    def test_bad_calls_get_one_sentence(self):
        write_png(self.path("content/deep/c.bmp.ppm"), 8, 8, 3, noise(192, 256))
        self.assert_refused(self.augment(out="content/new"), 1, "lies in")
        self.assert_refused(self.augment(out="style"), 1, "lies in")
        for more, status, word in (((), 0, ""), (("--shard", "3/2"), 1, "I/N"), (("--shard", "0/2"), 1, "I/N"),
                                   (("--shard", "x"), 1, "I/N"), (("--alpha-range", "1,0"), 2, "smaller one first"),
                                   (("--alpha-range", "0.5"), 2, "two numbers"), (("--alpha-range", "0,2"), 2, "0 to 1"),
                                   (("--count", "0"), 2, "1 to"), (("--probability", "2"), 2, "0 to 1"),
                                   (("--format", "gif"), 2, "keep, png, jpg"), (("--force",), 2, "--force")):
            with self.subTest(more=more):
                result = self.augment(*more, "--dry-run")
                if status:
                    self.assert_refused(result, status, word)
                else:
                    self.assert_done(result)
        self.path("empty").mkdir()
        result = run("augment", self.path("empty"), self.path("style"), "-o", self.path("out"), env=alone())
        self.assert_refused(result, 1, "no picture")
        write_png(self.path("content/deep/c.bmp"), 8, 8, 3, noise(192, 256))
        self.assert_refused(self.augment(), 1, "deep/c.bmp and deep/c.png would both become deep/c.png")
        self.assertFalse(self.path("out").exists())

    def test_names_that_are_not_utf8_are_refused(self):
        shutil.copy(self.path("content/a.png"), os.fsencode(self.path("content")) + b"/\xff.png")
        self.assert_refused(self.augment(), 1, "UTF-8")


if __name__ == "__main__":
    wct_test.main()
