#!/usr/bin/env python3
"""wct --backend cuda, its kernels run by the executor: the pictures of the cpu back end, on a card of any size, and a
sentence where the card gives up. Needs WCT_MODULE_DIR, and numpy for distances."""
import json

import numpy

import wct_test
from wct_test import SOURCE, Pixels, environment, noise, run, write_png

SIDE = 150  # the longer one

# Pictures, and bytes for the model and for some of the maps. In the first cases bands read the picture beside which they
# write another one on the card; in the last there is no room for that, and rows wait on the other side.
CARDS = [(320, 24_000_000, []), (320, 24_000_000, ["--swap", 0.6]), (600, 20_000_000, ["--alpha", "2=0.6,1=0.5"])]


class Card(wct_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = SOURCE / "weights" / "wct-compact.safetensors"
        cls.style = SOURCE / "data" / "samples" / "style-glass.jpg"

    def setUp(self):
        super().setUp()
        self.content = SOURCE / "data" / "samples" / "lake.jpg"

    def make(self, backend, *arguments, verb="stylize", side=SIDE, env=None):
        path = self.path("out.tif")
        operands = [self.content, self.style, "--content-size", side] if verb == "stylize" else [self.style]
        self.assert_done(run(verb, *operands, "-o", path, "--force", "--model", self.model, "--style-size", 128,
                             "--backend", backend, *arguments, env=env or environment()))
        return numpy.asarray(Pixels(path).values, dtype=float)

    def assert_near(self, got, wanted, decibels):
        error = numpy.mean((got - wanted) ** 2) / wanted.max() ** 2
        self.assertGreaterEqual(-10 * numpy.log10(error + 1e-30), decibels)

    def compare(self, *arguments, verb="stylize", decibels=65):
        self.assert_near(self.make("cuda", *arguments, verb=verb), self.make("cpu", *arguments, verb=verb), decibels)

    def refuse(self, word, backend="cuda", **changes):
        done = run("stylize", self.content, self.style, "-o", self.path("out.png"), "--content-size", SIDE, "--style-size", 128,
                   "--model", self.model, "--backend", backend, env=environment(**changes))
        self.assert_refused(done, 1, word)
        self.assertFalse(self.path("out.png").exists())


class Pictures(Card):
    def test_stylize(self):
        self.compare()

    def test_two_passes_of_some_levels(self):
        self.compare("--passes", 2, "--alpha", "5=0.4,2=0.7")

    def test_seamless(self):
        self.compare("--seamless", "--alpha", "3=0.6,1=0.6")

    def test_masks(self):
        mask = write_png(self.path("mask.png"), SIDE, 8, 1, [255 * x // SIDE for _ in range(8) for x in range(SIDE)])
        self.compare("--masks", mask)

    def test_patches(self):
        self.compare("--swap", 0.6)

    def test_transport_and_colors(self):
        self.compare("--transport", "--keep-colors", 50, "--working-size", 96)

    def test_texture(self):
        self.compare("--size", "112x80", "--seed", 4, "--passes", 1, verb="texture")


class Sizes(Card):
    """Bands make what the whole picture makes."""

    def test_a_small_card_makes_the_same(self):
        for side, memory, arguments in CARDS:
            whole = self.make("cuda", *arguments, side=side)
            banded = self.make("cuda", *arguments, side=side, env=environment(WCT_DEVICE_LIMIT=str(memory)))
            self.assert_near(banded, whole, 65)

    def test_a_card_that_is_too_small_is_one_sentence(self):
        self.refuse("card", WCT_DEVICE_LIMIT="1000000")


class Trouble(Card):
    def test_a_card_that_auto_took_leaves_the_picture_to_the_processor(self):
        wanted = self.make("cpu")
        for changes in {"WCT_DEVICE_LIMIT": "1000000"}, {"WCT_DEVICE_LOST_AFTER": "1"}, {"WCT_DEVICE_LOST_AFTER": "20"}:
            done = run("stylize", self.content, self.style, "-o", self.path("out.tif"), "--force", "--content-size", SIDE,
                       "--style-size", 128, "--model", self.model, env=environment(**changes))
            self.assertEqual(done.status, 0)
            self.assertRegex(done.err, r"\Awct: [^\n]*card[^\n]*: begun anew on the processor\n\Z")
            self.assertEqual(list(Pixels(self.path("out.tif")).values), list(wanted))

    def test_a_card_that_is_lost_is_one_sentence_whenever_it_happens(self):
        for n in 1, 7, 20:
            self.refuse("card", WCT_DEVICE_LOST_AFTER=str(n))

    def test_a_batch_ends_with_the_card_and_blames_no_picture(self):
        for i, folder in enumerate(("in", "styles")):
            self.path(folder).mkdir()
            for k in range(3):
                write_png(self.path(folder) / f"{k}.png", 40, 32, 3, noise(40 * 32 * 3, 256, seed=3 * i + k + 1))
        done = run("augment", self.path("in"), self.path("styles"), "-o", self.path("out"), "--model", self.model, "--style-size", 64,
                   "--backend", "cuda", env=environment(WCT_DEVICE_LOST_AFTER="30"))
        self.assertEqual(done.status, 1)
        self.assertIn("card was lost", done.err.splitlines()[-1])
        self.assertNotIn(".png", done.err)

    def test_precision_of_another_name_is_refused(self):
        self.refuse("WCT_CUDA_PRECISION", WCT_CUDA_PRECISION="f8")

    def test_auto_takes_the_card_and_what_is_set_for_it(self):
        self.refuse("WCT_CUDA_PRECISION", WCT_CUDA_PRECISION="f8", backend="auto")
        done = run("stylize", self.content, self.style, "-o", self.path("out.png"), "--content-size", SIDE, "--style-size", 128,
                   "--alpha", "1=0.5", "--json", env=environment())
        self.assertEqual(done.status, 0)
        self.assertEqual(json.loads(done.out)["backend"], "cuda")

    def test_what_is_wrong_with_a_picture_is_said_once(self):
        broken = self.path("broken.png")
        broken.write_bytes(write_png(self.path("whole.png"), 64, 64, 3, noise(64 * 64 * 3, 256)).read_bytes()[:3000])
        done = run("stylize", broken, self.style, "-o", self.path("out.png"), "--style-size", 64, "--model", self.model)
        self.assert_refused(done, 1, "broken.png")

    def test_half_precision_is_near(self):
        self.assert_near(self.make("cuda", env=environment(WCT_CUDA_PRECISION="f16")), self.make("cpu"), 40)


if __name__ == "__main__":
    wct_test.main()
