#!/usr/bin/env python3
"""What `meson install` puts where, into a staging folder: GIMP finds the plug-in there, and the plug-in what belongs to it."""
import gettext
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from PIL import Image

import gimp_test
from gimp_test import SOURCE, quote

BUILD = pathlib.Path(os.environ.get("WCT_BUILD", SOURCE / "build"))
MESON = shutil.which("meson")
staged = None  # the folder, once it is filled


def introspect(what):
    done = subprocess.run([MESON, "introspect", str(BUILD), "--" + what], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def setUpModule():
    global staged
    if MESON is None or not (BUILD / "meson-info").is_dir():
        raise unittest.SkipTest(f"no meson, or {BUILD} is no build; WCT_BUILD names another")
    if not (BUILD / "plugin/gimp-wct").is_file():
        raise unittest.SkipTest(f"{BUILD} has no plug-in; build it first")
    staged = tempfile.TemporaryDirectory()
    done = subprocess.run([MESON, "install", "-C", str(BUILD), "--no-rebuild"], capture_output=True, text=True,
                          env={**os.environ, "DESTDIR": staged.name})
    if done.returncode != 0:
        staged.cleanup()
        raise AssertionError("meson install failed:\n" + done.stdout + done.stderr)


def tearDownModule():
    if staged is not None:
        staged.cleanup()


class Where:
    """Folders as they were configured, and where they are staged."""

    def __init__(self):
        options = {option["name"]: option["value"] for option in introspect("buildoptions")}
        self.prefix = pathlib.Path(options["prefix"])
        self.data = self.prefix / options["datadir"]
        self.locale = self.prefix / options["localedir"]
        self.man = self.prefix / options["mandir"]
        self.plugins = pathlib.Path(options["gimp_plugin_dir"] or gimp_test.system_plugins())
        self.plugin = self.plugins / "gimp-wct" / "gimp-wct"
        self.metainfo = self.data / "metainfo/org.gimp.GIMP.Plugin.WCT.metainfo.xml"
        self.model = self.data / "wct/models/wct-compact.safetensors"
        self.manual = self.data / "doc/gimp-wct/plugin.html"

    @staticmethod
    def staged(path):
        return pathlib.Path(staged.name) / path.relative_to("/")


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.where = Where()

    def installed(self, path):
        self.assertTrue(self.where.staged(path).is_file(), f"{path} was not installed")
        return self.where.staged(path)

    def test_the_plug_in_is_a_program_in_a_folder_of_its_name(self):
        self.assertTrue(os.access(self.installed(self.where.plugin), os.X_OK), "it cannot be executed")

    def test_the_plug_in_needs_neither_gtk_2_nor_the_shared_library(self):
        needed = subprocess.run(["ldd", self.installed(self.where.plugin)], capture_output=True, text=True, check=True).stdout
        self.assertNotRegex(needed, r"not found")
        self.assertNotRegex(needed, r"lib(gtk|gdk)-x11-2\.0|libgimpui|libgimpwidgets|libwct")
        self.assertRegex(needed, r"libgimp-2\.0")

    def test_the_model_that_comes_along_is_installed(self):
        self.assertEqual(self.installed(self.where.model).read_bytes(), gimp_test.MODEL.read_bytes())

    def test_help_opens_the_manual_where_it_is_installed(self):
        self.installed(self.where.manual)
        program = self.installed(self.where.plugin).read_bytes()
        self.assertIn(os.fsencode(self.where.manual.parent) + b"\0", program)
        self.assertIn(os.fsencode(self.where.manual.name) + b"\0", program)

    def test_the_manual_has_its_pictures_beside_it(self):
        shown = re.findall(r'<img src="([^"]+)"', self.installed(self.where.manual).read_text(encoding="utf-8"))
        self.assertTrue(shown, "it shows none")
        for name in shown:
            with Image.open(self.installed(self.where.manual.parent / name)) as picture:
                self.assertGreater(picture.width, 600)

    def test_software_centers_are_told_of_this_version(self):
        text = self.installed(self.where.metainfo).read_text(encoding="utf-8")
        self.assertIn(f'<release version="{introspect("projectinfo")["version"]}"', text)
        self.assertIn("<extends>org.gimp.GIMP</extends>", text)

    @unittest.skipIf(shutil.which("appstreamcli") is None, "no appstreamcli; install appstream")
    def test_what_software_centers_are_told_is_valid(self):
        done = subprocess.run(["appstreamcli", "validate", "--no-net", self.installed(self.where.metainfo)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_language_has_its_catalog(self):
        if not (SOURCE / "po/LINGUAS").is_file():
            self.skipTest("no translations in po")
        for language in (SOURCE / "po/LINGUAS").read_text(encoding="utf-8").split():
            with self.subTest(language=language):
                with self.installed(self.where.locale / language / "LC_MESSAGES/gimp-wct.mo").open("rb") as file:
                    translated = gettext.GNUTranslations(file)
                text = "No level is on: please turn on at least one."
                self.assertNotEqual(translated.gettext(text), text)

    def test_programs_have_their_manual_pages(self):
        programs = [p for p in (self.where.prefix / "bin/wct", self.where.prefix / "bin/wct-train") if self.where.staged(p).is_file()]
        if not programs:
            self.skipTest("this build has no programs")
        for program in programs:
            self.installed(self.where.man / "man1" / (program.name + ".1"))


class InGimp(gimp_test.Case):
    """GIMP, with the staged folders as its own, and no model named."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.where = Where()
        for name, sample in (("content.png", "lake.jpg"), ("style.png", "style-swirls.jpg")):
            with Image.open(gimp_test.SAMPLES / sample) as picture:
                picture.resize((96, 64)).save(cls.home / name)
        shutil.rmtree(cls.home / "plugins/gimp-wct")

    def stylize(self, **more):
        return self.script(f"""
          (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE {quote(self.path("content.png"))} "x")))
                 (layer (car (gimp-image-get-active-layer image)))
                 (style (car (gimp-file-load-layer RUN-NONINTERACTIVE image {quote(self.path("style.png"))}))))
            (gimp-image-insert-layer image style 0 1)
            {gimp_test.call("stylize")}
            (say (number->string (car (gimp-image-get-layers image))))
            (gimp-image-delete image))""",
                           WCT_MODEL="", XDG_DATA_DIRS=f"{self.where.staged(self.where.data)}:/usr/local/share:/usr/share",
                           GIMP_TESTING_PLUGINDIRS=f"{self.home / 'plugins'}:{self.where.staged(self.where.plugins)}", **more)

    def test_gimp_finds_the_plug_in_and_the_plug_in_its_model(self):
        said, errors, text = self.stylize()
        self.assertEqual((said, errors), (["3"], []), text)

    def test_the_installed_model_is_the_one_that_is_used(self):
        model = self.where.staged(self.where.model)
        right = model.read_bytes()
        try:
            model.write_bytes(b"no model")
            said, errors, text = self.stylize()
        finally:
            model.write_bytes(right)
        self.assertEqual(said, [], text)
        self.assertIn(str(model), " ".join(errors), text)

    def test_it_speaks_the_language_of_its_catalogs(self):
        if not (SOURCE / "po/LINGUAS").is_file():
            self.skipTest("no translations in po")
        language = (SOURCE / "po/LINGUAS").read_text(encoding="utf-8").split()[0]
        locale = self.where.staged(self.where.locale)
        english = "%s is %.10g: please give a number from %.10g to %.10g."
        expected = gettext.translation("gimp-wct", locale, [language]).gettext(english)
        self.assertNotEqual(expected, english, f"{language} has no word for it")
        _, _, text = self.script(f"""
          (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE {quote(self.path("content.png"))} "x")))
                 (layer (car (gimp-image-get-active-layer image))))
            {gimp_test.call("stylize", style="layer", output=7)})""",
                                 LANGUAGE=language, WCT_LOCALE_DIR=str(locale),
                                 GIMP_TESTING_PLUGINDIRS=f"{self.home / 'plugins'}:{self.where.staged(self.where.plugins)}")
        self.assertIn(re.sub(r"%s|%\.10g", "{}", expected).format("output", 7, 0, 1), text)


if __name__ == "__main__":
    gimp_test.main()
