"""The same pixels by OpenCV: what a CPU shows until a compiled loop is faster.

Plain calls of torch go through memory once for every tap; OpenCV's filters keep what they need of
a picture in the cache, and need no compiler.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.kernels import Bank, factors

Slide = Callable[[Image, int], NDArray[Any]]  # of a plane and the type of the response

CANNY_SCALE = 64  # steps in a gray level; the longest gradient, 255 levels, still fits 16 bits


class OpenCVBank:
    """A bank of kernels that OpenCV slides.

    Args:
        bank: ``(out, in, h, w)``.
    """

    def __init__(self, bank: Bank) -> None:
        self._size = bank.shape[-2:]
        self._slides = [[_slides(kernel) for kernel in kernels] for kernels in bank]

    def __call__(self, padded: Image, depth: int) -> list[NDArray[Any]]:
        """Slide every kernel.

        Args:
            padded: ``(in, H + h - 1, W + w - 1)`` uint8, see `live_edges.functional.pad_replicate`.
            depth: OpenCV's number for the type of the responses.

        Returns:
            ``(H, W)`` for each kernel.
        """
        inner = tuple(
            slice(size // 2, side - (size - 1) // 2)
            for side, size in zip(padded.shape[1:], self._size, strict=True)
        )
        return [
            reduce(
                cv2.add,
                (
                    slide(plane, depth)[inner]
                    for plane, parts in zip(padded, planes, strict=True)
                    for slide in parts
                ),
            )
            for planes in self._slides
        ]


def _slides(kernel: NDArray[np.float64]) -> list[Slide]:
    """Slide columns and rows instead of an ``(h, w)`` kernel where that takes fewer products."""
    [columns], [rows] = factors(kernel[None, None])
    if columns.size + rows.size >= kernel.size:
        return [partial(cv2.filter2D, kernel=kernel.astype(np.float32))]
    return [
        partial(
            cv2.sepFilter2D, kernelX=row.astype(np.float32), kernelY=column[0].astype(np.float32)
        )
        for column, row in zip(columns, rows, strict=True)
    ]


def edge_picture(bank: OpenCVBank, padded: Image, gain: float, threshold: float) -> Image:
    """Find the edges, as `live_edges.fused.edge_picture` does, within one gray level.

    Args:
        bank: of any number of kernels.
        padded: as for the bank.
        gain: factor on the edge strength.
        threshold: what is darker than this after the gain becomes black, 1 being white.

    Returns:
        ``(H, W)`` uint8, a new array.
    """
    responses = bank(padded, cv2.CV_32F)
    strength = np.abs(responses[0]) if len(responses) == 1 else reduce(cv2.magnitude, responses)
    if threshold > 0:
        shown = strength * np.float32(gain)
        just_below = np.nextafter(np.float32(threshold * 255), np.float32(0))
        _, strength = cv2.threshold(shown, float(just_below), 0, cv2.THRESH_TOZERO)
        gain = 1.0
    return np.asarray(cv2.convertScaleAbs(strength, alpha=gain), np.uint8)


def canny(bank: OpenCVBank, padded: Image, low: float, high: float) -> Image:
    """Find Canny's lines, as `live_edges.canny` does, but on a gradient in whole numbers.

    Args:
        bank: horizontal and vertical derivative, `CANNY_SCALE` times as strong as usual.
        padded: as for the bank, with one pixel more on every side.
        low: gradient that continues a line, in gray levels.
        high: gradient that starts one.

    Returns:
        ``(H, W)`` uint8, 255 on lines and 0 elsewhere.
    """
    gx, gy = bank(padded, cv2.CV_16S)
    # OpenCV asks for more than a limit, we for as much.
    low, high = (CANNY_SCALE * limit - 0.5 for limit in (low, high))
    return np.asarray(cv2.Canny(gx, gy, low, high, L2gradient=True)[1:-1, 1:-1], np.uint8)
