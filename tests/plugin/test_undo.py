#!/usr/bin/env python3
"""One Ctrl+Z in GIMP's window takes all back, bit for bit: every kind of pixels, of selections and of ways out."""
import gui_test  # first: it skips where this Python lacks something

import numpy as np
from PIL import Image

from gimp_test import call, quote
from test_pixels import FEATHER, KINDS, OFFSET, OUTPUTS, PRECISIONS, SELECTED, SELECTIONS, SIZE


class Undo(gui_test.Case):
    @classmethod
    def prepare(cls):
        """One precision is tried with all that there is; in the others what differs is how a pixel is kept."""
        rng = np.random.default_rng(7)
        for name, channels in (("content", 4), ("style", 3)):
            blocks = rng.integers(64, 256, (SIZE[1] // 4, SIZE[0] // 4, channels), "u1")
            Image.fromarray(blocks.repeat(4, 0).repeat(4, 1)).save(cls.home / f"{name}.png")
        return {}

    def make_image(self, precision, kind, selection):
        """An image in a window, its layer and its style's layer."""
        gray = int(kind.startswith("gray"))
        image = self.server.number(f"(gimp-image-new-with-precision 60 44 {gray} {PRECISIONS[precision]})")
        layer, style = (self.server.number(f"(gimp-file-load-layer 1 {image} {quote(self.path(name))})")
                        for name in ("content.png", "style.png"))
        select = f'(gimp-image-select-rectangle {image} CHANNEL-OP-REPLACE {" ".join(map(str, SELECTED))})'
        self.server.ask(f"""(begin
          (gimp-image-insert-layer {image} {style} 0 0)
          (gimp-image-insert-layer {image} {layer} 0 0)
          {"" if kind.endswith("a") else f"(gimp-layer-flatten {layer})"}
          (gimp-layer-set-offsets {layer} {OFFSET[0]} {OFFSET[1]})
          {"" if selection == "none" else select}
          {f"(gimp-selection-feather {image} {FEATHER})" if selection == "feathered" else ""})""")
        return image, layer, style

    def check_case(self, precision, kind, selection, output):
        image, layer, style = self.make_image(precision, kind, selection)
        display = self.show(image)
        before = self.save(image, "before.xcf")
        self.server.ask(call("stylize", image, layer, style, output=OUTPUTS.index(output)))
        self.assertIsNotNone(gui_test.difference(before, self.save(image, "after.xcf")), "nothing happened")
        self.check_one_undo(before, image)
        self.close(display)

    def check(self, precision):
        every = precision == "u8-gamma"
        for kind in KINDS if every else ("rgba",):
            for selection in SELECTIONS if every else ("none", "feathered"):
                for output in OUTPUTS:
                    with self.subTest(precision=precision, kind=kind, selection=selection, output=output):
                        self.check_case(precision, kind, selection, output)
        self.assertFalse(self.complaints())


for each in PRECISIONS:
    setattr(Undo, f"test_{each.replace('-', '_')}_comes_back_bit_for_bit_by_one_undo", lambda self, each=each: self.check(each))


if __name__ == "__main__":
    gui_test.main()
