#!/usr/bin/env python3
"""docs/plugin.html: its scripts run as they are printed, and it says of arguments and sentences what the plug-in does."""
import html
import re
import shutil
import unittest

from PIL import Image

import gimp_test
from gimp_test import quote

MANUAL = (gimp_test.SOURCE / "docs/plugin.html").read_text(encoding="utf-8")
SOURCES = [f for folder in ("ui", "plugin", "core") for f in sorted((gimp_test.SOURCE / folder).glob("*.c"))]
HOLE = "…"  # where a sentence has something of its own
MARKED = re.compile(r'_ ?\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)')
LITERAL = re.compile(r'(?:"(?:\\.|[^"\\])*"\s*)+')
FORMAT = re.compile(r"%[-+ #0-9.]*(?:[hlz]*[diouxXeEfgGs])")


def joined(literals):
    return "".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals)).replace('\\"', '"')


def with_holes(text):
    return FORMAT.sub(HOLE, text).replace("%%", "%")


def sentences(pattern):
    """All texts of the sources, or those that are translated."""
    group = 1 if pattern.groups else 0
    return {with_holes(joined(match.group(group))) for f in SOURCES for match in pattern.finditer(f.read_text(encoding="utf-8"))}


def told():
    """What stands in the list of problems: (class, sentence)."""
    return [(kind, html.unescape(text)) for kind, text in re.findall(r'<dt(?: class="(\w+)")?>(.*?)</dt>', MANUAL)]


class Manual(gimp_test.Case):
    needed_plugins = "file-jpeg", "file-glob"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in cls.needed_plugins:
            (cls.home / "plugins" / name).symlink_to(gimp_test.system_plugins() / name)

    def run_example(self, name):
        script = html.unescape(re.search(rf'<pre data-script="{name}">\n(.*?)</pre>', MANUAL, re.S).group(1))
        _, errors, text = self.script(script)
        self.assertFalse(errors, text)

    def put(self, sample, to, size):
        with Image.open(gimp_test.SAMPLES / sample) as picture:
            picture.resize(size).save(self.path(to))

    def test_a_photo_gets_the_style_as_the_manual_says(self):
        self.put("lake.jpg", "photo.jpg", (150, 100))
        self.put("style-swirls.jpg", "painting.jpg", (160, 120))
        self.run_example("stylize")
        with Image.open(self.path("stylized.png")) as made:
            self.assertEqual(made.size, (150, 100))

    def test_a_texture_is_made_as_the_manual_says(self):
        self.put("style-glass.jpg", "painting.jpg", (160, 120))
        self.run_example("texture")
        with Image.open(self.path("texture.png")) as made:
            self.assertEqual(made.size, (512, 512))

    def test_parts_of_a_photo_get_styles_of_their_own_as_the_manual_says(self):
        self.put("lake.jpg", "photo.jpg", (150, 100))
        self.put("style-swirls.jpg", "painting.jpg", (160, 120))
        self.put("style-glass.jpg", "fabric.jpg", (120, 120))
        self.run_example("regions")
        with Image.open(self.path("regions.png")) as made:
            self.assertEqual(made.size, (150, 100))

    def test_a_folder_of_photos_is_stylized_as_the_manual_says(self):
        shutil.rmtree(self.path("photos"), ignore_errors=True)
        self.path("photos").mkdir()
        self.put("lake.jpg", "photos/a.jpg", (90, 60))
        self.put("still-life.jpg", "photos/b.jpg", (60, 90))
        self.put("style-woodcut.jpg", "painting.jpg", (120, 160))
        self.run_example("folder")
        for name, size in (("a.jpg", (90, 60)), ("b.jpg", (60, 90))):
            with Image.open(self.path("photos") / (name + ".png")) as made, Image.open(self.path("photos") / name) as photo:
                self.assertEqual(made.size, size)
                self.assertNotEqual(list(made.convert("RGB").getdata()), list(photo.getdata()))

    def arguments_of(self, procedure):
        said, errors, text = self.script(f"""
          (let ((count (list-ref (gimp-procedural-db-proc-info {quote(procedure)}) 6)))
            (let loop ((i 0))
              (if (< i count)
                  (begin (say (cadr (gimp-procedural-db-proc-arg {quote(procedure)} i))) (loop (+ i 1))))))""")
        self.assertFalse(errors, text)
        return said

    def test_the_manual_lists_the_arguments_in_their_order(self):
        table = re.search(r'<table class="arguments">.*?<tbody>(.*?)</tbody>', MANUAL, re.S).group(1)
        rows = re.findall(r'<tr(?: data-only="(\w+)")?><th>([\w-]+)</th>', table)
        for procedure in ("texture", "stylize"):
            self.assertEqual(self.arguments_of(f"plug-in-wct-{procedure}"), [name for only, name in rows if only in ("", procedure)])

    def test_the_manual_quotes_sentences_that_there_are(self):
        translated, all_texts = sentences(MARKED), sentences(LITERAL)
        for kind, sentence in told():
            with self.subTest(sentence=sentence):
                there = kind == "plain" or sentence in (all_texts if kind == "library" else translated)
                self.assertTrue(there, "no source says that")

    def test_the_manual_quotes_every_sentence_that_is_an_error(self):
        refusal = re.compile(r'(?:wct_error_set|show_problem|events\.refused) ?\([^;]*?_ ?\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)\)')
        quoted = {sentence for _, sentence in told()}
        found = sentences(refusal)
        self.assertGreater(len(found), 20)
        for sentence in sorted(found):
            with self.subTest(sentence=sentence):
                self.assertIn(sentence, quoted)

    def test_the_manual_names_controls_that_there_are(self):
        labels = {re.sub(r"_|:$", "", text).replace(" (px)", "") for text in sentences(LITERAL)}
        rows = re.findall(r"^ *<tr><th>([A-Z][\w ]+)</th>", MANUAL.split('id="texture"')[0], re.M)  # presets and levels
        named = {*re.findall(r"<b>(.*?)</b>", MANUAL), *rows}
        self.assertGreater(len(named), 20)
        for name in sorted(named):
            with self.subTest(name=name):
                self.assertTrue(name.replace("_", "") in labels, "nothing is called that")

    def test_pictures_that_the_manual_shows_are_there(self):
        shown = re.findall(r'<img src="([^"]+)"', MANUAL)
        self.assertTrue(shown)
        for name in shown:
            self.assertTrue((gimp_test.SOURCE / "docs" / name).is_file(), f"docs/{name} is missing")

    def test_every_link_in_the_manual_leads_somewhere(self):
        anchors = set(re.findall(r'\bid="([^"]+)"', MANUAL))
        links = re.findall(r'href="#([^"]+)"', MANUAL)
        self.assertTrue(links)
        self.assertEqual([link for link in links if link not in anchors], [])


if __name__ == "__main__":
    gimp_test.main()
