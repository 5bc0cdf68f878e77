"""Views: what is shown of a picture and its edges."""

import math
from collections.abc import Callable

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.pipeline.checks import number
from live_edges.settings import View

Color = tuple[int, int, int]  # blue, green, red


def compose(
    view: View,
    image: Image,
    edges: Image,
    *,
    color: Color,
    paint: Callable[[Image, Image, Color], Image] | None = None,
) -> Image:
    """Put a picture and its edges together.

    Args:
        view: which way.
        image: ``(H, W, 3)`` uint8 BGR.
        edges: ``(H, W)`` uint8.
        color: BGR of the lines in the overlay.
        paint: makes the overlay instead of `overlay`; a compiled one, say.

    Returns:
        uint8 BGR: ``(H, W, 3)``, for ``side`` ``(H, 2W, 3)``; for ``original`` the array itself.
    """
    if view == "original":
        return image
    if view == "overlay":
        return (paint or overlay)(image, edges, color)
    white_on_black = np.asarray(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR), np.uint8)
    return white_on_black if view == "edges" else np.hstack((image, white_on_black))


def overlay(image: Image, edges: Image, color: Color) -> Image:
    """Paint the edges over the picture, as opaque as they are strong.

    Returns:
        ``(H, W, 3)`` uint8: ``image + (color - image) * edges / 255`` within one grey level.
    """
    return blend(image, np.asarray(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR), np.uint8), color)


def blend(image: Image, opacity: Image, color: Color) -> Image:
    """As `overlay`, with an opacity for each byte of the picture, ``(H, W, 3)``."""
    levels = np.arange(256)[:, None] * np.array(color) / 255
    paint = cv2.LUT(opacity, levels.round().astype(np.uint8)[:, None])
    dimmed = cv2.multiply(image, cv2.bitwise_not(opacity), scale=1 / 255)
    return np.asarray(cv2.add(dimmed, paint), np.uint8)


def without_weak(edges: Image, threshold: float) -> Image:
    """Hide edges that are darker than a share of white; 0 hides nothing.

    Args:
        edges: ``(H, W)`` uint8.
        threshold: 0 to 1, else a ValueError is raised.
    """
    threshold = number("threshold", threshold, 0, 1)
    if threshold == 0:
        return edges
    just_below = math.ceil(threshold * 255) - 1
    return np.asarray(cv2.threshold(edges, just_below, 0, cv2.THRESH_TOZERO)[1], np.uint8)
