"""Filters as torch modules: a catalog entry with its kernels in buffers, ready for any device."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from live_edges.filters import canny, fused
from live_edges.filters import functional as F
from live_edges.filters.catalog import Entry
from live_edges.filters.kernels import Bank, separated, whole_numbers
from live_edges.frame import Image
from live_edges.pipeline.torch_compiling import Function, Job

ROUNDING = 1e-5  # of a sum of taps that should be 0; of white it would show nothing
MAX_GAIN = 1e6
TAPS_PER_SIGMA = 6  # of a Gaussian, and one in the middle
MAX_WHOLE_TAPS = 25  # in a kernel whose taps the compiler writes out one by one

# the plain way, say, or a `live_edges.pipeline.torch_compiling.TorchCompiler`
Run = Callable[[Job], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """How the CPU engine slides a bank.

    Attributes:
        name: which function of `live_edges.pipeline.cpu` makes the loop.
        constants: what it is made with, beside the number of channels.
        taps: arrays that the loop is run with.
        scale: factor on what the loop finds.
    """

    name: str
    constants: tuple[Any, ...]
    taps: tuple[NDArray[np.float32], ...] = ()
    scale: float = 1.0


def loop_for(bank: Bank) -> Loop:
    """Choose the loop that takes the fewest products, whole numbers before all others.

    Args:
        bank: ``(out, in, h, w)``.
    """
    out, planes, height, width = bank.shape
    if planes == 1 and height * width <= MAX_WHOLE_TAPS and (whole := whole_numbers(bank)):
        taps, scale = whole
        return Loop("whole_numbers", (_as_tuples(taps[:, 0]),), scale=scale)
    columns, rows, middle = separated(bank)
    rank = columns.shape[1]
    if rank * (planes * height + width) + planes < planes * height * width:
        slid = _lengthened(columns.reshape(-1, planes, height))
        along = _lengthened(rows.reshape(-1, width))
        constants = out, rank, planes, slid.shape[-1], along.shape[-1]
        return Loop("separable", constants, (slid, along, middle.astype(np.float32)))
    return Loop("general", bank.shape, (bank.astype(np.float32),))


def _as_tuples(taps: NDArray[np.int16]) -> tuple[Any, ...]:
    return tuple(tuple(map(tuple, kernel)) for kernel in taps.tolist())


def _lengthened(taps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Add zeros on both sides up to the length for the next whole sigma.

    So one compiled loop serves a range of sigmas.
    """
    length = taps.shape[-1]
    missing = -(length - 1) % TAPS_PER_SIGMA if length > TAPS_PER_SIGMA and length % 2 else 0
    sides = [(0, 0)] * (taps.ndim - 1) + [(missing // 2, missing // 2)]
    return np.pad(taps, sides).astype(np.float32)


class LinearFilter(nn.Module):
    """The strength of the responses to a bank of kernels.

    Args:
        bank: ``(out, in, h, w)`` float.

    Attributes:
        weight: the bank.
        loop: how the CPU engine slides it.
        function: does most of the work of `edges`.
        outlook: how many pixels more than h and w an edge image needs to see, in both directions.
        is_balanced: whether only differences of brightness count, in proportion.
    """

    function: Function = staticmethod(fused.edge_image)
    outlook = 0
    is_linear = True
    weight: Tensor

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", bank)
        exact = bank.double().numpy()
        self.is_balanced = self.is_linear and bool(abs(exact.sum((1, 2, 3))).max() < ROUNDING)
        self.loop = loop_for(exact)
        parts = separated(exact) if self.loop.name == "separable" else (exact,)
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
        return rows + self.outlook, columns + self.outlook

    @property
    def reads_luma(self) -> bool:
        """Whether the bank looks at brightness alone, and not at colours."""
        return int(self.weight.shape[1]) == 1

    def write_planes(self, image: Image, planes: Image) -> None:
        """Write what an edge image sees of a picture, the border pixels repeated outside it.

        Args:
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.
            planes: ``(in, H + rows - 1, W + columns - 1)`` uint8 for the `window`, written to:
                brightness, or red, green and blue.
        """
        above, left = (size // 2 for size in self.window)
        inner = planes[:, above : above + image.shape[0], left : left + image.shape[1]]
        if image.ndim == 2:
            inner[:] = image
        elif self.reads_luma:
            # By OpenCV: faster than torch on a CPU, and fewer bytes cross to a GPU.
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=inner[0])
        else:
            for plane, channel in zip(inner, (2, 1, 0), strict=True):
                cv2.extractChannel(image, channel, dst=plane)
        repeat_border(planes, self.window)

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
        """Map ``(N, in, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 at a unit step."""
        return F.edge_strength(x, self.weight)


def repeat_border(padded: Image, kernel_size: tuple[int, int]) -> None:
    """Repeat the outermost pixels of the picture inside ``padded``, in place.

    Args:
        padded: ``(planes, H + h - 1, W + w - 1)``, laid out as `functional.pad_replicate` does.
        kernel_size: h, w.
    """
    top, left = (size // 2 for size in kernel_size)
    bottom, right = (
        side - 1 - (size - 1) // 2 for side, size in zip(padded.shape[1:], kernel_size, strict=True)
    )
    padded[:, :top] = padded[:, top : top + 1]
    padded[:, bottom + 1 :] = padded[:, bottom : bottom + 1]
    padded[:, :, :left] = padded[:, :, left : left + 1]
    padded[:, :, right + 1 :] = padded[:, :, right : right + 1]


class CannyFilter(LinearFilter):
    """Canny's thin lines on the gradient that the bank of two kernels gives."""

    function: Function = staticmethod(canny.gradient)
    is_linear = False
    outlook = 2  # the neighbours that a crest is held against

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As for a linear filter; ``threshold`` is the gradient that starts a line."""
        high = 255 * torch.where(threshold > 0, threshold, canny.DEFAULT_HIGH)
        strength, sector = run(Job(self.function, (padded,), self.taps))
        found = run(Job(canny.crests, (strength, sector, canny.LOW_OVER_HIGH * high, high)))
        level = F.to_gray_levels(torch.ones_like(gain), gain, 0.0)
        return canny.hysteresis(found) * level

    def lines(self, padded: Image, gain: float, threshold: float) -> Image:
        """As `edges`, by OpenCV, of one picture ``(H + k + 1, W + k + 1)``; returns ``(H, W)``."""
        high = 255 * (threshold or canny.DEFAULT_HIGH)
        lines = canny.lines_by_opencv(padded, self.weight.numpy()[:, 0], high)
        return np.asarray(lines & np.uint8(min(round(255 * gain), 255)))

    def forward(self, x: Tensor, high: float = canny.DEFAULT_HIGH) -> Tensor:
        """Map ``(N, 1, H, W)`` float in [0, 1] to ``(N, 1, H, W)``, 1 on lines and 0 elsewhere."""
        return canny.canny(x, self.weight, high=high)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a call computes. It never changes, so a call ends with what it began with.

    Attributes:
        filter: finds the edges.
        entry: the filter in the catalog.
        sigma: its blur radius in pixels.
        gain: factor on the edge strength.
        threshold: what would be darker than this is black, 0 to 1.
    """

    filter: LinearFilter
    entry: Entry
    sigma: float
    gain: float
    threshold: float

    @property
    def factor(self) -> float:
        """The gain as far as 32-bit floats follow; beyond, the picture is the same."""
        return min(self.gain, MAX_GAIN)


def make_filter(entry: Entry, *, sigma: float = 1.0) -> LinearFilter:
    """Build a filter from its catalog entry.

    Args:
        entry: one of `live_edges.filters.catalog.catalog`.
        sigma: blur radius in pixels, for the filters that have one.

    Raises:
        WeightsError: the entry's weights file can not be used.
        ValueError: ``sigma`` lies outside 0.3 to 5 pixels.
    """
    bank = torch.from_numpy(entry.bank(sigma)).float()
    return CannyFilter(bank) if entry.rule == "canny" else LinearFilter(bank)
