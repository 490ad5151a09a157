"""GIMP with its windows, on a screen and a bus of its own: what a user's hands do, and what they would see.

The tests run themselves again under Xvfb, a window manager and a D-Bus session. GIMP's images are looked after by its
Script-Fu server; its windows get keys from xdotool, and the dialog, which is GTK 3, is held through AT-SPI. The server
answers while a dialog is open only if the dialog was not called through it.
"""
import contextlib
import gettext
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import gi
    import numpy as np
    from PIL import ImageGrab, features
    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi, GLib
except (ImportError, ValueError) as lacking:
    print(f"skipped: {lacking}; install python3-gi, gir1.2-atspi-2.0, python3-numpy and python3-pil")
    sys.exit(77)

import gimp_test
import xcf
from gimp_test import quote

FOLDER = "WCT_TEST_FOLDER"  # in the environment of every process that runs on the screen
PROGRAMS = {"gimp": "gimp", "Xvfb": "xvfb", "openbox": "openbox", "xdotool": "xdotool", "dbus-run-session": "dbus-daemon"}
SCREEN = "1280x1024x24"
PATIENCE_S = 60  # until a test says that what it waits for does not come
COMPLAINT = re.compile("-(Error|ERROR|Warning|WARNING|Message|CRITICAL)|crash")
UNDO_PATIENCE_S = 20  # for one key and one image
STILL_S = 0.3  # a picture that has not changed for so long is what it is


def missing():
    """What these tests cannot do without; None: all is there."""
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            return f"no {program}; install {package}"
    return None if features.check("xcb") else "this Python's PIL cannot look at a screen; install Debian's python3-pil"


def wait(what, look, patience_s=PATIENCE_S):
    """What look() finds, as soon as it is something. Things come and go while it looks."""
    end, trouble = time.monotonic() + patience_s, None
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except GLib.Error as error:
            trouble = error
        time.sleep(0.02)
    raise AssertionError(f"expected: {what}; got: nothing of it in {patience_s} s" + (f" ({trouble})" if trouble else ""))


# ---- Processes -------------------------------------------------------------------------------------------------------

def processes_with(entry):
    """The process ids that have this in their environments."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def is_alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def end_processes_with(entry):
    while pids := [pid for pid in processes_with(entry) if pid != os.getpid()]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def start_screen(log):
    """Xvfb on a display that it chooses."""
    told, telling = os.pipe()
    screen = subprocess.Popen(["Xvfb", "-displayfd", str(telling), "-screen", "0", SCREEN, "-nolisten", "tcp"],
                              pass_fds=[telling], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.close(telling)
    with os.fdopen(told) as number:
        return screen, f":{number.readline().strip()}"


def run_on_own_screen():
    with tempfile.TemporaryDirectory(prefix="wct-gui-") as folder, open(f"{folder}/screen.log", "wb") as log:
        (pathlib.Path(folder) / "run").mkdir(mode=0o700)
        screen, display = start_screen(log)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("XDG_") and name not in ("WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "NO_AT_BRIDGE")}
        environment = {**kept, "DISPLAY": display, "HOME": folder, "TMPDIR": folder, "XDG_RUNTIME_DIR": f"{folder}/run",
                       FOLDER: folder}
        try:
            subprocess.Popen(["openbox"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            return subprocess.call(["dbus-run-session", "--", sys.executable, "-B", *sys.argv], env=environment)
        finally:
            end_processes_with(f"{FOLDER}={folder}")
            screen.kill()
            screen.wait()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if missing() is None and FOLDER not in os.environ:
        sys.exit(run_on_own_screen())
    gimp_test.main()


# ---- GIMP ------------------------------------------------------------------------------------------------------------

class Server:
    """GIMP's Script-Fu server: a text goes there, and what it comes to, where that is a string, comes back."""

    def __init__(self, port):
        self.socket = wait("GIMP's Script-Fu server", lambda: self.connect(port))

    @staticmethod
    def connect(port):
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))

    def send(self, text):
        data = " ".join(text.split()).encode()
        self.socket.sendall(b"G" + struct.pack(">H", len(data)) + data)

    def receive(self):
        _, failed, length = struct.unpack(">cBH", self.read(4))
        text = self.read(length).decode().strip().strip('"')
        if failed:
            raise AssertionError(f"expected: Script-Fu that runs; got: {text}")
        return text

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise AssertionError("expected: an answer of GIMP's Script-Fu server; got: its end")
            data += part
        return data

    def ask(self, text):
        self.send(text)
        return self.receive()

    def number(self, call):
        """The first number that a procedure returns."""
        return int(self.ask(f"(number->string (car {call}))"))


def xdotool(*words):
    return subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True, timeout=PATIENCE_S).stdout.split()


def visible_windows(*which):
    return [int(word) for word in xdotool("search", "--onlyvisible", *(which or ("--name", ".")))]


def press(window, *keys):
    xdotool("windowactivate", "--sync", window, "key", "--clearmodifiers", *keys)


def screenshot(box=None):
    return np.asarray(ImageGrab.grab(box, xdisplay=os.environ["DISPLAY"]).convert("RGB"), int)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def difference(before, after):
    """In what two saved images differ; None: in nothing."""
    (layers, selection), (other_layers, other_selection) = xcf.read(before), xcf.read(after)
    if [layer.name for layer in layers] != [layer.name for layer in other_layers]:
        return f"layers {[layer.name for layer in layers]} and {[layer.name for layer in other_layers]}"
    for one, other in zip(layers, other_layers):
        if one.offsets != other.offsets or not np.array_equal(one.bits, other.bits):
            return f"pixels of {one.name}"
        if not np.array_equal(one.mask, other.mask) or one.parasites != other.parasites:
            return f"mask or parasites of {one.name}"
    return None if np.array_equal(selection, other_selection) else "selection"


@unittest.skipIf(missing() is not None, missing())
class Case(gimp_test.Case):
    """One GIMP for all tests of a class."""
    texts = gettext.NullTranslations()

    @classmethod
    def prepare(cls):
        """Files for the tests, before GIMP is there; what is to be added to its environment."""
        return {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def start(cls):
        Atspi.init()
        port = free_port()
        (cls.home / "temporary").mkdir()
        environment = cls.environment(cls, DISPLAY=os.environ["DISPLAY"], TMPDIR=str(cls.home / "temporary"), **cls.prepare())
        server = f'(plug-in-script-fu-server RUN-NONINTERACTIVE "127.0.0.1" {port} "/dev/null")'
        cls.log = cls.home / "gimp.log"
        with open(cls.log, "wb") as log:
            cls.gimp = subprocess.Popen(["gimp", "-n", "-s", "-d", "-f", "-c", "-b", server], env=environment, cwd=cls.home,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cls.server = Server(port)
        cls.window = wait("GIMP's window", visible_windows)[0]

    @classmethod
    def tearDownClass(cls):
        end_processes_with(f"GIMP2_DIRECTORY={cls.home}/profile")
        if hasattr(cls, "gimp"):
            cls.gimp.wait()
        if hasattr(cls, "server"):
            cls.server.socket.close()
        super().tearDownClass()

    def setUp(self):
        self.log_start = self.log.stat().st_size

    def tearDown(self):
        """A failed test leaves its dialog."""
        for pid in dialog_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.wait_for_crash()

    def complaints(self):
        """GIMP's messages since the test began."""
        with open(self.log, errors="replace") as log:
            log.seek(self.log_start)
            return [line for line in log.read().splitlines() if COMPLAINT.search(line)]

    def wait_for_crash(self):
        """GIMP has seen that the plug-in's process is gone, and what it said of it is no complaint."""
        wait("GIMP to see that its plug-in is gone", lambda: any("crash" in line for line in self.complaints()))
        self.log_start = self.log.stat().st_size

    # ---- Images ----

    def open_image(self, content, *styles):
        """In a window, with the other files as layers below; all of their ids. It is closed when the test ends."""
        image = self.server.number(f'(gimp-file-load 1 {quote(self.path(content))} "x")')
        layers = [self.server.number(f"(gimp-image-get-active-layer {image})")]
        for style in styles:
            layers.append(self.server.number(f"(gimp-file-load-layer 1 {image} {quote(self.path(style))})"))
            self.server.ask(f"(gimp-image-insert-layer {image} {layers[-1]} 0 {len(layers) - 1})")
        self.server.ask(f"(gimp-image-set-active-layer {image} {layers[0]})")
        self.show(image)
        return image, *layers

    def show(self, image):
        display = self.server.number(f"(gimp-display-new {image})")
        self.server.ask(f"(gimp-image-clean-all {image})")
        self.addCleanup(self.close, display)
        return display

    def close(self, display):
        self.server.ask(f"(if (= 1 (car (gimp-display-is-valid {display}))) (gimp-display-delete {display}))")

    def save(self, image, name):
        """All of an image, as a file."""
        path = self.path(name)
        self.server.ask(f'(gimp-xcf-save 1 {image} (car (gimp-image-get-active-drawable {image})) {quote(path)} "x")')
        return path

    def layer_count(self, image):
        return self.server.number(f"(gimp-image-get-layers {image})")

    def check_same(self, before, image):
        """Bit for bit as it was saved."""
        got = difference(before, self.save(image, "now.xcf"))
        self.assertIsNone(got, f"expected: the image as it was saved in {before.name}; got: other {got}")

    def check_one_undo(self, before, image):
        """Ctrl+Z, once. Only if it takes back all that was done since the image was shown, GIMP calls it clean."""
        press(self.window, "ctrl+z")
        wait("an image without changes after one Ctrl+Z",
             lambda: self.server.number(f"(gimp-image-is-dirty {image})") == 0, UNDO_PATIENCE_S)
        self.check_same(before, image)

    # ---- The dialog ----

    def say(self, text):
        """In GIMP's language."""
        return self.texts.gettext(text)

    def label(self, text):
        """The same, as a label shows it: without what marks its key."""
        return re.sub("_(.)", r"\1", self.say(text)).removesuffix("...")

    def open_from_menu(self, label="_Style Transfer (WCT)..."):
        """By GIMP's own search, which activates the menu's entry."""
        before, windows = set(dialog_processes()), set(visible_windows())
        press(self.window, "slash")
        search = wait("GIMP's window of searching", lambda: set(visible_windows()) - windows).pop()
        xdotool("windowactivate", "--sync", search, "type", self.label(label))
        xdotool("key", "Return")
        return self.wait_for_dialog(before)

    def wait_for_dialog(self, before=()):
        return wait("the plug-in's dialog", lambda: next(
            (Dialog(self, pid, application) for pid, application in dialog_processes().items() if pid not in before), None))


# ---- The dialog ------------------------------------------------------------------------------------------------------

def dialog_processes():
    """The plug-in's applications that have a window, by process."""
    desktop, found = Atspi.get_desktop(0), {}
    for i in range(desktop.get_child_count()):
        with contextlib.suppress(GLib.Error):
            application = desktop.get_child_at_index(i)
            if application is not None and application.get_name() == "gimp-wct" and application.get_child_count() > 0:
                found[application.get_process_id()] = application
    return found


def walk(accessible):
    yield accessible
    for i in range(accessible.get_child_count()):
        child = accessible.get_child_at_index(i)
        if child is not None:
            yield from walk(child)


def has_state(accessible, state):
    return accessible.get_state_set().contains(state)


class Dialog:
    """One that is open. Widgets are named in English; what is looked for is in GIMP's language."""

    def __init__(self, case, pid, application):
        application.set_cache_mask(Atspi.Cache.NONE)  # it would go stale, as nobody listens to changes
        self.case, self.pid, self.window = case, pid, application.get_child_at_index(0)
        self.preview = self.find("drawing area", case.say("Preview"))
        self.bar = self.find("progress bar", case.say("Progress"))
        self.ok = self.find("push button", case.label("_OK"))
        self.info = self.find("info bar")

    def find(self, role, name=None):
        return wait(f"{role} {name or ''}", lambda: next(
            (one for one in walk(self.window) if one.get_role_name() == role and name in (None, one.get_name())), None))

    def is_open(self):
        return is_alive(self.pid)

    def wait_for_end(self):
        wait("the end of the dialog and its process", lambda: not self.is_open())

    def press(self, label):
        Atspi.Action.do_action(self.find("push button", self.case.label(label)), 0)

    def keys(self, *keys):
        press(wait("the dialog on the screen", lambda: visible_windows("--pid", self.pid))[0], *keys)

    # ---- Settings ----

    def slider(self, level):
        return self.find("slider", self.case.say("Strength of Relu_%d_1") % level)

    def strength(self, level):
        return Atspi.Value.get_current_value(self.slider(level))

    def set_strength(self, level, value):
        Atspi.Value.set_current_value(self.slider(level), value)

    def styles(self):
        combo = self.find("combo box", self.case.say("Style"))
        return [one.get_name() for one in walk(combo) if one.get_role_name() == "menu item"]

    def choose_style(self, name):
        names = self.styles()
        Atspi.Selection.select_child(self.find("combo box", self.case.say("Style")), names.index(name))

    # ---- What is shown ----

    def is_usable(self):
        return has_state(self.ok, Atspi.StateType.SENSITIVE)

    def is_busy(self):
        return has_state(self.bar, Atspi.StateType.SHOWING)

    def progress(self):
        return Atspi.Value.get_current_value(self.bar)

    def problem(self):
        """The sentence that tells what went wrong; empty: nothing did."""
        if not has_state(self.info, Atspi.StateType.SHOWING):
            return ""
        return " ".join(one.get_name() for one in walk(self.info) if one.get_role_name() == "label").strip()

    def box(self):
        """Of the preview, on the screen."""
        extents = Atspi.Component.get_extents(self.preview, Atspi.CoordType.SCREEN)
        return extents.x, extents.y, extents.x + extents.width, extents.y + extents.height

    def picture(self):
        return screenshot(self.box())

    def wait_for_picture(self, other_than=None):
        """The preview, as soon as it is one, is another, and keeps still."""
        last, since = self.picture(), time.monotonic()

        def look():
            nonlocal last, since
            now = self.picture()
            if not np.array_equal(now, last):
                last, since = now, time.monotonic()
            good = is_picture(now) and (other_than is None or not np.array_equal(now, other_than))
            return good and time.monotonic() - since > STILL_S
        wait("another preview" if other_than is not None else "a preview", look)
        return last


def is_picture(pixels):
    """No empty area, which has a color or a few, and no text, which is gray."""
    return (pixels.max(2) - pixels.min(2)).mean() > 5
