#!/usr/bin/env python3
"""GIMP itself, without a window: every kind of pixels, with every kind of selection, into a new layer and in place."""
import os
import subprocess
import unittest

import numpy as np
from PIL import Image

import gimp_test
import xcf
from gimp_test import quote

SIZE = 40, 28
OFFSET = 6, 3  # of the layer in its image
SELECTED = 14, 9, 18, 12  # in the image: x, y, width, height
FEATHER = 4
PRECISIONS = {"u8": 100, "u8-gamma": 150, "u16": 200, "u16-gamma": 250, "u32": 300, "u32-gamma": 350, "half": 500,
              "half-gamma": 550, "float": 600, "float-gamma": 650}
KINDS = "rgb", "rgba", "gray", "graya"
SELECTIONS = "none", "rectangle", "feathered"
OUTPUTS = "layer", "replace"


def save(image, path):
    return f'(gimp-xcf-save 1 {image} (car (gimp-image-get-active-drawable {image})) {quote(path)} "x")'


class Pixels(gimp_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(5)
        smooth = rng.random((SIZE[1] // 4, SIZE[0] // 4, 4)).repeat(4, 0).repeat(4, 1)
        smooth[..., 3] = 0.25 + 0.75 * smooth[..., 3]
        Image.fromarray((smooth * 255).astype("u1"), "RGBA").save(cls.home / "content.png")
        Image.fromarray((smooth[..., :3] * 255).astype("u1"), "RGB").save(cls.home / "opaque.png")
        style = rng.random((12, 12, 3)).repeat(4, 0).repeat(4, 1) ** 2
        Image.fromarray((style * 255).astype("u1"), "RGB").save(cls.home / "style.png")

    def case_script(self, precision, kind, selection, output):
        """Saves the image before and after. (content and style: opened before.)"""
        name = f"{kind}-{selection}-{output}"
        select = {"none": "", "rectangle": "(gimp-image-select-rectangle image 2 {} {} {} {})".format(*SELECTED)}
        select["feathered"] = select["rectangle"] + f"(gimp-selection-feather image {FEATHER})"
        return f"""
          (let* ((image (car (gimp-image-new-with-precision 60 44 {int(kind.startswith("gray"))} {precision})))
                 (layer (car (gimp-layer-new-from-drawable content image)))
                 (style (car (gimp-layer-new-from-drawable painting image))))
            (gimp-image-insert-layer image style 0 0)
            (gimp-image-insert-layer image layer 0 0)
            {"" if kind.endswith("a") else "(gimp-layer-flatten layer)"}
            (gimp-layer-set-offsets layer {OFFSET[0]} {OFFSET[1]})
            {select[selection]}
            {save("image", self.path(name + "-before.xcf"))}
            {gimp_test.call("stylize", relu5_alpha=0.5, relu1_alpha=0.7, output=OUTPUTS.index(output))}
            {save("image", self.path(name + "-after.xcf"))}
            (gimp-image-delete image))"""

    def check_replaced(self, before, after, selected):
        """Bit for bit where nothing is selected; and inside, something happened."""
        inside = np.ones(before.shape[:2], bool)
        if selected is not None:
            inside = selected[OFFSET[1]:OFFSET[1] + SIZE[1], OFFSET[0]:OFFSET[0] + SIZE[0]] > 0
            self.assertLess(inside.mean(), 0.7)
        self.assertTrue(np.array_equal(before[~inside], after[~inside]), "something changed outside of the selection")
        self.assertGreater(np.mean(before[inside] != after[inside]), 0.2)

    def check_made(self, before, made, selection, alpha):
        """The new layer lies where the selection is and has it as its mask."""
        height, width = made.pixels.shape[:2]
        grow = FEATHER if selection == "feathered" else 0
        expected = (*OFFSET, *SIZE) if selection == "none" else SELECTED
        for got, wanted, slack in zip((*made.offsets, width, height), expected, (grow, grow, 2 * grow, 2 * grow)):
            self.assertLessEqual(abs(got - wanted), slack)
        x, y = made.offsets[0] - OFFSET[0], made.offsets[1] - OFFSET[1]
        part = before[y:y + height, x:x + width]
        if alpha:
            self.assertTrue(np.array_equal(made.bits[..., -1], part[..., -1]), "alpha changed")
        self.assertGreater(np.mean(made.bits != part), 0.2)
        if selection == "none":
            self.assertIsNone(made.mask)
        else:
            self.assertEqual(len(np.unique(made.mask)) > 2, selection == "feathered")
            self.assertGreater(made.mask.astype(float).max(), 0)

    def check_case(self, kind, selection, output):
        name = f"{kind}-{selection}-{output}"
        (before, selected), (after, _) = (xcf.read(self.path(f"{name}-{when}.xcf")) for when in ("before", "after"))
        alpha = kind.endswith("a")
        own, others = before[0].bits, after[-2:]
        self.assertEqual(own.shape, (SIZE[1], SIZE[0], {"rgb": 3, "rgba": 4, "gray": 1, "graya": 2}[kind]))
        self.assertTrue(np.array_equal(before[1].bits, others[1].bits), "the style changed")
        self.assertEqual(len(after), len(before) + (output == "layer"))
        if output == "layer":
            self.assertTrue(np.array_equal(own, others[0].bits), "the layer itself changed")
            self.check_made(own, after[0], selection, alpha)
        else:
            self.check_replaced(own, others[0].bits, selected)
            if alpha:
                self.assertTrue(np.array_equal(own[..., -1], others[0].bits[..., -1]), "alpha changed")

    def run_precision(self, precision):
        cases = [(kind, selection, output) for kind in KINDS for selection in SELECTIONS for output in OUTPUTS]
        _, errors, text = self.script(f"""
          (let* ((opened (car (gimp-file-load 1 {quote(self.path("content.png"))} "x")))
                 (content (car (gimp-image-get-active-layer opened)))
                 (painting (car (gimp-file-load-layer 1 opened {quote(self.path("style.png"))}))))
            (gimp-image-insert-layer opened painting 0 0)
            {"".join(self.case_script(PRECISIONS[precision], *case) for case in cases)}
            (gimp-image-delete opened))""")
        self.assertFalse(errors, text)
        for case in cases:
            with self.subTest(precision=precision, case=case):
                self.check_case(*case)


for each in PRECISIONS:
    setattr(Pixels, f"test_{each.replace('-', '_')}_pixels_change_where_they_are_selected_and_alpha_stays",
            lambda self, each=each: self.run_precision(each))


class SameAsTheProgram(gimp_test.Case):
    """GIMP's pixels are those of `wct stylize`, for each way out."""

    setUpPictures = Pixels.setUpClass

    def compare(self, output, read):
        for name, source in (("content.png", gimp_test.SAMPLES / "lake.jpg"), ("style.png", gimp_test.SAMPLES / "style-swirls.jpg")):
            picture = Image.open(source).convert("RGB")
            picture.resize((picture.width // 3, picture.height // 3)).save(self.path(name))
        _, errors, text = self.script(f"""
          (let* ((image (car (gimp-file-load 1 {quote(self.path("content.png"))} "x")))
                 (layer (car (gimp-image-get-active-layer image)))
                 (style (car (gimp-file-load-layer 1 image {quote(self.path("style.png"))}))))
            (gimp-image-insert-layer image style 0 1)
            {gimp_test.call("stylize", output=output)}
            (file-png-save-defaults 1 image {read} {quote(self.path("result.png"))} "x")
            (gimp-image-delete image))""")
        self.assertFalse(errors, text)
        wct = os.environ.get("WCT", gimp_test.SOURCE / "build/cli/wct")
        subprocess.run([wct, "stylize", self.path("content.png"), self.path("style.png"), "--alpha", "0.6", "--model", gimp_test.MODEL,
                        "-o", self.path(f"program-{output}.png"), "--quiet"], check=True)
        ours, program = (np.asarray(Image.open(self.path(name)).convert("RGB"), int) for name in ("result.png", f"program-{output}.png"))
        self.assertEqual(ours.shape, program.shape)
        self.assertLessEqual(np.abs(ours - program).max(), 1)

    def test_a_new_layer(self):
        self.compare(0, "(aref (cadr (gimp-image-get-layers image)) 0)")

    def test_in_place(self):
        self.compare(1, "layer")


if __name__ == "__main__":
    gimp_test.main()
