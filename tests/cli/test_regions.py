#!/usr/bin/env python3
"""Regions: soft masks against an independent computation in PyTorch, and files of regions that are right and wrong."""
import json
import math
import sys
import unittest

import wct_test
from wct_test import SHARED, Pixels, noise, run, write_png

try:
    import numpy as np
    import torch
except ImportError:
    torch = None

REFERENCE, GOLDEN = SHARED / "reference", SHARED / "golden" / "two-styles-masked"
MODEL = SHARED / "weights" / "compact16x.safetensors"

# Two correct float implementations differ by rounding, some 1e-6, which the levels' whitening amplifies; a result of 16
# bits adds less than 1e-5.
ALLOWED = 1e-3

SMALL = 8  # less weight than this, in features, is too little for statistics: docs/wct.1


def write_mask(path, rows):
    """@rows: numbers, clipped to 0 to 1 and rounded to 8 bits. Returns what the file says."""
    values = [round(255 * min(max(v, 0), 1)) for row in rows for v in row]
    write_png(path, len(rows[0]), len(rows), 1, values)
    return np.array(values, np.float64).reshape(len(rows), len(rows[0])) / 255


@unittest.skipIf(torch is None, "no numpy or no PyTorch")
@unittest.skipUnless(MODEL.is_file() and REFERENCE.is_dir() and GOLDEN.is_dir(), f"no {SHARED}; set WCT_SHARED")
class Golden(wct_test.Case):
    """Encoder, decoder and matrix powers are the reference's; weights, weighted moments and mixing are written here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(REFERENCE))
        import wct_reference
        cls.reference, cls.model = wct_reference, wct_reference.Model(MODEL)

    def setUp(self):
        super().setUp()
        self.picture = self.reference.load_image(GOLDEN / "content.png")
        self.styles = [self.reference.load_image(GOLDEN / f"style{i}.png") for i in (1, 2)]
        self.height, self.width = self.picture.shape[2:]
        pixels = (self.picture[0].permute(1, 2, 0).numpy() * 255).round().astype(int) * 257  # v / 255 in 16 bits
        self.content = write_png(self.path("content.png"), self.width, self.height, 3, pixels.reshape(-1).tolist(), 16)

    def mask(self, name, weight):
        return write_mask(self.path(name), [[weight(x / self.width, y / self.height) for x in range(self.width)]
                                            for y in range(self.height)])

    # ---- the definition

    def weights_at(self, mask, level):
        """The mean over each feature's cell, of the mask mirrored to sides that divide by 16."""
        padded = np.pad(mask, ((0, -self.height % 16), (0, -self.width % 16)), mode="reflect")
        cell = 2 ** (level - 1)
        rows, columns = padded.shape[0] // cell, padded.shape[1] // cell
        return torch.from_numpy(padded.reshape(rows, cell, columns, cell).mean((1, 3)).reshape(-1))

    @staticmethod
    def moments(features, weights):
        total = weights.sum()
        mean = (features * weights).sum(1, keepdim=True) / total
        centered = features - mean
        return mean, (centered * weights) @ centered.t() / (total - 1)

    def level(self, picture, level, regions):
        features = self.model.encode(picture, level)
        shape = features.shape
        f = features.reshape(shape[1], -1).double()
        left, out = torch.ones(f.shape[1], dtype=torch.float64), f.clone()
        for region in reversed(regions):
            weights = self.weights_at(region["mask"], level)
            content = self.moments(f, weights if weights.sum() >= SMALL else torch.ones_like(weights))
            styles = [self.model.encode(self.reference.pad16(self.styles[i]), level) for i, _ in region["styles"]]
            styles = [self.moments(s.reshape(shape[1], -1).double(), torch.ones(s[0, 0].numel())) for s in styles]
            total = sum(weight for _, weight in region["styles"])
            shares = [weight / total for _, weight in region["styles"]]
            matrix, offset = self.reference.transform(content, styles, shares)
            out += weights * left * region["alpha"][level] * (matrix @ f + offset - f)
            left *= 1 - weights
        return self.model.decode(out.float().reshape(shape), level)

    def stylize(self, levels, regions):
        picture = self.reference.pad16(self.picture)
        for level in sorted(levels, reverse=True):
            picture = self.level(picture, level, regions)
        return picture[0, :, :self.height, :self.width].clamp(0, 1).permute(1, 2, 0).reshape(-1).tolist()

    # ---- the program

    def run_regions(self, levels, regions):
        entries = [{"mask": region["file"],
                    "styles": [{"file": str(GOLDEN / f"style{i + 1}.png"), "weight": w} for i, w in region["styles"]],
                    "alpha": {str(level): region["alpha"][level] for level in levels}} for region in regions]
        self.path("regions.json").write_text(json.dumps(entries))
        self.assert_done(run("stylize", self.content, "--regions", self.path("regions.json"), "--model", MODEL,
                             "--alpha", ",".join(f"{level}=1" for level in levels), "-o", self.path("out.png"),
                             "--force"))
        result = Pixels(self.path("out.png"))
        self.assertEqual(result.format, "ushort")
        return [v / 65535 for v in result.color()]

    def check(self, levels, regions):
        self.assert_close(self.run_regions(levels, regions), self.stylize(levels, regions), ALLOWED)

    def feathered(self):
        """Two regions that fade into each other, with strengths and styles of their own."""
        left = self.mask("left.png", lambda x, y: 1.4 - 2 * x - 0.3 * y)
        right = self.mask("right.png", lambda x, y: 1.6 * x - 0.4 + 0.1 * math.sin(9 * y))
        return [{"file": "left.png", "mask": left, "styles": [(0, 1)],
                 "alpha": {5: 0.4, 4: 0.9, 3: 0.7, 2: 0.5, 1: 0.8}},
                {"file": "right.png", "mask": right, "styles": [(1, 3), (0, 1)],
                 "alpha": {5: 0.7, 4: 0.5, 3: 0.8, 2: 0.6, 1: 0.4}}]

    def test_two_feathered_regions_at_relu4_are_those_of_the_definition(self):
        self.check([4], self.feathered())

    def test_two_feathered_regions_at_all_levels_are_those_of_the_definition(self):
        self.check(self.model.levels(), self.feathered())

    def test_region_too_small_for_statistics_is_that_of_the_definition(self):
        spot = self.mask("spot.png", lambda x, y: 1 - 12 * math.hypot(x - 0.4, y - 0.6))
        weight = self.weights_at(spot, 5).sum()
        self.assertTrue(0 < weight < SMALL, weight)
        region = {"file": "spot.png", "mask": spot, "styles": [(1, 1)], "alpha": {5: 0.9, 4: 0.6}}
        self.check([level for level in (5, 4) if level in self.model.levels()], [region])

    def test_masks_are_soft_regions_with_one_style_each(self):
        regions = self.feathered()
        for region, style in zip(regions, ([(0, 1)], [(1, 1)])):
            region.update(styles=style, alpha={4: 0.6, 3: 0.6})
        self.assert_done(run("stylize", self.content, GOLDEN / "style1.png", GOLDEN / "style2.png", "--masks",
                             f"{self.path('left.png')},{self.path('right.png')}", "--model", MODEL, "--alpha",
                             "4=0.6,3=0.6", "-o", self.path("out.png")))
        got = [v / 65535 for v in Pixels(self.path("out.png")).color()]
        self.assert_close(got, self.stylize([4, 3], regions), ALLOWED)


class Files(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.model = wct_test.tiny_model()
        self.content = write_png(self.path("a.png"), 40, 30, 3, noise(3600, 256))
        for i in (1, 2):
            write_png(self.path(f"s{i}.png"), 30, 30, 3, noise(2700, 256, seed=i))
        write_png(self.path("m.png"), 2, 1, 1, [255, 0])
        write_png(self.path("n.png"), 4, 3, 3, noise(36, 256))

    def stylize(self, regions, *more, name="regions.json", out="out.png", **kind):
        text = regions if isinstance(regions, str) else json.dumps(regions)
        self.path(name).write_text(text)
        return run("stylize", self.content, "--regions", self.path(name), "--model", kind.get("model", self.model),
                   "-o", self.path(out), "--force", *more)

    def test_files_are_found_beside_the_json_from_any_folder(self):
        self.path("sub").mkdir()
        regions = [{"mask": "../m.png", "style": "../s1.png"}]
        self.assert_done(self.stylize(regions, name="sub/regions.json"))
        self.path("regions.json").write_text(json.dumps([{"mask": "m.png", "style": "s1.png"}]))
        self.assert_done(run("stylize", "../a.png", "--regions", "../regions.json", "--model", self.model, "-o",
                             "../there.png", cwd=self.path("sub")))
        self.assertEqual(self.path("out.png").read_bytes(), self.path("there.png").read_bytes())

    def test_masks_of_the_command_line_are_the_same_as_a_file(self):
        self.assert_done(self.stylize([{"mask": "m.png", "style": "s1.png"}, {"mask": "n.png", "style": "s2.png"}]))
        self.assert_done(run("stylize", self.content, self.path("s1.png"), self.path("s2.png"), "--masks",
                             f"{self.path('m.png')},{self.path('n.png')}", "--model", self.model, "-o",
                             self.path("masks.png")))
        self.assertEqual(self.path("out.png").read_bytes(), self.path("masks.png").read_bytes())

    def test_alpha_of_a_region_is_one_number_or_some_for_levels(self):
        self.assert_done(self.stylize([{"mask": "n.png", "style": "s1.png", "alpha": 0.3}]))
        one = self.path("out.png").read_bytes()
        self.assert_done(self.stylize([{"mask": "n.png", "style": "s1.png"}], "--alpha", 0.3))
        self.assertEqual(self.path("out.png").read_bytes(), one)
        self.assert_done(self.stylize([{"mask": "n.png", "style": "s1.png", "alpha": {"5": 0.3, "2": 0.3}}], "--alpha",
                                      "5=1,4=0.3,3=0.3,2=0.9,1=0.3"))
        self.assertEqual(self.path("out.png").read_bytes(), one)

    def test_hard_masks_cut_at_half_light(self):
        write_png(self.path("soft.png"), 4, 1, 1, [255, 200, 100, 0])
        write_png(self.path("cut.png"), 4, 1, 1, [255, 255, 0, 0])
        self.assert_done(self.stylize([{"mask": "soft.png", "style": "s1.png"}], "--hard-masks"))
        cut = self.path("out.png").read_bytes()
        self.assert_done(self.stylize([{"mask": "cut.png", "style": "s1.png"}], "--hard-masks"))
        self.assertEqual(self.path("out.png").read_bytes(), cut)
        self.assert_done(self.stylize([{"mask": "soft.png", "style": "s1.png"}]))
        self.assertNotEqual(self.path("out.png").read_bytes(), cut)

    def test_style_that_several_regions_name_is_read_once(self):
        cache = self.path("cache")
        many = [{"mask": "m.png", "style": "s1.png"},
                {"mask": "n.png", "styles": [{"file": "./s1.png", "weight": 2}, {"file": "s2.png"}]}]
        self.path("regions.json").write_text(json.dumps(many))
        self.assert_done(run("stylize", self.content, "--regions", self.path("regions.json"), "--model", self.model,
                             "-o", self.path("out.png"), env=wct_test.environment(XDG_CACHE_HOME=str(cache))))
        self.assertEqual(len(list((cache / "wct" / "styles").iterdir())), 2)

    def test_what_is_wrong_in_a_file_gets_one_sentence_with_the_region(self):
        good = {"mask": "m.png", "style": "s1.png"}
        wrong = [
            ("", "line", "no JSON"),
            ("[{]", "line 1", "no JSON"),
            ('[{"mask": "m.png", "mask": "m.png", "style": "s1.png"}]', "line 1", "duplicate"),
            ({}, "no list of regions"),
            ([], "no list of regions"),
            ([good] * 65, "65 regions", "64"),
            ([good, 5], "region 2", "does not look like"),
            ([good, {"style": "s1.png"}], "region 2", "no mask"),
            ([{"mask": "", "style": "s1.png"}], "region 1", "no mask"),
            ([{"mask": 3, "style": "s1.png"}], "region 1", "no mask"),
            ([good, {"mask": "m.png"}], "region 2", "no style"),
            ([{**good, "styles": [{"file": "s1.png"}]}], "region 1", "both"),
            ([{"mask": "m.png", "style": ["s1.png"]}], "region 1", "not the name of a file"),
            ([{"mask": "m.png", "styles": []}], "region 1", "one or more"),
            ([{"mask": "m.png", "styles": "s1.png"}], "region 1", "one or more"),
            ([{"mask": "m.png", "styles": ["s1.png"]}], "region 1", "weight"),
            ([{"mask": "m.png", "styles": [{"weight": 1}]}], "region 1", "not the name of a file"),
            ([{"mask": "m.png", "styles": [{"file": "s1.png", "weight": -1}]}], "region 1", "0 or more"),
            ([{"mask": "m.png", "styles": [{"file": "s1.png", "weight": "1"}]}], "region 1", "0 or more"),
            ([{"mask": "m.png", "styles": [{"file": "s1.png", "weight": 0}]}], "region 1", "all 0"),
            ([{"mask": "m.png", "styles": [{"file": "s1.png", "wieght": 1}]}], "region 1", "'wieght'", "file, weight"),
            ([{"mask": "m.png", "styles": [{"file": f"s{i}.png"} for i in range(65)]}], "region 1", "64 styles"),
            ([{"mask": "m.png", "style": f"s{i}.png"} for i in range(60)]
             + [{"mask": "m.png", "styles": [{"file": f"t{i}.png"} for i in range(5)]}], "region 61", "64"),
            ([{**good, "msak": "m.png"}], "region 1", "'msak'", "mask, style, styles, alpha"),
            ([{**good, "alpha": 1.5}], "region 1", "0 to 1"),
            ([{**good, "alpha": "1"}], "region 1", "0 to 1"),
            ([{**good, "alpha": {"5": -1}}], "region 1", "0 to 1"),
            ([{**good, "alpha": {"6": 1}}], "region 1", "'6'", "1 to 5"),
            ([{**good, "alpha": {"relu5": 1}}], "region 1", "'relu5'"),
        ]
        before = self.names()
        for regions, *words in wrong:
            with self.subTest(regions=str(regions)[:100]):
                self.assert_refused(self.stylize(regions), 1, "regions.json", *words)
        self.assertEqual(set(self.names()), {*before, "regions.json"})

    def test_level_that_is_off_or_not_in_the_model_is_one_sentence(self):
        regions = [{"mask": "m.png", "style": "s1.png"}, {"mask": "m.png", "style": "s1.png", "alpha": {"4": 0.5}}]
        self.assert_refused(self.stylize(regions, "--alpha", "5=1,3=1"), 1, "region 2", "level 4", "--alpha")
        self.assert_refused(self.stylize(regions, model=self.identity), 1, "region 2", "level 4", "the model")

    def test_pictures_that_are_missing_are_one_sentence(self):
        self.assert_refused(self.stylize([{"mask": "none.png", "style": "s1.png"}]), 1, "none.png")
        self.assert_refused(self.stylize([{"mask": "m.png", "style": "none.jpg"}]), 1, "none.jpg")
        result = run("stylize", self.content, "--regions", self.path("none.json"), "--model", self.model, "-o",
                     self.path("out.png"))
        self.assert_refused(result, 1, "none.json", "cannot be opened")
        result = run("stylize", self.content, "--regions", self.folder, "--model", self.model, "-o",
                     self.path("out.png"))
        self.assert_refused(result, 1, str(self.folder))


if __name__ == "__main__":
    wct_test.main()
