"""Canny's edge detector: one-pixel lines, the one filter here that is not linear."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from live_edges.filters.functional import pad_replicate
from live_edges.filters.fused import responses
from live_edges.filters.kernels import rank_factors
from live_edges.frame import Image

DEFAULT_HIGH = 0.1  # a tenth of a unit step starts a line ...
LOW_OVER_HIGH = 0.4  # ... and less than half of that continues it (Canny advises 1:2 to 1:3)
TAN_22_5 = 2**0.5 - 1
WEAK, STRONG = 1, 2
OPENCV_SCALE = 64  # steps in a gray level; the longest gradient, 255 levels, still fits 16 bits
PASSES = 4  # between two looks whether all is done: a GPU's host has to wait for each look


def canny(x: Tensor, weight: Tensor, *, high: float = DEFAULT_HIGH) -> Tensor:
    """Thin, connected edges: gradient, non-maximum suppression, double threshold, hysteresis.

    Args:
        x: ``(N, 1, H, W)`` float, intensities in [0, 1].
        weight: ``(2, 1, k, k)``, horizontal and vertical derivatives of a Gaussian, which smooth
            and differentiate in one pass.
        high: gradient magnitude that starts a line, 1 being an upright unit step; pixels above
            ``0.4 * high`` continue one.

    Returns:
        ``(N, 1, H, W)``, same dtype and device, 1 on lines and 0 elsewhere.

    Source:
        Canny, "A Computational Approach to Edge Detection", 1986.
    """
    weight = weight.to(dtype=x.dtype, device=x.device)
    strength, sector = gradient(
        pad_replicate(x, (weight.shape[-2] + 2, weight.shape[-1] + 2)), weight
    )
    start = torch.tensor(high, dtype=x.dtype, device=x.device)
    return hysteresis(crests(strength, sector, LOW_OVER_HIGH * start, start)).to(x.dtype)


def lines_by_opencv(padded: Image, kernels: NDArray[np.float32], high: float) -> Image:
    """Find the same lines by OpenCV, on a gradient in whole numbers: the fastest way on a CPU.

    Args:
        padded: ``(H + k + 1, W + k + 1)`` uint8, see `gradient`.
        kernels: ``(2, k, k)``, as for `canny`.
        high: gradient that starts a line, in gray levels.

    Returns:
        ``(H, W)`` uint8, 255 on lines and 0 elsewhere.
    """
    bank = OPENCV_SCALE * kernels[:, None].astype(np.float64)
    columns, rows = (part[:, 0] for part in rank_factors(bank))
    gx, gy = (
        cv2.sepFilter2D(padded, cv2.CV_16S, row, column)
        for column, row in zip(columns[:, 0], rows, strict=True)
    )
    # OpenCV asks for more than a limit, we for as much.
    low, high = (OPENCV_SCALE * limit - 0.5 for limit in (LOW_OVER_HIGH * high, high))
    lines = cv2.Canny(gx, gy, low, high, L2gradient=True)
    around = kernels.shape[-1] // 2 + 1
    return np.asarray(lines[around:-around, around:-around], np.uint8)


def gradient(padded: Tensor, *taps: Tensor) -> tuple[Tensor, Tensor]:
    """Measure the gradient, one pixel further out than the picture on every side.

    Args:
        padded: ``(N, 1, H + k + 1, W + k + 1)``, see `live_edges.filters.functional.pad_replicate`.
        taps: of two kernels, horizontal and vertical derivative, see `live_edges.filters.fused`.

    Returns:
        Its squared length, ``(N, 1, H + 2, W + 2)`` float, and to which neighbour it points, uint8
        of the same shape: 0 across, 1 down, 2 down to the right, 3 down to the left.
    """
    gx, gy = responses(padded, *taps)
    across, down = gx.abs(), gy.abs()
    slanted = torch.where(gx * gy > 0, 2.0, 3.0)
    steep = torch.where(across < TAN_22_5 * down, 1.0, slanted)
    sector = torch.where(down <= TAN_22_5 * across, 0.0, steep)
    return gx * gx + gy * gy, sector.to(torch.uint8)


def crests(strength: Tensor, sector: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Thin to the crest of an edge: what is not below either neighbour across it.

    Args:
        strength: squared length of the gradient, ``(N, 1, H + 2, W + 2)``.
        sector: its direction; both as `gradient` returns them.
        low: length of the gradient that continues a line.
        high: length that starts one; both scalars.

    Returns:
        ``(N, 1, H, W)`` uint8: 0 no crest, `WEAK` may continue a line, `STRONG` starts one. Of two
        equal neighbours the first stays, as in OpenCV: a symmetric step gives one line, not two.
    """
    height, width = strength.shape[-2] - 2, strength.shape[-1] - 2

    def at(plane: Tensor, down: int, right: int) -> Tensor:
        return plane[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]

    def neighbour(side: int) -> Tensor:
        slanted = torch.where(points == 2, at(strength, side, side), at(strength, side, -side))
        steep = torch.where(points == 1, at(strength, side, 0), slanted)
        return torch.where(points == 0, at(strength, 0, side), steep)

    # Compilers are good at numbers of one kind: a float is compared 20 times as fast as a byte.
    here, points = at(strength, 0, 0), at(sector, 0, 0).to(strength.dtype)
    is_crest = (here >= neighbour(1)) & (here > neighbour(-1))
    kind = torch.where(here >= high * high, float(STRONG), float(WEAK))
    return torch.where(is_crest & (here >= low * low), kind, 0.0).to(torch.uint8)


def hysteresis(crests: Tensor) -> Tensor:
    """Keep the weak pixels that hang together with a strong one, diagonals included.

    Args:
        crests: ``(N, 1, H, W)`` uint8, as `crests` returns them.

    Returns:
        Same shape, bool.
    """
    pixels = crests.flatten()
    nodes = pixels.nonzero()[:, 0]
    component = connected_components(nodes, crests)
    is_line = torch.zeros_like(nodes, dtype=torch.bool)
    is_line[component[pixels[nodes] == STRONG]] = True
    line = torch.zeros_like(pixels, dtype=torch.bool)
    line[nodes] = is_line[component]
    return line.view(crests.shape)


def connected_components(nodes: Tensor, mask: Tensor) -> Tensor:
    """Number the 8-connected components of a mask, working on its set pixels alone.

    Args:
        nodes: ``(M,)`` flat positions of the set pixels.
        mask: ``(N, 1, H, W)``, not 0 where it is set.

    Returns:
        ``(M,)`` the smallest index into ``nodes`` in each one's component.

    Source:
        Shiloach & Vishkin, "An O(log n) Parallel Connectivity Algorithm", 1982: hook roots
        along links, then halve the paths to them, until nothing moves.
    """
    first, second = _links(nodes, mask)
    label = torch.arange(len(nodes), device=nodes.device)
    while True:
        before = label
        for _ in range(PASSES):
            low = torch.minimum(label[first], label[second])
            label = label.scatter_reduce(0, label[first], low, "amin")
            label = label.scatter_reduce(0, label[second], low, "amin")
            label = label[label]
            label = label[label]
        if torch.equal(label, before):
            return label


def _links(nodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of neighbouring set pixels, each pair once, as indices into ``nodes``."""
    height, width = mask.shape[-2:]
    index = torch.full((mask.numel() + width + 1,), -1, device=mask.device)
    index[nodes] = torch.arange(len(nodes), device=mask.device)
    column, row = nodes % width, nodes // width % height
    pairs = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        is_inside = (column + right >= 0) & (column + right < width) & (row + down < height)
        first = is_inside.nonzero()[:, 0]
        second = index[nodes[first] + down * width + right]
        linked = second >= 0
        pairs.append((first[linked], second[linked]))
    return torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
