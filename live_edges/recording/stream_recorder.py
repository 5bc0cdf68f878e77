"""A recording that is sent over the network, and connects again when it is cut off."""

import logging
from collections.abc import Callable
from dataclasses import replace

import av

from live_edges.errors import RecordingError, reason
from live_edges.recording.connection import Connection
from live_edges.recording.destination import (
    FORMATS,
    check_destination,
    public_destination,
    scheme_of,
)
from live_edges.recording.encoding import Encoding, choose_encoder
from live_edges.recording.fit import even_size
from live_edges.recording.picture_queue import Picture, PictureQueue
from live_edges.recording.writer import PictureEncoder
from live_edges.sizing import size_of

RETRY_S = 3.0  # between two attempts to connect
JOIN_S = 3.0  # how long the last pictures may take in the end

log = logging.getLogger(__name__)


class StreamRecorder(PictureQueue):
    """Sends pictures with their times to an address; each connection begins with a key frame.

    Without a connection, and where the network is too slow, pictures are dropped and counted.

    Args:
        address: where to; its scheme selects the format.
        encoding: how to encode; ``is_live`` is always set.
        retry_s: how long to wait before the next attempt to connect.
        connect: begins a connection, in the thread.

    Raises:
        RecordingError: nothing can be sent to such an address.
    """

    def __init__(
        self,
        address: str,
        *,
        encoding: Encoding = Encoding(),  # noqa: B008 -- a frozen value
        retry_s: float = RETRY_S,
        connect: Callable[[str], Connection] = Connection,
    ) -> None:
        check_destination(address)
        super().__init__(public_destination(address), waits=False)
        self._address, self._retry_s, self._connect = address, retry_s, connect
        self._encoding = replace(encoding, is_live=True)
        self._connection: Connection | None = None
        self._is_cut_off = False
        self._thread.start()

    def close(self) -> None:
        """Send what is queued, unless that takes too long, and hang up; safe to call twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(JOIN_S)
        if self._thread.is_alive() and (connection := self._connection):
            connection.kill()
        super().close()

    def _record_all(self) -> None:
        while self._is_wanted():
            try:
                self._send_all()
                return
            except (OSError, av.FFmpegError) as error:
                hidden = self._connection.error if self._connection else None
                self._tell_outage(hidden or error)
            with self._changed:
                has_ended = self._changed.wait_for(lambda: self._is_closing, self._retry_s)
            if has_ended:
                self.dropped += len(self._pictures)
                return

    def _is_wanted(self) -> bool:
        """Wait for a picture, which stays where it is; False if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._is_closing)
            return bool(self._pictures)

    def _send_all(self) -> None:
        """Connect, and send the newest picture and all that come after it."""
        with self._connect(self._address) as connection:
            self._connection = connection
            connection.wait_until_ready()
            log.info("sending to %s%s", self.name, " again" if self._is_cut_off else "")
            self._is_cut_off = False
            self._encode_all(connection, self._newest())

    def _encode_all(self, connection: Connection, picture: Picture | None) -> None:
        assert picture is not None  # it has waited for the connection
        muxer, size = FORMATS[scheme_of(self._address)], even_size(*size_of(picture[0]))
        encoder = choose_encoder(muxer, size, self._encoding)
        begin = picture[1]
        with av.open(connection, "w", format=muxer, options={"flush_packets": "1"}) as container:
            pictures = PictureEncoder(container, encoder, size, self._encoding)
            while picture is not None:
                image, ticks, duration = picture
                container.mux(pictures.encode(image, ticks - begin, duration=duration))
                self.frames += 1
                picture = self._next()
            container.mux(pictures.flush())

    def _newest(self) -> Picture | None:
        """Take the newest picture that waits; the others are too old for a live stream."""
        with self._changed:
            newest = self._pictures.pop() if self._pictures else None
            self.dropped += len(self._pictures)
            self._pictures.clear()
            return newest

    def _tell_outage(self, error: Exception) -> None:
        if self._is_closing:
            log.warning("the end has not reached %s (%s)", self.name, reason(error))
        elif not self._is_cut_off:
            what = "nothing reaches %s (%s); trying again every %g s"
            log.warning(what, self.name, reason(error), self._retry_s)
        self._is_cut_off = True

    def _explained(self, error: Exception) -> RecordingError:
        if isinstance(error, RecordingError):
            return error
        explained = RecordingError(f"sending to {self.name} has ended ({reason(error)})")
        explained.__cause__ = error
        return explained
