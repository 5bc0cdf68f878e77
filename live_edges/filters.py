"""Filters as torch modules: a catalog entry with its kernels in buffers, ready for any device."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from live_edges import functional as F
from live_edges import fused
from live_edges.canny import DEFAULT_HIGH, canny, lines_along
from live_edges.catalog import Entry
from live_edges.kernels import separate

# padded uint8 planes, gain, threshold and taps in; (N, 1, H, W) uint8 out; see `live_edges.fused`
PixelFunction = Callable[..., Tensor]


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels.

    Args:
        bank: ``(out, in, k, k)`` float.

    Attributes:
        weight: the bank.
        pixels: makes the edge image, see `live_edges.fused.edge_picture`.
    """

    pixels: PixelFunction = staticmethod(fused.edge_picture)
    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)
        factors = separate(bank.double().numpy())
        parts = [bank] if factors is None else [torch.from_numpy(part).to(bank) for part in factors]
        self._taps = [f"taps{number}" for number in range(len(parts))]
        for name, part in zip(self._taps, parts, strict=True):
            self.register_buffer(name, part.contiguous(), persistent=False)

    @property
    def taps(self) -> tuple[Tensor, ...]:
        """The bank as `live_edges.fused` reads it, in the form that is cheaper."""
        return tuple(self.get_buffer(name) for name in self._taps)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step."""
        return F.edge_strength(x, self.weight)


def _canny_picture(padded: Tensor, gain: Tensor, threshold: Tensor, *taps: Tensor) -> Tensor:
    """As `live_edges.fused.edge_picture`; ``threshold`` is the gradient that starts a line."""
    gradient = torch.cat(fused.responses(padded, *taps), dim=1)
    lines = lines_along(gradient, 255 * (float(threshold) or DEFAULT_HIGH))
    return F.to_gray_levels(lines.to(gradient.dtype), gain, 0.0)


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    pixels: PixelFunction = staticmethod(_canny_picture)

    def forward(self, x: Tensor, high: float = DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny(x, self.weight, high=high)


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
