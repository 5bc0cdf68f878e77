"""Kernels: the small arrays of taps that slide over a picture, all on one scale.

A *bank* is a float64 array ``(out, in, h, w)``: ``out`` kernels, each reading ``in`` planes (luma,
or red, green, blue). Its edge strength is the length of the vector of ``out`` responses. Every bank
made here is scaled so that the largest response to an upright unit step, the border between 0 and 1
along a row or a column, reads exactly 1.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_edges.filters.ranges import MAX_SIGMA, MIN_SIGMA

Bank = NDArray[np.float64]  # (out, in, h, w)
SEPARATION_ERROR = 1e-4  # of white; a fortieth of a gray level
MAX_DIVISOR = 4  # of the smallest tap: Scharr's are 3 and 10 times a third of it
ROUNDING = 1e-9  # how far a whole number may be off after rounding


def step_response(bank: NDArray[Any]) -> float:
    """Largest response to a unit step along a row or a column, in either direction.

    Args:
        bank: ``(out, in, h, w)``, the step is the same in all ``in`` planes.

    Returns:
        The edge strength at the best position of the step: 4 for Sobel's integer kernels.
    """
    planes = bank.astype(np.float64).sum(axis=1)
    strongest = 0.0
    for axis in (1, 2):
        profile = planes.sum(axis=axis)
        for towards in (profile, profile[:, ::-1]):
            strongest = max(
                strongest, float(np.linalg.norm(np.cumsum(towards, axis=1), axis=0).max())
            )
    return strongest


def unit_scaled(bank: NDArray[Any]) -> Bank:
    """Return the bank times the factor that makes `step_response` 1.

    Raises:
        ValueError: the bank does not answer to a step at all, so no factor can.
    """
    largest = float(np.abs(bank).max(initial=0.0))
    scaled = np.ldexp(bank.astype(np.float64), -math.frexp(largest)[1])  # sums stay finite
    response = step_response(scaled)
    if not response > 1e-9:
        raise ValueError("these kernels answer no step edge, so there is no scale to give them")
    return np.asarray(scaled / response)


def _gray_bank(*kernels: Any) -> Bank:
    return unit_scaled(np.array(kernels, dtype=np.float64)[:, None])


def _gradient_bank(across: list[float]) -> Bank:
    """Horizontal and vertical central difference, smoothed by ``across`` along the edge."""
    gx = np.outer(across, [-1, 0, 1])
    return _gray_bank(gx, gx.T)


def sobel() -> Bank:
    """Sobel & Feldman, "A 3x3 Isotropic Gradient Operator for Image Processing", 1968."""
    return _gradient_bank([1, 2, 1])


def scharr() -> Bank:
    """Scharr, "Optimal Operators in Digital Image Processing", 2000: rounder than Sobel."""
    return _gradient_bank([3, 10, 3])


def prewitt() -> Bank:
    """Prewitt, "Object Enhancement and Extraction", 1970: three central differences, averaged."""
    return _gradient_bank([1, 1, 1])


def roberts() -> Bank:
    """Roberts, "Machine Perception of Three-Dimensional Solids", 1963: the two diagonals of 2x2."""
    return _gray_bank([[1, 0], [0, -1]], [[0, 1], [-1, 0]])


def laplacian() -> Bank:
    """Second derivative over the four neighbours; one kernel, so edges answer on both sides."""
    return _gray_bank([[0, 1, 0], [1, -4, 1], [0, 1, 0]])


def gaussian(sigma: float) -> NDArray[np.float64]:
    """Sampled Gaussian, ``(k,)``, sum 1, k = 2 ceil(3 sigma) + 1.

    Args:
        sigma: standard deviation in pixels, 0.3 to 5.

    Raises:
        ValueError: ``sigma`` lies outside that range.
    """
    if not MIN_SIGMA <= sigma <= MAX_SIGMA:
        raise ValueError(
            f"sigma is {sigma:g} pixels; choose one from {MIN_SIGMA:g} to {MAX_SIGMA:g}"
        )
    x = _positions(sigma)
    taps = np.exp(-(x**2) / (2 * sigma**2))
    return np.asarray(taps / taps.sum())


def _positions(sigma: float) -> NDArray[np.float64]:
    radius = math.ceil(3 * sigma)
    return np.arange(-radius, radius + 1, dtype=np.float64)


def gaussian_gradient(sigma: float) -> Bank:
    """Derivatives of a Gaussian: Canny, "A Computational Approach to Edge Detection", 1986."""
    smooth = gaussian(sigma)
    gx = np.outer(smooth, _positions(sigma) * smooth)
    return _gray_bank(gx, gx.T)


def laplacian_of_gaussian(sigma: float) -> Bank:
    """Marr & Hildreth, "Theory of Edge Detection", 1980; its mean is taken off: flat answers 0."""
    x, smooth = _positions(sigma), gaussian(sigma)
    second = (x**2 / sigma**2 - 1) / sigma**2 * smooth
    log = np.outer(smooth, second) + np.outer(second, smooth)
    return _gray_bank(log - log.mean())


def blur_difference(sigma: float) -> Bank:
    """What blurring takes away: a delta minus a Gaussian, the target of the learned kernels."""
    smooth = gaussian(sigma)
    kernel = -np.outer(smooth, smooth)
    kernel[len(smooth) // 2, len(smooth) // 2] += 1
    return _gray_bank(kernel)


def rank_factors(bank: Bank) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Write each kernel as a sum of R columns times rows, R being the same for all of a bank.

    R is the rank that keeps every response within `SEPARATION_ERROR`: 1 for a Gaussian and its
    derivatives, 2 for a blur difference.

    Args:
        bank: ``(out, in, h, w)``.

    Returns:
        ``columns (out, R, in, h)`` and ``rows (out, R, w)``.

    Example:
        >>> columns, rows = rank_factors(blur_difference(1.0))
        >>> columns.shape, rows.shape
        ((1, 2, 1, 7), (1, 2, 7))
    """
    out, planes, height, width = bank.shape
    flat = bank.reshape(out, planes * height, width)
    left, strengths, rows = np.linalg.svd(flat, full_matrices=False)
    columns = left * strengths[:, None]
    rank = 1
    while np.abs(columns[..., :rank] @ rows[:, :rank] - flat).sum((1, 2)).max() > SEPARATION_ERROR:
        rank += 1
    columns, rows = columns[..., :rank].swapaxes(1, 2), rows[:, :rank]
    largest = np.abs(rows).max(axis=2, keepdims=True)  # so that Sobel's are 1, 0 and -1 again
    return (columns * largest).reshape(out, rank, planes, height), rows / largest


def separate(bank: Bank) -> tuple[NDArray[np.float64], ...]:
    """Write each kernel as a sum of columns times rows and a tap in the middle.

    A blur difference is such a tap less a Gaussian: with the tap set apart, one row slides along
    the picture instead of two.

    Args:
        bank: ``(out, in, h, w)``.

    Returns:
        ``columns (out, R, in, h)`` and ``rows (out, R, w)`` as `rank_factors` finds them for the
        rest, and ``middle (out, in)``, zeros where the rest would be no simpler than the whole.

    Example:
        >>> columns, rows, middle = separate(blur_difference(1.0))
        >>> columns.shape, rows.shape, middle.shape
        ((1, 1, 1, 7), (1, 1, 7), (1, 1))
    """
    whole, nothing = rank_factors(bank), np.zeros(bank.shape[:2])
    i, j = bank.shape[2] // 2, bank.shape[3] // 2
    if min(i, j) == 0 or not bank[..., i - 1, j - 1].all():
        return *whole, nothing
    # Of the rest, the four taps around here are a column times a row, too.
    expected = bank[..., i, j - 1] * bank[..., i - 1, j] / bank[..., i - 1, j - 1]
    rest = bank.copy()
    rest[..., i, j] = expected
    columns, rows = rank_factors(rest)
    if columns.shape[1] < whole[0].shape[1]:
        return columns, rows, bank[..., i, j] - expected
    return *whole, nothing


def separate_if_cheaper(bank: Bank) -> tuple[NDArray[np.float64], ...] | None:
    """Return what `separate` does where its columns and rows take fewer products, else None."""
    columns, rows, middle = separate(bank)
    _, planes, height, width = bank.shape
    products = columns.shape[1] * (planes * height + width) + planes
    return (columns, rows, middle) if products < planes * height * width else None


def whole_numbers(bank: Bank) -> tuple[NDArray[np.int16], float] | None:
    """Write a bank as small whole numbers times a factor, as Sobel's is usually given.

    Args:
        bank: ``(out, in, h, w)``.

    Returns:
        ``(out, in, h, w)`` whole numbers and the factor; None where there are none so small that
        every sum of products with gray levels fits 16 bits, and the sum of their squares 32.
    """
    smallest = np.abs(bank)[bank != 0].min(initial=np.inf)
    for divisor in range(1, MAX_DIVISOR + 1):
        taps = bank / smallest * divisor
        most = 255 * np.abs(taps).sum((1, 2, 3))
        if most.max() > np.iinfo(np.int16).max or (most**2).sum() > np.iinfo(np.int32).max:
            return None
        if np.abs(taps - taps.round()).max() < ROUNDING:
            return taps.round().astype(np.int16), float(smallest / divisor)
    return None


# The digit keys pick the first nine filters in this order, so a new row moves the keys after it.
# A filter that is added behind Canny in `filters.catalog.catalog` moves none.
FIXED: dict[str, Callable[[], Bank]] = {
    "sobel": sobel,
    "scharr": scharr,
    "prewitt": prewitt,
    "roberts": roberts,
    "laplacian": laplacian,
}
WITH_SIGMA: dict[str, Callable[[float], Bank]] = {
    "log": laplacian_of_gaussian,
    "gaussian-gradient": gaussian_gradient,
    "blur-difference": blur_difference,
}
