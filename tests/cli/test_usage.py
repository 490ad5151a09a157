#!/usr/bin/env python3
"""Bad calls get one sentence and the right exit status, and nothing is written."""
import wct_test
from wct_test import noise, run, write_png

# Arguments, a word of the sentence. {a} a picture, {m} a model of level 1, {f} a folder, {t} a text file, {o} OUT.
BAD_USAGE = [
    ("", "command"),
    ("paint", "paint"),
    ("--colour", "--colour"),
    ("stylize", "CONTENT STYLE"),
    ("stylize {a}", "CONTENT STYLE"),
    ("stylize {a} {a}", "-o OUT"),
    ("stylize {a} {a} -o", "--output needs a value"),
    ("stylize {a} {a} -o {f}/out", ".png"),
    ("stylize {a} {a} -o {f}/out.gif", ".webp"),
    ("stylize {a} {a} -o {f}/.png", ".png"),
    ("stylize {a} {a} -o {o} --strength 1", "--strength"),
    ("stylize {a} {a} -o {o} --m {m}", "--m"),
    ("stylize {a} {a} -o {o} -x", "-x"),
    ("stylize {a} {a} -o {o} --force=yes", "--force takes no value"),
    ("stylize {a} {a} -o {o} --alpha", "--alpha needs a value"),
    ("stylize {a} {a} -o {o} --alpha strong", "strong"),
    ("stylize {a} {a} -o {o} --alpha 1.5", "0 to 1"),
    ("stylize {a} {a} -o {o} --alpha -0.1", "0 to 1"),
    ("stylize {a} {a} -o {o} --alpha nan", "nan"),
    ("stylize {a} {a} -o {o} --alpha 0x1", "0x1"),
    ("stylize {a} {a} -o {o} --alpha 0,5", "0,5"),
    ("stylize {a} {a} -o {o} --alpha 6=0.5", "level 6"),
    ("stylize {a} {a} -o {o} --alpha 0=0.5", "level 0"),
    ("stylize {a} {a} -o {o} --alpha 5=0.5,5=0.4", "twice"),
    ("stylize {a} {a} -o {o} --alpha 5=2", "0 to 1"),
    ("stylize {a} {a} -o {o} --alpha 5=", "LEVEL=NUMBER"),
    ("stylize {a} {a} -o {o} --alpha 5=0.5,", "LEVEL=NUMBER"),
    ("stylize {a} {a} -o {o} --alpha 5=0.5;4=1", "LEVEL=NUMBER"),
    ("stylize {a} {a} -o {o} --alpha 15=0.5", "LEVEL=NUMBER"),
    ("stylize {a} {a} -o {o} --style-weights 1,2", "2 numbers for 1 styles"),
    ("stylize {a} {a} {a} -o {o} --style-weights 1,-2", "0 or more"),
    ("stylize {a} {a} {a} -o {o} --style-weights 0,0", "all 0"),
    ("stylize {a} {a} {a} -o {o} --style-weights 1,x", "1,x"),
    ("stylize {a} {a} {a} -o {o} --masks {a}", "1 files for 2 styles"),
    ("stylize {a} {a} {a} -o {o} --masks {a},", "file names"),
    ("stylize {a} {a} {a} -o {o} --masks {a},{a} --style-weights 1,1", "do not go together"),
    ("stylize -o {o} --regions {t}", "CONTENT STYLE"),
    ("stylize {a} -o {o} --regions", "--regions needs a value"),
    ("stylize {a} {a} -o {o} --regions {t}", "no STYLE"),
    ("stylize {a} -o {o} --regions {t} --masks {a}", "do not go together"),
    ("stylize {a} -o {o} --regions {t} --style-weights 1", "do not go together"),
    ("stylize {a} {a} -o {o} --content-size -1", "--content-size"),
    ("stylize {a} {a} -o {o} --content-size 1.5", "whole number"),
    ("stylize {a} {a} -o {o} --content-size 512px", "512px"),
    ("stylize {a} {a} -o {o} --style-size 1e9", "--style-size"),
    ("stylize {a} {a} -o {o} --passes 0", "--passes"),
    ("stylize {a} {a} -o {o} --passes 101", "--passes"),
    ("stylize {a} {a} -o {o} --eigenvalue-floor -1", "--eigenvalue-floor"),
    ("stylize {a} {a} -o {o} --damping inf", "--damping"),
    ("stylize {a} {a} -o {o} --backend gpu", "reference"),
    ("stylize {a} {a} -o {o} --threads -1", "--threads"),
    ("stylize {a} {a} -o {o} --threads two", "two"),
    ("stylize {a} {a} -o {o} --seed 1", "--seed"),
    ("stylize {a} {a} -o {o} --memory", "--memory needs a value"),
    ("stylize {a} {a} -o {o} --memory 0", "'0'"),
    ("stylize {a} {a} -o {o} --memory 0.0G", "'0.0G'"),
    ("stylize {a} {a} -o {o} --memory -1G", "'-1G'"),
    ("stylize {a} {a} -o {o} --memory all", "'all'"),
    ("stylize {a} {a} -o {o} --memory G", "'G'"),
    ("stylize {a} {a} -o {o} --memory 1GB", "1.5G or 800M"),
    ("stylize {a} {a} -o {o} --memory 1,5G", "'1,5G'"),
    ("stylize {a} {a} -o {o} --memory 1g", "'1g'"),
    ("stylize {a} {a} -o {o} --memory 1GG", "'1GG'"),
    ("stylize {a} {a} -o {o} --memory nan", "'nan'"),
    ("stylize {a} {a} -o {o} --memory inf", "'inf'"),
    ("stylize {a} {a} -o {o} --memory 1e30", "'1e30'"),
    ("stylize {a} {a} -o {o} --memory 9999999T", "'9999999T'"),
    ("stylize {a} {a} -o {o} --memory=", "''"),
    ("texture {a} -o {o} --size 5x5 --memory x", "'x'"),
    ("reconstruct {a} -o {o} --level 1 --memory 1G", "--memory"),
    ("texture {a} -o {o}", "--size"),
    ("texture {a} -o {o} --size 512", "512x384"),
    ("texture {a} -o {o} --size 0x5", "512x384"),
    ("texture {a} -o {o} --size 5x5x5", "512x384"),
    ("texture {a} -o {o} --size -5x5", "512x384"),
    ("texture {a} -o {o} --size 5x5 --noise {a}", "do not go together"),
    ("texture {a} -o {o} --noise {a} --guide-picture {a}", "do not go together"),
    ("texture {a} -o {o} --size 5x5 --guide 50", "--guide-picture"),
    ("texture {a} -o {o} --guide-picture {a} --guide 101", "--guide"),
    ("texture {a} -o {o} --size 5x5 --seed -1", "--seed"),
    ("texture {a} -o {o} --size 5x5 --masks {a}", "--masks"),
    ("texture -o {o} --size 5x5", "STYLE"),
    ("reconstruct {a} -o {o}", "--level"),
    ("reconstruct {a} -o {o} --level 6", "1 to 5"),
    ("reconstruct {a} {a} -o {o} --level 1", "too many"),
    ("model {m} {m}", "too many"),
    ("model {m} --force", "--force"),
    ("doctor now", "now"),
]

FAILED = [
    ("stylize {f}/none.png {a} -o {o} --model {m}", "none.png"),
    ("stylize {a} {f}/none.png -o {o} --model {m}", "none.png"),
    ("stylize {f} {a} -o {o} --model {m}", "folder"),
    ("stylize /dev/null {a} -o {o} --model {m}", "regular file"),
    ("stylize {t} {a} -o {o} --model {m}", "not a picture"),
    ("stylize {a} {t} -o {o} --model {m}", "not a picture"),
    ("stylize {a} {a} -o {o} --model {m} --masks {t}", "not a picture"),
    ("stylize {a} -o {o} --model {m} --regions {t}", "text.txt"),
    ("stylize {a} {a} -o {f}/none/out.png --model {m}", "none"),
    ("stylize {a} {a} -o {t}/out.png --model {m}", "text.txt"),
    ("stylize {a} {a} -o /proc/out.png --model {m}", "/proc/out.png"),
    ("stylize {a} {a} -o {a} --model {m}", "--force"),
    ("stylize {a} {a} -o {o} --model {f}/none.safetensors", "none.safetensors"),
    ("stylize {a} {a} -o {o} --model {t}", "text.txt"),
    ("stylize {a} {a} -o {o} --model {m} --alpha 5=0.5", "level 5"),
    ("stylize {a} {a} -o {o} --model {m} --alpha 4=0.5,3=1,1=1", "level 4 and 3"),
    ("reconstruct {a} -o {o} --model {m} --level 3", "3"),
    ("texture {a} -o {o} --model {m} --size 900000x900000", "--size"),
    ("texture {a} -o {f}/out.jpg --model {m} --size 70000x5", "JPEG"),
    ("texture {t} -o {o} --model {m} --size 5x5", "not a picture"),
    ("texture {a} -o {o} --model {m} --noise {t}", "not a picture"),
    ("model {t}", "text.txt"),
    ("model {f}/none.safetensors", "none.safetensors"),
]


class Usage(wct_test.Case):
    def setUp(self):
        super().setUp()
        self.words = {"a": write_png(self.path("a.png"), 20, 20, 3, noise(1200, 256)), "m": self.identity,
                      "f": self.folder, "t": self.path("text.txt"), "o": self.path("out.png")}
        self.path("text.txt").write_text("no picture, and no model\n" * 10)
        self.before = self.names()

    def check(self, table, status):
        for line, word in table:
            with self.subTest(call=line):
                result = run(*(part.format(**self.words) for part in line.split()))
                left = set(self.names()) - set(self.before)
                for name in left:  # or the next calls would fail for it too
                    self.path(name).unlink()
                self.assertEqual(left, set())
                self.assert_refused(result, status, word)
                if status == 2:
                    self.assertRegex(result.err, r"; see 'wct[ a-z]* --help'\n\Z")

    def test_command_line_that_cannot_be_understood_exits_2_and_points_to_help(self):
        self.check(BAD_USAGE, 2)

    def test_job_that_cannot_be_done_exits_1(self):
        self.check(FAILED, 1)

    def test_sentence_stays_on_one_line_whatever_a_name_holds(self):
        result = run("stylize", "no\nsuch\rfile.png", self.words["a"], "-o", self.words["o"])
        self.assert_refused(result, 1, "no?such?file")

    def test_option_may_be_shortened_while_it_is_the_only_one(self):
        self.assert_done(run("reconstruct", self.words["a"], "--lev", 1, "--mod", self.identity, "--out",
                             self.words["o"]))

    def test_options_and_pictures_may_stand_in_any_order(self):
        self.assert_done(run("stylize", "--alpha", "1=0", "-o", self.words["o"], self.words["a"], "--model",
                             self.identity, self.words["a"]))

    def test_file_whose_name_begins_with_a_dash_follows_two_dashes(self):
        write_png(self.path("-a.png"), 20, 20, 3, noise(1200, 256))
        self.assert_done(run("reconstruct", "--level", 1, "--model", self.identity, "-o", "out.png", "--", "-a.png",
                             cwd=self.folder))


class Help(wct_test.Case):
    def test_version_and_help_go_to_standard_output_and_exit_0(self):
        for call, word in ((["--version"], "wct 0."), (["-V"], "wct 0."), (["--help"], "wct stylize"),
                           (["-h"], "wct model"), (["stylize", "--help"], "--alpha"), (["texture", "-h"], "--seed"),
                           (["doctor", "--help"], "Usage")):
            with self.subTest(call=call):
                result = run(*call)
                self.assert_done(result)
                self.assertIn(word, result.out)

    def test_help_fits_80_columns_and_shows_each_option_of_the_command(self):
        for line in run("--print-options").out.splitlines():
            command, name, letter, value = line.split("\t")
            text = run(command, "--help").out
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
            self.assertIn(f"{letter + ', ' if letter else ''}{name}{' ' + value if value else ''}", text)


if __name__ == "__main__":
    wct_test.main()
