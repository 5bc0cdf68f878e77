"""Sources that make their pictures themselves, at a camera's pace."""

import threading
import time
from abc import abstractmethod
from collections.abc import Callable

from live_edges.frame import Frame, Image
from live_edges.sources.base import Mode, Source
from live_edges.timing import Clock

DEFAULT_FPS = 30.0


class PacedSource(Source):
    """Makes a picture whenever one is due; a subclass says which.

    Args:
        size: width and height of the pictures.
        fps: frames per second, `DEFAULT_FPS` if None.
        clock: measures when the next picture is due.
        wait: waits some seconds; returns True if `interrupt` was called.

    Raises:
        ValueError: ``size`` or ``fps`` is not positive.
    """

    is_live = True

    def __init__(
        self,
        size: tuple[int, int],
        *,
        fps: float | None = None,
        clock: Clock = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        fps = DEFAULT_FPS if fps is None else fps
        if min(size) < 1 or fps <= 0:
            raise ValueError(
                f"the {self.name} needs a positive size and rate, got {size[0]}x{size[1]}, {fps}"
            )
        self._interrupted = threading.Event()
        self._clock = clock
        self._wait = wait or self._interrupted.wait
        self._due: float | None = None
        self.mode = Mode(*size, fps, "")

    @abstractmethod
    def _picture(self, index: int) -> Image:
        """Make the picture of that number, ``(H, W, 3)`` uint8 BGR."""

    def read(self) -> Frame | None:
        """Return the next picture when it is due; None once interrupted."""
        if self._is_interrupted_before_due():
            return None
        timestamp = self._clock()
        return self._frame(self._picture(self._index), timestamp)

    def interrupt(self) -> None:
        """End a wait for the next picture at once; `read` returns None from now on."""
        self._interrupted.set()

    def close(self) -> None:
        """Make no more pictures."""
        self._interrupted.set()

    def _is_interrupted_before_due(self) -> bool:
        now = self._clock()
        period = 1 / self.mode.fps
        # Late by more than a frame: go on from now, as a camera would, instead of catching up.
        if self._due is None or now - self._due > period:
            self._due = now
        remaining = self._due - now
        self._due += period
        return self._interrupted.is_set() or (remaining > 0 and self._wait(remaining))
