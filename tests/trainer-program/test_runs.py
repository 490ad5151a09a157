#!/usr/bin/env python3
"""Runs of wct-train, from their first step to the exported model: what is written, and that it is the same whatever
happens on the way."""
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest
import xml.etree.ElementTree

import train_test
import wct_test
from train_test import read_tensors
from wct_test import SHARED, TRAINER


class Interrupted(train_test.Case):
    STEPS = ["--steps", 24, "--checkpoint-every", 5, "--test-every", 9]

    def assert_same_runs(self, one, other):
        self.assertEqual(self.steps(one), self.steps(other))
        self.assertEqual(self.state(one), self.state(other))

    def test_a_killed_run_goes_on_to_the_same_bits(self):
        self.make_run("whole", *self.STEPS)
        for step in (1, 5, 12, 20):
            with self.subTest(step=step):
                run = f"killed{step}"
                process = self.start(run, *self.STEPS)
                self.wait_for_step(process, run, step)
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.assertEqual(self.train("resume", self.path(run), "--quiet").status, 0)
                self.assert_same_runs(run, "whole")

    def test_a_run_killed_at_any_moment_goes_on(self):
        more = ["--steps", 12, "--checkpoint-every", 1]
        self.make_run("whole", *more)
        process = self.start("killed", *more)
        self.wait_for_step(process, "killed", 1)
        for delay in (0.0, 0.004, 0.011, 0.02):
            time.sleep(delay)
            process.kill()
            process.wait()
            process = subprocess.Popen([TRAINER, "resume", str(self.path("killed")), "--quiet"],
                                                stdout=subprocess.DEVNULL)
        self.assertEqual(process.wait(), 0)
        self.assert_same_runs("killed", "whole")

    def test_a_run_that_is_asked_to_stop_finishes_its_step_and_goes_on_later(self):
        self.make_run("whole", *self.STEPS)
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                run = f"stopped{number}"
                process = self.start(run, *self.STEPS)
                self.wait_for_step(process, run, 3)
                process.send_signal(number)
                self.assertEqual(process.wait(), 0)
                last = self.lines(run)[-1]["step"]
                names = sorted(p.name for p in (self.path(run) / "checkpoints").iterdir())
                self.assertEqual(int(names[-1]), last)
                self.assertEqual(self.train("resume", self.path(run), "--quiet").status, 0)
                self.assert_same_runs(run, "whole")

    def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(self):
        self.make_run("whole", *self.STEPS)
        shutil.copytree(self.path("whole"), self.path("damaged"))
        newest = sorted(self.path("damaged").glob("checkpoints/*/state.safetensors"))[-1]
        data = bytearray(newest.read_bytes())
        data[-5] ^= 1
        newest.write_bytes(data)
        done = self.train("resume", self.path("damaged"), "--quiet")
        self.assertEqual(done.status, 0, done.err)
        self.assertIn("passed over", done.err)
        self.assert_same_runs("damaged", "whole")

    def test_threads_do_not_change_a_bit(self):
        self.make_run("two", *self.STEPS)
        self.make_run("one", *self.STEPS, "--threads", 1)
        self.assert_same_runs("one", "two")

    def test_a_run_on_transformed_features_goes_on_to_the_same_bits(self):
        self.kill_and_resume("1,3")

    def test_so_does_one_whose_trunk_learns(self):
        self.kill_and_resume("3,4,5", "--tune-encoder", 0.5)

    def test_so_does_one_with_trunks_of_its_levels(self):
        self.model = self.path("own.safetensors")
        train_test.give_levels_trunks(self.model, wct_test.tiny_model())
        self.kill_and_resume("2,4", "--tune-encoder", 0.5)

    def kill_and_resume(self, level, *more):
        more = [*more, "--transformed", 0.7, "--cascade", 0.5, "--texture", 0.3, "--styles", self.photos, "--judge", self.model,
                "--start", "model", "--start-model", self.model, "--clip", 1, "--steps", 8, "--checkpoint-every", 3]
        self.make_run("whole", *more, level=level)
        process = self.start("killed", *more, level=level)
        self.wait_for_step(process, "killed", 4)
        process.kill()
        process.wait()
        self.assertEqual(self.train("resume", self.path("killed"), "--quiet").status, 0)
        self.assert_same_runs("killed", "whole")
        terms = self.lines("whole")[0]["levels"][0]
        self.assertEqual(set(terms), {"level", "pixel", "feature", "style", "structure"})


class Ranks(train_test.Case):
    STEPS = ["--steps", 10, "--checkpoint-every", 100, "--average", 0]

    def weights(self, run):
        """{tensor: values} of the last checkpoint, without what the optimizer keeps."""
        path = sorted(self.path(run).glob("checkpoints/*/state.safetensors"))[-1]
        return {name: memoryview(data).cast("f") for name, (_, _, data) in read_tensors(path)[1].items() if "/" not in name}

    def assert_close(self, one, other):
        """Relative to each tensor's norm."""
        ours, theirs = self.weights(one), self.weights(other)
        self.assertEqual(set(ours), set(theirs))
        for name, values in ours.items():
            difference = math.sqrt(sum((a - b) ** 2 for a, b in zip(values, theirs[name])))
            self.assertLessEqual(difference, 1e-5 * math.sqrt(sum(a * a for a in values)), name)

    def run_in_two(self, run, *more):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = [subprocess.Popen([TRAINER, *map(str, self.command(run, *more))],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      env=wct_test.environment(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
                                                               MASTER_PORT=str(port))) for rank in range(2)]
        for process in processes:
            self.assertEqual((process.communicate()[1].decode(), process.returncode), ("", 0))

    def test_two_processes_learn_what_one_does(self):
        self.make_run("one", *self.STEPS)
        self.run_in_two("two", *self.STEPS, "--lanes", 1)
        self.assert_close("one", "two")

    def test_so_they_do_where_sums_begin_before_all_gradients_are_there(self):
        """With one lane they do, each after the last piece that its network has a part in."""
        more = [*self.STEPS, "--batch", 4, "--lanes", 1]
        self.make_run("one", *more, "--accumulate", 4)
        self.run_in_two("two", *more, "--accumulate", 2)
        self.assert_close("one", "two")

    @unittest.skipIf(shutil.which("mpirun") is None or os.environ.get("WCT_HAVE_MPI") != "1", "no MPI")
    def test_nor_does_mpi_change_it(self):
        self.make_run("one", *self.STEPS)
        env = wct_test.environment(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                                   ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")  # MPI's own
        done = subprocess.run(["mpirun", "--oversubscribe", "-np", "2", TRAINER,
                               *map(str, self.command("two", *self.STEPS, "--lanes", 1))], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_close("one", "two")


class Written(train_test.Case):
    def test_a_run_tells_everything(self):
        done = self.make_run("run", "--steps", 6, "--test-every", 3, "--checkpoint-every", 2, "--keep", 2)
        self.assertRegex(done.out, r"(?m)^sub-model +\| train loss \| test loss \|")
        self.assertEqual(len(re.findall(r"(?m)^relu[13]_1 ", done.out)), 2)
        config = json.loads((self.path("run") / "config.json").read_text())
        self.assertEqual((config["steps"], config["batch"], config["levels"]), (6, 2, [1, 3]))
        self.assertEqual(sorted(p.name for p in (self.path("run") / "checkpoints").iterdir()), ["0000000004", "0000000006"])
        steps = [line for line in self.lines("run") if "test" not in line]
        tests = [line for line in self.lines("run") if "test" in line]
        self.assertEqual([line["step"] for line in steps], [1, 2, 3, 4, 5, 6])
        for line in steps:
            self.assertEqual(set(line), {"step", "loss", "levels", "rate", "pictures_per_second", "seconds"})
            self.assertAlmostEqual(line["loss"], sum(t["pixel"] + t["feature"] for t in line["levels"]), places=6)
        self.assertEqual([(line["step"], line["test"]) for line in tests], [(3, 1), (3, 3), (6, 1), (6, 3)])
        for line in tests:
            self.assertEqual(set(line), {"step", "test", "psnr", "ssim", "pixel", "feature", "loss"})
        samples = sorted((self.path("run") / "samples").iterdir())
        self.assertEqual(len(samples), 4)
        self.assertEqual(wct_test.Pixels(samples[0]).height, 512)

    def test_curves_are_drawn(self):
        self.make_run("run", "--steps", 5, "--test-every", 2)
        self.assertEqual(self.train("plot", self.path("run"), "-o", self.path("curves.svg")).status, 0)
        self.assertTrue(xml.etree.ElementTree.parse(self.path("curves.svg")).getroot().tag.endswith("svg"))
        self.assertEqual(self.train("plot", self.path("run")).status, 0)
        self.assertGreater(wct_test.Pixels(self.path("run") / "curves.png").width, 300)

    def test_models_of_runs_load_and_stylize(self):
        self.make_run("shallow", "--steps", 2)
        self.make_run("deep", "--steps", 2, level="2,4,5")
        model = self.path("m.safetensors")
        done = self.train("export", self.path("shallow"), self.path("deep"), "-o", model, "--name", "mine", "--dtype", "f16")
        self.assertEqual((done.status, done.err), (0, ""))
        metadata, tensors = read_tensors(model)
        self.assertEqual(metadata["name"], "mine")
        self.assertEqual({t[0] for t in tensors.values()}, {"F16"})
        self.assertEqual({name[:8] for name in tensors if name.startswith("dec")}, {f"decoder{i}" for i in range(1, 6)})
        done = wct_test.run("stylize", self.photos / "0.png", self.photos / "1.png", "--model", model, "-o",
                            self.path("out.png"))
        self.assertEqual((done.status, done.err), (0, ""))

    def test_a_tuned_trunk_is_exported_with_the_decoders_before_it(self):
        self.make_run("run", "--steps", 2, "--transformed", 0.5, "--styles", self.photos, "--judge", self.model,
                      "--tune-encoder", 1, level="3,4,5")
        self.assertEqual(self.train("export", self.path("run"), "-o", self.path("m.safetensors")).status, 0)
        before, after = (read_tensors(path)[1] for path in (self.model, self.path("m.safetensors")))
        self.assertEqual(set(before), set(after))
        kept = {name for name in after if before[name] == after[name]}
        self.assertEqual({name.rsplit(".", 1)[0] for name in kept if name.startswith("encoder")},
                         {"encoder.conv0", "encoder.conv1_1", "encoder.conv1_2", "encoder.conv2_1"})
        self.assertEqual({name[:8] for name in kept if name.startswith("decoder")}, {"decoder1", "decoder2"})

    def test_trunks_of_single_levels_are_tested_as_they_are_exported(self):
        shared, self.own = self.model, self.path("own.safetensors")
        train_test.give_levels_trunks(self.own, shared)
        scores = []
        for model in shared, self.own:
            self.model = model
            run = "run-of-" + pathlib.Path(model).stem
            self.make_run(run, "--steps", 1, "--test-every", 1, "--transformed", 0.5, "--styles", self.photos, "--judge",
                          shared, "--start", "model", "--start-model", model, "--tune-encoder", 1e-6, "--lr", 1e-9, "--rate-end", 1e-9, level="2,3,4,5")
            scores.append([line["psnr"] for line in self.lines(run) if "test" in line])
        self.assertEqual(len(scores[0]), 4)
        for psnr, other in zip(*scores):
            self.assertAlmostEqual(psnr, other, places=3)

    def test_trunks_of_single_levels_are_tuned_alone(self):
        self.model, tuned = self.path("own.safetensors"), self.path("m.safetensors")
        train_test.give_levels_trunks(self.model, wct_test.tiny_model())
        self.make_run("run", "--steps", 2, "--transformed", 0.5, "--styles", self.photos, "--judge", self.model,
                      "--tune-encoder", 1, level="2,4")
        self.assertEqual(self.train("export", self.path("run"), "-o", tuned).status, 0)
        before, after = (read_tensors(path)[1] for path in (self.model, tuned))
        folded = {f"encoder{level}.conv0.{kind}" for level in (2, 4) for kind in ("weight", "bias")}
        self.assertEqual(set(before) - folded, set(after))
        changed = {name for name in after if before[name] != after[name]}
        self.assertEqual(changed, {name for name in after if name[:8] in ("encoder2", "encoder4", "decoder2", "decoder4")})
        done = wct_test.run("stylize", self.photos / "0.png", self.photos / "1.png", "--model", tuned, "-o",
                            self.path("out.png"))
        self.assertEqual((done.status, done.err), (0, ""))

    def test_a_trunk_that_is_tuned_whole_has_its_colors_in_it(self):
        self.make_run("run", "--steps", 1, "--transformed", 0.5, "--styles", self.photos, "--judge", self.model,
                      "--tune-encoder", 1e-6, level="all")
        model = self.path("m.safetensors")
        self.assertEqual(self.train("export", self.path("run"), "-o", model).status, 0)
        self.assertNotIn("encoder.conv0.weight", read_tensors(model)[1])
        scores = [json.loads(self.train("eval", path, "--data", self.photos, "--crop", 32, "--json").out) for path in
                  (self.model, model)]
        for tuned in scores[1]:
            self.assertTrue(math.isfinite(tuned["psnr"]))

    def test_a_compact_encoder_is_distilled(self):
        for run, more in ("run", []), ("imitation", ["--imitate", 0.5]):
            done = self.train("encoder", "--teacher", self.model, "--channels", "4,6,8,8,8", "--data", self.photos,
                              *train_test.FAST, "--steps", 3, "-o", self.path(run), "--quiet", *more)
            self.assertEqual((done.status, done.err), (0, ""))
        terms = [self.lines(run)[0]["levels"] for run in ("run", "imitation")]
        self.assertEqual([plain["pixel"] == other["pixel"] for plain, other in zip(*terms)], [True] + 4 * [False])
        self.assertEqual(self.train("export", self.path("run"), "-o", self.path("m.safetensors")).status, 0)
        _, tensors = read_tensors(self.path("m.safetensors"))
        self.assertEqual(tensors["encoder.conv5_1.weight"][1], [8, 8, 3, 3])
        self.assertEqual(wct_test.run("model", self.path("m.safetensors")).status, 0)

    def test_a_shard_trains_as_its_folder_does(self):
        self.assertEqual(self.train("pack", self.photos, "-o", self.path("a.shard")).status, 0)
        self.make_run("folder", "--steps", 4)
        self.make_run("shard", "--steps", 4, "--data", self.path("a.shard"))
        self.assertEqual(self.steps("folder"), self.steps("shard"))
        self.assertEqual(self.state("folder"), self.state("shard"))

    def test_scores_come_as_a_table_and_as_json(self):
        table = self.train("eval", self.model, "--data", self.photos, "--crop", 32)
        scores = self.train("eval", self.model, "--data", self.photos, "--crop", 32, "--json")
        self.assertEqual((table.status, scores.status), (0, 0))
        self.assertEqual(len(table.out.splitlines()), 5)
        self.assertEqual([score["level"] for score in json.loads(scores.out)], [1, 2, 3, 4, 5])


class Learning(train_test.Case):
    def overfit(self, model, level, *more):
        done = self.train("decoder", "--encoder", model, "--level", level, "--data", self.photos, "--crop", 32, "--batch", 1,
                          "--fixed", "--lambda", 0, "--loss-scale", "raw", "--clip", 1, "--lr", 1e-3, "--test-fraction", 0,
                          "--checkpoint-every", 100000, "--threads", 1, "-o", self.path("run"), "--quiet", *more)
        self.assertEqual((done.status, done.err), (0, ""))
        last = [line["levels"][0]["pixel"] for line in self.lines("run")[-50:]]
        return -10 * math.log10(sum(last) / len(last))

    def test_a_decoder_learns_one_picture_by_heart(self):
        wct_test.write_png(self.folder / "smooth.png", 40, 40, 3, wct_test.smooth(40, 40, 255))
        self.photos = self.folder / "smooth.png"
        self.photos.parent.joinpath("one").mkdir()
        self.photos.rename(self.folder / "one" / "smooth.png")
        self.photos = self.folder / "one"
        self.assertGreater(self.overfit(self.model, 2, "--steps", 1500), 30)

    def test_and_beyond_40_decibels_with_a_real_encoder_at_relu3_1(self):
        model, photos = SHARED / "weights" / "compact16x.safetensors", SHARED / "data" / "photos"
        if not model.exists():
            self.skipTest("no published weights beside this checkout")
        self.photos = self.folder / "one"
        self.photos.mkdir()
        shutil.copy(sorted(photos.iterdir())[0], self.photos)
        self.assertGreater(self.overfit(model, 3, "--steps", 12000), 40)


if __name__ == "__main__":
    wct_test.main()
