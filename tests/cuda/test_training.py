#!/usr/bin/env python3
"""wct-train --device cuda, its kernels run by the executor: the losses of the cpu back end, runs that go on to the same bits.
Needs WCT_MODULE_DIR."""
import train_test
import wct_test

JUDGED = ["--transformed", 0.6, "--cascade", 0.5, "--start", "model", "--clip", 1]


class Card(train_test.Case):
    def make(self, run, device, *more, level="1,3"):
        self.make_run(run, "--device", device, "--lanes", 1, *more, level=level)
        return [line["loss"] for line in self.lines(run)]

    def judged(self):
        return [*JUDGED, "--styles", self.photos, "--judge", self.model, "--start-model", self.model]


class Losses(Card):
    """The first step's loss is one of equal parameters; from then on, Adam makes more of rounding."""

    def assert_near(self, got, wanted, first, later):
        self.assertEqual(len(got), len(wanted))
        for i, (mine, theirs) in enumerate(zip(got, wanted)):
            self.assertLess(abs(mine - theirs), (later if i > 0 else first) * abs(theirs), f"step {i + 1}")

    def test_decoders_learn_as_on_the_processor(self):
        more = ["--steps", 6]
        self.assert_near(self.make("card", "cuda", *more), self.make("cpu", "cpu", *more), 1e-5, 0.02)

    def test_so_do_decoders_and_trunks_on_transformed_features(self):
        more = ["--steps", 2, "--tune-encoder", 0.5, *self.judged()]
        self.assert_near(self.make("card", "cuda", *more, level="3,4,5"), self.make("cpu", "cpu", *more, level="3,4,5"),
                         1e-3, 0.1)

    def test_half_precisions_are_near(self):
        exact = self.make("exact", "cuda", "--steps", 6)
        for precision in "bf16", "f16":
            self.assert_near(self.make(precision, "cuda", "--steps", 6, "--precision", precision), exact, 0.02, 0.05)


class Resumed(Card):
    def assert_goes_on(self, *more, level="1,3"):
        more = ["--steps", 8, "--checkpoint-every", 3, *more]
        self.make("whole", "cuda", *more, level=level)
        process = self.start("killed", "--device", "cuda", "--lanes", 1, *more, level=level)
        self.wait_for_step(process, "killed", 4)
        process.kill()
        process.wait()
        self.assertEqual(self.train("resume", self.path("killed"), "--quiet").status, 0)
        self.assertEqual(self.steps("killed"), self.steps("whole"))
        self.assertEqual(self.state("killed"), self.state("whole"))

    def test_a_run_goes_on_to_the_same_bits(self):
        self.assert_goes_on()

    def test_so_does_one_on_transformed_features(self):
        self.assert_goes_on(*self.judged())

    def test_so_does_one_in_bf16(self):
        self.assert_goes_on("--precision", "bf16")


if __name__ == "__main__":
    wct_test.main()
