"""Sizes: cut a region out of a picture, and fit a picture into the area a screen has for it."""

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.settings import Region

Size = tuple[int, int]  # pixels across and down

MAX_WIDTH, MAX_HEIGHT = 1280, 720  # a window that fits a laptop's screen
MIN_SHOWN_PX = 240  # smaller pictures are enlarged for the window, so that a pixel can be seen
INVISIBLE_STRETCH = 0.01  # relative
MAX_BILINEAR = 1.5  # beyond, bilinear reduction gives some pixels less than half of their weight


def size_of(image: Image) -> Size:
    """Width and height of a picture."""
    return image.shape[1], image.shape[0]


def in_fractions(region: Region, size: Size) -> Region:
    """Return a region of a picture of that size as fractions of its width and height."""
    if max(region) <= 1:
        return region
    left, top, right, bottom = edges_of(region, size)
    return left / size[0], top / size[1], (right - left) / size[0], (bottom - top) / size[1]


def cut(image: Image, region: Region) -> Image:
    """Cut a region out of a picture.

    Args:
        image: ``(H, W, 3)`` or ``(H, W)``.
        region: as in `live_edges.settings.Settings`; what lies outside the picture is left out.

    Returns:
        A view of the picture, at least one pixel; the picture itself where nothing is cut away.

    Example:
        >>> cut(np.arange(24).reshape(4, 6), (0.5, 0.0, 0.5, 0.5))
        array([[ 3,  4,  5],
               [ 9, 10, 11]])
    """
    height, width = image.shape[:2]
    left, top, right, bottom = edges_of(region, (width, height))
    is_whole = (left, top, right, bottom) == (0, 0, width, height)
    return image if is_whole else image[top:bottom, left:right]


def edges_of(region: Region, size: Size) -> tuple[int, int, int, int]:
    """Return where a region lies in a picture: left, top, right and bottom in pixels."""
    scale = (1, 1) if max(region) > 1 else size
    ends = []
    for side in (0, 1):
        first = min(max(round(region[side] * scale[side]), 0), size[side] - 1)
        last = round((region[side] + region[side + 2]) * scale[side])
        ends.append((first, min(max(last, first + 1), size[side])))
    (left, right), (top, bottom) = ends
    return left, top, right, bottom


def comfortable_size(image: Image) -> Size:
    """Return the size of a new window: a picture is reduced to it, or enlarged by whole pixels.

    Example:
        >>> comfortable_size(np.zeros((2160, 3840, 3), np.uint8))
        (1280, 720)
        >>> comfortable_size(np.zeros((3, 5, 3), np.uint8))
        (400, 240)
    """
    height, width = image.shape[:2]
    factor = min(-(-MIN_SHOWN_PX // min(width, height)), MAX_WIDTH / width, MAX_HEIGHT / height)
    if factor > 1:
        factor = int(factor)
    return max(1, round(width * factor)), max(1, round(height * factor))


def fitted(image: Image, size: Size, *, is_smooth: bool = False) -> Image:
    """Scale a picture into an area, in its middle, with black bars around it.

    A pixel of an enlarged picture is a square; a reduced one is averaged, so that fine lines stay.

    Args:
        image: ``(H, W, 3)`` or ``(H, W)`` uint8; not written to.
        size: width and height of the area, at least 1.
        is_smooth: True to blend the pixels of an enlarged picture instead.

    Returns:
        A new array of that size, uint8.
    """
    left, top, width, height = placed(size_of(image), size)
    scaled = _scaled(image, (width, height), is_smooth=is_smooth)
    if (width, height) == size:
        return scaled
    right, bottom = size[0] - width - left, size[1] - height - top
    boxed = cv2.copyMakeBorder(scaled, top, bottom, left, right, cv2.BORDER_CONSTANT)
    return np.asarray(boxed, np.uint8)


def placed(picture: Size, size: Size) -> tuple[int, int, int, int]:
    """Return where `fitted` puts a picture in an area: left, top, width and height in pixels."""
    scale = min(size[0] / picture[0], size[1] / picture[1])
    width, height = (max(1, round(length * scale)) for length in picture)
    if size[0] - width < INVISIBLE_STRETCH * size[0]:
        width = size[0]
    if size[1] - height < INVISIBLE_STRETCH * size[1]:
        height = size[1]
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def _scaled(image: Image, size: Size, *, is_smooth: bool) -> Image:
    """Repeat pixels to enlarge a picture, average them to reduce it.

    `cv2.INTER_AREA` is fast at factor 2 only (4K: 2.4 ms on one core; 10.4 at factor 3), so this
    halves until less than 2 remains. Bilinear does the rest in a fifth of the time: 1.6 ms instead
    of 8.5 from 1920x1080 to 1280x720, with weights of 3/4, 1/2 and 3/4 instead of 2/3 each.
    """
    width, height = size
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    factor = max(image.shape[1] / width, image.shape[0] / height)
    how = cv2.INTER_AREA if factor > MAX_BILINEAR else cv2.INTER_LINEAR
    if not is_smooth and (width > image.shape[1] or height > image.shape[0]):
        how = cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
