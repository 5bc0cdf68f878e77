"""Turns and mirrors decoded pictures as the display matrix of their video asks."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from live_edges.frame import Image

TOLERANCE_DEGREES = 1.0  # FFmpeg turns a picture by a right angle if it is this near to one
_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # (x, y) as OpenCV numbers them


class Orientation(NamedTuple):
    """How to make a stored picture upright: first swap its axes, then mirror it."""

    is_transposed: bool = False
    is_flipped_x: bool = False
    is_flipped_y: bool = False


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Read the display matrix of a decoded picture.

    Returns:
        One of the eight right-angled orientations; the default for any other angle.
    """
    matrix: Any  # a buffer, though PyAV's type information does not say so
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV fails if it does not know another piece of side data
        return _from_rotation(frame.rotation)
    if matrix is None:
        return Orientation()
    # libavutil/display.h: x' = a x + c y, y' = b x + d y, as 16.16 fixed-point numbers
    a, b, _, c, d = (int(value) for value in np.frombuffer(matrix, np.int32)[:5])
    tolerance = math.tan(math.radians(TOLERANCE_DEGREES))
    if max(abs(b), abs(c)) <= tolerance * min(abs(a), abs(d)):
        return Orientation(is_flipped_x=a < 0, is_flipped_y=d < 0)
    if max(abs(a), abs(d)) <= tolerance * min(abs(b), abs(c)):
        return Orientation(is_transposed=True, is_flipped_x=c < 0, is_flipped_y=b < 0)
    return Orientation()


def upright(image: Image, frame: av.VideoFrame) -> Image:
    """Turn the pixels of a decoded picture as its display matrix asks.

    Args:
        image: ``(H, W)`` or ``(H, W, 3)`` uint8, as stored.
        frame: the decoded picture it was made from.

    Returns:
        The same pixels; ``image`` itself if it is upright.
    """
    is_transposed, *flips = orientation_of(frame)
    if is_transposed:
        image = np.asarray(cv2.transpose(image), np.uint8)
    flip = _FLIPS.get((flips[0], flips[1]))
    return image if flip is None else np.asarray(cv2.flip(image, flip), np.uint8)


def shown_aspect(frame: av.VideoFrame, pixel_aspect: Fraction) -> Fraction:
    """Width of a pixel through its height once the picture is upright."""
    return 1 / pixel_aspect if orientation_of(frame).is_transposed else pixel_aspect


def _from_rotation(degrees: int) -> Orientation:
    """Return the orientation for a rotation, counted counterclockwise."""
    return {
        90: Orientation(is_transposed=True, is_flipped_y=True),
        180: Orientation(is_flipped_x=True, is_flipped_y=True),
        270: Orientation(is_transposed=True, is_flipped_x=True),
    }.get(degrees % 360, Orientation())
