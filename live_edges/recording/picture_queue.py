"""A recording: a bounded queue of pictures, and a thread that encodes them.

The times come from `live_edges.live.app.App._record`; here they become ticks, counted from the
first picture.
"""

import threading
from abc import abstractmethod
from collections import deque
from pathlib import Path

from live_edges.errors import RecordingError
from live_edges.frame import Image, check_bgr
from live_edges.lifecycle import Closing
from live_edges.recording.writer import TICKS_PER_S

QUEUE_BYTES = 128 * 2**20
MIN_QUEUE, MAX_QUEUE = 4, 30  # pictures

Picture = tuple[Image, int, int]  # with the time when it is shown, and how long, in ticks


class PictureQueue(Closing):
    """Takes pictures with their times, which a thread of its own encodes.

    Drop policy: where the queue is full, because the encoder is too slow, a live recording
    leaves the picture out and counts it; any other one waits and loses nothing.

    Args:
        name: what the recording is called.
        waits: True if `write` waits where the queue is full, instead of dropping.

    Attributes:
        name: what the recording is called.
        path: its file; None where it goes elsewhere.
        frames: pictures recorded, or in the encoder; after a failure, those that can be played.
        dropped: pictures left out because the queue was full.
    """

    path: Path | None = None

    def __init__(self, name: str, *, waits: bool) -> None:
        self.name = name
        self._waits = waits
        self.frames = self.dropped = 0
        self._pictures: deque[Picture] = deque()
        self._changed = threading.Condition()
        self._origin: float | None = None
        self._latest_ticks = -1
        self._error: RecordingError | None = None
        self._is_closing = self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"recorder {name}")

    @abstractmethod
    def _record_all(self) -> None:
        """Record every picture until there will be none; runs in the thread."""

    @abstractmethod
    def _explained(self, error: Exception) -> RecordingError:
        """Say why the recording has ended."""

    @property
    def duration_s(self) -> float:
        """Seconds from the first picture to the latest."""
        return max(self._latest_ticks, 0) / TICKS_PER_S

    @property
    def has_failed(self) -> bool:
        """True if the recording ended before it was asked to."""
        return self._error is not None

    def write(self, image: Image, time_s: float, *, duration_s: float = 0.0) -> bool:
        """Record one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, C-contiguous; must not be written to afterwards.
            time_s: when it is shown, in seconds on any clock: the capture time of a live source,
                the pts of a file. The first one counts as 0. One that is not later than the one
                before is moved right behind it.
            duration_s: how long it is shown if no other one follows; 0 if that is not known.

        Returns:
            False if the picture was dropped.

        Raises:
            RecordingError: the recording has ended, for example because the disk is full.
            ValueError: ``image`` is something else, or the recorder is closed.
        """
        check_bgr(image)
        if self._is_closing:
            raise ValueError(f"the recording {self.name} is closed; start another one")
        with self._changed:
            self._raise_error()
            if self._is_full(image) and not self._make_room(image):
                self.dropped += 1
                return False
            self._raise_error()
            if self._origin is None:
                self._origin = time_s
            ticks = round((time_s - self._origin) * TICKS_PER_S)
            self._latest_ticks = max(ticks, self._latest_ticks + 1)
            self._pictures.append((image, self._latest_ticks, round(duration_s * TICKS_PER_S)))
            self._changed.notify_all()
        return True

    def close(self) -> None:
        """Encode what is queued and complete the recording; safe to call twice.

        Raises:
            RecordingError: something failed that `write` has not raised yet.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()
        if not self._is_closed:
            self._is_closed = True
            self._raise_error()

    def _is_full(self, image: Image) -> bool:
        room = min(max(QUEUE_BYTES // image.nbytes, MIN_QUEUE), MAX_QUEUE)
        return len(self._pictures) >= room

    def _make_room(self, image: Image) -> bool:
        if self._waits:
            self._changed.wait_for(lambda: self._error is not None or not self._is_full(image))
        return not self._is_full(image)

    def _raise_error(self) -> None:
        if self._error is not None:
            self._is_closed = True
            raise self._error

    def _run(self) -> None:
        try:
            self._record_all()
        except Exception as error:  # raised by the next `write` or by `close`
            with self._changed:
                self._error = self._explained(error)
                self._pictures.clear()
                self._changed.notify_all()

    def _next(self) -> Picture | None:
        """Wait for the next picture; None if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._is_closing)
            picture = self._pictures.popleft() if self._pictures else None
            self._changed.notify_all()
            return picture
