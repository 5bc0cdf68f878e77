"""Reads a source in a thread of its own: the newest frame of a live one, every frame of a file."""

import logging
import threading
import time
from collections import deque
from typing import Self

from live_edges.closing import Closing
from live_edges.frame import Frame
from live_edges.sources.base import Source
from live_edges.timing import Clock, Rate

_LOG = logging.getLogger(__name__)

QUEUE_SIZE = 4  # frames of a file that are decoded ahead
JOIN_S = 2.0  # how long closing waits for the reader
STALE_S = 2.0  # a source that has sent nothing for this long delivers 0 frames per second


class Capture(Closing):
    """Hands out the frames that a thread reads from ``source``, and closes it in the end.

    Drop policy: a live source has one slot that the newest frame overwrites, and what was
    overwritten is counted; any other source waits for room in a short queue and loses nothing.

    Args:
        source: an open source; belongs to the capture from now on, and nobody else closes it.
        queue_size: how many frames of a source that is not live are read ahead.
        join_s: how long `close` waits for a read that is under way.
        clock: tells when the source has stopped delivering.

    Attributes:
        source: what is read.
        frames_in: frames read from the source.
        dropped: frames of a live source that a newer one replaced before they were handed out, or
            that were too old when they were.
    """

    def __init__(
        self,
        source: Source,
        *,
        queue_size: int = QUEUE_SIZE,
        join_s: float = JOIN_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self.source = source
        self._queue_size = queue_size
        self._join_s = join_s
        self._clock = clock
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._rate = Rate()
        self._latest_at = clock()
        self._error: Exception | None = None
        self._has_ended = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self.frames_in = 0
        self.dropped = 0

    def __enter__(self) -> Self:
        """Start reading."""
        self._thread.start()
        return self

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, each one once; None if none came within ``timeout`` seconds.

        Raises:
            Exception: whatever the source raised, after the frames before it were handed out.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._has_ended, timeout)
            if self._frames:
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            if self._error is not None:
                raise self._error
            return None

    def discard(self, count: int) -> None:
        """Count frames that were handed out, but too old to be shown."""
        with self._changed:
            self.dropped += count

    @property
    def ended(self) -> bool:
        """Whether the source ended, without an error, and every frame was handed out."""
        with self._changed:
            return self._has_ended and not self._frames and self._error is None

    @property
    def fps(self) -> float:
        """New frames per second that the source delivers, or delivered until it ended."""
        with self._changed:
            is_stale = self._clock() - self._latest_at > STALE_S and not self._has_ended
            return 0.0 if is_stale else self._rate.per_second

    def close(self) -> None:
        """Stop the reader, then close the source; safe to call twice."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify_all()
        self.source.interrupt()
        if self._thread.is_alive():
            self._thread.join(self._join_s)
        if self._thread.is_alive():
            # Closing a device under a running read crashes OpenCV: rather leave both behind.
            _LOG.warning("%s does not react; left behind while it is read", self.source.name)
        else:
            self.source.close()

    def _run(self) -> None:
        error = None
        try:
            while not self._is_closed and (frame := self.source.read()) is not None:
                self._put(frame)
        except Exception as raised:  # kept for the thread that reads from us
            error = raised
        with self._changed:
            self._error = error
            self._has_ended = True
            self._changed.notify_all()

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self.frames_in += 1
            self._rate.tick(frame.timestamp)
            self._latest_at = self._clock()
            if self.source.is_live:
                self.dropped += len(self._frames)
                self._frames.clear()
            else:
                self._changed.wait_for(
                    lambda: len(self._frames) < self._queue_size or self._is_closed
                )
            self._frames.append(frame)
            self._changed.notify_all()
