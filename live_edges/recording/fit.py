"""Brings pictures to the size a video was opened with, and that size to one encoders accept."""

import cv2
import numpy as np

from live_edges.frame import Image


def even_size(width: int, height: int) -> tuple[int, int]:
    """Round up to even numbers: in 4:2:0 video two by two pixels share one colour."""
    return width + width % 2, height + height % 2


def fit(image: Image, size: tuple[int, int]) -> Image:
    """Scale a picture into ``size`` (width, height), with black bars where its shape differs.

    One that is a single pixel short, as odd sizes are, is not scaled: its last row and column
    are repeated instead.

    Args:
        image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.
        size: the one that is wanted; a picture of that size is returned as it is.

    Returns:
        uint8 of that size, C-contiguous.
    """
    width, height = size
    short_x, short_y = width - image.shape[1], height - image.shape[0]
    if not (short_x or short_y):
        return image
    if short_x in (0, 1) and short_y in (0, 1):
        return _bordered(image, (0, short_y, 0, short_x), cv2.BORDER_REPLICATE)
    scale = min(width / image.shape[1], height / image.shape[0])
    inner_x = min(max(round(image.shape[1] * scale), 1), width)
    inner_y = min(max(round(image.shape[0] * scale), 1), height)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (inner_x, inner_y), interpolation=interpolation)
    left, top = (width - inner_x) // 2, (height - inner_y) // 2
    sides = (top, height - inner_y - top, left, width - inner_x - left)
    return _bordered(np.asarray(scaled, np.uint8), sides, cv2.BORDER_CONSTANT)


def _bordered(image: Image, sides: tuple[int, int, int, int], kind: int) -> Image:
    return np.asarray(cv2.copyMakeBorder(image, *sides, kind), np.uint8)
