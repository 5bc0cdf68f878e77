"""The real window on a virtual screen: keys pressed from outside, pictures read off it."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import metadata

import cv2
import numpy as np
import pytest
from media import write_video

from live_edges.display import window
from live_edges.lifecycle import Closing

SCREEN = (1400, 900)
DEADLINE_S = 25.0  # bounds a failure only; a cold import of torch takes 15 s
LEFT, RIGHT = (200, 60, 20), (20, 180, 240)  # BGR of the two halves of the picture

GRAB = """
import sys, av
options = {"video_size": sys.argv[2], "draw_mouse": "0"}
for _ in sys.stdin:
    with av.open(sys.argv[1], format="x11grab", options=options) as grab:
        sys.stdout.buffer.write(next(grab.decode(video=0)).to_ndarray(format="bgr24").tobytes())
        sys.stdout.flush()
"""

needs_xvfb = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"
)
needs_openbox = pytest.mark.skipif(
    not shutil.which("openbox"), reason="needs openbox, a window manager"
)


class Screen(Closing):
    """A virtual X screen, and a process that grabs what it shows: a grab may end its process."""

    def __init__(self, display):
        self.env = {**os.environ, "DISPLAY": display}
        command = [sys.executable, "-c", GRAB, display, f"{SCREEN[0]}x{SCREEN[1]}"]
        self._grab = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self._grab.communicate()

    def tool(self, *words):
        command = ["xdotool", *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True).stdout.strip()

    def press(self, *keys):
        for key in keys:  # without a window manager the window under the pointer hears them
            self.tool("mousemove", "300", "300", "key", key)

    def picture(self):
        """What is on the screen, (H, W, 3) BGR."""
        self._grab.stdin.write(b"\n")
        self._grab.stdin.flush()
        raw = self._grab.stdout.read(SCREEN[0] * SCREEN[1] * 3)
        return np.frombuffer(raw, np.uint8).reshape(SCREEN[1], SCREEN[0], 3)

    def window_picture(self):
        """The 640x480 of the picture under test, without the text at its top and lower edge."""
        return self.picture()[200:400, :640].astype(int)


def until(is_true, what):
    """Poll until it holds; wait for what happens, not for a time."""
    end = time.monotonic() + DEADLINE_S
    while not (value := is_true()):
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def screen():
    read_end, write_end = os.pipe()
    command = [
        "Xvfb",
        "-noreset",
        "-displayfd",
        str(write_end),
        "-screen",
        "0",
        f"{SCREEN[0]}x{SCREEN[1]}x24",
    ]
    server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(server.terminate)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            yield stack.enter_context(Screen(f":{pipe.readline().strip()}"))


@contextmanager
def running(screen, folder, *flags):
    """The program itself, showing a picture of two halves."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, :320], image[:, 320:] = LEFT, RIGHT
    (folder / "halves.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    command = [sys.executable, "-m", "live_edges", "run", "halves.png", "--view", "original"]
    child = subprocess.Popen(
        [*command, *flags], env=screen.env, cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def app(screen, tmp_path):
    with running(screen, tmp_path) as child:
        until(lambda: is_original(screen.window_picture()), "the picture in the window")
        yield child


def is_near(pixels, color, levels=2):
    return bool((np.abs(pixels - np.array(color)) <= levels).all())


def is_original(picture):
    return is_near(picture[:, 10:310], LEFT) and is_near(picture[:, 330:630], RIGHT)


def is_edges(picture):
    line = picture[:, 316:324].max(axis=(0, 2))
    return bool(
        is_near(picture[:, 10:310], 0) and is_near(picture[:, 330:630], 0) and line.max() > 150
    )


def is_side_by_side(picture):
    """Half as large: original on the left, the edges' black on the right, the line in it."""
    row = picture[10]
    return is_near(row[10:150], LEFT) and is_near(row[170:310], RIGHT) and is_near(row[330:470], 0)


def is_overlay(picture):
    blue, green, red = picture[:, 316:324].reshape(-1, 3).T
    is_line_green = bool(((green > 200) & (blue < 150) & (red < 150)).any())
    return is_line_green and is_near(picture[:, 10:310], LEFT)


@pytest.fixture
def managed(screen):
    """A window manager, which fullscreen needs."""
    manager = subprocess.Popen(["openbox"], env=screen.env, stderr=subprocess.DEVNULL)
    until(lambda: screen.tool("get_num_desktops"), "a window manager")
    yield
    manager.terminate()
    manager.wait()


@pytest.mark.slow
@needs_xvfb
def test_keys_change_what_the_window_shows(app, screen, tmp_path):
    screen.press("v")
    until(lambda: is_edges(screen.window_picture()), "edges after v")
    screen.press("v")
    until(lambda: is_overlay(screen.window_picture()), "overlay after v")
    screen.press("v")
    until(lambda: is_side_by_side(screen.window_picture()), "side by side after v")
    screen.press("0")
    until(lambda: is_original(screen.window_picture()), "original after 0")
    screen.press("3")
    until(lambda: is_overlay(screen.window_picture()), "overlay after picking a filter")
    screen.press("0", "i", "h")
    until(lambda: not is_original(screen.window_picture()), "help over the picture")
    screen.press("question")
    until(lambda: is_original(screen.window_picture()), "the picture without help")
    screen.press("s")
    until(lambda: len(list(tmp_path.glob("live-edges-*.png"))) == 2, "two files")

    screen.press("q")

    assert app.wait(DEADLINE_S) == 0
    [original] = tmp_path.glob("*-original.png")
    assert (cv2.imread(str(original)) == cv2.imread(str(tmp_path / "halves.png"))).all()
    assert "frames shown" in app.stderr.read()


@pytest.mark.slow
@needs_xvfb
def test_a_double_click_zooms_where_the_mouse_is_and_the_right_button_moves(app, screen):
    def picture():
        return screen.window_picture()

    for _ in range(2):
        screen.tool("mousemove", "160", "300", "click", "--repeat", "2", "1")
        time.sleep(0.5)  # two double clicks, and not one of four
    screen.tool("mousemove", "160", "300", "key", "e")
    until(lambda: is_near(picture(), LEFT), "the left half alone")

    screen.tool("mousemove", "600", "300", "mousedown", "3")
    screen.tool("mousemove", "20", "300", "mouseup", "3")
    until(lambda: is_near(picture()[:, 600:630], RIGHT), "the right half at the side")
    screen.press("z")
    until(lambda: is_original(picture()), "the whole picture after z")
    screen.press("q")

    assert app.wait(DEADLINE_S) == 0


@pytest.mark.slow
@needs_xvfb
@needs_openbox
def test_fullscreen_keeps_the_shape_of_the_picture(managed, screen, tmp_path):
    with running(screen, tmp_path, "--fullscreen") as child:
        until(lambda: is_near(screen.picture()[880, 300:600], LEFT), "a picture down to the edge")

        left, right = np.flatnonzero(screen.picture()[600].any(axis=1))[[0, -1]]

        assert (right - left) / SCREEN[1] == pytest.approx(640 / 480, rel=0.02)
        screen.press("Escape")
        until(lambda: not is_near(screen.picture()[880, 300:600], LEFT), "the window again")
        screen.tool("mousemove", "700", "450", "key", "Escape")
        assert child.wait(DEADLINE_S) == 0


@pytest.mark.slow
@needs_xvfb
@needs_openbox
def test_closing_the_window_quits_and_completes_the_recording(managed, screen, tmp_path):
    with running(screen, tmp_path, "--record", "take.mp4") as child:
        until(lambda: (screen.picture() == LEFT).all(axis=2).any(), "the picture in the window")

        screen.tool("key", "alt+F4")

        assert child.wait(DEADLINE_S) == 0
        assert "saved take.mp4" in child.stderr.read()
    content = (tmp_path / "take.mp4").read_bytes()
    assert content.rfind(b"moov") > content.rfind(b"mdat")  # in fragments the index comes first


@pytest.mark.slow
@needs_xvfb
@needs_openbox
def test_closing_the_window_of_a_playing_video_quits_and_completes_the_recording(
    managed, screen, tmp_path
):
    write_video(tmp_path / "clip.mp4", count=300, rate=10)
    command = [sys.executable, "-m", "live_edges", "run", "clip.mp4", "--record", "edges.mp4"]
    child = subprocess.Popen(
        command, env=screen.env, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    until(lambda: screen.tool("search", "--name", "live-edges"), "the window")
    until(lambda: any(f.stat().st_size for f in tmp_path.glob("edges.mp4")), "a recording")

    screen.tool("key", "alt+F4")

    _, told = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0, told
    assert "saved edges.mp4" in told
    assert "frames shown" in told


class FakeHighgui:
    """OpenCV's window functions: the user closes the window in the given wait for a key."""

    def __init__(self, closed_in_wait):
        self.waits_left = closed_in_wait
        self.is_there = False
        self.calls_after_closing = []

    def waitKeyEx(self, _delay_ms):  # noqa: N802 -- the names OpenCV gave them
        self.waits_left -= 1
        self.is_there = self.is_there and self.waits_left > 0
        return -1

    def namedWindow(self, _title, _flags):  # noqa: N802
        self.is_there = True

    def getWindowProperty(self, _title, _prop):  # noqa: N802
        if not self.is_there:
            raise cv2.error("NULL guiReceiver")
        return 1.0

    def getWindowImageRect(self, _title):  # noqa: N802
        self.note("getWindowImageRect")
        return 0, 0, 640, 480

    def note(self, name, *_arguments):
        if not self.is_there:
            self.calls_after_closing.append(name)
            raise cv2.error("NULL guiReceiver")


@pytest.mark.parametrize("closed_in_wait", [2, 3])
def test_a_window_that_the_user_has_closed_is_left_alone(monkeypatch, closed_in_wait):
    highgui = FakeHighgui(closed_in_wait)
    monkeypatch.setattr(cv2, "setMouseCallback", partial(highgui.note, "setMouseCallback"))
    for name in ("namedWindow", "waitKeyEx", "getWindowProperty", "getWindowImageRect"):
        monkeypatch.setattr(cv2, name, getattr(highgui, name))
    for name in ("imshow", "resizeWindow", "setWindowProperty", "destroyWindow"):
        monkeypatch.setattr(cv2, name, partial(highgui.note, name))
    shown = window.Window()
    image = np.zeros((48, 64, 3), np.uint8)

    for is_fullscreen in (True, False, True):
        shown.show(image)
        shown.poll(0.0)
        shown.set_fullscreen(is_fullscreen)
    is_open = shown.is_open
    shown.close()

    assert not is_open
    assert highgui.calls_after_closing == []


@needs_xvfb
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the loader of Linux")
def test_events_are_qts_by_the_library_of_the_system(screen, tmp_path):
    code = "from live_edges.display.window import Window; Window().close()"
    asking = {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "loader")}

    subprocess.run([sys.executable, "-c", code], env=screen.env | asking, check=True)

    [log] = tmp_path.glob("loader.*")
    lines = log.read_text(errors="replace").splitlines()
    bound_to = [line.split(" to ")[1] for line in lines if "`XSetEventQueueOwner'" in line]
    assert not [library for library in bound_to if "opencv" in library]


@needs_xvfb
def test_a_display_that_answers_is_no_problem(screen, monkeypatch):
    monkeypatch.setenv("DISPLAY", screen.env["DISPLAY"])

    assert window.display_problem() is None


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="X displays are Linux's")
def test_a_display_that_is_not_there_is_told_and_kills_nobody(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    assert "cannot be opened" in window.display_problem()


@pytest.fixture
def failing_probe(monkeypatch):
    """A display probe that fails as it is told to."""

    def fail(said):
        answer = subprocess.CompletedProcess([], 1, b"", said)
        monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: answer)

    monkeypatch.setenv("DISPLAY", ":0")
    return fail


@pytest.mark.parametrize(
    ("installed", "advice"),
    [
        (
            {"opencv-python", "opencv-python-headless"},
            "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python",
        ),
        (
            {"opencv-contrib-python-headless"},
            "pip uninstall -y opencv-contrib-python-headless && pip install opencv-python",
        ),
        ({"opencv-python"}, "pip install --force-reinstall opencv-python"),
        (set(), "pip install --force-reinstall opencv-python"),
    ],
)
def test_an_opencv_without_windows_is_told_with_the_commands(
    failing_probe, monkeypatch, installed, advice
):
    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return "5.0"

    failing_probe(b"The function is not implemented.")
    monkeypatch.setattr(window.metadata, "version", version)

    assert window.display_problem() == f"this OpenCV has no windows; run: {advice}"


def test_wayland_without_x_is_told(failing_probe, monkeypatch):
    failing_probe(b"qt.qpa.plugin: Could not find the Qt platform plugin")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.delenv("DISPLAY")

    assert "start Xwayland and set DISPLAY" in window.display_problem()


@pytest.mark.parametrize(
    ("code", "name"),
    [(ord("Q"), "q"), (27, "esc"), (32, "space"), (8, "backspace"), (0xFF08, "backspace"),
     (127, "backspace"), (0x10003F, "?"), (-1, None), (0xFF51, None), (9, None)],
)  # fmt: skip
def test_keys_have_names_on_every_backend(code, name):
    assert window.key_name(code) == name
