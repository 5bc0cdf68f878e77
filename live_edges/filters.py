"""Filters as torch modules: a catalog entry with its kernels in a buffer, ready for any device."""

import torch
from torch import Tensor, nn

from live_edges import functional as F
from live_edges.canny import DEFAULT_HIGH, canny
from live_edges.catalog import Entry


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels."""

    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step."""
        return F.edge_strength(x, self.weight)

    def picture(self, x: Tensor, *, gain: float, threshold: float) -> Tensor:
        """Map ``(N, in, H, W)`` uint8 to the ``(N, 1, H, W)`` uint8 edge image."""
        strength = self(x.to(self.weight.dtype) / 255)
        return F.to_gray_levels(strength, gain, threshold)


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    def forward(self, x: Tensor, high: float = DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny(x, self.weight, high=high)

    def picture(self, x: Tensor, *, gain: float, threshold: float) -> Tensor:
        """As for every filter; ``threshold`` is the gradient that starts a line, 0 the default."""
        lines = self(x.to(self.weight.dtype) / 255, threshold or DEFAULT_HIGH)
        return F.to_gray_levels(lines, gain, 0.0)


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
