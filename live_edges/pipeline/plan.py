"""The plan of a call: which filter, how strong, and by which loop a CPU computes it."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.filters.catalog import Entry
from live_edges.filters.filter import LinearFilter
from live_edges.filters.kernels import whole_numbers
from live_edges.frame import Image

MAX_GAIN = 1e6
TAPS_PER_SIGMA = 6  # of a Gaussian, and one in the middle
MAX_WHOLE_TAPS = 25  # in a kernel whose taps the compiler writes out one by one


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """How the CPU engine slides a bank.

    Attributes:
        name: which function of `live_edges.pipeline.cpu_loops` makes the loop.
        constants: what it is made with, beside the number of channels.
        taps: arrays that the loop is run with.
        scale: factor on what the loop finds.
    """

    name: str
    constants: tuple[Any, ...]
    taps: tuple[NDArray[np.float32], ...] = ()
    scale: float = 1.0


def loop_for(edge_filter: LinearFilter) -> Loop:
    """Choose the loop that takes the fewest products, whole numbers before all others."""
    bank = edge_filter.weight.double().numpy()
    out, planes, height, width = bank.shape
    if planes == 1 and height * width <= MAX_WHOLE_TAPS and (whole := whole_numbers(bank)):
        numbers, scale = whole
        return Loop("whole_numbers", (_as_tuples(numbers[:, 0]),), scale=scale)
    taps = tuple(part.numpy() for part in edge_filter.taps)
    if len(taps) == 3:
        columns, rows, middle = taps
        slid = _lengthened(columns.reshape(-1, planes, height))
        along = _lengthened(rows.reshape(-1, width))
        constants = out, columns.shape[1], planes, slid.shape[-1], along.shape[-1]
        return Loop("separable", constants, (slid, along, middle.astype(np.float32)))
    return Loop("general", bank.shape, (bank.astype(np.float32),))


def _as_tuples(taps: NDArray[np.int16]) -> tuple[Any, ...]:
    return tuple(tuple(map(tuple, kernel)) for kernel in taps.tolist())


def _lengthened(taps: NDArray[np.floating]) -> NDArray[np.float32]:
    """Add zeros on both sides up to the length for the next whole sigma.

    So one compiled loop serves a range of sigmas.
    """
    length = taps.shape[-1]
    missing = -(length - 1) % TAPS_PER_SIGMA if length > TAPS_PER_SIGMA and length % 2 else 0
    sides = [(0, 0)] * (taps.ndim - 1) + [(missing // 2, missing // 2)]
    return np.pad(taps, sides).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a call computes. It never changes, so a call ends with what it began with.

    Attributes:
        filter: finds the edges.
        entry: the filter in the catalog.
        sigma: its blur radius in pixels.
        gain: factor on the edge strength.
        threshold: what would be darker than this is black, 0 to 1.
        is_thin: True to keep only the ridges of the edges.
        loop: how the CPU engine slides the kernels of a linear filter.
    """

    filter: LinearFilter
    entry: Entry
    sigma: float
    gain: float
    threshold: float
    is_thin: bool
    loop: Loop

    @property
    def factor(self) -> float:
        """The gain as far as 32-bit floats follow; beyond, the picture is the same."""
        return min(self.gain, MAX_GAIN)

    @property
    def thins(self) -> bool:
        """Whether lines are to be thinned; Canny's are thin already, and stay as they are."""
        return self.is_thin and not self.entry.is_binary

    @property
    def thick(self) -> "Plan":
        """The same without what comes after thinning, and without that."""
        return replace(self, is_thin=False, threshold=0.0)

    def write_planes(self, image: Image, planes: Image) -> None:
        """Write what the filter sees of a picture, the border pixels repeated outside it.

        Args:
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.
            planes: ``(in, H + rows - 1, W + columns - 1)`` uint8 for the window of the filter,
                written to: brightness, or red, green and blue.
        """
        above, left = (size // 2 for size in self.filter.window)
        inner = planes[:, above : above + image.shape[0], left : left + image.shape[1]]
        if image.ndim == 2:
            inner[:] = image
        elif self.filter.reads_luma:
            # By OpenCV: faster than torch on a CPU, and fewer bytes cross to a GPU.
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=inner[0])
        else:
            for plane, channel in zip(inner, (2, 1, 0), strict=True):
                cv2.extractChannel(image, channel, dst=plane)
        repeat_border(planes, self.filter.window)


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
