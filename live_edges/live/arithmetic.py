"""The arithmetic of one pixel of the edge image: what is beneath the kernels, products, sums, gain.

It is worked out from the definition in `live_edges.filters.functional`, in double precision.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.filters.catalog import Entry
from live_edges.filters.kernels import Bank, whole_numbers
from live_edges.frame import Image

Numbers = NDArray[np.float64]
Position = tuple[int, int]  # x and y in pixels
GRADIENT_ERROR = 1e-6  # of white
TIE = 1e-3  # of a gray level: the filter computes in 32 bits, and so near it may round otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """A bank as it is shown.

    Attributes:
        name: of the filter.
        taps: ``(out, in, h, w)``, whole numbers where the bank is a multiple of such.
        unit: what they are to be multiplied by to be the bank.
        labels: one for each kernel: ``gx`` and ``gy`` where they are the two of a gradient.
    """

    name: str
    taps: Numbers
    unit: float
    labels: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all taps are whole numbers."""
        return bool((self.taps == self.taps.round()).all())

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a kernel."""
        return self.taps.shape[2], self.taps.shape[3]


@dataclass(frozen=True, slots=True, eq=False)
class Arithmetic:
    """How one pixel of the edge image comes about, in gray levels from 0 to 255.

    Attributes:
        pixels: ``(in, h, w)``, what the filter sees beneath the kernels.
        products: ``(out, in, h, w)``, those pixels times the taps.
        sums: ``(out, in)``, of the products of each kernel and plane.
        responses: ``(out,)``, the sums of a kernel together, times the unit of the taps.
        length: of the vector of responses.
        gain: factor on it.
        result: the gray level of the edge image.
        note: what else decides, in words; empty where nothing does.
    """

    pixels: Numbers
    products: Numbers
    sums: Numbers
    responses: Numbers
    length: float
    gain: float
    result: int
    note: str = ""


def kernels_of(name: str, bank: Bank) -> Kernels:
    """Write a bank the way it is easiest to read."""
    whole = whole_numbers(bank)
    taps, unit = (whole[0].astype(np.float64), whole[1]) if whole else (bank, 1.0)
    labels = ("gx", "gy") if _is_gradient(bank) else _numbered(len(bank))
    return Kernels(name, taps, unit, labels)


def _is_gradient(bank: Bank) -> bool:
    """Whether these are a difference of columns, and the same of rows."""
    if len(bank) != 2 or bank.shape[2] != bank.shape[3]:
        return False
    across, down = bank
    is_turned = np.abs(across.swapaxes(1, 2) - down).max() < GRADIENT_ERROR
    return bool(is_turned and np.abs(across + across[..., ::-1]).max() < GRADIENT_ERROR)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"k{number}" for number in range(1, count + 1)) if count > 1 else ("",)


def beneath(image: Image, at: Position, planes: int, size: tuple[int, int]) -> Numbers:
    """What a filter sees around a pixel, the border pixels repeated outside the picture.

    Args:
        image: ``(H, W, 3)`` BGR uint8.
        at: the pixel.
        planes: 1 for brightness, 3 for red, green and blue.
        size: rows and columns.

    Returns:
        ``(planes, rows, columns)`` gray levels.
    """
    rows = np.arange(size[0]) + at[1] - size[0] // 2
    columns = np.arange(size[1]) + at[0] - size[1] // 2
    height, width = image.shape[:2]
    part = image[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
    if planes == 1:
        seen = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY))[None]
    else:
        seen = part[..., ::-1].transpose(2, 0, 1)
    return seen.astype(np.float64)


def worked_out(
    kernels: Kernels,
    image: Image,
    at: Position,
    *,
    gain: float,
    threshold: float = 0.0,
    is_rounded_first: bool = False,
) -> Arithmetic:
    """Work out one pixel of the edge image of a linear filter.

    Args:
        kernels: what slides over the picture.
        image: ``(H, W, 3)`` BGR uint8.
        at: the pixel.
        gain: factor on the edge strength.
        threshold: what is darker than this is black, 1 being white.
        is_rounded_first: True where the threshold is held against whole gray levels, as with the
            automatic gain.
    """
    pixels = beneath(image, at, kernels.taps.shape[1], kernels.size)
    products = kernels.taps * pixels
    sums = products.sum(axis=(2, 3))
    responses = sums.sum(axis=1) * kernels.unit
    length = float(np.sqrt(np.square(responses).sum()))
    shown = length * gain
    level = min(255, round(shown))
    is_hidden = (level if is_rounded_first else shown) < threshold * 255
    result = 0 if is_hidden else level
    note = f"below the threshold {threshold:.2f}: 0" if is_hidden else ""
    return Arithmetic(pixels, products, sums, responses, length, gain, result, note)


def line_at(kernels: Kernels, image: Image, at: Position, threshold: float) -> str:
    """Say what Canny's rules make of a pixel, in words.

    Args:
        kernels: horizontal and vertical derivative.
        image: ``(H, W, 3)`` BGR uint8.
        at: the pixel.
        threshold: length of the gradient that starts a line, 1 being white; 0 for the default.
    """
    import torch  # here, because it takes seconds: it is loaded when there is something to explain

    from live_edges.filters import canny

    height, width = kernels.size
    pixels = torch.from_numpy(beneath(image, at, 1, (height + 2, width + 2)))[None]
    high = 255 * (threshold or canny.DEFAULT_HIGH)
    low = canny.LOW_OVER_HIGH * high
    weight = torch.from_numpy(kernels.taps * kernels.unit)
    strength, sector = canny.gradient(pixels, weight)
    [kind] = canny.crests(strength, sector, torch.tensor(low), torch.tensor(high)).flatten()
    if kind == canny.STRONG:
        return f"a crest, at least {high:.1f}: starts a line"
    if kind == canny.WEAK:
        return f"a crest, at least {low:.1f}: continues a line"
    length = float(strength[0, 0, 1, 1].sqrt())
    return f"below {low:.1f}: no line" if length < low else "a neighbour is stronger: no line"


def explained(
    entry: Entry, kernels: Kernels, image: Image, edges: Image | None, *, at: Position,
    gain: float, threshold: float, is_rounded_first: bool = False, is_thin: bool = False,
) -> Arithmetic:  # fmt: skip
    """Work out one pixel by any filter's rule.

    Args:
        entry: the filter.
        kernels: its bank.
        image: ``(H, W, 3)`` BGR uint8.
        edges: ``(H, W)`` uint8, its edge image; None where it was not made.
        at: the pixel.
        gain: that the edges were made with.
        threshold: likewise.
        is_rounded_first: as for `worked_out`.
        is_thin: True if only the ridges of the edges are shown.
    """
    shown = None if edges is None else int(edges[at[1], at[0]])
    if entry.is_binary:
        note = line_at(kernels, image, at, threshold)
        found = worked_out(kernels, image, at, gain=gain)
        return replace(found, result=shown or 0, note=note)
    found = worked_out(
        kernels, image, at, gain=gain, threshold=threshold, is_rounded_first=is_rounded_first
    )
    if is_thin and shown == 0 < found.result:
        return replace(found, result=0, note="a neighbour is higher: thinned to 0")
    if shown is not None and _is_tie(found.length * gain, threshold):
        return replace(found, result=shown, note=found.note if shown == 0 else "")
    return found


def _is_tie(level: float, threshold: float) -> bool:
    """Whether a hair decides between two gray levels, or on which side of the threshold it is."""
    return abs(level % 1 - 0.5) < TIE or abs(level - threshold * 255) < TIE
