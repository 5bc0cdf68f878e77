"""The loops that paint views and smooth pictures, row by row; Numba makes machine code of them.

As in `live_edges.pipeline.cpu_loops`, each does the rows from ``first`` to ``last`` of a picture
that comes as rows of bytes, ``(H, 3 W)``, and writes to ``painted``, which is alike.
"""

from typing import Any

import numpy as np
from numba import float32, int32, uint8, uint16

from live_edges.pipeline.cpu_loops import Loop, compiled
from live_edges.pipeline.maps import DARK, NEARLY
from live_edges.pipeline.neon import DARKEST, SATURATION
from live_edges.pipeline.orientation import FLAT
from live_edges.pipeline.smoothing import FINE, SPAN


def blend_row(row: Any, opacity: Any, color: Any, painted: Any) -> None:
    """Paint over one row of the picture."""
    for x in range(len(opacity)):
        share = uint16(opacity[x])
        for channel in range(3):
            under = uint16(uint16(row[3 * x + channel]) * uint16(uint16(255) - share))
            mixed = uint16(uint16(under + uint16(uint16(color[channel]) * share)) + uint16(128))
            painted[3 * x + channel] = uint8(uint16(mixed + (mixed >> uint16(8))) >> uint16(8))


blend_row = compiled(blend_row)


def overlay() -> Loop:
    """Make the loop that paints edges over a picture, see `live_edges.pipeline.views.overlay`."""

    def paint(image: Any, first: int, last: int, edges: Any, color: Any, painted: Any) -> None:
        for y in range(first, last):
            blend_row(image[y], edges[y], color, painted[y])

    return compiled(paint)


def mask_row(row: Any, opacity: Any, painted: Any) -> None:
    """Dim one row of the picture."""
    for x in range(len(opacity)):
        share = uint16(opacity[x])
        for channel in range(3):
            level = uint16(uint16(uint16(row[3 * x + channel]) * share) + uint16(128))
            painted[3 * x + channel] = uint8(uint16(level + (level >> uint16(8))) >> uint16(8))


mask_row = compiled(mask_row)


def mask() -> Loop:
    """Make the loop that dims a picture where it has no edges."""

    def paint(image: Any, first: int, last: int, edges: Any, painted: Any) -> None:
        for y in range(first, last):
            mask_row(image[y], edges[y], painted[y])

    return compiled(paint)


def within(level: Any, most: Any) -> Any:
    """Cut off what is below 0 and above ``most``, and what is behind the point."""
    return uint8(int32(min(max(level, float32(0)), most)))


within = compiled(within, is_exact=False)


def orientation() -> Loop:
    """Make the loop that colours edges, see `live_edges.pipeline.orientation.hued`."""

    def paint(
        _: Any, first: int, last: int, responses: Any, edges: Any, weights: Any, painted: Any
    ) -> None:
        blue, green, red = weights[0], weights[1], weights[2]
        for y in range(first, last):
            row, at = painted[y], y % responses.shape[1]
            for x in range(edges.shape[1]):
                one, two = responses[0, at, x], responses[1, at, x]
                strength = float32(edges[y, x])
                share = strength * (float32(1) / np.sqrt(one * one + two * two + FLAT))
                half = float32(0.5) * strength + float32(0.5)
                # Written out one by one, because a loop over them takes a sixth longer.
                row[3 * x] = within(half + share * (one * blue[0] + two * blue[1]), strength)
                row[3 * x + 1] = within(half + share * (one * green[0] + two * green[1]), strength)
                row[3 * x + 2] = within(half + share * (one * red[0] + two * red[1]), strength)

    return compiled(paint, is_exact=False)


def neon() -> Loop:
    """Make the loop that lets edges glow, see `live_edges.pipeline.neon.glowing`."""
    saturation, less = float32(SATURATION), float32(1 - SATURATION)

    def paint(
        image: Any, first: int, last: int, edges: Any, halo: Any, at: Any, painted: Any
    ) -> None:
        for y in range(first, last):
            row, bright = image[y], painted[y]
            for x in range(edges.shape[1]):
                strength = float32(edges[y, x])
                brightest = max(row[3 * x], row[3 * x + 1], row[3 * x + 2])
                factor = strength * saturation / max(float32(brightest), float32(DARKEST))
                for channel in range(3):
                    color = float32(row[3 * x + channel]) * factor + strength * less
                    bright[3 * x + channel] = uint8(int32(max(color, float32(0))))
            above = int(at[y])
            upper, lower = halo[above], halo[min(above + 1, len(halo) - 1)]
            share = float32(at[y] - float32(above))
            for i in range(len(bright)):
                glow = upper[i] + (lower[i] - upper[i]) * share
                left = float32(1) - glow * float32(1 / 255)
                bright[i] = uint8(int32(glow + float32(bright[i]) * left + float32(0.5)))

    return compiled(paint)


def widest(responses: Any, tile: int, row: int, high: Any, low: Any) -> None:
    """Let ``high`` and ``low`` hold the row of a response, or of the squared length, as well."""
    if tile < len(responses):
        response = responses[tile, row]
        for x in range(len(high)):
            high[x] = response[x] if response[x] > high[x] else high[x]
            low[x] = response[x] if response[x] < low[x] else low[x]
        return
    square = np.zeros(len(high), np.float32)
    for kernel in range(len(responses)):
        response = responses[kernel, row]
        for x in range(len(high)):
            square[x] += response[x] * response[x]
    for x in range(len(high)):
        high[x] = square[x] if square[x] > high[x] else high[x]


widest = compiled(widest, is_exact=False)


def narrowed(high: Any, low: Any, side: int, strongest: Any) -> None:
    """Take what is furthest from 0 of each ``side`` pixels; written twice, for 2 is fast."""
    if side == 2:
        for x in range(len(strongest)):
            most = max(high[2 * x], high[2 * x + 1])
            least = min(low[2 * x], low[2 * x + 1])
            strongest[x] = most if most * NEARLY >= -least else least
        return
    for x in range(len(strongest)):
        most, least = high[side * x], low[side * x]
        for i in range(side * x + 1, side * x + side):
            most, least = max(most, high[i]), min(least, low[i])
        strongest[x] = most if most * NEARLY >= -least else least


narrowed = compiled(narrowed, is_exact=False)


def maps() -> Loop:
    """Make the loop that tiles responses, see `live_edges.pipeline.maps.tiled`."""

    def paint(
        image: Any,
        first: int,
        last: int,
        responses: Any,
        sheet: Any,
        gains: Any,
        fades: Any,
        painted: Any,
    ) -> None:
        out, side, before, gain = len(responses), int(sheet[0]), int(sheet[1]), gains[0]
        height, width = len(image) // side, responses.shape[2] // side
        below = fades[0, 0], fades[0, 1], fades[0, 2]
        above = fades[1, 0], fades[1, 1], fades[1, 2]
        high = np.empty(responses.shape[2], np.float32)
        low = np.empty(responses.shape[2], np.float32)
        strongest = np.empty(width, np.float32)
        for y in range(first, last):
            painted[y] = uint8(DARK)
            top = y % height * side
            for column in range(side):
                tile = y // height * side + column - before
                if tile < 0 or tile > out or y >= side * height:
                    continue
                high[:] = float32(0)
                low[:] = float32(0)
                for row in range(top, top + side):
                    widest(responses, tile, row, high, low)
                narrowed(high, low, side, strongest)
                pixels = painted[y, 3 * column * width : 3 * (column + 1) * width]
                if tile < out:
                    for x in range(width):
                        level = min(max(strongest[x] * gain, float32(-255)), float32(255))
                        for channel in range(3):
                            fade = below[channel] if level < float32(0) else above[channel]
                            pixels[3 * x + channel] = uint8(int32(float32(255.5) - level * fade))
                else:
                    for x in range(width):
                        level = min(np.sqrt(strongest[x]) * gain, float32(255))
                        for channel in range(3):
                            pixels[3 * x + channel] = uint8(int32(level))

    return compiled(paint, is_exact=False)


def smooth() -> Loop:
    """Make the loop that averages over time, see `live_edges.pipeline.smoothing.smooth`."""
    half = SPAN // 2

    def average(image: Any, first: int, last: int, limits: Any, state: Any, painted: Any) -> None:
        rest, low, slope = limits[0], limits[1], limits[2]
        low_mean, slope_mean = limits[3], limits[4]
        width = image.shape[1]
        changes = np.empty(width + SPAN - 1, np.float32)
        for y in range(first, last):
            for x in range(width):
                changes[x + half] = float32(int32(image[y, x]) * int32(FINE) - int32(state[y, x]))
            changes[:half] = changes[half]
            changes[half + width :] = changes[half + width - 1]
            for x in range(width):
                mean = float32(0)
                for i in range(SPAN):
                    mean += changes[x + i]
                mean *= float32(1 / SPAN)
                change = changes[x + half]
                share = max((abs(change) - low) * slope, (abs(mean) - low_mean) * slope_mean)
                share = min(max(share, rest), float32(1))
                value = int32(np.rint(float32(state[y, x]) + change * share))
                state[y, x] = uint16(value)
                painted[y, x] = uint8((value + int32(FINE // 2)) // int32(FINE))

    return compiled(average)
