"""Filters as torch modules: a catalog entry with its kernels in a buffer, ready for any device."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from live_edges import functional as F
from live_edges.canny import DEFAULT_HIGH, canny, lines_along
from live_edges.catalog import Entry

# padded uint8 planes, weight, gain and threshold in; the (N, 1, H, W) uint8 edge image out
Picture = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels."""

    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step."""
        return F.edge_strength(x, self.weight)

    @property
    def picture(self) -> Picture:
        """What makes the edge image, see `live_edges.functional.edge_picture`."""
        return F.edge_picture


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    def forward(self, x: Tensor, high: float = DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny(x, self.weight, high=high)

    @property
    def picture(self) -> Picture:
        """As for every filter, but ``threshold`` is the gradient that starts a line, 0: default."""
        return _canny_picture


def _canny_picture(padded: Tensor, weight: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
    gradient = F.correlate(padded.to(weight.dtype), weight)
    lines = lines_along(gradient, 255 * (float(threshold) or DEFAULT_HIGH))
    return F.to_gray_levels(lines.to(weight.dtype), gain, 0.0)


def make_filter(entry: Entry, *, sigma: float = 1.0) -> LinearFilter:
    """Build a filter from its catalog entry.

    Args:
        entry: one of `live_edges.catalog.catalog`.
        sigma: blur radius in pixels, for the filters that have one.

    Raises:
        WeightsError: the entry's weights file can not be used.
        ValueError: ``sigma`` lies outside 0.3 to 5 pixels.
    """
    bank = torch.from_numpy(entry.bank(sigma)).float()
    return CannyFilter(bank) if entry.rule == "canny" else LinearFilter(bank)
