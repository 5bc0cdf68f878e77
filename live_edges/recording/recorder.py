"""A recording into a file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from live_edges.errors import RecordingError, reason
from live_edges.recording.encoding import Encoding
from live_edges.recording.picture_queue import PictureQueue
from live_edges.recording.storage import Storage, check_ending
from live_edges.recording.writer import VideoWriter

OpenWriter = Callable[[Storage, tuple[int, int], Encoding], VideoWriter]


class Recorder(PictureQueue):
    """Records pictures with their times into a video of the size of the first.

    Args:
        path: the file to make; its ending selects the format.
        encoding: how to encode; ``is_live`` is always set.
        waits: True if `write` waits where the queue is full, instead of dropping.
        overwrite: True if the file may exist.
        open_writer: opens the writer, in the thread.

    Raises:
        RecordingError: the file cannot be made.
    """

    path: Path

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
        super().__init__(str(path), waits=waits)
        self.path = path
        self._encoding = replace(encoding, is_live=True)
        self._storage = Storage(path, overwrite=overwrite)
        self._open_writer = open_writer
        self._thread.start()

    def _record_all(self) -> None:
        try:
            self._encode_all()
        finally:
            self._storage.close()
        if self._storage.error is not None:  # it happened while the file was completed
            raise self._storage.error

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

    def _explained(self, error: Exception) -> RecordingError:
        if isinstance(error, RecordingError):
            return error
        why = reason(self._storage.error or error)
        kept = f"its first {self.frames} pictures are kept" if self.frames else "nothing is kept"
        explained = RecordingError(f"recording to {self.path} stopped ({why}); {kept}")
        explained.__cause__ = error
        return explained
