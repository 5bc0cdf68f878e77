"""The live pixels: gray levels in, gray levels out, one loop each once they are compiled.

They compute what `live_edges.functional` defines, on uint8 planes with their border already around
them. What changes at a key, gain and taps, comes as a tensor: another value compiles nothing.

*Taps* are ``(weight,)``, a bank ``(out, in, h, w)``, or ``(columns, rows)``, the same bank as sums
of separable kernels, see `live_edges.kernels.separate`.
"""

from functools import reduce
from operator import iadd

import torch
from torch import Tensor

from live_edges.functional import slide, to_gray_levels


def edge_picture(padded: Tensor, gain: Tensor, threshold: Tensor, *taps: Tensor) -> Tensor:
    """Find the edges by a bank of kernels: all that is done to the pixels of a linear filter.

    Args:
        padded: ``(N, in, H + h - 1, W + w - 1)`` uint8, see `live_edges.functional.pad_replicate`.
        gain: scalar.
        threshold: scalar; both as in `live_edges.functional.to_gray_levels`.
        taps: float, see above.

    Returns:
        ``(N, 1, H, W)`` uint8.
    """
    strength = _length(responses(padded, *taps))
    return to_gray_levels(strength, gain, threshold, white=255)


def responses(padded: Tensor, *taps: Tensor) -> list[Tensor]:
    """Slide a bank over gray levels: ``(N, 1, H, W)`` float for each of its kernels."""
    if not torch.compiler.is_compiling():
        padded = padded.to(taps[0].dtype)  # once; a compiled loop converts what it reads
    if len(taps) == 1:
        return [slide(padded, kernel) for kernel in taps[0]]
    return [
        reduce(
            iadd,
            (
                slide(slide(padded, column[:, :, None]), row[None, None])
                for column, row in zip(columns, rows, strict=True)
            ),
        )
        for columns, rows in zip(*taps, strict=True)
    ]


def blend(image: Tensor, opacity: Tensor, color: Tensor) -> Tensor:
    """Paint over a picture, as opaque as asked for at each byte.

    Args:
        image: ``(H, 3W)`` uint8, rows of blue, green and red in turn.
        opacity: likewise; 255 hides the picture.
        color: ``(3W,)`` float, the paint of a row.

    Returns:
        ``(H, 3W)`` uint8: ``image + (color - image) * opacity / 255``, rounded.
    """
    below = image.to(color.dtype)
    painted = below + (color - below) * (opacity.to(color.dtype) * (1 / 255))
    return painted.round().to(torch.uint8)


def _length(responses: list[Tensor]) -> Tensor:
    """As `live_edges.functional.magnitude`, but without gathering the responses in memory."""
    if len(responses) == 1:
        return responses[0].abs()
    first, *others = responses
    return reduce(lambda total, each: total.addcmul_(each, each), others, first * first).sqrt_()
