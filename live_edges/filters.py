"""Filters as torch modules: a catalog entry with its kernels in buffers, ready for any device."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from live_edges import canny, fused, opencv_filters
from live_edges import functional as F
from live_edges.catalog import Entry
from live_edges.compiling import Job
from live_edges.kernels import separate
from live_edges.opencv_filters import CANNY_SCALE, OpenCVBank

ROUNDING = 1e-5  # of a sum of taps that should be 0; of white it would show nothing

Function = Callable[..., Any]
Run = Callable[[Job], Any]  # the plain way, say, or a `live_edges.compiling.Compiler`


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels.

    Args:
        bank: ``(out, in, h, w)`` float.

    Attributes:
        weight: the bank.
        function: does most of the work of `edges`.
        outlook: how many pixels more than h and w an edge image needs to see, in both directions.
        is_balanced: whether only differences of brightness count, in proportion.
    """

    function: Function = staticmethod(fused.edge_picture)
    outlook = 0
    is_linear = True
    opencv_scale = 1
    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)
        exact = bank.double().numpy()
        self.is_balanced = self.is_linear and bool(abs(exact.sum((1, 2, 3))).max() < ROUNDING)
        self._opencv = OpenCVBank(exact * self.opencv_scale)
        factors = separate(exact)
        parts = [bank] if factors is None else [torch.from_numpy(part).to(bank) for part in factors]
        self._taps = [f"taps{number}" for number in range(len(parts))]
        for name, part in zip(self._taps, parts, strict=True):
            self.register_buffer(name, part.contiguous(), persistent=False)

    @property
    def taps(self) -> tuple[Tensor, ...]:
        """The bank as `live_edges.fused` reads it, in the form that is cheaper."""
        return tuple(self.get_buffer(name) for name in self._taps)

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of pixels that one pixel of the edge image depends on."""
        rows, columns = self.weight.shape[-2:]
        return rows + self.outlook, columns + self.outlook

    @property
    def reads_luma(self) -> bool:
        """Whether the bank looks at brightness alone, and not at colours."""
        return int(self.weight.shape[1]) == 1

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """Make the edge image of gray levels, on any device.

        Args:
            run: computes what is to be done to the pixels.
            padded: ``(N, in, H + rows - 1, W + columns - 1)`` uint8, of the `window`.
            gain: scalar.
            threshold: scalar; both as in `live_edges.functional.to_gray_levels`.

        Returns:
            ``(N, 1, H, W)`` uint8.
        """
        edges: Tensor = run(Job(self.function, (padded, gain, threshold), self.taps))
        return edges

    def edges_on_cpu(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As `edges`, of one picture on the CPU, by OpenCV until the function is compiled."""
        pictures = (padded, gain, threshold)
        edges: Tensor = run(Job(self.function, pictures, self.taps, self._edges_by_opencv))
        return edges

    def _edges_by_opencv(self, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        planes = padded[0].numpy()
        edges = opencv_filters.edge_picture(self._opencv, planes, float(gain), float(threshold))
        return torch.from_numpy(edges)[None, None]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step."""
        return F.edge_strength(x, self.weight)


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    function: Function = staticmethod(canny.gradient)
    is_linear = False
    outlook = 2  # the neighbours that a crest is held against
    opencv_scale = CANNY_SCALE

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As for a linear filter; ``threshold`` is the gradient that starts a line."""
        high = 255 * torch.where(threshold > 0, threshold, canny.DEFAULT_HIGH)
        strength, sector = run(Job(canny.gradient, (padded,), self.taps))
        found = run(Job(canny.crests, (strength, sector, canny.LOW_OVER_HIGH * high, high)))
        level = F.to_gray_levels(torch.ones_like(gain), gain, 0.0)
        return canny.hysteresis(found) * level

    def edges_on_cpu(self, _run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As `edges`, by OpenCV alone: nothing is left for a compiler."""
        high = 255 * (float(threshold) or canny.DEFAULT_HIGH)
        planes = padded[0].numpy()
        lines = opencv_filters.canny(self._opencv, planes, canny.LOW_OVER_HIGH * high, high)
        level = np.uint8(min(round(255 * float(gain)), 255))
        return torch.from_numpy(lines & level)[None, None]

    def forward(self, x: Tensor, high: float = canny.DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny.canny(x, self.weight, high=high)


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
