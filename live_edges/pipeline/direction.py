"""The direction of a gradient: which way a picture gets brighter, for the filters that tell."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

MIN_ODD = 0.8  # share of a kernel's energy that changes sign with the picture turned upside down
MAX_SKEW = 0.2  # of the two slopes from equally long and perpendicular: learned ones are 0.03 off


def turn_of(bank: NDArray[Any]) -> NDArray[np.float32] | None:
    """Find the rotation from the two responses of a bank to the gradient (gx, gy).

    The response to a picture that gets evenly brighter along x or y tells where a kernel looks:
    Sobel's to the right and down, Roberts' along the diagonals.

    Args:
        bank: ``(out, in, h, w)``.

    Returns:
        ``(2, 2)``, ``turn @ responses`` being gx and gy; None where the bank has no direction.

    Example:
        >>> from live_edges.filters.kernels import roberts, sobel
        >>> turn_of(sobel())
        array([[1., 0.],
               [0., 1.]], dtype=float32)
        >>> turn_of(roberts()).round(2)
        array([[-0.71,  0.71],
               [-0.71, -0.71]], dtype=float32)
    """
    if len(bank) != 2:
        return None
    return _turn(bank.tobytes(), bank.dtype.str, bank.shape)


@lru_cache(maxsize=16)  # asked for with every picture
def _turn(taps: bytes, kind: str, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    bank = np.frombuffer(taps, kind).reshape(shape)
    kernels = np.asarray(bank, np.float64).sum(axis=1)
    odd = (kernels - kernels[:, ::-1, ::-1]) / 2
    if np.square(odd).sum() < MIN_ODD * np.square(kernels).sum():
        return None
    y, x = (np.arange(size) - (size - 1) / 2 for size in kernels.shape[1:])
    slopes = np.stack(((odd * x).sum((1, 2)), (odd * y[:, None]).sum((1, 2))), axis=1)
    lengths = slopes @ slopes.T
    square = np.trace(lengths) / 2
    if not square or np.abs(lengths - square * np.eye(2)).max() > MAX_SKEW * square:
        return None
    left, _, right = np.linalg.svd(slopes)  # the rotation (or reflection) nearest to the slopes
    return np.asarray((left @ right).T + 0.0, np.float32)


def turn_in(pipeline: "EdgePipeline") -> NDArray[np.float32] | None:
    """As `turn_of`, for the filter that a pipeline has now."""
    return turn_of(pipeline.bank)
