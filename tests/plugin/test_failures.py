#!/usr/bin/env python3
"""What cannot be done, in GIMP itself without a window: one sentence in the user's language, and the image stays as it is.

Sentences are looked up by what stands in the source; the Italian ones in po/it.po.
"""
import gettext
import math
import pathlib
import re
import shutil
import subprocess
import unittest
from typing import NamedTuple

import numpy as np
from PIL import Image

import gimp_test
from gimp_test import IN_PLACE, SOURCE, call, quote

ITALIAN = SOURCE / "po/it.po"
LAYER, STYLE = (40, 28), (32, 32)
LAST = "RUN-WITH-LAST-VALS"

NO_MODEL = "No model was found: please put wct-compact.safetensors into the folder %s."
NAMED_MODEL = "The model %s is not there: please let WCT_MODEL name another, or none."
BAD_MODEL = "The model %s cannot be used (%s): please install it again."
NO_STYLE = "The style is missing: please choose a layer for it."
NO_DISPLAY = "There is no display for the dialog: please call it with RUN-NONINTERACTIVE."
INDEXED = "The image has indexed colors: please change it to RGB first (Image, Mode, RGB)."
NO_LAYER = "Only layers can be stylized: please choose one, not a mask or a channel."
NOT_SELECTED = "Nothing of the layer is selected: please select some of it, or clear the selection."
OUT_OF_RANGE = "%s is %.10g: please give a number from %.10g to %.10g."
NUMBERS = "%s has %d numbers: please give %d, or none."
NO_WEIGHT = "No style has any weight: please give at least one some."
STYLES = "There are more than %d styles: please give fewer."
REGIONS = "There are more than %d regions: please give fewer."
NO_FILE = "The style %s cannot be read: please choose another picture."
NO_MASK = "A region's mask is not there any more: please choose another."
NO_LEVEL = "No level is on: please turn on at least one."
GROUP = "A layer group has no pixels of its own: please let the result be a new layer."
LOCKED = "The layer's pixels are locked: please unlock them, or let the result be a new layer."
NO_MEMORY = "The style's %d×%d pixels need %.1f GB of memory and %.1f GB are free: please give it a smaller size."
TOO_LARGE = "%d×%d pixels need %.1f GB of memory and %.1f GB are free: please select less, or scale the image down."

MAKE_CHANNEL = """
  (define channel (car (gimp-channel-new image 40 28 "a channel" 50 '(0 0 0))))
  (gimp-image-insert-channel image channel 0 0)"""
MAKE_MASK = """
  (define mask (car (gimp-layer-create-mask layer ADD-MASK-WHITE)))
  (gimp-layer-add-mask layer mask)"""
MAKE_INDEXED = '(gimp-image-convert-indexed image 0 0 16 FALSE FALSE "")'
MAKE_GROUP = """
  (define group (car (gimp-layer-group-new image)))
  (gimp-image-insert-layer image group 0 0)
  (gimp-image-reorder-item image layer group 0)"""
LOCK, LOCK_GROUP = "(gimp-item-set-lock-content layer TRUE)", "(gimp-item-set-lock-content group TRUE)"
SELECT_ELSEWHERE = """
  (gimp-layer-set-offsets layer 30 0)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 2 2 20 20)"""
NO_LEVELS = {f"relu{level}": 0 for level in (5, 4, 3, 2, 1)}


class Refusal(NamedTuple):
    """What is refused, the script that asks for it, and the sentence. prepare: a script that comes before; shows and
    numbers: what stands in the sentence, whatever the language is; model: a file of the test's, or NOWHERE."""
    name: str
    sentence: str
    call: str
    prepare: str = ""
    shows: tuple = ()
    numbers: tuple = ()
    model: str = "good"


def out_of_range(name, value, least, most, procedure="texture"):
    return Refusal(f"{name} is {value}", OUT_OF_RANGE, call(procedure, **{name: value}), shows=(name,),
                   numbers=(value, least, most))


NOWHERE = "nowhere"
# In one GIMP, in this order, as far as they have one model.
REFUSALS = [
    Refusal("last values that are none", NO_STYLE, call("stylize", mode=LAST)),
    Refusal("no style", NO_STYLE, call("stylize", style=-1)),
    Refusal("no style for a texture", NO_STYLE, call("texture", style=-1)),
    Refusal("last values that are none, after calls that failed", NO_STYLE, call("texture", mode=LAST)),
    Refusal("last values with a style that was deleted", NO_STYLE, call("stylize", style=-1, mode=LAST),
            f"""{call("stylize")} (gimp-image-remove-layer image style)"""),
    Refusal("last values with a style whose image was closed", NO_STYLE, call("stylize", mode=LAST),
            f"""(let* ((other (car (gimp-image-new 20 20 RGB)))
                       (painting (car (gimp-layer-new-from-drawable style other))))
                  (gimp-image-insert-layer other painting 0 0)
                  {call("stylize", style="painting")}
                  (gimp-image-delete other))"""),
    Refusal("a dialog without a display", NO_DISPLAY, call("stylize", mode="RUN-INTERACTIVE")),
    Refusal("a texture's dialog without a display", NO_DISPLAY, call("texture", mode="RUN-INTERACTIVE")),
    Refusal("an indexed image", INDEXED, call("stylize"), MAKE_INDEXED),
    Refusal("an indexed image for a texture", INDEXED, call("texture"), MAKE_INDEXED),
    Refusal("a layer mask", NO_LAYER, call("stylize", layer="mask"), MAKE_MASK),
    Refusal("a channel", NO_LAYER, call("stylize", layer="channel"), MAKE_CHANNEL),
    Refusal("a texture in a channel", NO_LAYER, call("texture", layer="channel", output=IN_PLACE), MAKE_CHANNEL),
    Refusal("a selection beside the layer", NOT_SELECTED, call("stylize"), SELECT_ELSEWHERE),
    Refusal("a selection beside the layer in place", NOT_SELECTED, call("stylize", output=IN_PLACE), SELECT_ELSEWHERE),
    Refusal("a texture in place and a selection beside the layer", NOT_SELECTED, call("texture", output=IN_PLACE),
            SELECT_ELSEWHERE),
    out_of_range("relu4-alpha", 1.6, 0, 1, "stylize"),
    out_of_range("relu1-alpha", -0.01, 0, 1),
    out_of_range("relu5", 2, 0, 1, "stylize"),
    out_of_range("relu3", -1, 0, 1),
    out_of_range("style-size", -5, 0, 1e6, "stylize"),
    out_of_range("passes", 0, 1, 100, "stylize"),
    out_of_range("passes", 101, 1, 100),
    out_of_range("seed", -1, 0, 2**31 - 1),
    out_of_range("eigenvalue-floor", -1e-9, 0, 1e6, "stylize"),
    out_of_range("damping", 2e6, 0, 1e6, "stylize"),
    out_of_range("output", 2, 0, 1, "stylize"),
    out_of_range("output", -1, 0, 1),
    out_of_range("width", 65537, 0, 65536),
    out_of_range("height", -1, 0, 65536),
    Refusal("weights that are too few", NUMBERS, call("stylize", num_styles=1, styles="(vector style)", num_weights=1, weights="#(1.0)"),
            shows=("weights",), numbers=(1, 2)),
    Refusal("a weight that is too large", OUT_OF_RANGE, call("stylize", num_weights=1, weights="#(1.5)"), shows=("weights",),
            numbers=(1.5, 0, 1)),
    Refusal("no weight at all", NO_WEIGHT, call("stylize", num_styles=1, styles="(vector style)", num_weights=2, weights="#(0.0 0.0)")),
    Refusal("too many styles", STYLES, call("texture", num_styles=8, styles="(make-vector 8 style)"), numbers=(8,)),
    Refusal("a style's file that is not there", NO_FILE, call("stylize", style_files='"/no/such.png"'), shows=("/no/such.png",)),
    Refusal("too many regions", REGIONS, call("stylize", num_regions=9, region_masks="(make-vector 9 -1)"), numbers=(8,)),
    Refusal("a region's style that there is none of", OUT_OF_RANGE,
            call("stylize", num_regions=1, region_masks="#(-1)", num_region_styles=1, region_styles="#(1)"),
            shows=("region-styles",), numbers=(1, -1, 0)),
    Refusal("a region's strength that is too large", OUT_OF_RANGE,
            call("stylize", num_regions=1, region_masks="#(-1)", num_region_strengths=1, region_strengths="#(2.0)"),
            shows=("region-strengths",), numbers=(2, 0, 1)),
    Refusal("strengths that are too many", NUMBERS, call("stylize", num_region_strengths=1, region_strengths="#(0.5)"),
            shows=("region-strengths",), numbers=(1, 0)),
    Refusal("a region's mask that is nothing", NO_MASK, call("stylize", num_regions=1, region_masks="#(9999)")),
    Refusal("no level", NO_LEVEL, call("stylize", **NO_LEVELS)),
    Refusal("no level for a texture", NO_LEVEL, call("texture", **NO_LEVELS)),
    Refusal("a layer group in place", GROUP, call("stylize", layer="group", output=IN_PLACE), MAKE_GROUP),
    Refusal("a texture in place in a layer group", GROUP, call("texture", layer="group", output=IN_PLACE), MAKE_GROUP),
    Refusal("locked pixels in place", LOCKED, call("stylize", output=IN_PLACE), LOCK),
    Refusal("a texture in place of locked pixels", LOCKED, call("texture", output=IN_PLACE), LOCK),
    Refusal("in place in a group whose pixels are locked", LOCKED, call("stylize", output=IN_PLACE),
            MAKE_GROUP + LOCK_GROUP),
    Refusal("some pixels in place in a group whose pixels are locked", LOCKED, call("stylize", output=IN_PLACE),
            MAKE_GROUP + LOCK_GROUP + "(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 2 2 20 20)"),
    Refusal("WCT_MODEL that names nothing", NAMED_MODEL, call("stylize"), shows=("missing.safetensors",), model="missing.safetensors"),
    Refusal("a texture without a model", NAMED_MODEL, call("texture"), shows=("missing.safetensors",), model="missing.safetensors"),
    Refusal("no model in any folder", NO_MODEL, call("stylize"), model=NOWHERE),
    Refusal("a model that was cut off", BAD_MODEL, call("stylize"), shows=("cut.safetensors",), model="cut.safetensors"),
    Refusal("a model cut in its header", BAD_MODEL, call("stylize"), shows=("head.safetensors",), model="head.safetensors"),
    Refusal("a model of no bytes", BAD_MODEL, call("stylize"), shows=("empty.safetensors",), model="empty.safetensors"),
    Refusal("a model that is a picture", BAD_MODEL, call("stylize"), shows=("picture.safetensors",), model="picture.safetensors"),
    Refusal("a model that is a folder", BAD_MODEL, call("stylize"), shows=("folder.safetensors",), model="folder.safetensors"),
]
# Without files of the image: they would be gigabytes.
LARGE_REFUSALS = [
    Refusal("a layer larger than memory", TOO_LARGE, call("stylize", layer="large"),
            """(gimp-image-resize image 60000 60000 0 0)
               (define large (car (gimp-layer-new image 60000 60000 RGB-IMAGE "large" 100 LAYER-MODE-NORMAL)))
               (gimp-image-insert-layer image large 0 0)""", shows=("60000×60000",)),
    Refusal("a layer larger than memory in place", TOO_LARGE, call("stylize", layer="large", output=IN_PLACE),
            """(gimp-image-resize image 60000 60000 0 0)
               (define large (car (gimp-layer-new image 60000 60000 RGB-IMAGE "large" 100 LAYER-MODE-NORMAL)))
               (gimp-image-insert-layer image large 0 0)""", shows=("60000×60000",)),
    Refusal("a texture larger than memory", TOO_LARGE, call("texture", width=65536, height=65536), shows=("65536×65536",)),
    Refusal("a style larger than memory", NO_MEMORY, call("stylize", style="large"),
            """(define large (car (gimp-layer-new image 200000 200000 RGB-IMAGE "large" 100 LAYER-MODE-NORMAL)))
               (gimp-image-insert-layer image large 0 0)""", shows=("200000×200000",)),
]


def pattern(sentence):
    """Of a sentence with printf's placeholders."""
    kinds = {"s": ".+", "d": r"-?\d+", "g": r"[-+.,\deinfa]+", "f": r"\d+[.,]\d+"}
    parts = re.split(r"(%(?:\d+\$)?(?:\.\d+)?[sdgf])", sentence)
    return "".join(kinds[part[-1]] if i % 2 else re.escape(part) for i, part in enumerate(parts))


def numbers_of(sentence):
    return [float(number) for number in re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?(?:e[-+]\d+)?", sentence)]


class Outcome(NamedTuple):
    said: str
    dirty: str  # "0" where the image is as it was saved, for GIMP
    layers: tuple  # how many before and after
    files: tuple  # before and after


class Group(NamedTuple):
    outcomes: dict
    text: str
    left: list  # in folders for temporary files


class Failures(gimp_test.Case):
    """In English."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(4)
        for name, (width, height) in (("content", LAYER), ("style", STYLE)):
            Image.fromarray(rng.integers(0, 255, (height, width, 3), "u1")).save(cls.home / f"{name}.png")
        model = gimp_test.MODEL.read_bytes()
        for name, data in (("cut", model[:len(model) // 2]), ("head", model[:100]), ("empty", b""),
                           ("picture", (cls.home / "style.png").read_bytes())):
            (cls.home / f"{name}.safetensors").write_bytes(data)
        (cls.home / "folder.safetensors").mkdir()
        (cls.home / "temporary").mkdir()
        cls.groups = {}

    # ---- Running --------------------------------------------------------------------------------------------------

    def translate(self, sentence):
        return sentence

    def language(self):
        return {}

    def use_lost_plugin(self):
        """The plug-in finds models beside its source, too: this copy believes that it was built elsewhere.
        The end of the path stays: a linker lets other texts be the end of this one."""
        installed = [line for line in ("/usr/local/share/wct/models", "/usr/share/wct/models") if pathlib.Path(line).is_dir()]
        if installed:
            self.skipTest(f"there are models in {installed[0]}")
        plugins, here = self.path("lost-plugins"), str(SOURCE).encode()
        if not plugins.exists():
            shutil.copytree(self.path("plugins"), plugins, symlinks=True)
            own = plugins / "gimp-wct/gimp-wct"
            own.unlink()
            own.write_bytes(gimp_test.PLUGIN.read_bytes().replace(here, b"/?" + here[2:]))
            own.chmod(0o755)
        empty = self.path("empty")
        empty.mkdir(exist_ok=True)
        return {"WCT_MODEL": "", "XDG_DATA_DIRS": str(empty), "GIMP_TESTING_PLUGINDIRS": str(plugins)}

    def model_environment(self, model):
        if model == NOWHERE:
            return self.use_lost_plugin()
        return {"WCT_MODEL": str(gimp_test.MODEL if model == "good" else self.path(model))}

    def save(self, name, files):
        return f'(gimp-xcf-save 1 image 0 {quote(self.path(name))} "x")' if files else ""

    def scene(self, i, refusal, files):
        count = "(number->string (car (gimp-image-get-layers image)))"
        return f"""
          (let* ((image (car (gimp-file-load 1 {quote(self.path("content.png"))} "x")))
                 (layer (car (gimp-image-get-active-layer image)))
                 (style (car (gimp-file-load-layer 1 image {quote(self.path("style.png"))}))))
            (gimp-image-insert-layer image style 0 1)
            {refusal.prepare}
            {self.save(f"before-{i}.xcf", files)}
            (gimp-image-clean-all image)
            (say (string-append "{i} layers " {count}))
            (say (string-append "{i} said " (attempt (lambda () {refusal.call}))))
            (say (string-append "{i} dirty " (number->string (car (gimp-image-is-dirty image)))))
            (say (string-append "{i} layers " {count}))
            {self.save(f"after-{i}.xcf", files)}
            (gimp-image-delete image)
            (for-each gimp-image-delete (vector->list (cadr (gimp-image-list)))))"""

    def run_group(self, refusals, files=True):
        """In one GIMP. An error in a call goes to attempt; any other ends the script."""
        environment = {**self.model_environment(refusals[0].model), **self.language(), "TMPDIR": str(self.path("temporary"))}
        said, _, text = self.script(f"""
          (define leave #f)
          (define (fail message . rest) (if leave (leave message) (error message)))
          (define (attempt run)
            (let ((usual *error-hook*))
              (set! *error-hook* fail)
              (let ((result (call/cc (lambda (out) (set! leave out) (run) "done"))))
                (set! *error-hook* usual)
                result)))
          {"".join(self.scene(i, refusal, files) for i, refusal in enumerate(refusals))}""", **environment)
        outcomes = {}
        for i, refusal in enumerate(refusals):
            found = {word: [line.split(" ", 2)[2] for line in said if line.startswith(f"{i} {word} ")]
                     for word in ("said", "dirty", "layers")}
            if len(found["layers"]) == 2:
                saved = [self.path(f"{when}-{i}.xcf").read_bytes() if files else b"" for when in ("before", "after")]
                outcomes[refusal.name] = Outcome(found["said"][0], found["dirty"][0], tuple(found["layers"]), tuple(saved))
        left = [str(path) for folder in ("temporary", "profile/tmp") for path in self.path(folder).rglob("*")]
        return Group(outcomes, text, left)

    def group_of(self, refusal):
        """Where it is run first, all of its model are."""
        large = refusal in LARGE_REFUSALS
        if (refusal.model, large) not in self.groups:
            refusals = LARGE_REFUSALS if large else [each for each in REFUSALS if each.model == refusal.model]
            self.groups[refusal.model, large] = self.run_group(refusals, files=not large)
        return self.groups[refusal.model, large]

    # ---- Judging --------------------------------------------------------------------------------------------------

    def check(self, refusal):
        group = self.group_of(refusal)
        self.assertIn(refusal.name, group.outcomes, group.text)
        outcome = group.outcomes[refusal.name]
        procedure = re.search(r"plug-in-wct-\w+", refusal.call)[0]
        expected = pattern(self.translate(refusal.sentence))
        self.assertRegex(outcome.said, re.compile(rf"^Procedure execution of {procedure} failed: {expected} ?$"))
        for part in refusal.shows:
            self.assertIn(part, outcome.said)
        for number in refusal.numbers:
            there = [math.isclose(number, found, rel_tol=1e-5) for found in numbers_of(outcome.said)]
            self.assertTrue(any(there), (number, outcome.said))
        self.assertEqual(outcome.dirty, "0", "for GIMP, the image has changed")
        self.assertEqual(outcome.layers[0], outcome.layers[1], "number of layers")
        self.assertTrue(outcome.files[0] == outcome.files[1], "the image has changed")

    def test_nothing_else_is_said_and_nothing_is_left_in_folders_for_temporary_files(self):
        for refusal in {each.model: each for each in REFUSALS}.values():
            with self.subTest(model=refusal.model):
                group = self.group_of(refusal)
                self.assertEqual(group.left, [])
                self.assertNotRegex(group.text, "(?i)critical|warning: (?!SAID)|eeek|killing")


class ItalianFailures(Failures):
    @classmethod
    def setUpClass(cls):
        if not ITALIAN.exists():
            raise unittest.SkipTest("no po/it.po")
        if shutil.which("msgfmt") is None:
            raise unittest.SkipTest("no msgfmt; install gettext")
        super().setUpClass()
        catalog = cls.home / "locale/it/LC_MESSAGES/gimp-wct.mo"
        catalog.parent.mkdir(parents=True)
        subprocess.run(["msgfmt", "-o", catalog, ITALIAN], check=True)
        with open(catalog, "rb") as file:
            cls.catalog = gettext.GNUTranslations(file)

    def translate(self, sentence):
        translated = self.catalog.gettext(sentence)
        self.assertNotEqual(translated, sentence, "po/it.po lacks it")
        return translated

    def language(self):
        return {"LANGUAGE": "it", "WCT_LOCALE_DIR": str(self.path("locale"))}


for each in REFUSALS + LARGE_REFUSALS:
    setattr(Failures, "test_refused_with_a_sentence_" + re.sub(r"\W+", "_", each.name), lambda self, each=each: self.check(each))


if __name__ == "__main__":
    gimp_test.main()
