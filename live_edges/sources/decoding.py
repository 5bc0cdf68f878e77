"""Opens what FFmpeg can read, and converts the pictures that it decodes."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np

from live_edges.frame import Image
from live_edges.sources.orientation import upright

SQUARE = Fraction(1)
MAX_ASPECT = 10  # a file that states longer pixels than this is wrong


def ffmpeg_name(path: Path) -> str:
    """Return a path in the form that FFmpeg takes for a path.

    FFmpeg takes ``12:30:45.mp4`` for a protocol called 12, but not where a slash comes first.
    """
    return str(path.absolute())


def open_input(where: Any, **options: Any) -> av.container.InputContainer:
    """Open a container to read from, and turn FFmpeg's log off.

    A decoder's thread that logs waits for Python, and Python, which closes the decoder, for the
    thread. torchvision 0.21 turns the log on when it is imported.

    Args:
        where: path, URL or open file.
        options: further arguments of `av.open`.

    Raises:
        av.FFmpegError: the container does not open.
    """
    av.logging.set_level(None)
    name = ffmpeg_name(where) if isinstance(where, Path) else where
    container: av.container.InputContainer
    container = av.open(name, "r", metadata_errors="replace", **options)
    return container


def has_holes(path: Path) -> bool:
    """Return True if FFmpeg has to search for the next packet anywhere in a file.

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
