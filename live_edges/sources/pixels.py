"""Reads images of every format, depth and number of channels as 8-bit BGR.

All of Pillow's errors are suppressed, because on a damaged file its decoders raise anything from
an OSError to a struct.error.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFile, ImageOps

from live_edges.frame import Image
from live_edges.sources.heif import read_heif

_ORIENTATION = 0x0112  # Exif 2.3
_JPEG = b"\xff\xd8\xff"
# Formats with several pictures a file. Not JPEG, whose further pictures are previews.
_PAGED = frozenset({"AVIF", "GIF", "PNG", "TIFF", "WEBP"})
_ANIMATED = frozenset({"GIF", "PNG"})  # that FFmpeg plays
# What Pillow reads without loss; OpenCV reads more than 8 bits.
_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr"})


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One picture of a file, and how long to show it, if the file says so."""

    image: Image
    seconds: float | None = None


def read_image(path: Path) -> Image | None:
    """Read the first picture of a file as BGR, turned upright; None if it cannot be read."""
    try:
        # Not cv2.imread, because on Windows it cannot open names outside the system's code page.
        content = np.fromfile(path, np.uint8)
        if content[:3].tobytes() != _JPEG:
            image = _read_by_pillow(path)
            return _read_by_opencv(content, path) if image is None else image
        with suppress(cv2.error):
            decoded = cv2.imdecode(content, cv2.IMREAD_COLOR)  # obeys EXIF orientation
            if decoded is not None:
                return to_bgr(np.asarray(decoded))
        return _read_by_pillow(path)
    except (OSError, ValueError):
        return None


def read_pages(path: Path) -> Iterator[Page]:
    """Read every picture of a file: frames of an animation, or pages; none if it is damaged."""
    if page_count(path) == 1:
        image = read_image(path)
        if image is not None:
            yield Page(image)
        return
    with suppress(Exception), Pillow.open(path) as file:
        for index in range(page_count(path)):
            file.seek(index)
            file.load()
            milliseconds = file.info.get("duration")
            yield Page(_from_pillow(file), milliseconds / 1000 if milliseconds else None)


def page_count(path: Path) -> int:
    """Return how many pictures a file holds, 1 if that is not known."""
    with suppress(Exception), Pillow.open(path) as file:
        if file.format in _PAGED:
            return int(getattr(file, "n_frames", 1))
    return 1


def is_animation(path: Path) -> bool:
    """Return True for an animated GIF or PNG, which FFmpeg plays as a video."""
    with suppress(Exception), Pillow.open(path) as file:
        return file.format in _ANIMATED and int(getattr(file, "n_frames", 1)) > 1
    return False


def _read_by_pillow(path: Path) -> Image | None:
    """Read a picture of 8 bits a channel, with or without palette and transparency."""
    with suppress(Exception), Pillow.open(path) as file:
        if file.mode in _MODES and not _is_deep(file):
            return _from_pillow(file)
    return None


def _is_deep(file: Pillow.Image) -> bool:
    """Return True if Pillow would truncate 16 bits to 8, which OpenCV rounds."""
    raw = str(file.tile[0][-1]) if isinstance(file, ImageFile.ImageFile) and file.tile else ""
    return "16" in raw


def _from_pillow(file: Pillow.Image) -> Image:
    upright = ImageOps.exif_transpose(file)
    is_clear = "A" in upright.mode.upper() or "transparency" in upright.info
    pixels = np.asarray(upright.convert("RGBA" if is_clear else "RGB"))
    code = cv2.COLOR_RGBA2BGRA if is_clear else cv2.COLOR_RGB2BGR
    return to_bgr(np.asarray(cv2.cvtColor(pixels, code)))


def _read_by_opencv(content: NDArray[np.uint8], path: Path) -> Image | None:
    """Read a deep or damaged picture by OpenCV, or else by FFmpeg (EXR, HEIC)."""
    with suppress(cv2.error):
        decoded = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        if decoded is not None:
            return _turned(to_bgr(np.asarray(decoded)), path)
    with suppress(av.FFmpegError):
        return read_heif(path)
    return None


def _turned(image: Image, path: Path) -> Image:
    """Turn upright what OpenCV read unchanged, because it obeys only TIFF's orientation."""
    with suppress(Exception), Pillow.open(path) as file:
        if file.format in ("PNG", "WEBP"):
            plain = Pillow.fromarray(image)
            plain.getexif()[_ORIENTATION] = file.getexif().get(_ORIENTATION, 1)
            return np.asarray(ImageOps.exif_transpose(plain))
    return image


def to_bgr(pixels: NDArray[Any]) -> Image:
    """Convert gray, 16-bit, floating-point or transparent pixels to (H, W, 3) uint8 BGR.

    Integers are scaled by the full range of their type, floats must lie in [0, 1], and
    transparent pixels are blended with white.

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
