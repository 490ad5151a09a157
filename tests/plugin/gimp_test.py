"""What the plug-in's tests share: a GIMP with a profile of its own, which runs Script-Fu without a window.

GIMP ends with 0 whatever happened: what a script did is told by the lines that it prints and by the files that it writes.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PLUGIN = pathlib.Path(os.environ.get("WCT_PLUGIN", SOURCE / "build" / "plugin" / "gimp-wct"))
SAMPLES = SOURCE / "data" / "samples"
MODEL = SOURCE / "weights" / "wct-compact.safetensors"
CONSOLE = shutil.which("gimp-console") or shutil.which("gimp-console-2.10")
NEEDED_PLUGINS = ("script-fu", "file-png")


def system_plugins():
    """Where GIMP's own are."""
    asked = subprocess.run(["pkg-config", "--variable=gimplibdir", "gimp-2.0"], capture_output=True, text=True)
    return pathlib.Path(asked.stdout.strip() or "/usr/lib/gimp/2.0") / "plug-ins"


def quote(text):
    """A Script-Fu string."""
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


# The arguments behind run mode, image, layer and style, in their order, as a user finds them.
LEVELS = {name: value for level in (5, 4, 3, 2, 1) for name, value in ((f"relu{level}", 1), (f"relu{level}-alpha", 0.6))}
STYLE_LISTS = {"num-styles": 0, "styles": "#()", "num-weights": 0, "weights": "#()", "style-files": '""'}
REGION_LISTS = {"num-regions": 0, "region-masks": "#()", "num-region-styles": 0, "region-styles": "#()",
                "num-region-strengths": 0, "region-strengths": "#()"}
LISTS = {**STYLE_LISTS, **REGION_LISTS}
DEFAULTS = {**LEVELS, "style-size": 0, "style-scale": 0, "style-rotation": 0, "style-left": 0, "style-top": 0, "style-width": 100,
            "style-height": 100, "passes": 1, "seed": 0, "eigenvalue-floor": 1e-5, "damping": 0, "transport": 0, "swap": 0,
            "swap-patch": 3, "swap-stride": 1, "keep-colors": 0, "recolor": 0, "recolor-histogram": 0, "working-size": 0,
            "seamless": 0, "guide": 0, "hard-masks": 0, "output": 0, "width": 0, "height": 0, **LISTS}
# What a procedure has not.
WITHOUT = {"stylize": {"seed", "guide", "width", "height"},
           "texture": {"keep-colors", "recolor", "recolor-histogram", "working-size", "hard-masks", *REGION_LISTS}}
NEW_LAYER, IN_PLACE = 0, 1


def call(name, image="image", layer="layer", style="style", mode="RUN-NONINTERACTIVE", **changes):
    """A call of plug-in-wct-NAME; changes are named as the arguments are, with _ for -."""
    values = {**DEFAULTS, **{key.replace("_", "-"): value for key, value in changes.items()}}
    assert len(values) == len(DEFAULTS), changes
    values = {key: value for key, value in values.items() if key not in WITHOUT[name]}
    return f'(plug-in-wct-{name} {mode} {image} {layer} {style} {" ".join(map(str, values.values()))})'


@unittest.skipIf(CONSOLE is None, "no gimp-console; install gimp")
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home = pathlib.Path(cls.folder.name)
        for name in ("home", "run", "profile/tmp", "profile/gradients", "plugins"):
            (cls.home / name).mkdir(parents=True)
        (cls.home / "run").chmod(0o700)
        (cls.home / "profile/gimprc").write_text(
            f'(temp-path "{cls.home}/profile/tmp")\n(swap-path "{cls.home}/profile/tmp")\n(check-updates no)\n(num-processors 2)\n')
        for name in NEEDED_PLUGINS:
            (cls.home / "plugins" / name).symlink_to(system_plugins() / name)
        (cls.home / "plugins/gimp-wct").mkdir()
        (cls.home / "plugins/gimp-wct/gimp-wct").symlink_to(PLUGIN)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "LANGUAGE")
                and not name.startswith(("XDG_", "LC_", "GIMP"))}
        # What GTK and GIMP's libraries keep until the end is not ours to judge; the dialog's own tests look at leaks.
        kept["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        return {**kept, "HOME": str(self.home / "home"), "XDG_RUNTIME_DIR": str(self.home / "run"), "LC_ALL": "C.UTF-8",
                "GIMP2_DIRECTORY": str(self.home / "profile"), "GIMP_TESTING_PLUGINDIRS": str(self.home / "plugins"),
                "WCT_MODEL": str(MODEL), **more}

    def path(self, name):
        return self.home / name

    def script(self, text, **environment):
        """What (say "…") said, line by line, and GIMP's complaints."""
        whole = f'(define (say text) (gimp-message (string-append "SAID " text))) {text}'
        done = subprocess.run([CONSOLE, "-i", "-d", "-f", "-s", "-b", whole, "-b", "(gimp-quit 1)"], capture_output=True, text=True,
                              env=self.environment(**environment), stdin=subprocess.DEVNULL, cwd=self.home)
        said = re.findall(r"SAID (.*)", done.stdout + done.stderr)
        errors = re.findall(r"(?:Error|ERROR|error): (.*)", done.stdout + done.stderr)
        return said, errors, done.stdout + done.stderr


def main():
    """Exit 77, meson's skip, where not one test could run."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    # a class that is skipped as a whole counts once, and no test of it as run
    sys.exit(77 if len(result.skipped) >= max(result.testsRun, 1) else 0)
