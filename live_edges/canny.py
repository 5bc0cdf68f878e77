"""Canny's edge detector: one-pixel lines, the one filter here that is not linear."""

import torch
import torch.nn.functional as F
from torch import Tensor

from live_edges.functional import correlate, pad_replicate

DEFAULT_HIGH = 0.1  # a tenth of a unit step starts a line ...
LOW_OVER_HIGH = 0.4  # ... and less than half of that continues it (Canny advises 1:2 to 1:3)
TAN_22_5 = 2**0.5 - 1


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
    gradient = correlate(pad_replicate(x, weight.shape[-1]), weight)
    return lines_along(gradient, high).to(x.dtype)


def lines_along(gradient: Tensor, high: float) -> Tensor:
    """Find the lines in a gradient: ``(N, 2, H, W)`` to ``(N, 1, H, W)`` bool; see `canny`."""
    thin = suppress_non_maxima(gradient)
    return hysteresis(thin >= high, thin >= LOW_OVER_HIGH * high)


def suppress_non_maxima(gradient: Tensor) -> Tensor:
    """Keep the magnitude only on the crest of an edge: not below either neighbour across it.

    Args:
        gradient: ``(N, 2, H, W)``, horizontal and vertical derivative.

    Returns:
        ``(N, 1, H, W)`` magnitude on crests, 0 elsewhere. Of two equal neighbours the second
        stays, so that a symmetric step gives one line and not two.
    """
    gx, gy = gradient[:, 0:1], gradient[:, 1:2]
    strength = torch.hypot(gx, gy)
    around = F.pad(strength, (1, 1, 1, 1))
    height, width = strength.shape[-2:]

    def neighbour(down: int, right: int) -> Tensor:
        return around[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]

    is_crest = torch.zeros_like(strength, dtype=torch.bool)
    across = gy.abs() <= TAN_22_5 * gx.abs()
    along = gx.abs() < TAN_22_5 * gy.abs()
    falling = (gx * gy > 0) & ~across & ~along
    rising = ~across & ~along & ~falling
    for sector, (down, right) in (
        (across, (0, 1)),
        (along, (1, 0)),
        (falling, (1, 1)),
        (rising, (1, -1)),
    ):
        crest = (strength > neighbour(down, right)) & (strength >= neighbour(-down, -right))
        is_crest |= sector & crest
    return torch.where(is_crest, strength, torch.zeros_like(strength))


def hysteresis(strong: Tensor, weak: Tensor) -> Tensor:
    """Keep the weak pixels that hang together with a strong one, diagonals included.

    Args:
        strong: ``(N, 1, H, W)`` bool, where lines start.
        weak: same shape, where lines may go on; holds ``strong``.

    Returns:
        Same shape, bool.
    """
    nodes = weak.flatten().nonzero()[:, 0]
    component = connected_components(nodes, weak)
    reached = torch.zeros_like(nodes, dtype=torch.bool)
    reached[component[strong.flatten()[nodes]]] = True
    line = torch.zeros_like(weak)
    line.view(-1)[nodes] = reached[component]
    return line


def connected_components(nodes: Tensor, mask: Tensor) -> Tensor:
    """Number the 8-connected components of a mask, working on its set pixels alone.

    Args:
        nodes: ``(M,)`` flat positions of the set pixels.
        mask: ``(N, 1, H, W)`` bool.

    Returns:
        ``(M,)`` the smallest index into ``nodes`` in each one's component.

    Source:
        Shiloach & Vishkin, "An O(log n) Parallel Connectivity Algorithm", 1982: hook roots
        along links, then halve the paths to them, until nothing moves.
    """
    first, second = _links(nodes, mask)
    label = torch.arange(len(nodes), device=nodes.device)
    while True:
        low = torch.minimum(label[first], label[second])
        hooked = label.scatter_reduce(0, label[first], low, "amin")
        hooked = hooked.scatter_reduce(0, label[second], low, "amin")
        hooked = hooked[hooked]
        hooked = hooked[hooked]
        if torch.equal(hooked, label):
            return label
        label = hooked


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
