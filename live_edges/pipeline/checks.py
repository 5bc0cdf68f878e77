"""Checks of what callers of the Python API hand over: a ValueError says what to give instead."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from live_edges.frame import Image


def number(name: str, value: Any, low: float, high: float, *, unit: str = "") -> float:
    """Return a number from ``low`` to ``high``.

    Raises:
        ValueError: it is outside that range, or no number.
    """
    found = _as_float(value)
    if not low <= found <= high:
        raise ValueError(f"{name} is {value!r}; choose a number from {low:g} to {high:g}{unit}")
    return found


def positive(name: str, value: Any) -> float:
    """Return a number above 0.

    Raises:
        ValueError: it is 0, negative, infinite, or no number.
    """
    found = _as_float(value)
    if not 0 < found < float("inf"):
        raise ValueError(f"{name} is {value!r}; choose a number above 0")
    return found


def _as_float(value: Any) -> float:
    """NaN where it is no number; a truth value or a text is none, though Python converts it."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError unless ``value`` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {value!r}; choose one of: {', '.join(choices)}")


def picture(image: Any) -> Image:
    """Return a picture as a C-contiguous array, copied only where it is none.

    Args:
        image: ``(H, W, 3)`` or ``(H, W)`` uint8, in any order in memory, read-only or not.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f"a picture needs to be a NumPy array, got {type(image).__name__}")
    has_shape = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not has_shape or image.size == 0:
        raise ValueError(
            "a picture needs to be a non-empty (H, W, 3) BGR or (H, W) gray array of uint8, "
            f"got {image.dtype} {image.shape}"
        )
    return np.ascontiguousarray(image)


def color(value: Any) -> tuple[int, int, int]:
    """Return a colour: blue, green and red.

    Raises:
        ValueError: it is not three whole numbers from 0 to 255.
    """
    try:
        blue, green, red = map(int, value)
        is_whole = (blue, green, red) == tuple(value)
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not (is_whole and all(0 <= level <= 255 for level in (blue, green, red))):
        raise ValueError(f"color is {value!r}; give blue, green and red, each from 0 to 255")
    return blue, green, red


def truth(name: str, value: Any) -> bool:
    """Return a truth value; ValueError unless it is one."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {value!r}; choose True or False")
    return bool(value)


def gray(name: str, value: Image) -> Image:
    """Return a gray picture, C-contiguous; ValueError unless it is ``(H, W)`` uint8."""
    value = np.asarray(value)
    if value.dtype != np.uint8 or value.ndim != 2 or value.size == 0:
        raise ValueError(f"{name} needs to be (H, W) uint8, got {value.dtype} {value.shape}")
    return np.ascontiguousarray(value)


def picture_and_edges(image: Image, edges: Image) -> tuple[Image, Image]:
    """Return ``(H, W, 3)`` and ``(H, W)``; ValueError unless height and width are the same."""
    image, edges = picture(image), picture(edges)
    if edges.shape != image.shape[:2]:
        raise ValueError(
            f"edges need the height and width of their picture, {image.shape[:2]}, "
            f"got {edges.shape}"
        )
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return image, edges
