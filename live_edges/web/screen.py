"""A screen that browsers look at: it keeps the newest picture, and hands on their keys."""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2

from live_edges.display.screen import MouseEvent
from live_edges.frame import Frame, Image
from live_edges.lifecycle import Closing

QUALITY = 80  # of the JPEG pictures: 720p takes about 100 kB, and lines stay clean
MAX_WAITING = 64  # keys and mouse events that the loop has not taken yet
# Would end the program for everybody, write a file of its user, or take over a camera driver.
NOT_HERE = ("q", "esc", "p", "u")


@dataclass(eq=False)
class Shown:
    """A picture that was put on the screen.

    Attributes:
        number: counts the pictures of a screen, from 1.
        image: ``(H, W, 3)`` uint8 BGR.
        frame: it was made of.
    """

    number: int
    image: Image
    frame: Frame
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _jpeg: bytes = b""

    def jpeg(self) -> bytes:
        """Return it as JPEG; it is encoded once, however many ask."""
        with self._lock:
            if not self._jpeg:
                parameters = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
                self._jpeg = cv2.imencode(".jpg", self.image, parameters)[1].tobytes()
            return self._jpeg


class BrowserScreen(Closing):
    """Takes the place of a window; the live loop uses it in its thread, browsers in another one.

    There is one slot, which the newest picture overwrites: who is slow sees fewer pictures, and
    never an old one.

    Attributes:
        shown: the newest picture; None before the first.
        is_open: False once it is closed.
        frame: returns the frame of the picture that is being shown.
    """

    is_headless = False
    size = None

    def __init__(self) -> None:
        self.shown: Shown | None = None
        self.is_open = True
        self.frame: Callable[[], Frame | None] = lambda: None
        self._keys: queue.Queue[str] = queue.Queue(MAX_WAITING)
        self._mouse: queue.Queue[MouseEvent] = queue.Queue(MAX_WAITING)
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()

    def show(self, image: Image) -> None:
        """Show one picture; nobody writes to it from now on."""
        number = self.shown.number + 1 if self.shown else 1
        if (frame := self.frame()) is not None:
            self.shown = Shown(number, image, frame)
            self._wake()

    def status(self, text: str) -> None:
        """Say nothing: the page shows the numbers."""

    def poll(self, timeout_s: float) -> str | None:
        """Wait up to ``timeout_s`` for a key of any browser."""
        try:
            return self._keys.get(timeout=timeout_s) if timeout_s else self._keys.get_nowait()
        except queue.Empty:
            return None

    def mouse_events(self) -> list[MouseEvent]:
        """Return what the mice did since the last call."""
        events = []
        while not self._mouse.empty():
            events.append(self._mouse.get_nowait())
        return events

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """Leave that to the browser."""

    def press(self, key: str) -> None:
        """Press a key; too many in a row are lost."""
        if key not in NOT_HERE and not self._keys.full():
            self._keys.put_nowait(key)

    def point(self, event: MouseEvent) -> None:
        """Move or use the mouse; too many events in a row are lost."""
        if not self._mouse.full():
            self._mouse.put_nowait(event)

    async def newer_than(self, number: int) -> Shown | None:
        """Wait for a picture with another number; None once the screen is closed."""
        event = asyncio.Event()
        waiting = asyncio.get_running_loop(), event
        with self._lock:
            self._waiting.add(waiting)
        try:
            while self.is_open:
                event.clear()
                if self.shown is not None and self.shown.number != number:
                    return self.shown
                await event.wait()
            return None
        finally:
            with self._lock:
                self._waiting.discard(waiting)

    def close(self) -> None:
        """Show nothing more; whoever waits for a picture is told."""
        self.is_open = False
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting = tuple(self._waiting)
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
