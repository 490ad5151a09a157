#!/usr/bin/env python3
"""The cases of shared/golden through the program: options mean what the reference's mean, up to rounding to 8 bits."""
import json
import math
import unittest

import wct_test
from wct_test import SHARED, Pixels, run

GOLDEN = SHARED / "golden"

# Steps of 8 bits. The library's own test compares floats; here one step is rounding, and after three passes float32
# is not closer to float64 than 50 dB.
ALLOWED_STEPS = 1
ALLOWED_DB = {"texture-three-passes": 45}


@unittest.skipUnless(GOLDEN.is_dir(), f"no {GOLDEN}; set WCT_SHARED")
class Golden(wct_test.Case):
    def call(self, folder, case):
        files = lambda names: [folder / name for name in names]
        options = {"model": SHARED / case["model"], "level": case.get("level"), "passes": case.get("passes"),
                   "noise": folder / case["noise"] if "noise" in case else None,
                   "alpha": ",".join(f"{k}={v}" for k, v in case.get("alpha", {}).items()) or None,
                   "style-weights": ",".join(map(str, case.get("style_weights", []))) or None,
                   "masks": ",".join(map(str, files(case.get("masks", [])))) or None, "output": self.path("out.png")}
        call = [case["job"], *files([case["content"]] if "content" in case else []), *files(case.get("styles", []))]
        for name, value in options.items():
            call += [] if value is None else [f"--{name}", value]
        return call + (["--hard-masks"] if "masks" in case else [])

    def test_each_case_comes_out_as_the_reference_made_it(self):
        for path in sorted(GOLDEN.glob("*/case.json")):
            with self.subTest(case=path.parent.name):
                self.assert_done(run(*self.call(path.parent, json.loads(path.read_text())), "--force"))
                got, expected = Pixels(self.path("out.png")).color(), Pixels(path.parent / "expected.png").color()
                if path.parent.name in ALLOWED_DB:
                    error = sum((a - b) ** 2 for a, b in zip(got, expected)) / len(expected)
                    self.assertGreater(10 * math.log10(255**2 / error), ALLOWED_DB[path.parent.name], "dB")
                else:
                    self.assert_close(got, expected, ALLOWED_STEPS)


if __name__ == "__main__":
    wct_test.main()
