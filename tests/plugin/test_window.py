#!/usr/bin/env python3
"""The dialog in GIMP, from the menu's entry to the pixels and back by Ctrl+Z; and whatever may come between."""
import gettext
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import gui_test  # first: it skips where this Python lacks something

import numpy as np
from PIL import Image

import gimp_test
import xcf
from gimp_test import call, quote
from gui_test import wait

CATALOG = gimp_test.SOURCE / "po" / "it.po"
DOMAIN = "gimp-wct"
CONTENT = 480, 320
STYLE = 256, 256
PHOTO = 1920, 1280  # of the size that the time to the first preview is told for
LARGE = 3000, 3000  # so that applying takes long enough for hands
GTK_2 = "libgtk-x11-2.0", "libgdk-x11-2.0", "libgimpui-2.0"


def make_pictures(home):
    for name, source, size in (("lake", "lake", CONTENT), ("swirls", "style-swirls", STYLE), ("glass", "style-glass", STYLE),
                               ("photo", "lake", PHOTO)):
        Image.open(gimp_test.SAMPLES / f"{source}.jpg").convert("RGB").resize(size).save(home / f"{name}.png")
    blocks = np.random.default_rng(5).integers(0, 256, (LARGE[1] // 100, LARGE[0] // 100, 3), "u1")
    Image.fromarray(blocks.repeat(100, 0).repeat(100, 1)).save(home / "large.png")


class Window(gui_test.Case):
    @classmethod
    def prepare(cls):
        make_pictures(cls.home)
        return {}

    def setUp(self):
        super().setUp()
        self.forget_last_values()

    def forget_last_values(self):
        """What is there is of another size, as from another version: no use."""
        self.server.ask('(gimp-procedural-db-set-data "plug-in-wct-stylize" 1 #(0))')

    def layers(self, image):
        return xcf.read(self.save(image, "layers.xcf"))[0]

    def apply(self, dialog, image):
        """Presses Apply and waits for the new layer, and for the dialog to be ready again."""
        count = self.layer_count(image)
        dialog.press("_Apply")
        wait("a layer more", lambda: self.layer_count(image) == count + 1)
        wait("a dialog that is ready again", dialog.is_usable)

    def from_the_menu_to_undo(self):
        image, *_ = self.open_image("lake.png", "swirls.png", "glass.png")
        before = self.save(image, "before.xcf")
        dialog = self.open_from_menu()
        swirls = dialog.wait_for_picture()
        dialog.choose_style("glass.png / lake.png")
        glass = dialog.wait_for_picture(other_than=swirls)
        dialog.set_strength(5, 0)
        weaker = dialog.wait_for_picture(other_than=glass)
        middle = glass.shape[1] // 2
        self.assertTrue(np.array_equal(glass[:, :middle // 2], weaker[:, :middle // 2]), "the picture before changed")
        self.assertGreater(np.mean(glass[:, middle:] != weaker[:, middle:]), 0.1, "the picture after hardly changed")
        dialog.press("_OK")
        dialog.wait_for_end()
        made, layer, *others = self.layers(image)
        self.assertEqual(len(others), 2, "expected: one layer more")
        self.assertGreater(np.mean(made.bits[..., :3] != layer.bits[..., :3]), 0.5)
        self.check_one_undo(before, image)
        self.assertFalse(self.complaints())
        return made

    def check_nothing_happened(self, image, before):
        self.check_same(before, image)
        self.assertFalse(self.complaints())


class English(Window):
    def test_a_style_is_chosen_a_slider_moved_and_one_undo_takes_all_back(self):
        self.from_the_menu_to_undo()

    def test_the_menu_entries_are_where_the_manual_says(self):
        entries = self.server.ask('(apply string-append (cadr (gimp-plugins-query "WCT")))')
        self.assertIn("<Image>/Filters/Artistic/Style Transfer (WCT)", entries)
        self.assertIn("<Image>/Filters/Render/Texture from Style (WCT)", entries)

    def test_a_texture_is_made_from_the_menu(self):
        image, *_ = self.open_image("glass.png", "swirls.png")
        before = self.save(image, "before.xcf")
        dialog = self.open_from_menu("_Texture from Style (WCT)...")
        dialog.press("_OK")
        dialog.wait_for_end()
        made, layer, _ = self.layers(image)
        self.assertEqual(made.pixels.shape[:2], layer.pixels.shape[:2])
        self.check_one_undo(before, image)
        self.assertFalse(self.complaints())

    # ---- Ways of calling ----

    def check_all_calls(self, relu5=None):
        """By OK in the dialog, by Ctrl+F, by the procedure with last values and by that without a window."""
        image, layer, style, _ = self.open_image("lake.png", "swirls.png", "glass.png")
        self.forget_last_values()
        dialog = self.open_from_menu()
        if relu5 is not None:
            dialog.set_strength(5, relu5)
        dialog.press("_OK")
        dialog.wait_for_end()
        self.server.ask(f"(gimp-image-set-active-layer {image} {layer})")
        gui_test.press(self.window, "ctrl+f")
        wait("a layer by Ctrl+F", lambda: self.layer_count(image) == 5)
        self.server.ask(call("stylize", image, layer, -1, "RUN-WITH-LAST-VALS"))
        self.server.ask(call("stylize", image, layer, style, **({} if relu5 is None else {"relu5_alpha": relu5})))
        interactive, repeated, last, alone, own, *_ = (layer.bits for layer in self.layers(image))
        self.assertFalse(np.array_equal(own, alone), "nothing happened")
        for name, pixels in (("dialog", interactive), ("Ctrl+F", repeated), ("last values", last)):
            self.assertTrue(np.array_equal(pixels, alone), f"by the {name} other pixels than without a window")
        return alone

    def test_all_ways_of_calling_give_the_same_pixels(self):
        defaults, moved = self.check_all_calls(), self.check_all_calls(0.9)
        self.assertFalse(np.array_equal(defaults, moved), "the slider had no effect")

    # ---- Closing ----

    def check_closing(self, close, when=lambda dialog: dialog.wait_for_picture()):
        """The call comes back as canceled, as all of GIMP's do, and nothing has changed."""
        image, layer, _ = self.open_image("lake.png", "swirls.png")
        before = self.save(image, "before.xcf")
        self.server.send(f'(if (car {call("stylize", image, layer, -1, "RUN-INTERACTIVE")}) "done" "canceled")')
        dialog = self.wait_for_dialog()
        when(dialog)
        close(dialog)
        self.assertEqual(self.server.receive(), "canceled")
        dialog.wait_for_end()
        self.check_nothing_happened(image, before)

    def test_cancel_closes_the_dialog_without_a_change(self):
        self.check_closing(lambda dialog: dialog.press("_Cancel"))

    def test_escape_closes_the_dialog_without_a_change(self):
        self.check_closing(lambda dialog: dialog.keys("Escape"))

    def test_the_cross_of_the_window_closes_the_dialog_without_a_change(self):
        self.check_closing(lambda dialog: dialog.keys("alt+F4"))

    def test_a_dialog_that_has_just_come_can_be_closed(self):
        self.check_closing(lambda dialog: dialog.press("_Cancel"), when=lambda dialog: None)

    def test_closing_while_a_preview_is_computed(self):
        def move(dialog):
            dialog.wait_for_picture()
            dialog.set_strength(4, 0.1)
        self.check_closing(lambda dialog: dialog.press("_Cancel"), when=move)

    # ---- Applying ----

    def test_each_apply_adds_a_layer_and_its_settings_can_be_used_again(self):
        image, *_ = self.open_image("lake.png", "swirls.png")
        dialog = self.open_from_menu()
        dialog.set_strength(5, 0.3)
        self.apply(dialog, image)
        dialog.set_strength(5, 0.9)
        self.apply(dialog, image)
        first, second, *_ = self.layers(image)
        self.assertFalse(np.array_equal(first.bits, second.bits), "both layers are the same")
        dialog.press("_Cancel")
        dialog.wait_for_end()
        self.server.ask(f"(gimp-image-set-active-layer {image} (aref (cadr (gimp-image-get-layers {image})) 0))")
        again = self.open_from_menu()
        self.assertEqual(again.strength(5), 0.9, "expected: what was applied last")
        again.press("_Reuse settings")
        wait("the strength that the layer was made with", lambda: again.strength(5) == 0.3)
        self.assertEqual(again.problem(), "")
        again.press("_Cancel")
        again.wait_for_end()
        self.assertFalse(self.complaints())

    def check_refused(self, dialog, sentence):
        dialog.press("_Apply")
        self.assertEqual(wait("a sentence", dialog.problem), self.say(sentence))
        self.assertTrue(dialog.is_open())
        wait("a dialog that can be used", dialog.is_usable)

    def test_a_style_that_was_deleted_is_told_of_in_a_sentence(self):
        image, _, style = self.open_image("lake.png", "swirls.png")
        dialog = self.open_from_menu()
        dialog.wait_for_picture()
        self.server.ask(f"(gimp-image-remove-layer {image} {style})")
        before = self.save(image, "before.xcf")
        self.check_refused(dialog, "The style is not there any more: please choose another.")
        dialog.press("_Cancel")
        dialog.wait_for_end()
        self.check_nothing_happened(image, before)

    def test_an_image_that_was_closed_is_told_of_in_a_sentence(self):
        self.open_image("swirls.png")
        image = self.server.number(f'(gimp-file-load 1 {quote(self.path("lake.png"))} "x")')
        display = self.show(image)
        dialog = self.open_from_menu()
        dialog.wait_for_picture()
        self.server.ask(f"(gimp-display-delete {display})")
        wait("an image that is gone", lambda: self.server.number(f"(gimp-image-is-valid {image})") == 0)
        self.check_refused(dialog, "The image was closed: please start again on another.")
        dialog.press("_Cancel")
        dialog.wait_for_end()
        self.assertFalse(self.complaints())

    # ---- Large images ----

    def start_large_apply(self):
        image, *_ = self.open_image("large.png", "swirls.png")
        before = self.save(image, "before.xcf").read_bytes()
        dialog = self.open_from_menu()
        dialog.wait_for_picture()
        dialog.press("_Apply")
        wait("progress", lambda: dialog.problem() or (dialog.is_busy() and dialog.progress() > 0))
        if dialog.problem():
            self.skipTest(dialog.problem())
        return image, before, dialog

    def temporary_files(self):
        folders = self.path("temporary"), self.path("profile/tmp")
        return {str(path.relative_to(self.home)) for folder in folders for path in folder.rglob("*")}

    def test_gimp_may_kill_the_plug_in_while_it_works(self):
        files = self.temporary_files()
        image, before, dialog = self.start_large_apply()
        os.kill(dialog.pid, signal.SIGKILL)
        self.wait_for_crash()
        self.assertEqual(self.save(image, "now.xcf").read_bytes(), before, "the image changed")
        self.assertEqual(self.temporary_files() - files, set())
        self.from_the_menu_to_undo()

    def test_canceling_a_large_job_leaves_image_and_dialog(self):
        image, before, dialog = self.start_large_apply()
        picture = dialog.picture()
        pressed = time.monotonic()
        dialog.press("_Cancel")
        wait("a dialog that can be used", dialog.is_usable)
        usable = time.monotonic() - pressed
        dialog.set_strength(5, 0)
        dialog.wait_for_picture(other_than=picture)
        print(f"from Cancel until the dialog can be used: {usable:.3f} s; "
              f"and a new preview: {time.monotonic() - pressed - gui_test.STILL_S:.2f} s")
        self.assertTrue(dialog.is_open())
        self.assertEqual(self.save(image, "now.xcf").read_bytes(), before, "the image changed")
        self.assertFalse(self.complaints())

    # ---- The process ----

    def test_no_gtk_2_is_in_the_process(self):
        self.open_image("lake.png", "swirls.png")
        dialog = self.open_from_menu()
        dialog.wait_for_picture()
        maps = pathlib.Path(f"/proc/{dialog.pid}/maps").read_text()
        self.assertIn("libgtk-3", maps)
        self.assertEqual([name for name in GTK_2 if name in maps], [])

    def test_the_first_preview_comes(self):
        """How soon is told, not judged."""
        self.open_image("photo.png", "swirls.png")
        dialog = self.open_from_menu()
        box = dialog.box()
        wait("the first preview", lambda: gui_test.is_picture(gui_test.screenshot(box)))
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        ticks = int(pathlib.Path(f"/proc/{dialog.pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
        print(f"from the start of the process to the first preview of {PHOTO[0]}x{PHOTO[1]} pixels: "
              f"{now - ticks / os.sysconf('SC_CLK_TCK'):.2f} s")


@unittest.skipUnless(CATALOG.exists(), f"no {CATALOG.relative_to(gimp_test.SOURCE)}")
@unittest.skipIf(shutil.which("msgfmt") is None, "no msgfmt; install gettext")
class Italian(Window):
    @classmethod
    def prepare(cls):
        folder = cls.home / "locale/it/LC_MESSAGES"
        folder.mkdir(parents=True)
        subprocess.run(["msgfmt", "-o", folder / f"{DOMAIN}.mo", CATALOG], check=True)
        cls.texts = gettext.translation(DOMAIN, cls.home / "locale", ["it"])
        return {**super().prepare(), "LANGUAGE": "it", "WCT_LOCALE_DIR": str(cls.home / "locale")}

    def test_in_italian_the_same_texts_translated_lead_to_the_same_end(self):
        self.assertNotEqual(self.say("_Style Transfer (WCT)..."), "_Style Transfer (WCT)...")
        self.from_the_menu_to_undo()


if __name__ == "__main__":
    gui_test.main()
