"""The loop that thins lines, see `live_edges.filters.thinning.thin`; Numba compiles it."""

from typing import Any

import numpy as np
from numba import int16, int32, uint8

from live_edges.filters.thinning import HALFWAY, MARGIN, MIDDLE, QUARTERS, REACH
from live_edges.pipeline.cpu_loops import Loop, compiled

SEEN = 2 * REACH + 1  # rows of heights that one row of ridges depends on


def heights_of_row(edges: Any, y: int, down: Any, heights: Any) -> None:
    """Blur row ``y``, which may lie outside, and `REACH` pixels beyond both of its ends.

    Args:
        edges: ``(H, W)`` uint8.
        y: which row.
        down: ``(W + 2 MARGIN,)`` int16, overwritten.
        heights: ``(W + 2 REACH,)`` int16, written to.
    """
    last, width = len(edges) - 1, edges.shape[1]
    a, b = edges[min(max(y - 2, 0), last)], edges[min(max(y - 1, 0), last)]
    row = edges[min(max(y, 0), last)]
    d, e = edges[min(max(y + 1, 0), last)], edges[min(max(y + 2, 0), last)]
    for x in range(width):
        near = int16(int16(b[x]) + int16(d[x]))
        down[x + MARGIN] = int16(
            int16(int16(a[x]) + int16(e[x])) + int16(int16(2) * near + int16(3) * int16(row[x]))
        )
    down[:MARGIN] = down[MARGIN]
    down[MARGIN + width :] = down[MARGIN + width - 1]
    for x in range(len(heights)):
        near = int16(down[x + 1] + down[x + 3])
        far = int16(down[x] + down[x + 4])
        heights[x] = int16(far + int16(int16(2) * near + int16(3) * down[x + 2]))
    middle = int16(MIDDLE)
    for x in range(width):
        heights[x + REACH] = int16(heights[x + REACH] + middle * int16(row[x]))
    for x in range(REACH):
        heights[x] = int16(heights[x] + middle * int16(row[0]))
        heights[REACH + width + x] = int16(
            heights[REACH + width + x] + middle * int16(row[width - 1])
        )


heights_of_row = compiled(heights_of_row)


def ridges_of_row(row: Any, heights: Any, ridges: Any) -> None:
    """Copy a row where it has ridges, and write 0 elsewhere.

    Args:
        row: ``(W,)`` uint8.
        heights: ``(SEEN, W + 2 REACH)`` int16, of the rows around it.
        ridges: ``(W,)`` uint8, written to.
    """
    (s1, l1), (s2, l2), (s3, l3), (s4, l4) = HALFWAY
    far_above, above, same, below, far_below = (
        heights[0], heights[1], heights[2], heights[3], heights[4],
    )  # fmt: skip
    for x in range(len(row)):
        i = x + REACH
        up_left, up, up_right = int32(above[i - 1]), int32(above[i]), int32(above[i + 1])
        left, here, right = int32(same[i - 1]), int32(same[i]), int32(same[i + 1])
        down_left, down, down_right = int32(below[i - 1]), int32(below[i]), int32(below[i + 1])
        across = int32(same[i - 2]) + int32(same[i + 2])
        along = int32(far_above[i]) + int32(far_below[i])
        bend = across - along
        twist = int32(2) * (down_right + up_left - up_right - down_left)
        a, b = abs(int32(bend)), abs(int32(twist))
        slope = int32(int32(l1) * b > int32(s1) * a) + int32(int32(l2) * b > int32(s2) * a)
        slope += int32(int32(l3) * b > int32(s3) * a) + int32(int32(l4) * b > int32(s4) * a)
        is_falling = (twist <= 0) | (slope == 0)
        beyond = right if is_falling else left
        before = left if is_falling else right
        beyond = beyond if bend <= 0 else down
        before = before if bend <= 0 else up
        slanted_beyond = down_right if is_falling else down_left
        slanted_before = up_left if is_falling else up_right
        rest = int32(QUARTERS) - slope
        high = int32(QUARTERS) * here
        is_ridge = (high > across + along) & (high >= slope * slanted_beyond + rest * beyond)
        is_ridge &= high > slope * slanted_before + rest * before
        ridges[x] = row[x] if is_ridge else uint8(0)


ridges_of_row = compiled(ridges_of_row)


def thin() -> Loop:
    """Make the loop for rows of an edge image, ``(H, W)`` uint8."""

    def find(edges: Any, first: int, last: int, ridges: Any) -> None:
        width = edges.shape[1]
        down = np.empty(width + 2 * MARGIN, np.int16)
        ring = np.empty((2 * SEEN, width + 2 * REACH), np.int16)  # as in `rows_around`
        for y in range(first - REACH, last + REACH):
            slot = (y + SEEN) % SEEN
            heights_of_row(edges, y, down, ring[slot])
            ring[slot + SEEN] = ring[slot]
            if y >= first + REACH:
                at = y - REACH
                ridges_of_row(edges[at], ring[slot + 1 : slot + 1 + SEEN], ridges[at])

    return compiled(find)
