#!/usr/bin/env python3
"""What wct-train is asked in vain: one sentence, an exit status, and nothing lost."""
import json
import os
import resource
import shutil
import signal
import struct
import unittest

import train_test
import wct_test
from train_test import read_tensors, write_tensors


class Refusals(train_test.Case):
    def refuse(self, arguments, status, *words):
        """The run's folder was not made, and what was there is there."""
        before = self.names()
        self.assert_refused(self.train(*arguments), status, *words)
        self.assertEqual(self.names(), before)

    def changed(self, **options):
        """The arguments of a run that would do, some exchanged; None takes one away."""
        given = {"encoder": self.model, "level": "1", "data": self.photos, "output": self.path("run"), "crop": 32, "batch": 2,
                 "lanes": 2, "steps": 2, **{k.replace("_", "-"): v for k, v in options.items()}}
        pairs = [(f"--{name}", str(value)) for name, value in given.items() if value is not None]
        return ["decoder", *(word for pair in pairs for word in pair)]

    # ---- options ----------------------------------------------------------------------------------------------------

    def test_what_is_needed(self):
        self.refuse(self.changed(encoder=None), 2, "--encoder")
        self.refuse(self.changed(data=None), 2, "--data")
        self.refuse(self.changed(output=None), 2, "-o")
        self.refuse(["decode"], 2, "decode")
        self.refuse([], 2)

    def test_values_out_of_range(self):
        for name, value in (("level", "6"), ("level", "0"), ("level", "1,1x"), ("crop", 30), ("crop", 0), ("batch", 0),
                            ("lr", "nan"), ("lr", -1), ("lr", "inf"), ("rate-end", 0.5), ("precision", "f64"),
                            ("test-fraction", 1), ("scale-min", 0), ("beta1", 1), ("steps", 0), ("epochs", "-1"),
                            ("start", "well"), ("lambda", "x"), ("keep", 0), ("pixel-weights", "1,2"),
                            ("device", "abacus"), ("transformed", 2)):
            with self.subTest(option=name, value=value):
                done = self.train(*self.changed(**{name: value}))
                self.assertIn(done.status, (1, 2))
                self.assert_refused(done, done.status)
                self.assertEqual(self.names(), [])

    def test_a_batch_that_cannot_be_cut(self):
        self.refuse(self.changed(batch=3), 1, "--batch", "3")

    def test_options_that_go_together(self):
        self.refuse(self.changed(start="model"), 2, "--start-model")
        self.refuse(self.changed(transformed=0.5), 2, "--styles", "--judge")
        self.refuse(self.changed(styles=self.photos), 2, "--transformed")
        self.refuse(self.changed(tune_encoder=1), 2, "--tune-encoder", "--transformed")

    def test_evaluations_that_cannot_be(self):
        stylizing = ["--styles", self.photos, "--judge", self.model]
        pairs = ["eval", self.model, "--data", self.photos, "--pairs", 2]
        self.refuse(["eval", self.model], 2, "--data")
        self.refuse(["eval", self.model, self.model, "--data", self.photos], 2, "one model")
        self.refuse(["eval", self.model, "--data", self.photos, *stylizing], 2, "--pairs")
        self.refuse(["eval", self.model, "--data", self.photos, "--pareto", self.path("p.png")], 2, "--pareto", "--pairs")
        self.refuse(["eval", self.model, "--data", self.photos, "--transport"], 2, "--transport", "--pairs")
        self.refuse(pairs, 2, "--styles", "--judge")
        self.refuse([*pairs, "--textures", 1, *stylizing], 2, "--pairs", "--textures")
        self.refuse([*pairs, *stylizing, "--sheet", self.path("s.jpg")], 1, "s.jpg", ".png")
        self.refuse([*pairs, *stylizing, "--pareto", self.path("p.gif")], 1, "p.gif", ".svg")
        self.refuse([*pairs, "--styles", self.path("nowhere"), "--judge", self.model], 1, "nowhere")
        self.refuse([*pairs, "--styles", self.photos, "--judge", self.path("none.safetensors")], 1, "none.safetensors")
        self.path("there.png").write_bytes(b"mine")
        self.refuse([*pairs, *stylizing, "--sheet", self.path("there.png")], 1, "there.png", "--force")
        self.assertEqual(self.path("there.png").read_bytes(), b"mine")

    def test_trunks_that_cannot_be_tuned(self):
        self.refuse(self.changed(level="1,3", transformed=0.5, tune_encoder=1, styles=self.photos, judge=self.model), 1,
                    "--tune-encoder")

    def test_half_precision_is_for_graphics_cards(self):
        self.refuse(self.changed(precision="f16"), 1, "f16", "graphics")

    @unittest.skipIf(os.environ.get("WCT_SANITIZE", "none") != "none", "sanitizers say themselves what they cannot allocate")
    def test_more_than_memory_holds(self):
        self.refuse(self.changed(batch=65536, lanes=8, crop=4096, level=5), 1, "memory")

    # ---- pictures ---------------------------------------------------------------------------------------------------

    def test_folders_without_pictures(self):
        self.refuse(self.changed(data=self.path("nowhere")), 1, "nowhere")
        self.path("empty").mkdir()
        self.refuse(self.changed(data=self.path("empty")), 1, "empty")

    def test_a_folder_of_damaged_pictures(self):
        self.path("bad").mkdir()
        for i in range(3):
            (self.path("bad") / f"{i}.jpg").write_bytes(b"no picture")
        done = self.train(*self.changed(data=self.path("bad")))
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertIn("can be read", done.err.splitlines()[-1])
        self.assertEqual(self.names(), ["bad"])

    def test_damaged_pictures_among_others_are_named_once_and_left_out(self):
        shutil.copytree(self.photos, self.path("mixed"))
        (self.path("mixed") / "5bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
        done = self.train(*self.changed(data=self.path("mixed"), steps=8), "--quiet")
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(done.err.count("5bad.png"), 1)

    def test_damaged_shards(self):
        self.assertEqual(self.train("pack", self.photos, "-o", self.path("a.shard")).status, 0)
        data = self.path("a.shard").read_bytes()
        for name, damaged, word in (("short", data[:-5], "bytes"), ("flipped", data[:20] + bytes([data[20] ^ 1]) + data[21:], ""),
                                    ("text", b"no shard at all", "shard")):
            self.path(name).write_bytes(damaged)
            self.refuse(self.changed(data=self.path(name)), 1, name, word)

    def test_packing_in_vain(self):
        self.refuse(["pack", self.path("nowhere"), "-o", self.path("a.shard")], 1, "nowhere")
        self.refuse(["pack", self.photos, "-o", self.path("no") / "a.shard"], 1, "no")
        self.path("kept.shard").write_bytes(b"mine")
        self.refuse(["pack", self.photos, "-o", self.path("kept.shard")], 1, "kept.shard", "--force")
        self.assertEqual(self.path("kept.shard").read_bytes(), b"mine")

    # ---- models -----------------------------------------------------------------------------------------------------

    def test_models_that_are_none(self):
        self.refuse(self.changed(encoder=self.path("none.safetensors")), 1, "none.safetensors")
        self.path("text.safetensors").write_bytes(b"no model")
        self.refuse(self.changed(encoder=self.path("text.safetensors")), 1, "text.safetensors")

    def test_an_encoder_without_the_level(self):
        wct_test.write_identity_model(self.path("one.safetensors"))
        self.refuse(self.changed(encoder=self.path("one.safetensors"), level=3), 1, "relu3_1")

    def test_a_teacher_that_is_not_deep_enough(self):
        wct_test.write_identity_model(self.path("one.safetensors"))
        self.refuse(["encoder", "--teacher", self.path("one.safetensors"), "--data", self.photos, "--crop", 32, "--batch", 2,
                     "--steps", 1, "-o", self.path("run")], 1, "relu5_1")

    def test_weights_that_are_not_finite(self):
        metadata, tensors = read_tensors(self.model)
        dtype, shape, data = tensors["encoder.conv1_1.bias"]
        tensors["encoder.conv1_1.bias"] = dtype, shape, struct.pack("<f", float("nan")) + data[4:]
        write_tensors(self.path("nan.safetensors"), metadata, tensors)
        self.refuse(self.changed(encoder=self.path("nan.safetensors")), 1, "conv1_1")

    def test_a_start_of_another_plan(self):
        wct_test.write_identity_model(self.path("one.safetensors"))
        self.refuse(self.changed(start="model", start_model=self.path("one.safetensors")), 1, "same plan")

    def test_a_loss_that_is_not_finite_ends_the_run_with_its_last_checkpoint(self):
        done = self.train(*self.command("run", "--steps", 200, "--lr", 1, "--rate-end", 1, "--checkpoint-every", 1, level="5"))
        self.assertEqual(done.status, 1, done.err)
        self.assert_refused(done, 1, "not finite")
        _, tensors = read_tensors(sorted(self.path("run").glob("checkpoints/*/state.safetensors"))[-1])
        for name, (_, _, data) in tensors.items():
            self.assertTrue(all(v == v and abs(v) != float("inf") for v in memoryview(data).cast("f")), name)

    # ---- runs -------------------------------------------------------------------------------------------------------

    def test_a_folder_that_is_in_use(self):
        self.path("run").mkdir()
        (self.path("run") / "thesis.tex").write_text("mine")
        self.refuse(self.changed(), 1, "not empty")
        self.assertEqual(os.listdir(self.path("run")), ["thesis.tex"])

    def test_a_run_without_a_folder_to_be_in(self):
        self.refuse(self.changed(output=self.path("no") / "run"), 1, "run")

    def test_what_is_no_run(self):
        self.refuse(["resume", self.path("nowhere")], 1, "nowhere")
        self.path("empty").mkdir()
        self.refuse(["resume", self.path("empty")], 1, "empty")
        self.refuse(["export", self.path("empty"), "-o", self.path("m.safetensors")], 1, "empty")
        self.refuse(["plot", self.path("empty")], 1, "empty")

    def test_two_processes_do_not_work_on_one_run(self):
        process = self.start("run", "--steps", 100000)
        self.wait_for_step(process, "run", 1)
        self.assert_refused(self.train("resume", self.path("run")), 1, "run")
        self.assertIsNone(process.poll())

    def test_damaged_configurations(self):
        self.make_run("run", "--steps", 1)
        path = self.path("run") / "config.json"
        whole = json.loads(path.read_text())
        for change in ({"batch": "two"}, {"batch": -1}, {"format": "other"}, {"levels": [9]}, {"start": "well"}, {"rate": None}):
            with self.subTest(change=change):
                path.write_text(json.dumps({**whole, **change}))
                self.refuse(["resume", self.path("run")], 1, "config.json", next(iter(change)))
        path.write_text("{")
        self.refuse(["resume", self.path("run")], 1, "config.json")

    def test_checkpoints_of_another_run(self):
        self.make_run("one", "--steps", 1, level="1")
        self.make_run("three", "--steps", 1, level="3")
        shutil.rmtree(self.path("one") / "checkpoints")
        shutil.copytree(self.path("three") / "checkpoints", self.path("one") / "checkpoints")
        self.refuse(["resume", self.path("one"), "--steps", 2], 1, "checkpoint")

    def test_no_checkpoint_that_is_whole(self):
        self.make_run("run", "--steps", 2)
        for path in self.path("run").glob("checkpoints/*/state.safetensors"):
            path.write_bytes(path.read_bytes()[:-7])
        self.refuse(["resume", self.path("run"), "--steps", 4], 1, "checkpoint")

    def test_a_full_disk_leaves_the_last_checkpoint(self):
        self.make_run("run", "--steps", 2)
        before = self.state("run")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        done = self.train("resume", self.path("run"), "--steps", 4, "--quiet", before=limit)
        self.assert_refused(done, 1, "cannot be written")
        self.assertEqual(self.state("run"), before)
        self.assertEqual(self.train("resume", self.path("run"), "--steps", 4, "--quiet").status, 0)

    # ---- exporting and measuring ------------------------------------------------------------------------------------

    def test_runs_that_make_no_model(self):
        self.make_run("run", "--steps", 1)
        other = self.path("other.safetensors")
        metadata, tensors = read_tensors(self.model)
        dtype, shape, data = tensors["encoder.conv1_1.bias"]
        write_tensors(other, metadata, {**tensors, "encoder.conv1_1.bias": (dtype, shape, struct.pack("<f", 0.5) + data[4:])})
        done = self.train("decoder", "--encoder", other, "--level", 2, "--data", self.photos, *train_test.FAST, "--steps", 1,
                          "-o", self.path("second"), "--quiet")
        self.assertEqual(done.status, 0, done.err)
        self.refuse(["export", self.path("run"), self.path("second"), "-o", self.path("m.safetensors")], 1, "encoder")

    def test_outputs_that_cannot_be(self):
        self.make_run("run", "--steps", 1)
        self.path("kept.safetensors").write_bytes(b"mine")
        self.refuse(["export", self.path("run"), "-o", self.path("kept.safetensors")], 1, "kept.safetensors", "--force")
        self.assertEqual(self.path("kept.safetensors").read_bytes(), b"mine")
        self.refuse(["export", self.path("run"), "-o", self.path("no") / "m.safetensors"], 1, "no")
        self.refuse(["plot", self.path("run"), "-o", self.path("curves.txt")], 1, "curves.txt")

    def test_measuring_in_vain(self):
        self.refuse(["eval", self.model], 2, "--data")
        self.refuse(["eval", self.model, "--data", self.photos, "--crop", 30], 2, "--crop")
        self.refuse(["eval", self.path("no.safetensors"), "--data", self.photos], 1, "no.safetensors")


if __name__ == "__main__":
    wct_test.main()
