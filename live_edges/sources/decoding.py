"""Decodes the pictures of a video, whether it comes from a file or over the network."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import av.logging
import numpy as np
from av.codec.context import Flags, ThreadType

from live_edges.frame import Image
from live_edges.sources.orientation import upright
from live_edges.sources.pipes import Pipe
from live_edges.sources.timeline import Timeline
from live_edges.sources.track import VideoTrack

SQUARE = Fraction(1)
MAX_ASPECT = 10  # a pixel longer than this is a slip of the file


def ffmpeg_name(path: str | Path) -> str:
    """Return what FFmpeg is told to open: an address as it is, a path so that it stays a path.

    FFmpeg takes ``12:30:45.mp4`` for a protocol called 12, but not where a slash comes first.
    """
    return str(path.absolute()) if isinstance(path, Path) else path


def open_input(
    where: str | Path | Pipe,
    *,
    format: str | None = None,
    options: dict[str, str] | None = None,
    timeout_s: float | None = None,
) -> av.container.InputContainer:
    """Open a container to read from, and turn FFmpeg's log off.

    A decoder's thread that logs waits for Python, and Python, which closes the decoder, for the
    thread. torchvision 0.21 turns the log on when it is imported.

    Raises:
        av.FFmpegError: the container does not open.
    """
    av.logging.set_level(None)
    open_it = partial(
        av.open,
        where.file if isinstance(where, Pipe) else ffmpeg_name(where),
        "r",
        format=format,
        options=options,
        timeout=timeout_s,
        metadata_errors="replace",
    )
    return where.wait_for(open_it) if isinstance(where, Pipe) else open_it()


def has_holes(path: Path) -> bool:
    """Whether FFmpeg has to search for the next packet anywhere in a file.

    What it passes over leaves no mark on the pictures, only a line in FFmpeg's log. So the
    packets are read once more, which takes a fraction of the time of decoding them, while no
    thread decodes, see `open_input`.
    """
    av.logging.set_level(av.logging.ERROR)
    try:
        with (
            av.logging.Capture(local=False) as lines,
            av.open(ffmpeg_name(path), metadata_errors="replace") as container,
        ):
            for _ in container.demux():
                pass
    except av.FFmpegError:
        return True
    finally:
        av.logging.set_level(None)
    return any(name == container.format.name for _, name, _ in lines)


def open_video(
    where: str | Path | Pipe,
    *,
    format: str | None = None,
    options: dict[str, str] | None = None,
    timeout_s: float | None = None,
) -> tuple[av.container.InputContainer, av.VideoStream]:
    """Open a container, as `open_input` does, and choose its video track.

    Raises:
        av.FFmpegError: the container does not open.
        ValueError: it has no video track, or none that FFmpeg can decode.
    """
    container = open_input(where, format=format, options=options, timeout_s=timeout_s)
    try:
        return container, best_video(container)
    except ValueError:
        container.close()
        raise


def best_video(container: av.container.InputContainer) -> av.VideoStream:
    """Choose the video track that FFmpeg would choose.

    Raises:
        ValueError: there is none, or none that FFmpeg can decode.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise ValueError("it has no video track")
    if stream.codec_context is None:  # which PyAV's types do not admit
        raise ValueError("its video has a codec that FFmpeg does not know")
    return stream


class Decoder:
    """The video track of one container, decoded packet by packet.

    Args:
        where: path, URL or pipe.
        format: FFmpeg's name of the demuxer; None lets FFmpeg find out.
        options: what FFmpeg's demuxer and protocol should be told.
        timeout_s: how long opening, and each read, may take; None waits for ever.
        low_delay: hand out each picture as soon as it is decoded, instead of decoding
            several at once, which is faster but holds some back.

    Raises:
        av.FFmpegError: the container does not open, or reading it failed.
        ValueError: it has no video track.
    """

    def __init__(
        self,
        where: str | Path | Pipe,
        *,
        format: str | None = None,
        options: dict[str, str] | None = None,
        timeout_s: float | None = None,
        low_delay: bool = False,
    ) -> None:
        self._container, self._stream = open_video(
            where, format=format, options=options, timeout_s=timeout_s
        )
        self._stream.thread_type = ThreadType.SLICE if low_delay else ThreadType.AUTO
        if low_delay:
            self._stream.codec_context.flags |= Flags.low_delay
        self._pixel_aspect = self._stream.sample_aspect_ratio or SQUARE
        self._track = VideoTrack(self._container, self._stream)
        self._damaged = 0

    @property
    def fps(self) -> float:
        """Nominal frames per second."""
        return float(self._track.rate)

    @property
    def codec(self) -> str:
        """Name of the video's codec, such as ``h264``."""
        return self._stream.codec_context.name

    @property
    def frame_count(self) -> int | None:
        """How many pictures the container says it holds; None where it says nothing."""
        return self._stream.frames or None

    @property
    def duration_s(self) -> float | None:
        """How long the video lasts; None where the container does not say."""
        return self._track.duration_s

    @property
    def is_whole(self) -> bool:
        """Whether the frames so far are all that the container promises, and undamaged."""
        return self._damaged == 0 and not self._track.is_short

    def timeline(self) -> Timeline:
        """Make what tells when each frame is shown."""
        return self._track.timeline()

    def last_duration(self, frame: av.VideoFrame) -> int:
        """Ticks of the timeline that a frame is shown which has turned out to be the last."""
        return self._track.last_duration(frame)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode every picture in the order it is shown, passing over damaged packets."""
        try:
            for packet in self._container.demux(self._stream):
                yield from self._decode(packet)
        except av.FFmpegError:
            yield from self._decode(None)  # what the decoder still held back
            raise

    def to_image(self, frame: av.VideoFrame) -> Image:
        """Convert one of the frames to BGR, upright and with square pixels."""
        return to_image(frame, pixel_aspect=self._pixel_aspect)

    def _decode(self, packet: "av.Packet[av.VideoStream] | None") -> list[av.VideoFrame]:
        try:
            frames = self._track.decode(packet)
        except av.FFmpegError:
            self._damaged += 1
            return []
        self._damaged += sum(frame.is_corrupt for frame in frames)
        return frames

    def close(self) -> None:
        """Close the container; safe to call twice."""
        self._container.close()


def to_image(frame: av.VideoFrame, *, pixel_aspect: Fraction = SQUARE) -> Image:
    """Convert a decoded picture to BGR, turned and mirrored as the video's display matrix asks.

    Args:
        frame: as decoded.
        pixel_aspect: width of a stored pixel through its height; where it is not 1, the picture
            is made wider or higher until its pixels are square.
    """
    width, height = square_size(frame.width, frame.height, pixel_aspect)
    image = np.asarray(frame.to_ndarray(format="bgr24", width=width, height=height), np.uint8)
    return np.ascontiguousarray(upright(image, frame))


def square_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Size of a picture once its pixels are square: one side grows, the other stays.

    Example:
        >>> square_size(720, 576, Fraction(64, 45))
        (1024, 576)
        >>> square_size(1440, 720, Fraction(1, 2))
        (1440, 1440)
    """
    if not 1 / MAX_ASPECT <= pixel_aspect <= MAX_ASPECT:
        return width, height
    return max(width, round(width * pixel_aspect)), max(height, round(height / pixel_aspect))


def reason(error: Exception) -> str:
    """Say in a few words, without paths and numbers, why FFmpeg failed."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[0].lower() + text[1:]
