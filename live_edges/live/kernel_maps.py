"""What the kernel view shows: maps of numbers and colours, and the steps of the arithmetic."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from live_edges.frame import Image
from live_edges.live.arithmetic import Arithmetic, Kernels, Numbers

MAX_ROWS = 6  # kernels times planes; of larger banks the first ones are shown
BLUE, RED = (172, 102, 33), (43, 24, 178)  # BGR of the ends; RdBu of colorbrewer2.org
PLANES = ("red", "green", "blue")


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A map of colours with a number in each cell.

    Attributes:
        title: stands above the first of a column.
        colors: ``(h, w, 3)`` uint8 BGR.
        numbers: ``h`` rows of ``w`` texts.
        caption: stands below.
        sign: what stands between it and the next one.
        is_picture: True where the cells are pixels; the one in question has a frame.
    """

    title: str
    colors: Image
    numbers: list[list[str]]
    caption: str
    sign: str = ""
    is_picture: bool = False


Row = tuple[str, list[Map]]  # which kernel and plane, and its maps
Rows = Sequence[Row]


def heat(values: Numbers, limit: float) -> Image:
    """Colour numbers by sign and size: blue below 0, white at 0, red above.

    The colour grows with the root of the number, so that the sign of small ones can be seen.

    Args:
        values: ``(h, w)``.
        limit: what has the full colour.
    """
    share = np.sqrt(np.abs(values).clip(max=limit) / limit)[..., None] if limit else 0.0
    ends = np.where(values[..., None] < 0, np.array(BLUE), np.array(RED))
    return (255 + share * (ends - 255)).round().astype(np.uint8)


def rows_of(kernels: Kernels, arithmetic: Arithmetic | None) -> Iterator[Row]:
    """The maps of each kernel and plane, with a label."""
    out, planes = kernels.taps.shape[:2]
    limit = float(np.abs(kernels.taps).max())
    for k, p in [(k, p) for k in range(out) for p in range(planes)][:MAX_ROWS]:
        taps = kernels.taps[k, p]
        words = [kernels.labels[k], PLANES[p] if planes == 3 else ""]
        numbers = _numbers(taps if kernels.is_whole else 100 * taps, is_whole=kernels.is_whole)
        total = f"sum {_text(taps.sum(), 0 if kernels.is_whole else 2)}"
        kernel = Map(_kernel_title(kernels), heat(taps, limit), numbers, total)
        maps = [kernel]
        if arithmetic:
            maps = _worked(kernel, kernels, arithmetic, k, p)
        yield " ".join(filter(None, words)), maps


def _worked(kernel: Map, kernels: Kernels, arithmetic: Arithmetic, k: int, p: int) -> list[Map]:
    """The pixels, the kernel and their products."""
    pixels, products = arithmetic.pixels[p], arithmetic.products[k, p]
    tint = (1, 1, 1) if len(arithmetic.pixels) == 1 else np.roll((0, 0, 1), -p)
    shown = _numbers(products, is_whole=kernels.is_whole)
    total = f"sum {_text(arithmetic.sums[k, p], 0 if kernels.is_whole else 2)}"
    return [
        Map("pixels", (pixels[..., None] * tint).astype(np.uint8),
            [[f"{value:.0f}" for value in row] for row in pixels], "", "x", is_picture=True),
        Map(kernel.title, kernel.colors, kernel.numbers, kernel.caption, "="),
        Map("products", heat(products, float(np.abs(arithmetic.products).max())), shown, total),
    ]  # fmt: skip


def _kernel_title(kernels: Kernels) -> str:
    return "kernel in %" if not kernels.is_whole else f"kernel{_times(kernels.unit)}"


def _numbers(values: Numbers, *, is_whole: bool) -> list[list[str]]:
    """The texts of a map; one digit behind the point where that leaves four in all at most."""
    return [[_short(value, is_whole=is_whole) for value in row] for row in values]


def _short(value: float, *, is_whole: bool) -> str:
    return _text(value, 0 if is_whole or abs(value) >= 99.95 else 1)


def longest_numbers(kernels: Kernels) -> list[str]:
    """Texts as wide as the numbers in a map can get, so that it keeps its size."""
    largest = float(np.abs(kernels.taps).max())
    return (
        ["255", "-00.0", f"{-largest * 255:.0f}"]
        if not kernels.is_whole
        else [f"{-largest * 255:.0f}"]
    )


def _times(unit: float) -> str:
    """A factor as it is easiest to read.

    Example:
        >>> _times(1.0), _times(0.25), _times(0.70710678)
        ('', ' / 4', ' x 0.7071')
    """
    if unit == 1:
        return ""
    divisor = round(1 / unit)
    is_whole = abs(divisor * unit - 1) < 1e-6
    return f" / {divisor}" if is_whole else f" x {unit:.4f}"


def _text(value: float, digits: int) -> str:
    """A number with so many digits behind the point, and no minus before a zero."""
    text = f"{value:.{digits}f}"
    return text if float(text) else "0"


def steps(kernels: Kernels, arithmetic: Arithmetic) -> list[str]:
    """From the sums to the gray level of the edge image, in words."""
    responses = [_text(response, 2) for response in arithmetic.responses]
    lines = []
    digits = 0 if kernels.is_whole else 2
    for label, sums, response in zip(kernels.labels, arithmetic.sums, responses, strict=True):
        if len(sums) > 1 or kernels.unit != 1:
            terms = " + ".join(_text(each, digits) for each in sums).replace("+ -", "- ")
            terms = f"({terms})" if len(sums) > 1 and kernels.unit != 1 else terms
            lines.append(f"{label or 'response'} = {terms}{_times(kernels.unit)} = {response}")
    lines = lines[:MAX_ROWS]
    length = _text(arithmetic.length, 2)
    if len(responses) == 1:
        lines.append(f"strength = |{responses[0]}| = {length}")
    elif len(responses) <= MAX_ROWS:
        squares = " + ".join(f"{response.removeprefix('-')}^2" for response in responses)
        lines.append(f"length = root of {squares} = {length}")
    else:
        lines.append(f"length of all {len(responses)} responses = {length}")
    return [*lines, *_shown(arithmetic)]


def _shown(arithmetic: Arithmetic) -> list[str]:
    if arithmetic.note:
        return [arithmetic.note, f"edge = {arithmetic.result}"]
    value = _text(arithmetic.length * arithmetic.gain, 2)
    return [
        f"{_text(arithmetic.length, 2)} x gain {arithmetic.gain:.3f} = {value}",
        f"edge = {arithmetic.result}",
    ]
