#!/usr/bin/env python3
"""Style files: saved, shown, listed, and taken wherever a style's picture is."""
import array
import json
import pathlib
import struct
import unittest

import wct_test
from wct_test import Pixels, SOURCE, environment, noise, run, tiny_model, write_png


def read_style(path):
    """Tensors, as (type, shape, bytes), and texts of a .safetensors file: its own reader, with nothing of wct in it."""
    blob = pathlib.Path(path).read_bytes()
    length, = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + length])
    texts = header.pop("__metadata__")
    data = blob[8 + length:]
    return {n: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for n, t in header.items()}, texts


class Styles(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = tiny_model()
        self.picture = write_png(self.path("waves.png"), 48, 40, 3, noise(48 * 40 * 3, 256, 3))
        self.other = write_png(self.path("other.png"), 40, 40, 3, noise(40 * 40 * 3, 256, 4))
        self.photo = write_png(self.path("photo.png"), 40, 32, 3, noise(40 * 32 * 3, 256, 5))
        self.styles = self.path("styles")
        self.styles.mkdir()
        self.file = self.styles / "waves.wctstyle"

    def wct(self, *arguments, **changes):
        return run(*arguments, cwd=self.folder,
                   env=environment(WCT_STYLES=str(self.styles), XDG_DATA_HOME="/nowhere", XDG_DATA_DIRS="/nowhere", **changes))

    def save(self, *more):
        return self.wct("style", "save", self.picture, "-o", self.file, "--model", self.model, *more)

    def stylize(self, out, *styles):
        result = self.wct("stylize", self.photo, *styles, "-o", self.path(out), "--model", self.model)
        self.assert_done(result)
        return list(Pixels(self.path(out)).values)

    def test_a_file_holds_what_the_options_say(self):
        self.assert_done(self.save("--name", "Wellen", "--license", "CC0-1.0", "--levels", "1,4"))
        tensors, texts = read_style(self.file)
        self.assertEqual({n: t[:2] for n, t in tensors.items()},
                         {"relu1_1.mean": ("F32", [8]), "relu1_1.mean_rest": ("F32", [8]),
                          "relu1_1.covariance": ("F32", [36]), "relu1_1.covariance_rest": ("F32", [36]),
                          "relu4_1.mean": ("F32", [16]), "relu4_1.mean_rest": ("F32", [16]),
                          "relu4_1.covariance": ("F32", [136]), "relu4_1.covariance_rest": ("F32", [136]),
                          "thumbnail": ("U8", [40, 48, 3])})
        self.assertEqual({k: v for k, v in texts.items() if not k.endswith("encoder")},
                         {"format": "wct-style", "version": "1", "name": "Wellen", "license": "CC0-1.0", "model": "tiny",
                          "relu1_1.positions": str(48 * 48), "relu4_1.positions": "36"})  # sides are filled up to 16s
        self.assertEqual(list(tensors["thumbnail"][2]), list(Pixels(self.picture).values))

    def test_a_thumbnail_is_small_and_keeps_its_sides(self):
        wide = write_png(self.path("wide.png"), 384, 192, 3, [200, 100, 50] * (384 * 192))
        self.assert_done(self.wct("style", "save", wide, "-o", self.file, "--model", self.model))
        dtype, shape, data = read_style(self.file)[0]["thumbnail"]
        self.assertEqual((dtype, shape, set(data)), ("U8", [48, 96, 3], {200, 100, 50}))

    def test_show_says_what_is_in_it(self):
        self.assert_done(self.save())
        for named in (self.file, "waves"):
            shown = self.wct("style", "show", named, "--json")
            self.assert_done(shown)
            got = json.loads(shown.out)
            self.assertEqual((got["name"], got["license"], got["model"], got["thumbnail"]), ("waves", None, "tiny", [48, 40]))
            self.assertEqual([(l["level"], l["channels"]) for l in got["levels"]], [(5, 16), (4, 16), (3, 12), (2, 8), (1, 8)])
        model = json.loads(self.wct("model", self.model, "--json").out)
        self.assertEqual([l["encoder"] for l in got["levels"]], [l["encoder"] for l in model["levels"]])
        text = self.wct("style", "show", self.file)
        self.assert_done(text)
        self.assertIn("waves", text.out)

    def test_list_shows_each_name_once_and_what_is_damaged(self):
        self.assert_done(self.save())
        (self.styles / "broken.wctstyle").write_bytes(b"no style")
        (self.styles / "notes.txt").write_text("no style")
        listed = self.wct("style", "list", "--json")
        self.assert_done(listed)
        got = {row["id"]: row for row in json.loads(listed.out)}
        self.assertEqual(got["waves"]["name"], "waves")
        self.assertIn("no safetensors file", got["broken"]["error"])
        self.assertNotIn("notes", got)
        self.assertIn("waves", self.wct("style", "list").out)

    def test_a_style_file_stylizes_as_its_picture_does(self):
        """48 bits of each number, and 8 of each pixel: at most one step of rounding apart."""
        self.assert_done(self.save())
        expected = self.stylize("picture.png", self.picture)
        for out, named in (("file.png", self.file), ("name.png", "waves"), ("full.png", "waves.wctstyle")):
            self.assert_close(self.stylize(out, named), expected, 1)
        weights = "--style-weights", "1,3"
        self.assert_close(self.stylize("mix1.png", "waves", self.other, *weights),
                          self.stylize("mix2.png", self.picture, self.other, *weights), 1)

    def test_a_texture_is_made_of_a_style_file(self):
        self.assert_done(self.save())
        made = []
        for style in (self.picture, self.file):
            out = self.path(f"texture{len(made)}.png")
            self.assert_done(self.wct("texture", style, "-o", out, "--size", "32x32", "--passes", 1, "--model", self.model))
            made.append(list(Pixels(out).values))
        self.assert_close(made[1], made[0], 1)

    def test_a_picture_of_a_style_s_name_comes_first(self):
        self.assert_done(self.save())
        write_png(self.path("waves"), 40, 40, 3, noise(40 * 40 * 3, 256, 4))
        self.assertEqual(self.stylize("bare.png", "waves"), self.stylize("other2.png", self.other))

    def test_options_about_pictures_are_refused(self):
        self.assert_done(self.save())
        for option in ("--style-size 64", "--style-scale 50", "--style-rotation 5", "--style-left 1", "--style-width 50",
                       "--recolor 100", "--recolor-histogram 50", "--swap 0.5"):
            result = self.wct("stylize", self.photo, "waves", "-o", self.path("out.png"), "--model", self.model,
                              *option.split())
            self.assert_refused(result, 1, "waves.wctstyle: ", option.split()[0], "name the picture itself")

    def test_a_level_that_the_file_lacks_is_named(self):
        self.assert_done(self.save("--levels", "1,2,3"))
        arguments = "stylize", self.photo, "waves", "-o", self.path("out.png"), "--model", self.model
        self.assert_refused(self.wct(*arguments), 1, "has no statistics of level 5 and 4", "--alpha")
        self.assert_done(self.wct(*arguments, "--alpha", "3=1,1=1"))

    def test_a_style_of_another_model_is_refused_with_both_names(self):
        self.assert_done(self.save())
        result = self.wct("stylize", self.photo, "waves", "-o", self.path("out.png"), "--model", self.identity)
        self.assert_refused(result, 1, "was measured with the model tiny", "not with the model identity", "again")

    def test_a_name_that_is_not_found_says_what_lists_them(self):
        result = self.wct("stylize", self.photo, "wave", "-o", self.path("out.png"), "--model", self.model)
        self.assert_refused(result, 1, "wave: there is no such file, nor a style of that name", "wct style list")

    def test_nothing_is_overwritten_without_force(self):
        self.assert_done(self.save("--name", "first"))
        self.assert_refused(self.save("--name", "second"), 1, "exists already")
        self.assertEqual(read_style(self.file)[1]["name"], "first")
        self.assert_done(self.save("--name", "second", "--force"))
        self.assertEqual(read_style(self.file)[1]["name"], "second")
        self.assertEqual([p.name for p in self.styles.iterdir()], ["waves.wctstyle"])

    def test_bad_calls_get_one_sentence(self):
        for call, word in (("", "save PICTURE"), ("keep x", "save, show or list"), ("save", "PICTURE"), ("show", "FILE"),
                           ("save waves.png", "-o OUT"), ("list x", "takes no file"), ("show x --name y", "for save"),
                           ("save waves.png -o x.png", ".wctstyle"), ("save waves.png -o x.wctstyle --levels 6", "1 to 5"),
                           ("save waves.png -o x.wctstyle --levels 1,", "1 to 5")):
            self.assert_refused(self.wct("style", *call.split()), 2, word)
        for call, word in (("show nothing.wctstyle", "nothing.wctstyle"), ("show waves.png", "safetensors"),
                           ("save nothing.png -o x.wctstyle", "nothing.png"),
                           (f"save waves.png -o x.wctstyle --model {self.identity} --levels 5", "does not reach level 5"),
                           (f"save waves.png -o x.wctstyle --model {self.identity} --name {'x' * 128}", "127")):
            self.assert_refused(self.wct("style", *call.split()), 1, word)
        self.assertFalse(self.path("x.wctstyle").exists())

    def test_a_file_that_another_program_wrote_is_read(self):
        """Whole covariances, no rests, no name: what the format's table asks for and no more."""
        self.assert_done(self.save("--levels", "1"))
        tensors, texts = read_style(self.file)
        packed, full = array.array("f", tensors["relu1_1.covariance"][2]), array.array("f", [0.0] * 64)
        values = iter(packed)
        for row in range(8):
            for column in range(row, 8):
                full[row * 8 + column] = full[column * 8 + row] = next(values)
        mean, blob = tensors["relu1_1.mean"][2], full.tobytes()
        header = {"__metadata__": {"format": "wct-style", "version": "1", "relu1_1.encoder": texts["relu1_1.encoder"]},
                  "relu1_1.mean": {"dtype": "F32", "shape": [8], "data_offsets": [256, 288]},
                  "relu1_1.covariance": {"dtype": "F32", "shape": [8, 8], "data_offsets": [0, 256]}}
        text = json.dumps(header).encode()
        (self.styles / "own.wctstyle").write_bytes(struct.pack("<Q", len(text)) + text + blob + mean)
        self.assert_close(self.stylize("own.png", "own", "--alpha", "1=1"), self.stylize("ours.png", "waves", "--alpha", "1=1"), 1)


class Shipped(wct_test.Case):
    def test_a_style_that_comes_along_is_used_by_its_name(self):
        if not (SOURCE / "data/styles").is_dir():
            raise unittest.SkipTest("no source tree here")
        photo = write_png(self.path("photo.png"), 48, 32, 3, noise(48 * 32 * 3, 256, 5))
        env = environment(XDG_DATA_HOME="/nowhere", XDG_DATA_DIRS="/nowhere")
        env.pop("WCT_STYLES", None)
        self.assert_done(run("stylize", photo, "mosaic", "-o", self.path("out.png"), env=env))
        listed = json.loads(run("style", "list", "--json", env=env).out)
        self.assertEqual(len(listed), len({row["id"] for row in listed}))
        self.assertGreaterEqual({row["id"] for row in listed}, {"mosaic", "swirls", "woodcut"})


if __name__ == "__main__":
    wct_test.main()
