"""Fits pictures into the size of a video, which must be even."""

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.sizing import fitted


def even_size(width: int, height: int) -> tuple[int, int]:
    """Round up to even numbers: in 4:2:0 video two by two pixels share one colour."""
    return width + width % 2, height + height % 2


def fit(image: Image, size: tuple[int, int]) -> Image:
    """Scale a picture into ``size`` (width, height), with black bars where its shape differs.

    One that is a single pixel short, as odd sizes are, is not scaled: its last row and column
    are repeated instead. One of the right size is returned as it is.
    """
    short_x, short_y = size[0] - image.shape[1], size[1] - image.shape[0]
    if not (short_x or short_y):
        return image
    if short_x in (0, 1) and short_y in (0, 1):
        repeated = cv2.copyMakeBorder(image, 0, short_y, 0, short_x, cv2.BORDER_REPLICATE)
        return np.asarray(repeated, np.uint8)
    return fitted(image, size, is_smooth=True)
