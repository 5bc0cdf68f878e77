"""A network stream: the newest frame of an http, rtsp, rtmp or udp URL."""

import contextlib
import errno
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import av

from live_edges.errors import SourceError, reason
from live_edges.frame import Frame
from live_edges.sources.address import public_address
from live_edges.sources.base import Source
from live_edges.sources.track import VideoTrack
from live_edges.timing import Clock

TIMEOUT_S = 5.0

# Without "fflags=nobuffer", because it discards what was read to recognise the stream, including
# the first key frame, and so up to seconds of picture. It would save no latency here, because the
# reader empties the connection and keeps only the newest frame.
_OPTIONS = {
    "rtsp_transport": "tcp",  # over UDP lost packets smear the picture
    "analyzeduration": "1000000",  # microseconds; FFmpeg would watch the stream for up to 5 s
}


class _UnknownDataError(SourceError):
    """FFmpeg does not recognise the format of what a server sends."""


class NetworkStream(Source):
    """Frames of a stream, live; a finite video behind an http URL is read like a file.

    Args:
        url: what FFmpeg can open; its secrets are never shown, see `public_address`.
        format: FFmpeg's name of the format; None lets FFmpeg find out.
        timeout_s: how long the server may send nothing, when opening and between two frames.
        clock: source of the frames' timestamps.

    Raises:
        SourceError: the URL does not open, does not answer in time, or carries no video.
    """

    def __init__(
        self,
        url: str,
        *,
        format: str | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self.name = public_address(url)
        self._url = url
        self._timeout_s = timeout_s
        self._clock = clock
        self._format = format
        self._interrupted = threading.Event()

        self._frames: Iterator[av.VideoFrame] = iter(())
        self._ahead: av.VideoFrame | None = None
        self._ahead = self._begin()
        self.is_live = self.can_return = not (_is_http(url) and self._track.duration_s)
        self.patience_s = timeout_s
        self.frame_count = None if self.is_live else self._track.frame_count
        self._timeline = self._track.timeline()
        self.mode = self._track.mode(self._track.to_image(self._ahead))

    def read(self) -> Frame | None:
        """Return the next frame of the stream; None when the server ends it.

        Raises:
            SourceError: nothing came for ``timeout_s``, or the connection broke.
        """
        decoded, self._ahead = self._ahead, None
        decoded = decoded or next(self._frames, None)
        if decoded is None or self._interrupted.is_set():
            return None
        timestamp = self._clock()
        pts = None if self.is_live else self._timeline.place_s(decoded.pts)
        return self._frame(self._track.to_image(decoded), timestamp, pts)

    def reopened(self) -> "NetworkStream":
        """Connect to the same address again, and read the format that worked before."""
        return NetworkStream(
            self._url, format=self._format, timeout_s=self._timeout_s, clock=self._clock
        )

    def interrupt(self) -> None:
        """End the stream after the current read, which takes at most ``timeout_s``."""
        self._interrupted.set()

    def close(self) -> None:
        """Close the connection."""
        self._ahead = None
        self._frames = iter(())
        self._track.close()

    def _begin(self) -> av.VideoFrame:
        try:
            return self._first_picture()
        except _UnknownDataError:
            if self._format or not _is_http(self._url):
                raise
            # A browser shows any sequence of JPEG pictures, even without a boundary before the
            # first one or a content type. So does FFmpeg if it is told the format.
            self._format = "mjpeg"
            with contextlib.suppress(SourceError):
                return self._first_picture()
            raise

    def _first_picture(self) -> av.VideoFrame:
        self._track = self._open()
        self._frames = self._decode()
        try:
            picture = next(self._frames, None)
        except SourceError:
            self.close()
            raise
        if picture is None:
            self.close()
            raise SourceError(f"{self.name} ended before its first picture")
        return picture

    def _open(self) -> VideoTrack:
        begin = time.monotonic()
        try:
            return VideoTrack(
                self._url,
                low_delay=True,
                format=self._format,
                options=_OPTIONS,
                timeout=self._timeout_s,
            )
        except (av.FFmpegError, ValueError, OSError) as error:
            # Not chained, because the text of the error contains the whole URL.
            raise self._failure("does not answer", begin, error) from None

    def _decode(self) -> Iterator[av.VideoFrame]:
        begin = time.monotonic()
        try:
            for frame in self._track.frames():
                yield frame
                begin = time.monotonic()
        except av.FFmpegError as error:
            # FFmpeg reports EIO if a server that announced no length closes the connection.
            is_late = time.monotonic() - begin >= self._timeout_s
            has_hung_up = error.errno == errno.EIO and self._index > 0 and not is_late
            if not (has_hung_up or self._interrupted.is_set()):
                raise self._failure("stopped sending", begin, error) from None

    def _failure(self, what: str, begin: float, error: Exception) -> SourceError:
        # The clock decides too, because FFmpeg's error for a timeout differs between protocols.
        is_late = time.monotonic() - begin >= self._timeout_s
        if is_late or isinstance(error, av.error.ExitError):
            return SourceError(f"{self.name} {what}: nothing came for {self._timeout_s:g} s")
        # EIO is also the error if a server closes the connection while FFmpeg still guesses.
        is_unknown = (
            isinstance(error, av.error.InvalidDataError) or getattr(error, "errno", 0) == errno.EIO
        )
        failure = _UnknownDataError if is_unknown else SourceError
        return failure(f"{self.name} cannot be read: {reason(error)}")


def _is_http(url: str) -> bool:
    return urlsplit(url).scheme.lower() in ("http", "https")
