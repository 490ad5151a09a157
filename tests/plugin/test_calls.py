#!/usr/bin/env python3
"""The procedures as scripts call them, in GIMP itself without a window: arguments, run modes, and what becomes of layers
of every kind."""
import configparser
import os
import re
import shutil
import struct
import subprocess
import unittest

import numpy as np
from PIL import Image

import gimp_test
import xcf
from gimp_test import IN_PLACE, NEW_LAYER, call, quote

SIZE = 56, 40  # of the content and its image
SELECTED = 10, 8, 24, 16  # x, y, width, height
PROCEDURES = "stylize", "texture"
INT32, FLOAT, STRING, INT32_ARRAY, FLOAT_ARRAY = 0, 3, 4, 5, 8  # GIMP's numbers for the types of arguments


def blocks(rng, width, height, channels):
    """A picture of soft squares."""
    small = rng.random((height // 4 + 1, width // 4 + 1, channels))
    return (255 * small.repeat(4, 0).repeat(4, 1)[:height, :width]).astype("u1")


def select(x, y, width, height):
    return f"(gimp-image-select-rectangle image CHANNEL-OP-REPLACE {x} {y} {width} {height})"


def inside(selected, shape, offsets=(0, 0)):
    """Which of a layer's pixels a rectangle of the image has."""
    x, y, width, height = selected
    rows, columns = np.indices(shape[:2])
    rows, columns = rows + offsets[1], columns + offsets[0]
    return (rows >= y) & (rows < y + height) & (columns >= x) & (columns < x + width)


class Calls(gimp_test.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = np.random.default_rng(8)
        pictures = {"content": blocks(rng, *SIZE, 3), "style": blocks(rng, 48, 36, 3), "veiled": blocks(rng, *SIZE, 4)}
        for name, pixels in pictures.items():
            Image.fromarray(pixels).save(cls.home / f"{name}.png")

    def save(self, name, image="image"):
        return f'(gimp-xcf-save 1 {image} 0 {quote(self.path(name + ".xcf"))} "x")'

    def layers(self, name):
        return xcf.read(self.path(name + ".xcf"))[0]

    def open(self, picture):
        return f"""(car (gimp-file-load 1 {quote(self.path(picture + ".png"))} "x"))"""

    def scene(self, body, content="content", style="style"):
        """A script with an image of its own: layer and, below it, style."""
        return f"""
          (let* ((image {self.open(content)})
                 (layer (car (gimp-image-get-active-layer image)))
                 (style (car (gimp-file-load-layer 1 image {quote(self.path(style + ".png"))}))))
            (gimp-image-insert-layer image style 0 1)
            {body}
            (gimp-image-delete image))"""

    def play(self, *bodies, content="content", style="style", **environment):
        """Each with an image of its own, in one GIMP; what they said. (Another GIMP may round otherwise: babl measures
        anew which of its conversions is the fastest.)"""
        return self.run_scenes("".join(self.scene(body, content, style) for body in bodies), **environment)

    def run_scenes(self, scenes, **environment):
        said, errors, text = self.script(scenes, **environment)
        self.assertFalse(errors, text)
        self.assertNotRegex(text, "(?i)critical|eeek")
        return said

    def assert_same(self, got, expected, what):
        self.assertEqual(got.shape, expected.shape, what)
        different = np.any(got != expected, axis=-1) if got.ndim == 3 else got != expected
        self.assertFalse(different.any(), f"{what}: {different.sum()} of {different.size} pixels differ")

    def assert_changed(self, got, before, least=0.5):
        self.assertEqual(got.shape, before.shape)
        self.assertGreater(np.mean(np.any(got != before, axis=-1)), least)

    # ---- What GIMP is told ----------------------------------------------------------------------------------------

    def parameters(self):
        """Name and type of each row of the table of parameters, from its source."""
        source = (gimp_test.SOURCE / "core/params.c").read_text()
        table = source[source.index("table[] = {"):source.index("wct_params_table (")]
        found = []
        for level, name, kind in re.findall(r'LEVEL_ROWS \((\d)\)|\{ "([a-z-]+)"[^}]*?WCT_PARAM_([A-Z]+)', table):
            if level:
                found += [(f"relu{level}", INT32), (f"relu{level}-alpha", FLOAT)]
            else:
                found.append((name, FLOAT if kind == "DOUBLE" else INT32))
        self.assertGreater(len(found), 12)
        return found

    def expected_arguments(self, procedure):
        kinds = {"num": INT32, "styles": INT32_ARRAY, "weights": FLOAT_ARRAY, "style-files": STRING, "region-masks": INT32_ARRAY,
                 "region-styles": INT32_ARRAY, "region-strengths": FLOAT_ARRAY}
        lists = [(name, kinds[name if name in kinds else "num"]) for name in gimp_test.LISTS]
        every = [*self.parameters(), ("output", INT32), ("width", INT32), ("height", INT32), *lists]
        own = [each for each in every if each[0] != "content-size" and each[0] not in gimp_test.WITHOUT[procedure]]
        return [("run-mode", INT32), ("image", 13), ("drawable", 16), ("style", 16), *own]

    def test_each_procedure_is_registered_with_the_parameters_of_the_table_and_a_description_of_each(self):
        for procedure in PROCEDURES:
            name = f"plug-in-wct-{procedure}"
            expected = self.expected_arguments(procedure)
            said = self.play(f"""
              (let ((info (gimp-procedural-db-proc-info {quote(name)})))
                (say (string-append (number->string (list-ref info 6)) "|" (car info) "|" (cadr info) "|" (list-ref info 2))))
              (let loop ((i 0))
                (if (< i {len(expected)})
                  (let ((argument (gimp-procedural-db-proc-arg {quote(name)} i)))
                    (say (string-append (number->string (car argument)) "|" (cadr argument) "|" (caddr argument)))
                    (loop (+ i 1)))))""")
            with self.subTest(procedure):
                count, blurb, help_text, author = said[0].split("|")
                arguments = [line.split("|") for line in said[1:]]
                self.assertEqual(int(count), len(expected))
                self.assertEqual([(argument[1], int(argument[0])) for argument in arguments], expected)
                for text in (blurb, help_text, author, *(argument[2] for argument in arguments)):
                    self.assertGreater(len(text), 5, arguments)

    def test_the_arguments_that_tests_use_are_those_of_the_table(self):
        for procedure in PROCEDURES:
            names = [name for name, _ in self.expected_arguments(procedure)[4:]]
            self.assertEqual([name for name in gimp_test.DEFAULTS if name not in gimp_test.WITHOUT[procedure]], names)

    # ---- Run modes ------------------------------------------------------------------------------------------------

    def check_last_values(self, procedure, **changes):
        """The second image has no style: it is that of the first."""
        for output in (NEW_LAYER, IN_PLACE):
            zeros = {**{name: 0 for name in gimp_test.DEFAULTS}, **gimp_test.LISTS}
            self.play(f"""
              {call(procedure, output=output, **changes)}
              {self.save("first")}
              (let* ((second {self.open("content")})
                     (again (car (gimp-image-get-active-layer second))))
                {call(procedure, "second", "again", -1, "RUN-WITH-LAST-VALS", **zeros)}
                {self.save("second", "second")}
                (gimp-image-delete second))""")
            first, second = self.layers("first"), self.layers("second")
            with self.subTest(output=output):
                self.assertEqual(len(second), 2 if output == NEW_LAYER else 1)
                self.assertEqual(len(first), len(second) + 1)
                self.assertEqual((first[0].name, first[0].offsets), (second[0].name, second[0].offsets))
                self.assert_same(second[0].bits, first[0].bits, "with the last values")
                self.assert_changed(first[0].bits[..., :3], np.asarray(Image.open(self.path("content.png"))))

    def test_stylize_gives_the_same_pixels_in_both_run_modes_without_a_window(self):
        self.check_last_values("stylize", relu5_alpha=0.35, relu3=0, style_size=30, passes=2, damping=0.25)

    def test_texture_gives_the_same_pixels_in_both_run_modes_without_a_window(self):
        self.check_last_values("texture", relu5_alpha=1, relu2=0, seed=77, style_size=30)

    # ---- Textures -------------------------------------------------------------------------------------------------

    def texture(self, before="", **changes):
        self.play(f"""{before} {self.save("before")} {call("texture", **changes)} {self.save("after")}""")
        return self.layers("before"), self.layers("after")

    def check_texture_layer(self, after, place, masked):
        made = after[0]
        self.assertEqual(len(after), 3)
        self.assertEqual((*made.offsets, made.pixels.shape[1], made.pixels.shape[0]), place)
        self.assertTrue((made.pixels[..., 3] == 255).all(), "it is opaque")
        self.assertGreater(made.pixels[..., :3].std(), 5)
        self.assertEqual(made.mask is not None, masked)
        if masked:
            self.assertTrue((made.mask == 255).all())

    def test_a_texture_is_a_layer_of_the_images_size_wherever_the_layer_is(self):
        before, after = self.texture("(gimp-layer-set-offsets layer 9 -7)")
        self.check_texture_layer(after, (0, 0, *SIZE), False)
        self.assert_same(after[1].bits, before[0].bits, "the layer itself")

    def test_a_texture_is_a_layer_of_the_selections_size_and_at_its_place(self):
        _, after = self.texture("(gimp-layer-set-offsets layer 9 -7)" + select(*SELECTED))
        self.check_texture_layer(after, SELECTED, True)

    def test_a_texture_is_a_layer_of_the_given_size(self):
        self.check_texture_layer(self.texture(width=70, height=24)[1], (0, 0, 70, 24), False)

    def test_a_texture_of_a_given_width_has_the_images_height(self):
        self.check_texture_layer(self.texture(width=19)[1], (0, 0, 19, SIZE[1]), False)

    def test_a_texture_of_a_given_height_has_the_images_width(self):
        self.check_texture_layer(self.texture(height=19)[1], (0, 0, SIZE[0], 19), False)

    def test_a_texture_of_a_given_size_begins_where_the_selection_does(self):
        _, after = self.texture(select(*SELECTED), width=30, height=33)
        self.check_texture_layer(after, (*SELECTED[:2], 30, 33), False)

    def test_a_texture_fills_the_selection_in_place_and_nothing_beside_it(self):
        before, after = self.texture(select(*SELECTED), output=IN_PLACE)
        filled = inside(SELECTED, before[0].bits.shape)
        self.assertEqual(len(after), len(before))
        self.assert_same(after[0].bits[~filled], before[0].bits[~filled], "outside of the selection")
        self.assert_changed(after[0].bits[filled][None], before[0].bits[filled][None], 0.9)

    def test_a_seed_gives_its_texture_each_time_and_another_seed_another(self):
        names = "first", "again", "other"
        self.play(*(call("texture", seed=seed) + self.save(name) for name, seed in zip(names, (5, 5, 6))))
        first, again, other = (self.layers(name)[0].bits for name in names)
        self.assert_same(again, first, "the same seed")
        self.assert_changed(other, first)

    # ---- Layer groups, masks, offsets -------------------------------------------------------------------------------

    GROUP = """
      (define group (car (gimp-layer-group-new image)))
      (define second (car (gimp-layer-copy style FALSE)))
      (gimp-image-insert-layer image group 0 0)
      (gimp-image-insert-layer image second group 0)
      (gimp-image-reorder-item image layer group 1)
      (gimp-layer-set-offsets second 4 3)"""
    MERGED = """
      (gimp-item-set-visible style FALSE)
      (define merged (car (gimp-layer-new-from-visible image image "merged")))
      (gimp-item-set-visible style TRUE)
      (gimp-image-insert-layer image merged 0 0)"""

    def play_group(self, call_with):
        """The uppermost layers: made from a group, and from its layers merged into one."""
        self.play(*(f"""{self.GROUP} {self.MERGED} {call_with(each)} (gimp-image-remove-layer image merged) {self.save(each)}"""
                    for each in ("group", "merged")))
        return self.layers("group"), self.layers("merged")

    def test_a_group_is_stylized_into_a_new_layer_as_its_merged_layers_are(self):
        group, merged = self.play_group(lambda each: call("stylize", layer=each))
        self.assertEqual(len(group), len(merged))
        self.assertEqual(group[0].name, "style.png style (0.6)")
        self.assertEqual(group[0].offsets, (0, 0))
        self.assert_same(group[0].bits, merged[0].bits, "of the group")

    def test_a_group_is_a_style_as_its_merged_layers_are(self):
        group, merged = self.play_group(lambda each: call("stylize", layer="style", style=each))
        made = [next(layer for layer in layers if "style (0.6)" in layer.name) for layers in (group, merged)]
        self.assert_same(made[0].bits, made[1].bits, "in the group's style")

    def test_a_new_layer_is_above_its_layer(self):
        said = self.play(f"""
          (gimp-image-insert-layer image (car (gimp-layer-copy style FALSE)) 0 0)
          {call("stylize")}
          (say (number->string (car (gimp-image-get-item-position image layer))))
          (say (car (gimp-item-get-name (vector-ref (cadr (gimp-image-get-layers image)) 1))))""")
        self.assertEqual(said, ["2", "style.png style (0.6)"])

    def test_a_new_layer_is_in_its_layers_group(self):
        said = self.play(f"""
          {self.GROUP}
          {call("stylize")}
          (let ((children (cadr (gimp-item-get-children group))))
            (say (number->string (vector-length children)))
            (say (car (gimp-item-get-name (vector-ref children 1))))
            (say (if (= layer (vector-ref children 2)) "below it" "elsewhere")))""")
        self.assertEqual(said, ["3", "style.png style (0.6)", "below it"])

    def test_a_new_layer_comes_into_a_group_whose_pixels_are_locked(self):
        lock = f"""{self.GROUP} (gimp-item-set-lock-content group TRUE)"""
        for selected in ("", select(*SELECTED)):
            run = selected + call("stylize")
            self.play(f"""{run} {self.save("free")}""", f"""{lock} {run} {self.save("locked")}""")
            made = [next(layer for layer in self.layers(name) if "style (0.6)" in layer.name) for name in ("free", "locked")]
            with self.subTest(selected=selected):
                self.assert_same(made[1].bits, made[0].bits, "in a locked group")

    MASK = """
      (define mask (car (gimp-layer-create-mask layer ADD-MASK-WHITE)))
      (gimp-layer-add-mask layer mask)
      (gimp-context-set-foreground '(90 90 90))
      (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 5 5 30 20)
      (gimp-edit-fill mask FILL-FOREGROUND)
      (gimp-selection-none image)"""

    def test_a_layers_mask_stays_and_does_not_matter(self):
        for output in (NEW_LAYER, IN_PLACE):
            run = call("stylize", output=output)
            self.play(f"""{run} {self.save("plain")}""", f"""{self.MASK} {self.save("before")} {run} {self.save("masked")}""")
            (plain, before, masked) = (self.layers(name) for name in ("plain", "before", "masked"))
            with self.subTest(output=output):
                self.assertEqual(len(np.unique(before[0].mask)), 2)
                self.assert_same(masked[-2].mask, before[0].mask, "the mask")
                for i, layer in enumerate(plain):
                    self.assert_same(masked[i].bits, layer.bits, layer.name)

    BEYOND = "(gimp-layer-set-offsets layer -9 13)"

    def test_a_layer_that_reaches_beyond_its_image_is_stylized_as_a_whole(self):
        for output in (NEW_LAYER, IN_PLACE):
            run = call("stylize", output=output)
            self.play(f"""{run} {self.save("plain")}""", f"""{self.BEYOND} {run} {self.save("beyond")}""")
            plain, beyond = self.layers("plain"), self.layers("beyond")
            with self.subTest(output=output):
                self.assertEqual(len(beyond), len(plain))
                self.assertEqual(beyond[0].offsets, (-9, 13))
                self.assert_same(beyond[0].bits, plain[0].bits, beyond[0].name)

    def test_in_place_gives_the_pixels_of_a_new_layer(self):
        for selected in ("", select(*SELECTED)):
            self.play(*(f"""{selected} {call("stylize", output=output)} {self.save(name)}"""
                        for output, name in ((NEW_LAYER, "layer"), (IN_PLACE, "place"))))
            made, own = self.layers("layer")[0], self.layers("place")[0]
            x, y = made.offsets
            height, width = made.bits.shape[:2]
            with self.subTest(selected=selected):
                self.assert_same(own.bits[y:y + height, x:x + width], made.bits[..., :own.bits.shape[2]], "in place")

    def test_a_selection_counts_where_it_is_on_the_layer(self):
        common = 0, 13, 20, 17  # of the selection and the layer, in the image
        prepare = self.BEYOND + select(0, 0, 20, 30) + self.save("before")
        self.play(*(f"""{prepare} {call("stylize", output=output)} {self.save(name)}"""
                    for output, name in ((NEW_LAYER, "layer"), (IN_PLACE, "place"))))
        before, layer, place = (self.layers(name) for name in ("before", "layer", "place"))
        made, own = layer[0], before[0]
        self.assertEqual((*made.offsets, made.bits.shape[1], made.bits.shape[0]), common)
        changed = inside(common, own.bits.shape, own.offsets)
        self.assert_same(place[0].bits[~changed], own.bits[~changed], "outside of the selection and of the image")
        self.assert_changed(place[0].bits[changed][None], own.bits[changed][None])

    # ---- Styles ---------------------------------------------------------------------------------------------------

    def test_a_style_may_be_in_another_image_which_stays_as_it_is(self):
        said = self.play(call("stylize") + self.save("own"), f"""
          (let* ((other {self.open("style")})
                 (painting (car (gimp-image-get-active-layer other))))
            (gimp-image-clean-all other)
            {call("stylize", style="painting")}
            {self.save("foreign")}
            (say (number->string (car (gimp-image-is-dirty other))))
            (gimp-image-delete other))""")
        self.assertEqual(said, ["0"])
        self.assert_same(self.layers("foreign")[0].bits, self.layers("own")[0].bits, "with a style from elsewhere")

    def test_the_style_size_makes_a_difference_unless_it_is_the_styles_own(self):
        self.play(*(call("stylize", style_size=size) + self.save(f"size-{size}") for size in (0, 48, 24, 96)))
        kept, own, half, double = (self.layers(f"size-{size}")[0].bits for size in (0, 48, 24, 96))
        self.assert_same(own, kept, "at the style's own size")
        self.assert_changed(half, kept)
        self.assert_changed(double, kept)

    def half_transparent(self, name, hidden):
        pixels = np.asarray(Image.open(self.path("style.png")).convert("RGBA")).copy()
        pixels[:, 20:] = *hidden, 0
        Image.fromarray(pixels).save(self.path(name + ".png"))

    def test_what_is_transparent_in_a_style_has_no_color(self):
        names = "green", "black"
        for name, hidden in zip(names, ((0, 255, 0), (0, 0, 0))):
            self.half_transparent(name, hidden)
        self.run_scenes("".join(self.scene(call("stylize", style_size=size) + self.save(f"{name}-{size}"), style=name)
                                for name in names for size in (0, 24)))
        for size in (0, 24):
            with self.subTest(style_size=size):
                made = self.layers(f"green-{size}")[0].bits
                self.assert_same(made, self.layers(f"black-{size}")[0].bits, "whatever is hidden")
                self.assert_changed(made[..., :3], self.layers(f"green-{size}")[1].bits)

    def test_a_style_may_have_indexed_colors(self):
        """As the same colors in RGB."""
        other = f"""
          (define other {self.open("style")})
          (define painting (car (gimp-image-get-active-layer other)))
          (gimp-image-convert-indexed other CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 12 FALSE FALSE "")"""
        self.play(f"""{other} {call("stylize", style="painting")} {self.save("indexed")} (gimp-image-delete other)""",
                  f"""{other} (gimp-image-convert-rgb other) {call("stylize", style="painting")} {self.save("rgb")}
                      (gimp-image-delete other)""", call("stylize") + self.save("all-colors"))
        indexed, rgb, all_colors = (self.layers(name)[0].bits for name in ("indexed", "rgb", "all-colors"))
        self.assert_same(indexed, rgb, "in the style of 12 colors")
        self.assert_changed(indexed, all_colors)

    def test_a_style_may_be_a_channel_or_a_mask(self):
        self.play(f"""
          (define channel (car (gimp-channel-new-from-component image CHANNEL-RED "red")))
          (gimp-image-insert-channel image channel 0 0)
          (define mask (car (gimp-layer-create-mask style ADD-MASK-WHITE)))
          (gimp-layer-add-mask style mask)
          (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 5 5 20 20)
          (gimp-context-set-foreground '(0 0 0))
          (gimp-edit-fill mask FILL-FOREGROUND)
          (gimp-selection-none image)
          {call("stylize", style="channel")} {self.save("channel")}
          {call("stylize", style="mask")} {self.save("mask")}""")
        content = np.asarray(Image.open(self.path("content.png")))
        for name in ("channel", "mask"):
            with self.subTest(name):
                self.assert_changed(self.layers(name)[0 if name == "channel" else 1].bits[..., :3], content)

    def test_a_style_that_is_all_transparent_gives_some_picture(self):
        pixels = np.zeros((36, 48, 4), "u1")
        pixels[..., 1] = 200
        Image.fromarray(pixels).save(self.path("nothing.png"))
        self.play(call("stylize") + self.save("nothing"), style="nothing")
        self.assertEqual(self.layers("nothing")[0].bits.shape[:2], SIZE[::-1])

    # ---- Several styles, and regions --------------------------------------------------------------------------------

    def program(self, *words):
        """What `wct stylize` makes of the content."""
        wct = os.environ.get("WCT", gimp_test.SOURCE / "build/cli/wct")
        out = self.path("program.png")
        subprocess.run([wct, "stylize", self.path("content.png"), *map(str, words), "--model", gimp_test.MODEL, "-o", out, "--force",
                        "--quiet"], check=True)
        return np.asarray(Image.open(out).convert("RGB"), int)

    def assert_like_the_program(self, name, expected):
        got = self.layers(name)[0].bits[..., :3].astype(int)
        self.assertEqual(got.shape, expected.shape)
        self.assertLessEqual(np.abs(got - expected).max(), 1, "8 bits are rounded twice")

    SECOND = """
      (define second (car (gimp-file-load-layer 1 image {})))
      (gimp-image-insert-layer image second 0 2)"""

    def second(self):
        rng = np.random.default_rng(12)
        Image.fromarray(blocks(rng, 40, 44, 3)).save(self.path("second.png"))
        return self.SECOND.format(quote(self.path("second.png")))

    def test_styles_are_mixed_by_their_weights_as_the_program_does(self):
        run = call("stylize", num_styles=1, styles="(vector second)", num_weights=2, weights="#(0.3 0.7)")
        self.play(self.second() + run + self.save("mixed"))
        expected = self.program(self.path("style.png"), self.path("second.png"), "--style-weights", "0.3,0.7")
        self.assert_like_the_program("mixed", expected)
        self.assertEqual(self.layers("mixed")[0].name, "style.png + second.png style (0.6)")

    def test_styles_without_weights_and_from_files_have_equal_parts(self):
        prepare = self.second()
        files = call("stylize", style_files=quote(self.path("second.png")))
        layers = call("stylize", num_styles=1, styles="(vector second)")
        self.play(prepare + files + self.save("files"), prepare + layers + self.save("layers"))
        self.assert_like_the_program("layers", self.program(self.path("style.png"), self.path("second.png")))
        # GIMP and gdk-pixbuf read the same 8 bits
        self.assert_same(self.layers("files")[0].bits, self.layers("layers")[0].bits, "of a file")

    def test_regions_have_the_styles_that_the_program_gives_them(self):
        mask = np.zeros(SIZE[::-1], "u1")
        mask[:, :SIZE[0] // 2] = 255
        Image.fromarray(mask).save(self.path("left.png"))
        Image.fromarray(255 - mask).save(self.path("right.png"))
        self.play(self.second() + f"""
          (define (channel-of name x)
            (gimp-image-select-rectangle image CHANNEL-OP-REPLACE x 0 {SIZE[0] // 2} {SIZE[1]})
            (let ((saved (car (gimp-selection-save image)))) (gimp-selection-none image) saved))
          (define left (channel-of "left" 0))
          (define right (channel-of "right" {SIZE[0] // 2}))
          (gimp-image-set-active-layer image layer)
          {call("stylize", num_styles=1, styles="(vector second)", num_regions=2, region_masks="(vector left right)",
                num_region_styles=2, region_styles="#(0 1)")}
          {self.save("regions")}""")
        expected = self.program(self.path("style.png"), self.path("second.png"), "--masks",
                                f"{self.path('left.png')},{self.path('right.png')}")
        self.assert_like_the_program("regions", expected)

    def test_a_regions_strength_is_the_levels_strength_times_it(self):
        """All of the picture, at half the strength: no region at all, at 0.3."""
        half = {f"relu{level}_alpha": 0.3 for level in (5, 4, 3, 2, 1)}
        self.play(call("stylize", num_regions=1, region_masks="#(-1)", num_region_strengths=1, region_strengths="#(0.5)")
                  + self.save("region"), call("stylize", **half) + self.save("half"))
        self.assert_same(self.layers("region")[0].bits, self.layers("half")[0].bits, "at half the strength")

    def test_a_mix_is_made_once_more_with_last_values(self):
        run = call("stylize", num_styles=1, styles="(vector second)", num_weights=2, weights="#(0.3 0.7)")
        self.play(f"""{self.second()} {run} {self.save("first")} (gimp-image-set-active-layer image layer)
                      {call("stylize", style=-1, mode="RUN-WITH-LAST-VALS")} {self.save("again")}""")
        self.assert_same(self.layers("again")[0].bits, self.layers("first")[0].bits, "with the last values")

    # ---- What is on the new layer -----------------------------------------------------------------------------------

    def test_a_new_layers_name_says_what_made_it(self):
        all_off = {f"relu{level}": 0 for level in (5, 4, 3, 2, 1)}
        cases = [(call("stylize"), "style.png style (0.6)"),
                 (call("stylize", **{**all_off, "relu4": 1, "relu4_alpha": 0.85}), "style.png style (4: 0.85)"),
                 (call("stylize", **{**all_off, "relu2": 1, "relu1": 1, "relu1_alpha": 0.3}), "style.png style (2: 0.6; 1: 0.3)"),
                 (call("texture", seed=123), "style.png texture, seed 123")]
        self.play("".join(f"""{run} {self.save(f"name-{i}")}
                              (gimp-image-remove-layer image (vector-ref (cadr (gimp-image-get-layers image)) 0))"""
                          for i, (run, _) in enumerate(cases)))
        for i, (_, expected) in enumerate(cases):
            with self.subTest(expected):
                self.assertEqual(self.layers(f"name-{i}")[0].name, expected)

    def check_parasite(self, procedure, **changes):
        self.play(call(procedure, **changes) + self.save("parasite"))
        layers = self.layers("parasite")
        file = configparser.ConfigParser()
        file.read_string(layers[0].parasites["gimp-wct"].decode().rstrip("\0"))
        got = dict(file["gimp-wct"])
        table = [name for name, _ in self.expected_arguments(procedure)[4:]]
        numbers = {name: value for name, value in {**gimp_test.DEFAULTS, **changes}.items()
                   if name in table and name != "output" and name not in gimp_test.LISTS}
        numbers.update({"width": changes.get("width", 0), "height": changes.get("height", 0)})
        words = {"mode": procedure, "output": "layer", "style": "style.png", "model": gimp_test.MODEL.name}
        self.assertEqual({key: got[key] for key in words}, words)
        self.assertEqual({key: float(value) for key, value in got.items() if key not in words}, numbers)
        for layer in layers[1:]:
            self.assertNotIn("gimp-wct", layer.parasites)

    def test_a_stylized_layer_carries_its_settings_as_a_key_file(self):
        self.check_parasite("stylize", **{"relu5-alpha": 0.15, "relu3": 0, "style-size": 32, "eigenvalue-floor": 0.001,
                                          "damping": 0.5})

    def test_a_texture_carries_its_settings_as_a_key_file(self):
        self.check_parasite("texture", **{"seed": 2147483647, "passes": 2, "width": 33, "height": 21})

    def test_a_parasite_is_the_same_where_a_comma_parts_decimals(self):
        made = subprocess.run(["localedef", "-i", "it_IT", "-f", "UTF-8", self.path("it_IT.UTF-8")], capture_output=True,
                              check=False) if shutil.which("localedef") else None
        if made is None or made.returncode != 0:
            self.skipTest("no Italian locale can be made; install locales")
        run = call("stylize", relu5_alpha=0.15, eigenvalue_floor=0.001)
        self.play(run + self.save("point"))
        comma = {"LC_ALL": "", "LANG": "C.UTF-8", "LC_NUMERIC": "it_IT.UTF-8", "LOCPATH": str(self.home)}
        self.play(run + self.save("comma"), **comma)
        point, comma = self.layers("point")[0], self.layers("comma")[0]
        self.assertEqual(comma.parasites, point.parasites)
        self.assertLessEqual(np.abs(comma.pixels.astype(int) - point.pixels).max(), 1)

    # ---- Kinds of images and layers -----------------------------------------------------------------------------------

    def test_an_image_keeps_its_color_profile(self):
        self.path("wide.icc").write_bytes(profile())
        for output in (NEW_LAYER, IN_PLACE):
            said = self.play(f"""
              (gimp-image-set-color-profile-from-file image {quote(self.path("wide.icc").as_uri())})
              (define (profile) (gimp-image-get-color-profile image))
              (define before (profile))
              {self.save("before")}
              {call("stylize", output=output)}
              {self.save("after")}
              (say (if (and (= (car before) {len(profile())}) (equal? before (profile))) "same" "other"))""")
            with self.subTest(output=output):
                self.assertEqual(said, ["same"])
                self.assert_changed(self.layers("after")[0].bits[..., :3], self.layers("before")[0].bits)

    def test_locked_alpha_changes_nothing(self):
        for output in (NEW_LAYER, IN_PLACE):
            run = call("stylize", output=output)
            lock = f"""(gimp-layer-set-lock-alpha layer TRUE) {self.save("before")}"""
            self.play(f"""{run} {self.save("free")}""", f"""{lock} {run} {self.save("locked")}""", content="veiled")
            free, before, locked = (self.layers(name) for name in ("free", "before", "locked"))
            with self.subTest(output=output):
                self.assert_same(locked[0].bits, free[0].bits, "with its alpha locked")
                self.assert_same(locked[-2].bits[..., 3], before[0].bits[..., 3], "alpha")
                self.assert_changed(locked[0].bits, before[0].bits)

    def test_a_layer_may_have_any_size(self):
        rng = np.random.default_rng(9)
        sizes = (1, 1), (3, 200), (200, 3), (75, 17), (17, 75)
        cases = [(*size, procedure, output) for size in sizes for procedure in PROCEDURES for output in (NEW_LAYER, IN_PLACE)]
        for width, height in sizes:
            Image.fromarray(rng.integers(0, 255, (height, width, 3), "u1")).save(self.path(f"{width}-{height}.png"))
        self.run_scenes("".join(
            self.scene(self.save(f"before-{i}") + call(procedure, output=output) + self.save(f"after-{i}"), f"{width}-{height}")
            for i, (width, height, procedure, output) in enumerate(cases)))
        for i, case in enumerate(cases):
            before, after = self.layers(f"before-{i}"), self.layers(f"after-{i}")
            with self.subTest(case=case):
                self.assertEqual(len(after), len(before) + (case[-1] == NEW_LAYER))
                self.assertEqual(after[0].offsets, (0, 0))
                self.assert_changed(after[0].bits[..., :3], before[0].bits)

    # ---- Manners ----------------------------------------------------------------------------------------------------

    def test_nothing_is_left_in_the_folders_for_temporary_files(self):
        folders = self.path("temporary"), self.path("profile/tmp")
        folders[0].mkdir()
        self.play(*(call(procedure, output=output) for procedure in PROCEDURES for output in (NEW_LAYER, IN_PLACE)),
                  TMPDIR=str(folders[0]))
        self.assertEqual([list(folder.rglob("*")) for folder in folders], [[], []])


def profile():
    """A color profile that is not sRGB: wide primaries, gamma 2.2."""
    def fixed(*numbers):
        return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))

    def text(kind, words):
        return kind + bytes(4) + words

    description = b"Wide\0"
    tags = {b"desc": text(b"desc", struct.pack(">I", len(description)) + description + bytes(78)),
            b"cprt": text(b"text", b"None\0"),
            b"wtpt": text(b"XYZ ", fixed(0.9642, 1, 0.8249)), b"rXYZ": text(b"XYZ ", fixed(0.60974, 0.31111, 0.01947)),
            b"gXYZ": text(b"XYZ ", fixed(0.20528, 0.62567, 0.06087)), b"bXYZ": text(b"XYZ ", fixed(0.14919, 0.06322, 0.74457))}
    tags.update({name: text(b"curv", struct.pack(">IHH", 1, 0x233, 0)) for name in (b"rTRC", b"gTRC", b"bTRC")})
    at, index, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        index += struct.pack(">4sII", name, at + len(data), len(tag))
        data += tag
    size = at + len(data)
    head = struct.pack(">I4sI4s4s4s12s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp", bytes(4))
    return head.ljust(68, b"\0") + fixed(0.9642, 1, 0.8249).ljust(60, b"\0") + index + data


class Libraries(unittest.TestCase):
    @unittest.skipUnless(shutil.which("ldd"), "no ldd")
    def test_no_library_of_gtk_2_is_loaded(self):
        listed = subprocess.run(["ldd", gimp_test.PLUGIN], capture_output=True, text=True, check=True).stdout
        self.assertIn("libgtk-3.so", listed)
        self.assertIn("libgimp-2.0.so", listed)
        for library in ("libgtk-x11-2.0", "libgdk-x11-2.0", "libgimpui-2.0", "libgimpwidgets-2.0"):
            self.assertNotIn(library, listed)


if __name__ == "__main__":
    gimp_test.main()
