"""A video file: every frame of it, at its exact time."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import av

from live_edges.errors import SourceError
from live_edges.frame import Frame
from live_edges.sources.base import Source
from live_edges.sources.pipes import STDIN, is_pipe
from live_edges.sources.track import open_file
from live_edges.timing import Clock

_LOG = logging.getLogger(__name__)


class VideoFile(Source):
    """Frames of a video file, decoded on several threads, upright and with square pixels.

    Of a damaged file every frame that can be decoded comes, and a warning at its end.

    Args:
        path: the file, a FIFO, or ``-`` for standard input.
        loop: True to start again at its end; index and presentation time continue.
        clock: source of the frames' timestamps.

    Raises:
        SourceError: the file does not exist, is no video, or no frame can be decoded.
    """

    def __init__(
        self, path: str | Path, *, loop: bool = False, clock: Clock = time.monotonic
    ) -> None:
        self._path = Path(path)
        self._loop = loop
        self._clock = clock
        self._has_warned = False
        self._last_duration = 0  # ticks that the last frame is shown; 0 for any other
        self.name = "standard input" if self._path == STDIN else self._path.name
        if loop and is_pipe(self._path):
            raise SourceError(f"{self._path} is a pipe, which is read only once: omit --loop")

        self._track = open_file(self._path)
        self._frames = self._decode()
        self._timeline = self._track.timeline()
        try:
            self._ahead = self._next_frame()
        except BaseException:
            self.close()
            raise
        if self._ahead is None:
            self.close()
            raise SourceError(f"{self._path} holds no picture that can be decoded; is it cut off?")
        self.mode = self._track.mode(self._track.to_image(self._ahead))
        self.frame_count = None if loop else self._track.frame_count

    def read(self) -> Frame | None:
        """Return the next frame of the file; None at its end."""
        if self._ahead is None and self._loop:
            self._rewind()
        decoded = self._ahead
        if decoded is None:
            return None
        self._ahead = self._next_frame()
        self._last_duration = 0 if self._ahead else self._track.last_duration(decoded)
        pts = self._timeline.place_s(decoded.pts)
        duration_s = float(self._last_duration * self._timeline.time_base)
        return self._frame(self._track.to_image(decoded), self._clock(), pts, duration_s)

    def close(self) -> None:
        """Close the file."""
        self._loop = False
        self._ahead = None
        self._frames = iter(())
        self._track.close()

    def interrupt(self) -> None:
        """End a read that waits for a pipe."""
        self._track.interrupt()

    def _next_frame(self) -> av.VideoFrame | None:
        return self._track.wait_for(lambda: next(self._frames, None))

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Yield the frames of one pass through the file; warn once if it turns out damaged."""
        count = 0
        try:
            for count, frame in enumerate(self._track.frames(), 1):  # noqa: B007
                yield frame
            is_whole = not (self._track.damaged or self._track.is_short)
        except av.FFmpegError:
            is_whole = False
        if count and not is_whole and not self._has_warned:
            self._has_warned = True
            promised = self._track.frame_count or 0
            of = f" of {promised}" if promised > count else ""
            _LOG.warning("%s is damaged or cut short: decoded %d%s frames", self._path, count, of)

    def _rewind(self) -> None:
        # Opened again, because not every format can seek to its first frame.
        self._track.close()
        self._track = open_file(self._path)
        self._frames = self._decode()
        self._timeline.restart(self._last_duration)
        self._ahead = self._next_frame()
