"""Filters as torch modules: a catalog entry with its kernels in buffers, ready for any device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from live_edges.filters import canny, fused
from live_edges.filters import functional as F
from live_edges.filters.catalog import Entry
from live_edges.filters.kernels import separate_if_cheaper

ROUNDING = 1e-5  # of a sum of taps that should be 0; of white it would show nothing

Function = Callable[..., Any]  # pure, of tensors, at the top level of a module
Detail = Literal["fine", "fast"]
Key = tuple[str, tuple[tuple[int, ...], ...]]  # name of the function and shapes of the taps
Plain = Callable[..., Any]  # of the pictures alone


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be computed: ``function(*pictures, *taps)``.

    Attributes:
        function: pure, of tensors, at the top level of a module.
        pictures: may have any size; what changes from frame to frame, scalars as well.
        taps: decide by their shapes, and with the function, which compiled form serves.
        definition: makes the same of the pictures; None where that is the function itself.
    """

    function: Function
    pictures: Sequence[Tensor]
    taps: Sequence[Tensor] = ()
    definition: Plain | None = None

    @property
    def key(self) -> Key:
        """What is compiled once."""
        return self.function.__name__, tuple(tuple(each.shape) for each in self.taps)

    def plainly(self) -> Any:
        """Compute it as it is defined."""
        return self.definition(*self.pictures) if self.definition else self.by(self.function)

    def by(self, function: Function) -> Any:
        """Compute it by the function or its compiled form."""
        return function(*self.pictures, *self.taps)


Run = Callable[[Job], Any]  # as it is defined, say, or in a compiled form


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels.

    Args:
        bank: ``(out, in, h, w)`` float.

    Attributes:
        weight: the bank.
        function: does most of the work of `edges`.
        margin: how many pixels more than h and w an edge image needs to see, in both directions.
        problem: what is wrong with the filter at the moment; empty if nothing is.
        is_balanced: whether only differences of brightness count, in proportion.
    """

    function: Function = staticmethod(fused.edge_image)
    margin = 0
    is_linear = True
    is_net = False
    problem = ""
    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)
        exact = bank.double().numpy()
        self.is_balanced = self.is_linear and bool(abs(exact.sum((1, 2, 3))).max() < ROUNDING)
        parts = separate_if_cheaper(exact) or (exact,)
        self._taps = [f"taps{number}" for number in range(len(parts))]
        for name, part in zip(self._taps, parts, strict=True):
            self.register_buffer(name, torch.from_numpy(part).to(bank), persistent=False)

    @property
    def taps(self) -> tuple[Tensor, ...]:
        """The bank as `live_edges.filters.fused` reads it, in the form that is cheaper."""
        return tuple(self.get_buffer(name) for name in self._taps)

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of pixels that one pixel of the edge image depends on."""
        rows, columns = self.weight.shape[-2:]
        return rows + self.margin, columns + self.margin

    @property
    def reads_luma(self) -> bool:
        """Whether the bank looks at brightness alone, and not at colours."""
        return int(self.weight.shape[1]) == 1

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """Make the edge image of gray levels on any device.

        Args:
            run: computes what is to be done to the pixels.
            padded: ``(N, in, H + rows - 1, W + columns - 1)`` uint8, of the `window`.
            gain: scalar.
            threshold: scalar; both as in `live_edges.filters.functional.to_gray_levels`.

        Returns:
            ``(N, 1, H, W)`` uint8.
        """
        pictures = (padded, gain, threshold)
        edges: Tensor = run(Job(self.function, pictures, self.taps, self._by_definition))
        return edges

    def _by_definition(self, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        # In 32 bits cuDNN may round the taps to 11 (TF32), and flat areas would glow.
        weight = self.weight.double() if self.weight.is_cuda else self.weight
        return F.edge_image(padded.to(weight.dtype), weight, gain, threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step.

        On CUDA torch rounds float32 to 11 bits (TF32), so edges are right to 0.002 there, unless
        ``torch.backends.cudnn.allow_tf32`` is False; float64 is exact.
        """
        return F.edge_strength(x, self.weight)


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    function: Function = staticmethod(canny.gradient)
    is_linear = False
    margin = 2  # the neighbours that a crest is held against

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As for a linear filter; ``threshold`` is the gradient that starts a line."""
        high = 255 * torch.where(threshold > 0, threshold, canny.DEFAULT_HIGH)
        strength, sector = run(Job(self.function, (padded,), self.taps))
        found = run(Job(canny.crests, (strength, sector, canny.LOW_OVER_HIGH * high, high)))
        level = F.to_gray_levels(torch.ones_like(gain), gain, 0.0)
        return canny.hysteresis(found) * level

    def forward(self, x: Tensor, high: float = canny.DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny.canny(x, self.weight, high=high)


def make_filter(entry: Entry, *, sigma: float = 1.0, detail: Detail = "fine") -> LinearFilter:
    """Build a filter from its catalog entry.

    Args:
        entry: one of `live_edges.filters.catalog.catalog`.
        sigma: blur radius in pixels, for the filters that have one.
        detail: what a net looks at: the whole picture, or half of its size.

    Raises:
        WeightsError: the entry's weights file cannot be used.
        ValueError: ``sigma`` lies outside 0.3 to 5 pixels.
    """
    if entry.code:
        from live_edges.filters.own import OwnFilter

        return OwnFilter(entry.code)
    if net := entry.net:
        from live_edges.filters.boundary import BoundaryFilter
        from live_edges.filters.nets import load_net

        return BoundaryFilter(load_net(net), detail)
    bank = torch.from_numpy(entry.bank(sigma)).float()
    return CannyFilter(bank) if entry.rule == "canny" else LinearFilter(bank)
