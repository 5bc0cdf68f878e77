"""A recording: a bounded queue of pictures, and a thread that encodes them.

The times come from `live_edges.live.app.App._record`; here they become ticks, counted from the
first picture.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from live_edges.errors import RecordingError, reason
from live_edges.frame import Image, check_bgr
from live_edges.lifecycle import Closing
from live_edges.recording.encoding import Encoding
from live_edges.recording.storage import Storage, check_ending
from live_edges.recording.writer import TICKS_PER_S, VideoWriter

QUEUE_BYTES = 128 * 2**20
MIN_QUEUE, MAX_QUEUE = 4, 30  # pictures


OpenWriter = Callable[[Storage, tuple[int, int], Encoding], VideoWriter]


class Recorder(Closing):
    """Records pictures with their times into a video of the size of the first.

    Drop policy: where the queue is full, because the encoder is too slow, a live recording
    leaves the picture out and counts it; any other one waits and loses nothing.

    Args:
        path: the file to make; its ending selects the format.
        encoding: how to encode; ``is_live`` is always set.
        waits: True if `write` waits where the queue is full, instead of dropping.
        overwrite: True if the file may exist.
        open_writer: opens the writer, in the thread.

    Attributes:
        frames: pictures in the file or in the encoder; after a failure, those that can be played.
        dropped: pictures left out because the queue was full.

    Raises:
        RecordingError: the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- a frozen value
        waits: bool = False,
        overwrite: bool = False,
        open_writer: OpenWriter = VideoWriter,
    ) -> None:
        check_ending(path)
        self.path = path
        self._encoding, self._waits = replace(encoding, is_live=True), waits
        self.frames = self.dropped = 0
        self._storage = Storage(path, overwrite=overwrite)
        self._open_writer = open_writer
        self._pictures: deque[tuple[Image, int, int]] = deque()
        self._changed = threading.Condition()
        self._origin: float | None = None
        self._latest_ticks = -1
        self._error: RecordingError | None = None
        self._is_closing = self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"recorder {path.name}")
        self._thread.start()

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
            raise ValueError(f"the recording {self.path} is closed; start another one")
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
        """Encode what is queued and complete the file; safe to call twice.

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
            try:
                self._encode_all()
            finally:
                self._storage.close()
            if self._storage.error is not None:  # it happened while the file was completed
                raise self._storage.error
        except Exception as error:  # raised by the next `write` or by `close`
            with self._changed:
                self._error = self._explained(error)
                self._pictures.clear()
                self._changed.notify_all()

    def _encode_all(self) -> None:
        picture = self._next()
        if picture is None:
            return
        height, width = picture[0].shape[:2]
        writer = self._open_writer(self._storage, (width, height), self._encoding)
        try:
            while picture is not None:
                image, ticks, duration = picture
                writer.write(image, ticks, duration=duration)
                self.frames += 1
                picture = self._next()
        finally:
            writer.close()
            if self._storage.error is not None:
                self.frames = writer.complete if self.path.exists() else 0

    def _next(self) -> tuple[Image, int, int] | None:
        """Wait for the next picture; None if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._is_closing)
            picture = self._pictures.popleft() if self._pictures else None
            self._changed.notify_all()
            return picture

    def _explained(self, error: Exception) -> RecordingError:
        if isinstance(error, RecordingError):
            return error
        why = reason(self._storage.error or error)
        kept = f"its first {self.frames} pictures are kept" if self.frames else "nothing is kept"
        explained = RecordingError(f"recording to {self.path} stopped ({why}); {kept}")
        explained.__cause__ = error
        return explained
