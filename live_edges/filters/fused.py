"""The pixels of `filters.functional` once more, as sums that a GPU's compiler makes one loop of.

They work on uint8 planes with their border already around them. What changes at a key, gain and
taps, comes as a tensor: another value compiles nothing.

*Taps* are ``(weight,)``, a bank ``(out, in, h, w)``, or ``(columns, rows, middle)``, the same bank
as sums of separable kernels, see `live_edges.filters.kernels.separate`.
"""

from functools import reduce

import torch
from torch import Tensor

from live_edges.filters.functional import to_gray_levels


def edge_image(padded: Tensor, gain: Tensor, threshold: Tensor, *taps: Tensor) -> Tensor:
    """Find the edges by a bank of kernels, as `live_edges.filters.functional.edge_image` does.

    Args:
        padded: ``(N, in, H + h - 1, W + w - 1)`` uint8, see
            `live_edges.filters.functional.pad_replicate`.
        gain: scalar.
        threshold: scalar; both as in `live_edges.filters.functional.to_gray_levels`.
        taps: float, see above.

    Returns:
        ``(N, 1, H, W)`` uint8.
    """
    found = responses(padded, *taps)
    if len(found) == 1:
        return to_gray_levels(found[0].abs(), gain, threshold, white=255)
    # Not `magnitude`: torch would write and read the responses that it takes as one tensor.
    length = reduce(torch.add, [each.square() for each in found]).sqrt()
    return to_gray_levels(length, gain, threshold, white=255)


def responses(padded: Tensor, *taps: Tensor) -> list[Tensor]:
    """Slide a bank over gray levels: ``(N, 1, H, W)`` float for each of its kernels."""
    if len(taps) == 1:
        return [slide(padded, kernel) for kernel in taps[0]]
    columns, rows, middle = taps
    top, left = columns.shape[-1] // 2, rows.shape[-1] // 2
    height, width = padded.shape[-2] - columns.shape[-1] + 1, padded.shape[-1] - rows.shape[-1] + 1
    beneath = padded[..., top : top + height, left : left + width]
    return [
        reduce(
            torch.add,
            (
                slide(slide(padded, column[:, :, None]), row[None, None])
                for column, row in zip(columns[kernel], rows[kernel], strict=True)
            ),
            slide(beneath, middle[kernel, :, None, None]),
        )
        for kernel in range(len(columns))
    ]


def slide(padded: Tensor, kernel: Tensor) -> Tensor:
    """Slide one kernel over the picture, as a sum of shifted, scaled copies of it.

    Written this way because a compiler fuses slices, products and sums into one loop, which
    `torch.nn.functional.conv2d` with one input channel is far from.

    Args:
        padded: ``(N, in, H + h - 1, W + w - 1)``; converted to the kernel's dtype where it is used.
        kernel: ``(in, h, w)`` float, on the same device.

    Returns:
        ``(N, 1, H, W)`` response.
    """
    planes, rows, columns = kernel.shape
    height, width = padded.shape[-2] - rows + 1, padded.shape[-1] - columns + 1
    return reduce(
        torch.add,
        (
            padded[:, plane, None, i : i + height, j : j + width].to(kernel.dtype)
            * kernel[plane, i, j]
            for i in range(rows)
            for j in range(columns)
            for plane in range(planes)
        ),
    )
