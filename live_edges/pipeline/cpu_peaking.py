"""The loop that marks what is in focus; `live_edges.pipeline.cpu_paint` has the other views."""

from typing import Any

import numpy as np
from numba import float32, int16, int32, uint8, uint16

from live_edges.pipeline.cpu_loops import Loop, compiled, rows_around
from live_edges.pipeline.cpu_paint import blend_row


def blur_row(window: Any, across: Any, blurred: Any) -> None:
    """Blur one row by the binomial of 5x5 taps, in sixteenths of a gray level, rounded.

    Args:
        window: ``(5, 1, W + 4)`` int16, brightness of the rows around it.
        across: ``(W + 4,)`` uint16 to work with.
        blurred: ``(W,)`` int16, written to.
    """
    for x in range(len(across)):
        ends = int16(window[0, 0, x] + window[4, 0, x])
        near = int16(int16(4) * int16(window[1, 0, x] + window[3, 0, x]))
        across[x] = uint16(int16(int16(ends + near) + int16(int16(6) * window[2, 0, x])))
    for x in range(len(blurred)):
        total = uint16(uint16(across[x] + across[x + 4]) + uint16(8))
        total = uint16(total + uint16(uint16(4) * uint16(across[x + 1] + across[x + 3])))
        total = uint16(total + uint16(uint16(6) * across[x + 2]))
        blurred[x] = int16(uint16(total >> uint16(4)))


blur_row = compiled(blur_row)


def write_energies(rows: Any, down: Any, scale: Any, energies: Any) -> None:
    """Write the squared gradient of one row, by `cv2.Sobel` of size 3.

    Args:
        rows: above, itself and below, each ``(W + 2,)`` int16.
        down: ``(2, W + 2)`` int16 to work with.
        scale: factor on the gradient.
        energies: ``(W,)`` float32, written to.
    """
    above, row, below = rows
    smooth, change = down[0], down[1]
    for x in range(len(smooth)):
        smooth[x] = int16(int16(above[x] + below[x]) + int16(int16(2) * row[x]))
        change[x] = int16(below[x] - above[x])
    for x in range(len(energies)):
        gx = scale * float32(int16(smooth[x + 2] - smooth[x]))
        ends = int16(change[x] + change[x + 2])
        gy = scale * float32(int16(ends + int16(int16(2) * change[x + 1])))
        energies[x] = gx * gx + gy * gy


write_energies = compiled(write_energies)


def write_opacity(energies: Any, own: Any, numbers: Any, sums: Any, opacity: Any) -> None:
    """Decide how opaque each pixel of a row is, see `live_edges.pipeline.peaking.opacity`.

    Args:
        energies: ``(2, 3, W + 2)`` float32, fine and coarse, of three rows.
        own: ``(W,)`` float32, the fine ones of the pixels themselves.
        numbers: what they are compared with.
        sums: ``(2, W + 2)`` float32 to work with.
        opacity: ``(W,)`` uint8, written to.
    """
    fine_noise, coarse_noise, least = numbers[0], numbers[1], numbers[2]
    gate, slope = numbers[3], numbers[4]
    for plane in range(2):
        above, row, below = energies[plane, 0], energies[plane, 1], energies[plane, 2]
        for x in range(len(row)):
            sums[plane, x] = above[x] + row[x] + below[x]
    for x in range(len(opacity)):
        fine = sums[0, x] + sums[0, x + 1] + sums[0, x + 2]
        coarse = sums[1, x] + sums[1, x + 1] + sums[1, x + 2]
        inverse = float32(1) / max(coarse - coarse_noise, float32(1))
        is_sharp = ((fine - fine_noise) * inverse - least) * slope + float32(0.5)
        is_strong = coarse * gate - float32(0.5)
        is_ridge = (float32(9) * own[x] - fine) * inverse + float32(0.5)
        share = min(max(min(is_sharp, is_strong, is_ridge), float32(0)), float32(1))
        opacity[x] = uint8(int32(np.rint(float32(255) * share)))


write_opacity = compiled(write_opacity)


def peaking() -> Loop:
    """Make the loop that marks what is in focus, see `live_edges.pipeline.peaking`."""

    def paint(image: Any, first: int, last: int, color: Any, numbers: Any, painted: Any) -> None:
        width = painted.shape[1] // 3
        ring = np.empty((10, 1, width + 8), np.int16)
        blurred = np.empty((3, width + 4), np.int16)
        across, down = np.empty(width + 8, np.uint16), np.empty((2, width + 4), np.int16)
        energies = np.empty((2, 3, width + 2), np.float32)
        sums, opacity = np.empty((2, width + 2), np.float32), np.empty(width, np.uint8)
        for y in range(first - 4, last + 4):
            window = rows_around(ring, image, y, 3, 4)
            if y < first:
                continue
            blur_row(window, across, blurred[y % 3])
            if y < first + 2:
                continue
            sharp = window[0, 0][2:-2], window[1, 0][2:-2], window[2, 0][2:-2]
            write_energies(sharp, down, float32(1), energies[0, y % 3])
            soft = blurred[(y - 2) % 3], blurred[(y - 1) % 3], blurred[y % 3]
            write_energies(soft, down, float32(1 / 16), energies[1, y % 3])
            if y < first + 4:
                continue
            own = energies[0, (y - 1) % 3][1:-1]
            write_opacity(energies, own, numbers, sums, opacity)
            blend_row(image[y - 4], opacity, color, painted[y - 4])

    return compiled(paint)
