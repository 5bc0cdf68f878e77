"""The window: the only module that calls highgui, OpenCV's few functions for a screen."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

import cv2

from live_edges import platforms
from live_edges.display.screen import MouseEvent
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.sizing import Size

TITLE = "live-edges"
_OPENCV_WHEELS = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1); cv2.destroyAllWindows()"
_PROBE_TIMEOUT_S = 15.0
_NAMES = {27: "esc", 32: "space", 8: "backspace", 127: "backspace", 0xFF08: "backspace"}
_WHEEL_STEP = 120  # what a mouse reports for one notch, on every system
_NOTCH = 1.25  # how many times larger a notch of the wheel shows things
_DOUBLE_CLICK = 2.0
_KEY_BITS = 0xFFFF  # above them GTK reports NumLock and other modifiers


def display_problem() -> str | None:
    """Say why no window can be opened here, or None where one can.

    Qt ends the whole process when it finds no display, so a child process tries first.
    """
    if platforms.needs_display_variable() and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "no display: DISPLAY and WAYLAND_DISPLAY are not set"
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the display does not answer"
    if probe.returncode == 0:
        return None
    if b"not implemented" in probe.stderr:
        return f"this OpenCV has no windows; {_windows_advice()}"
    if os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY"):
        return (
            "OpenCV's windows need X, and this Wayland session offers none; start Xwayland and set "
            "DISPLAY"
        )
    return f"the display {os.environ.get('DISPLAY', '')} cannot be opened"


def _windows_advice() -> str:
    """How to get an OpenCV with windows: its wheels overwrite each other's files."""
    installed = [name for name in _OPENCV_WHEELS if _is_installed(name)]
    if not any(name.endswith("-headless") for name in installed):
        return "run: pip install --force-reinstall opencv-python"
    return f"run: pip uninstall -y {' '.join(installed)} && pip install opencv-python"


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


class Window(Closing):
    """One window on the screen that shows pictures and hears keys; main thread only.

    Once the user has closed it, no function of highgui is called for it any more: some raise
    then, and on Windows `cv2.imshow` would open another window.
    """

    is_headless = False

    def __init__(self, title: str = TITLE) -> None:
        self._title = title
        self._was_visible = self._is_closed = False
        self._is_fullscreen = False
        self._has_size = False
        # By the wheel OpenCV's Qt window enlarges what it shows, text and all; nothing prevents it.
        self._magnifies_itself = cv2.currentUIFramework().startswith("QT")
        self._mouse_events: list[MouseEvent] = []
        self._dragged_from: tuple[int, int] | None = None
        platforms.let_qt_have_its_events()
        # FREERATIO, and bars of our own: Qt's KEEPRATIO holds on to the first picture's shape.
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setMouseCallback(title, self._on_mouse)

    @property
    def size(self) -> Size | None:
        """Width and height inside the window; None until the first picture has given it one."""
        is_sized = self._has_size or self._is_fullscreen
        if is_sized and self._was_visible and not self._is_closed:
            with self._noticing_its_end():
                _, _, width, height = cv2.getWindowImageRect(self._title)
                return (width, height) if min(width, height) > 0 else None
        return None

    def show(self, image: Image) -> None:
        """Show one picture, ``(H, W, 3)`` uint8 BGR; the window takes the size of the first."""
        if self._is_closed:
            return
        with self._noticing_its_end():
            if not (self._has_size or self._is_fullscreen):
                self._has_size = True
                cv2.resizeWindow(self._title, image.shape[1], image.shape[0])
            cv2.imshow(self._title, image)

    def status(self, text: str) -> None:
        """Say nothing: the picture carries its own text."""

    def poll(self, timeout_s: float) -> str | None:
        """Let the window live for up to ``timeout_s`` and return the key that was pressed.

        Returns:
            The character typed, or ``esc``, ``space``, ``backspace``; None without a known key.
        """
        if self._is_closed:
            return None
        code = cv2.waitKeyEx(max(1, round(timeout_s * 1000)))
        is_visible = self._is_visible
        self._is_closed = self._was_visible and not is_visible
        self._was_visible = self._was_visible or is_visible
        return key_name(code)

    def mouse_events(self) -> list[MouseEvent]:
        """Return what the mouse did since the last call, in order; `poll` lets it happen."""
        events, self._mouse_events = self._mouse_events, []
        return events

    def _on_mouse(self, event: int, x: int, y: int, flags: int, _: object) -> None:
        if event == cv2.EVENT_MOUSEWHEEL and not self._magnifies_itself:
            distance = flags >> 16  # signed, in the upper half
            steps = (distance - (1 << 16) if distance >= 1 << 15 else distance) / _WHEEL_STEP
            self._mouse_events.append(MouseEvent("zoom", x, y, factor=_NOTCH**steps))
        elif event == cv2.EVENT_LBUTTONDBLCLK:
            self._mouse_events.append(MouseEvent("zoom", x, y, factor=_DOUBLE_CLICK))
        elif event == cv2.EVENT_RBUTTONDOWN:
            self._dragged_from = x, y
        elif self._dragged_from and event in (cv2.EVENT_MOUSEMOVE, cv2.EVENT_RBUTTONUP):
            from_x, from_y = self._dragged_from
            self._mouse_events.append(MouseEvent("drag", x, y, dx=x - from_x, dy=y - from_y))
            self._dragged_from = (x, y) if event == cv2.EVENT_MOUSEMOVE else None
        elif event == cv2.EVENT_MOUSEMOVE:
            self._mouse_events.append(MouseEvent("move", x, y))

    @property
    def is_open(self) -> bool:
        """False once the user has closed the window."""
        return not self._is_closed

    @contextlib.contextmanager
    def _noticing_its_end(self) -> Iterator[None]:
        """Take an error for the end of the window where it is gone, and for an error elsewhere."""
        try:
            yield
        except cv2.error:
            if self._is_visible:
                raise
            self._is_closed = True

    @property
    def _is_visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # some backends raise for a window that is gone
            return False

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """Fill the screen, or go back to a window."""
        if self._is_closed or is_fullscreen == self._is_fullscreen:
            return
        self._is_fullscreen = is_fullscreen
        mode = cv2.WINDOW_FULLSCREEN if is_fullscreen else cv2.WINDOW_NORMAL
        with self._noticing_its_end():
            cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, mode)

    def close(self) -> None:
        """Take the window off the screen."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(cv2.error):  # the user may have closed it since it was looked at
            cv2.destroyWindow(self._title)
            cv2.waitKey(1)


def key_name(code: int) -> str | None:
    """Name the key that `cv2.waitKeyEx` reported; None for none and for keys without a meaning.

    Example:
        >>> key_name(ord("v")), key_name(27), key_name(0x100000 + ord("q")), key_name(0xFF51)
        ('v', 'esc', 'q', None)
    """
    if code < 0:
        return None
    code &= _KEY_BITS
    if code in _NAMES:
        return _NAMES[code]
    return chr(code).lower() if 32 < code < 127 else None
