"""The demo: a moving scene that needs no camera."""

import threading
import time
from collections.abc import Callable

from live_edges.frame import Frame
from live_edges.sources.base import Mode, Source
from live_edges.sources.scene import Scene
from live_edges.timing import Clock

DEFAULT_SIZE = (1280, 720)
DEFAULT_FPS = 30.0


class Demo(Source):
    """The built-in scene at a camera's pace, live.

    Args:
        size: width and height, `DEFAULT_SIZE` if None.
        fps: frames per second, `DEFAULT_FPS` if None.
        seed: chooses textures and noise; same seed, same pictures.
        clock: measures when the next picture is due.
        wait: waits some seconds; returns True if `interrupt` was called.

    Raises:
        ValueError: ``size`` or ``fps`` is not positive.
    """

    name = "demo"
    is_live = True

    def __init__(
        self,
        size: tuple[int, int] | None = None,
        *,
        fps: float | None = None,
        seed: int = 0,
        clock: Clock = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        width, height = size or DEFAULT_SIZE
        fps = DEFAULT_FPS if fps is None else fps
        if min(width, height) < 1 or fps <= 0:
            raise ValueError(
                f"the demo needs a positive size and rate, got {width}x{height}, {fps}"
            )
        self._interrupted = threading.Event()
        self._clock = clock
        self._wait = wait or self._interrupted.wait
        self._scene = Scene((width, height), seed=seed)
        self._due: float | None = None
        self.mode = Mode(width, height, fps, "")

    def read(self) -> Frame | None:
        """Return the next picture when it is due; None once interrupted."""
        if self._is_interrupted_before_due():
            return None
        timestamp = self._clock()
        return self._frame(self._scene.at(self._index, self._index / self.mode.fps), timestamp)

    def interrupt(self) -> None:
        """End a wait for the next picture at once; `read` returns None from now on."""
        self._interrupted.set()

    def close(self) -> None:
        """End the demo."""
        self._interrupted.set()

    def _is_interrupted_before_due(self) -> bool:
        now = self._clock()
        period = 1 / self.mode.fps
        # Late by more than a frame, it continues from now, as a camera does, without catching up.
        if self._due is None or now - self._due > period:
            self._due = now
        remaining = self._due - now
        self._due += period
        return self._interrupted.is_set() or (remaining > 0 and self._wait(remaining))
