"""The loops of the CPU engine: for every row, for every pixel, for every tap.

They compute what `live_edges.filters.functional` defines, and Numba makes machine code of them. The
picture comes as rows of bytes, ``(H, W)`` gray or ``(H, 3 W)`` blue, green and red in turn, and is
read once: a ring keeps as many rows of it as the kernels see, and everything from brightness to
rounding happens while those rows are in the processor's cache.

Each loop does the rows from ``first`` to ``last``, holds no lock of Python meanwhile, and writes
nothing else, so that several threads can share a picture. Its sizes are constants, for which the
compiler writes out the loops over the taps; the taps themselves are arguments, so that another
sigma compiles nothing new. With ``is_signed`` a loop writes the responses themselves times the
gain, ``(out, H, W)``, instead of the edges ``(H, W)``; into an array of fewer rows, as many as it
does, row y goes to y modulo their number. Only the thread that compiles imports this
module: Numba takes a while.
"""

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import float32, int16, int32, uint8

Loop = Any  # a function that Numba compiles

# Without Python's lock, and with a product and its sum in one instruction.
OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}

log = logging.getLogger(__name__)


def compiled(function: Callable[..., Any], *, is_exact: bool = True) -> Any:
    """Let Numba compile a function when it is first called, and keep the result on the disk.

    Args:
        function: of numbers and arrays.
        is_exact: False where a root or a quotient may be a little off, and all is finite.
    """
    options = OPTIONS if is_exact else OPTIONS | {"fastmath": True}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba finds no folder that it may write to
        log.info("%s is compiled at each start: set NUMBA_CACHE_DIR to a folder", function.__name__)
        return numba.njit(**options)(function)


def luma(blue: Any, green: Any, red: Any) -> Any:
    """Brightness by ITU-R BT.601 in whole numbers, bit for bit as `cv2.cvtColor` rounds it."""
    weighted = int32(blue) * int32(3735) + int32(green) * int32(19235) + int32(red) * int32(9798)
    return uint8((weighted + int32(1 << 14)) >> int32(15))


def gray_level(strength: Any, gain: Any, threshold: Any) -> Any:
    """Amplify, hide what is weak, round, saturate; all in gray levels."""
    shown = strength * gain
    shown = shown if shown >= threshold else float32(0)
    return uint8(int32(np.rint(min(shown, float32(255)))))


luma, gray_level = compiled(luma), compiled(gray_level)


def read_row(image: Any, y: int, channels: int, left: int, planes: Any) -> None:
    """Copy row ``y`` of the picture, the border pixels repeated outside it.

    Args:
        image: ``(H, channels W)`` uint8; ``y`` may lie outside.
        y: which row.
        channels: 1 for gray, 3 for blue, green and red.
        left: how many pixels are missing on the left.
        planes: ``(1, W + w - 1)`` for brightness, ``(3, W + w - 1)`` for red, green and blue.
    """
    row = image[min(max(y, 0), len(image) - 1)]
    width = len(row) // channels
    for x in range(width):
        if channels == 1:
            planes[0, left + x] = row[x]
        elif len(planes) == 1:
            planes[0, left + x] = luma(row[3 * x], row[3 * x + 1], row[3 * x + 2])
        else:
            for plane in range(3):
                planes[plane, left + x] = row[3 * x + 2 - plane]
    for plane in planes:
        plane[:left] = plane[left]
        plane[left + width :] = plane[left + width - 1]


read_row = compiled(read_row)


def rows_around(ring: Any, image: Any, y: int, channels: int, left: int) -> Any:
    """Read row ``y`` into the ring; returns the ``(h, in, W + w - 1)`` rows that end with it.

    The ring is ``(2 h, in, W + w - 1)``: each row lies in it twice, h apart, so that the latest h
    always lie one after another. The rest is as for `read_row`.
    """
    height = len(ring) // 2
    slot = (y + height) % height
    read_row(image, y, channels, left, ring[slot])
    ring[slot + height] = ring[slot]
    return ring[slot + 1 : slot + 1 + height]


rows_around = compiled(rows_around)


def whole_numbers(channels: int, kernels: tuple[Any, ...], is_signed: bool = False) -> Loop:
    """Make the loop for kernels of small whole numbers, such as Sobel's.

    Here the taps are constants, for the most of them are 0, 1 or 2, which the compiler makes use
    of, and sums of 16 bits are exact.

    Args:
        channels: as for `read_row`.
        kernels: tuples of tuples, ``(out, h, w)``.
        is_signed: True to write responses.
    """
    taps = np.array(kernels, np.int16)
    out, height, width = taps.shape
    above, below, left = height // 2, (height - 1) // 2, width // 2

    def find(
        image: Any, first: int, last: int, _: Any, gain: Any, threshold: Any, edges: Any
    ) -> None:
        padded = edges.shape[-1] + width - 1
        ring = np.empty((2 * height, 1, padded), np.int16)
        for y in range(first - above, last + below):
            window = rows_around(ring, image, y, channels, left)
            if y < first + below:
                continue
            at = (y - below) % edges.shape[-2]
            for x in range(edges.shape[-1]):
                square = int32(0)
                for kernel in range(out):
                    response = int16(0)
                    for i in range(height):
                        for j in range(width):
                            product = int16(taps[kernel, i, j] * window[i, 0, x + j])
                            response = int16(response + product)
                    if is_signed:
                        edges[kernel, at, x] = float32(response) * gain
                    else:
                        square = int32(square + int32(response) * int32(response))
                if not is_signed:
                    edges[y - below, x] = gray_level(np.sqrt(float32(square)), gain, threshold)

    return compiled(find)


def separable(
    channels: int,
    out: int,
    rank: int,
    planes: int,
    height: int,
    width: int,
    is_signed: bool = False,
) -> Loop:
    """Make the loop for kernels that are sums of columns times rows, and a tap in the middle.

    First every column slides down the picture, then every row along what came of it.

    Args:
        channels: as for `read_row`.
        out: number of kernels.
        rank: number of columns and rows in each.
        planes: 1 for brightness, 3 for colours.
        height: of the columns.
        width: of the rows.
        is_signed: True to write responses.
    """
    above, below, left = height // 2, (height - 1) // 2, width // 2

    def find(
        image: Any, first: int, last: int, taps: Any, gain: Any, threshold: Any, edges: Any
    ) -> None:
        columns, rows, middle = taps
        padded = edges.shape[-1] + width - 1
        ring = np.empty((2 * height, planes, padded), np.float32)
        slid = np.empty((out * rank, padded), np.float32)
        for y in range(first - above, last + below):
            window = rows_around(ring, image, y, channels, left)
            if y < first + below:
                continue
            at = (y - below) % edges.shape[-2]
            for part in range(out * rank):
                for x in range(padded):
                    response = float32(0)
                    for plane in range(planes):
                        for i in range(height):
                            response += columns[part, plane, i] * window[i, plane, x]
                    slid[part, x] = response
            for x in range(edges.shape[-1]):
                square = float32(0)
                for kernel in range(out):
                    response = float32(0)
                    for plane in range(planes):
                        response += middle[kernel, plane] * window[above, plane, x + left]
                    for part in range(kernel * rank, kernel * rank + rank):
                        for j in range(width):
                            response += rows[part, j] * slid[part, x + j]
                    if is_signed:
                        edges[kernel, at, x] = response * gain
                    else:
                        square += response * response
                if not is_signed:
                    edges[y - below, x] = gray_level(np.sqrt(square), gain, threshold)

    return compiled(find)


def general(
    channels: int, out: int, planes: int, height: int, width: int, is_signed: bool = False
) -> Loop:
    """Make the loop for any kernels: one row of taps after the other slides along the picture.

    Args:
        channels: as for `read_row`.
        out: number of kernels.
        planes: 1 for brightness, 3 for colours.
        height: of the kernels.
        width: likewise.
        is_signed: True to write responses.
    """
    above, below, left = height // 2, (height - 1) // 2, width // 2

    def find(
        image: Any, first: int, last: int, taps: Any, gain: Any, threshold: Any, edges: Any
    ) -> None:
        (kernels,) = taps
        ring = np.empty((2 * height, planes, edges.shape[-1] + width - 1), np.float32)
        response = np.empty(edges.shape[-1], np.float32)
        square = np.empty(edges.shape[-1], np.float32)
        for y in range(first - above, last + below):
            window = rows_around(ring, image, y, channels, left)
            if y < first + below:
                continue
            at = (y - below) % edges.shape[-2]
            square[:] = 0
            for kernel in range(out):
                response[:] = 0
                for plane in range(planes):
                    for i in range(height):
                        for x in range(edges.shape[-1]):
                            total = response[x]
                            for j in range(width):
                                total += kernels[kernel, plane, i, j] * window[i, plane, x + j]
                            response[x] = total
                for x in range(edges.shape[-1]):
                    if is_signed:
                        edges[kernel, at, x] = response[x] * gain
                    else:
                        square[x] += response[x] * response[x]
            if not is_signed:
                for x in range(edges.shape[-1]):
                    edges[y - below, x] = gray_level(np.sqrt(square[x]), gain, threshold)

    return compiled(find)
