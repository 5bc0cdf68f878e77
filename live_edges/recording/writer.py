"""Encodes pictures into a video file that can be played up to its last second at any time."""

from fractions import Fraction

import av
from av.codec.context import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from live_edges.frame import Image
from live_edges.recording.encoding import Encoding, add_video_stream, choose_encoder
from live_edges.recording.fit import even_size, fit
from live_edges.recording.storage import MUXERS, Storage

TICKS_PER_S = 90_000  # the clock of MPEG; fine enough for any camera
KEYFRAME_TICKS = TICKS_PER_S  # a key frame a second, because a kill costs up to two intervals
NOMINAL_FPS = 30  # only a hint for the encoder
_FRAGMENTED = {"movflags": "+hybrid_fragmented"}  # an ordinary MP4 once it is closed
_OPTIONS: dict[str, dict[str, str]] = {
    "mp4": _FRAGMENTED,
    "mov": _FRAGMENTED,
    "matroska": {"cluster_time_limit": "1000"},
    "webm": {"cluster_time_limit": "1000"},
}


class PictureEncoder:
    """Adds the video stream to a container, and encodes pictures for it.

    Args:
        container: the output; nothing has been written to it yet.
        encoder: FFmpeg's name of the encoder.
        size: even width and height; pictures of another size are fitted into it.
        encoding: how to encode.
    """

    def __init__(
        self,
        container: av.container.OutputContainer,
        encoder: str,
        size: tuple[int, int],
        encoding: Encoding,
    ) -> None:
        self._size = size
        self._stream = add_video_stream(
            container,
            encoder,
            size,
            encoding=encoding,
            time_base=Fraction(1, TICKS_PER_S),
            rate=Fraction(NOMINAL_FPS),
        )
        # Otherwise the encoder invents the duration of the last picture.
        self._stream.codec_context.flags |= Flags.frame_duration
        self._next_keyframe = 0

    def encode(self, image: Image, ticks: int, *, duration: int) -> "list[Packet[VideoStream]]":
        """Encode one picture; the arguments are those of `VideoWriter.write`."""
        source = av.VideoFrame.from_numpy_buffer(fit(image, self._size), format="bgr24")
        frame = source.reformat(format=self._stream.codec_context.pix_fmt)
        frame.pts, frame.time_base = ticks, Fraction(1, TICKS_PER_S)
        frame.duration = duration or TICKS_PER_S // NOMINAL_FPS
        if ticks >= self._next_keyframe:
            frame.pict_type = av.video.frame.PictureType.I
            self._next_keyframe = ticks + KEYFRAME_TICKS
        return self._stream.encode(frame)

    def flush(self) -> "list[Packet[VideoStream]]":
        """Return what the encoder still holds."""
        return self._stream.encode(None)


class VideoWriter:
    """Encodes and muxes; used from one thread.

    Args:
        storage: the file; stays open when the writer is closed.
        size: width and height of the first picture, made even by `even_size`; pictures of another
            size are fitted into it.
        encoding: how to encode.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        complete: pictures that stay in the file even after a kill.

    Raises:
        RecordingError: there is no such encoder.
        av.FFmpegError: the container cannot hold what the encoder makes.
    """

    def __init__(self, storage: Storage, size: tuple[int, int], encoding: Encoding) -> None:
        self._storage = storage
        muxer, size = MUXERS[storage.path.suffix.lower()], even_size(*size)
        self.encoder = choose_encoder(muxer, size, encoding)
        # Without flushing, FFmpeg keeps whole short recordings in memory until the end.
        options = {"flush_packets": "1", **_OPTIONS[muxer]}
        self._container = av.open(storage, "w", format=muxer, options=options)
        self._pictures = PictureEncoder(self._container, self.encoder, size, encoding)
        self.complete = self._muxed = 0

    def write(self, image: Image, ticks: int, *, duration: int) -> None:
        """Encode one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR.
            ticks: when it is shown, in 1 / 90000 s; more than the one before.
            duration: how long it is shown if no other one follows, likewise; 0 if not known.

        Raises:
            OSError: the file cannot be written any more.
        """
        self._mux(self._pictures.encode(image, ticks, duration=duration))

    def close(self) -> None:
        """Write what the encoder still holds, and the index; neither after a failure."""
        try:
            if self._storage.error is None:
                self._mux(self._pictures.flush())
        finally:
            self._close_container()

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        for packet in packets:
            before = self._storage.end
            self._container.mux(packet)
            # The muxer holds a second of pictures; the next one makes it write them.
            if self._storage.end > before and self._muxed:
                self._mark_complete()
            self._muxed += 1

    def _mark_complete(self) -> None:
        self._storage.mark_complete()
        self.complete = self._muxed

    def _close_container(self) -> None:
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            if self._storage.error is None:
                raise
        if self._storage.error is None and self._muxed:
            self._mark_complete()
