"""Brings pictures of every depth and number of channels to the one form a frame has."""

from contextlib import closing
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.sources.decoding import Decoder, to_image

_JPEG = b"\xff\xd8\xff"


def read_image(path: Path) -> Image | None:
    """Read a picture of any depth and channels as BGR; None if it cannot be read."""
    try:
        # Not cv2.imread: on Windows it cannot open names outside the system's code page.
        content = np.fromfile(path, np.uint8)
        # Only IMREAD_UNCHANGED keeps transparency, only the other way obeys EXIF orientation.
        is_jpeg = content[:3].tobytes() == _JPEG
        flags = cv2.IMREAD_COLOR if is_jpeg else cv2.IMREAD_UNCHANGED
        decoded = cv2.imdecode(content, flags)
        return _read_by_ffmpeg(path) if decoded is None else to_bgr(np.asarray(decoded))
    except cv2.error:
        return _read_by_ffmpeg(path)
    except (OSError, ValueError):
        return None


def _read_by_ffmpeg(path: Path) -> Image | None:
    """Read a picture that OpenCV's wheels cannot, such as EXR."""
    try:
        with closing(Decoder(path)) as decoder:
            return next(map(to_image, decoder.frames()), None)
    except (av.FFmpegError, OSError, ValueError):
        return None


def to_bgr(pixels: NDArray[Any]) -> Image:
    """Bring gray, 16-bit, floating-point or transparent pixels to (H, W, 3) uint8 BGR.

    Integers are scaled by the full range of their type, floats are taken to lie in [0, 1], and
    what is transparent is laid over white.

    Raises:
        ValueError: the pixels have another type, or two or more than four channels.
    """
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    elif pixels.dtype.kind == "f":
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"an image needs uint8, uint16 or float pixels, got {pixels.dtype}")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    elif channels == 4:
        alpha = pixels[..., 3:].astype(np.uint16)
        pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    elif channels != 3:
        raise ValueError(f"an image needs 1, 3 or 4 channels, got {channels}")
    return np.ascontiguousarray(pixels)
