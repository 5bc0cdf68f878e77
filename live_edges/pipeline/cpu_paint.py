"""The loops that paint views, row by row; Numba makes machine code of them.

As in `live_edges.pipeline.cpu`, each does the rows from ``first`` to ``last`` of a picture that
comes as rows of bytes, ``(H, 3 W)``, and writes to ``painted``, which is alike.
"""

from typing import Any

from numba import int32, uint8

from live_edges.pipeline.cpu import Loop, compiled


def overlay() -> Loop:
    """Make the loop that paints edges over a picture, see `live_edges.pipeline.views.overlay`."""

    def paint(image: Any, first: int, last: int, edges: Any, color: Any, painted: Any) -> None:
        for y in range(first, last):
            row = image[y]
            for x in range(edges.shape[1]):
                opacity = int32(edges[y, x])
                for channel in range(3):
                    under = int32(row[3 * x + channel]) * (int32(255) - opacity)
                    over = int32(color[channel]) * opacity
                    painted[y, 3 * x + channel] = uint8((under + over + int32(127)) // int32(255))

    return compiled(paint)
