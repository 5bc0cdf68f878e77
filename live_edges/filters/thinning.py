"""Thin lines: of an edge image only the ridges stay, each one pixel wide.

All of it is in whole numbers small enough for 32-bit floats, so every engine and device finds the
same pixels.
"""

from functools import reduce

import torch
from torch import Tensor

from live_edges.filters import functional as F

TRIANGLE = (1, 2, 3, 2, 1)
MIDDLE = 9  # more for the pixel itself, or two lines with one pixel between them would be one
REACH = 2  # pixels to either side whose heights tell how the ridge runs
MARGIN = REACH + len(TRIANGLE) // 2
# A slope is rounded to quarters. Where it is halfway, at 1/8, 3/8, 5/8 and 7/8, the tangent of
# twice the angle is 16/63, 48/55, 80/39 and 112/15.
HALFWAY = ((16, 63), (48, 55), (80, 39), (112, 15))
QUARTERS = len(HALFWAY)


def thin(edges: Tensor) -> Tensor:
    """Keep the ridges: pixels at least as high as both neighbours across the ridge.

    The height is the edge image blurred a little, so that a plateau up to five pixels wide has its
    ridge in the middle, and noise tears no holes. Neighbours lie where the line across the ridge
    leaves the pixels around, between two of them. Where the heights are hollow on the whole there
    is no ridge, which leaves out specks on the slopes. Of two that are equally high the upper one
    stays, beside each other the left one, so a mirrored picture may keep other pixels. What is
    outside is a repetition of the border: there is no frame, and no line along it within a pixel.

    Args:
        edges: ``(N, 1, H, W)`` uint8.

    Returns:
        Likewise: the ridges as they were, 0 elsewhere.

    Source:
        Dollar & Zitnick, "Fast Edge Detection Using Structured Forests", 2015: thinning by the
        curvature of the blurred map. Here one blur, of radius 2, does for ridge and direction.

    Example:
        >>> columns = torch.tensor([0, 0, 0, 9, 9, 0, 0, 0], dtype=torch.uint8)
        >>> thin(columns.expand(1, 1, 8, 8))[0, 0, 0]
        tensor([0, 0, 0, 9, 0, 0, 0, 0], dtype=torch.uint8)
    """
    height, width = edges.shape[-2:]
    heights = _heights(edges)

    def at(right: int, down: int) -> Tensor:
        return heights[
            ..., REACH + down : REACH + down + height, REACH + right : REACH + right + width
        ]

    here = at(0, 0)
    # The curvature across minus that down, and twice the mixed one: twice the angle of the ridge.
    across, down = at(-2, 0) + at(2, 0), at(0, -2) + at(0, 2)
    bend, is_bulging = across - down, 4 * here > across + down
    twist = 2 * (at(1, 1) + at(-1, -1) - at(1, -1) - at(-1, 1))
    slope = reduce(
        torch.add,
        ((long * twist.abs() > short * bend.abs()).to(here) for short, long in HALFWAY),
    )
    is_upright, is_falling = bend <= 0, (twist <= 0) | (slope == 0)

    def neighbour(side: int) -> Tensor:
        """What lies across the ridge, below (1) or above (-1), times `QUARTERS`."""
        beside = torch.where(is_falling, at(side, 0), at(-side, 0))
        straight = torch.where(is_upright, beside, at(0, side))
        slanted = torch.where(is_falling, at(side, side), at(-side, side))
        return slope * slanted + (QUARTERS - slope) * straight

    is_ridge = (QUARTERS * here >= neighbour(1)) & (QUARTERS * here > neighbour(-1))
    return torch.where(is_ridge & is_bulging, edges, torch.zeros_like(edges))


def _heights(edges: Tensor) -> Tensor:
    """Blur ``(N, 1, H, W)`` and a margin around it: ``(N, 1, H + 2 REACH, W + 2 REACH)``."""
    padded = F.pad_replicate(edges.float(), (2 * MARGIN + 1, 2 * MARGIN + 1))
    blurred = _slid(_slid(padded, 2), 3)
    blur = len(TRIANGLE) // 2
    return blurred + MIDDLE * padded[..., blur:-blur, blur:-blur]


def _slid(x: Tensor, dim: int) -> Tensor:
    size = x.shape[dim] - len(TRIANGLE) + 1
    return reduce(torch.add, (weight * x.narrow(dim, i, size) for i, weight in enumerate(TRIANGLE)))
