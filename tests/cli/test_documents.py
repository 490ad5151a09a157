#!/usr/bin/env python3
"""Manuals and completions know exactly the options that the programs have."""
import re
import shutil
import subprocess
import unittest

import wct_test
from wct_test import PROGRAM, SOURCE, TRAINER, run


class Document:
    """What the tests of one program's documents share; mixed into cases that say which."""

    name, program = "", ""

    def table(self):
        """Command to its options: (name, letter, value)."""
        commands = {}
        for line in run("--print-options", program=self.program).out.splitlines():
            command, *option = line.split("\t")
            commands.setdefault(command, []).append(tuple(option))
        self.assertTrue(commands)
        return commands


class Manual(Document):
    def path(self):
        return SOURCE / "docs" / f"{self.name}.1"

    def text(self):
        """Without the escapes that only typesetting needs."""
        text = self.path().read_text(encoding="utf-8")
        for escape, plain in (("\\-", "-"), ("\\fI", ""), ("\\fP", ""), ("\\~", " "), ("\\c", ""), ("\\&", "")):
            text = text.replace(escape, plain)
        return text

    def test_synopsis_has_each_command_with_exactly_its_options(self):
        blocks = dict(re.findall(rf'^\.SY "{self.name} (\w+)"\n(.*?)^\.YS$', self.text(), re.M | re.S))
        expected = {c: {n for n, _, _ in options} - {"--help"} for c, options in self.table().items()}
        named = {c: set(re.findall(r"--[a-z0-9-]+", b)) | ({"--output"} if re.search(r"^\S+ (?:\[ )?-o\b", b, re.M) else set())
                 for c, b in blocks.items()}
        self.assertEqual(named, expected)

    def test_options_section_has_exactly_the_options_with_letter_and_value(self):
        section = re.search(r"^\.SH OPTIONS$(.*?)^\.SH ", self.text(), re.M | re.S).group(1)
        heads = re.findall(r"^\.TP\n\.BR? (.*)$", section, re.M)
        named = set()
        for head in heads:
            match = re.fullmatch(r'(?:(-\w) ", " )?(--[a-z0-9-]+)(?: (\S+))?', head)
            self.assertIsNotNone(match, head)
            named.add((match.group(2), match.group(1) or "", match.group(3) or ""))
        self.assertEqual(named, {option for options in self.table().values() for option in options})

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_manual_formats_without_warnings(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", str(self.path())], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Completion(Document):
    def complete(self, *words, cwd=None):
        """What the last word may become."""
        function = "_" + self.name.replace("-", "_")
        script = f"""source "{SOURCE}/data/bash-completion/{self.name}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
                     {function}
                     printf '%s\\n' "${{COMPREPLY[@]}}"
                     """
        done = subprocess.run(["bash", "-c", script, "bash", self.name, *words], capture_output=True, text=True, cwd=cwd)
        self.assertEqual(done.stderr, "")
        return set(filter(None, done.stdout.split("\n")))

    def test_first_word_is_a_command(self):
        self.assertEqual(self.complete(""), set(self.table()) | {"--help", "--version"})

    def test_each_command_offers_exactly_its_options(self):
        for command, options in self.table().items():
            with self.subTest(command=command):
                self.assertEqual(self.complete(command, "--"), {name for name, _, _ in options})

    def test_word_after_an_option_with_a_value_is_never_an_option(self):
        for command, options in self.table().items():
            for name, _, value in options:
                if value:
                    with self.subTest(command=command, option=name):
                        offered = self.complete(command, name, "", cwd=SOURCE / "docs")
                        self.assertEqual({w for w in offered if w.startswith("-")}, set())


class WctManual(Manual, unittest.TestCase):
    name, program = "wct", PROGRAM


class WctTrainManual(Manual, unittest.TestCase):
    name, program = "wct-train", TRAINER


@unittest.skipUnless(shutil.which("bash"), "no bash")
class WctCompletion(Completion, unittest.TestCase):
    name, program = "wct", PROGRAM

    def test_values_from_a_list_are_offered(self):
        self.assertEqual(self.complete("stylize", "--backend", "c"), {"cpu", "cuda"})
        self.assertEqual(self.complete("reconstruct", "--level", ""), set("12345"))
        self.assertEqual(self.complete("style", ""), {"save", "show", "list"})

    def test_files_are_offered_by_their_kind(self):
        with wct_test.tempfile.TemporaryDirectory() as folder:
            for name in ("a b.PNG", "c.jpg", "d.safetensors", "e.txt"):
                wct_test.pathlib.Path(folder, name).touch()
            self.assertEqual(self.complete("stylize", "", cwd=folder), {"a b.PNG", "c.jpg"})
            self.assertEqual(self.complete("stylize", "--model", "", cwd=folder), {"d.safetensors"})
            self.assertEqual(self.complete("model", "", cwd=folder), {"d.safetensors"})
            wct_test.pathlib.Path(folder, "f.wctstyle").touch()
            self.assertEqual(self.complete("texture", "", cwd=folder), {"a b.PNG", "c.jpg", "f.wctstyle"})
            self.assertEqual(self.complete("reconstruct", "", cwd=folder), {"a b.PNG", "c.jpg"})
            self.assertEqual(self.complete("style", "show", "", cwd=folder), {"f.wctstyle"})
            self.assertEqual(self.complete("style", "save", "", cwd=folder), {"a b.PNG", "c.jpg"})
            self.assertEqual(self.complete("style", "save", "-o", "", cwd=folder), {"f.wctstyle"})
            self.assertEqual(self.complete("stylize", "--masks", "x.png,c", cwd=folder), {"x.png,c.jpg"})


@unittest.skipUnless(shutil.which("bash"), "no bash")
class WctTrainCompletion(Completion, unittest.TestCase):
    name, program = "wct-train", TRAINER

    def test_values_from_a_list_are_offered(self):
        self.assertEqual(self.complete("decoder", "--precision", "b"), {"bf16"})
        self.assertEqual(self.complete("decoder", "--level", ""), set("12345") | {"all"})

    def test_files_are_offered_by_their_kind(self):
        with wct_test.tempfile.TemporaryDirectory() as folder:
            for name in ("a.shard", "c.jpg", "d.safetensors"):
                wct_test.pathlib.Path(folder, name).touch()
            wct_test.pathlib.Path(folder, "photos").mkdir()
            self.assertEqual(self.complete("decoder", "--encoder", "", cwd=folder), {"d.safetensors", "photos"})
            self.assertEqual(self.complete("decoder", "--data", "", cwd=folder), {"a.shard", "photos"})
            self.assertEqual(self.complete("resume", "", cwd=folder), {"photos"})


if __name__ == "__main__":
    wct_test.main()
