"""The pixels: every linear filter is this one function, padding to rounding, in plain torch.

All functions are pure: they keep dtype and device, write to none of their arguments, and never name
a device, so the eager path, a compiled one and every GPU run the same source.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA_RGB = (0.299, 0.587, 0.114)  # ITU-R BT.601, as cv2.cvtColor


def rgb_to_gray(rgb: Tensor) -> Tensor:
    """Brightness (luma) of a colour picture by BT.601.

    Args:
        rgb: ``(N, 3, H, W)`` float, planes red, green, blue as everywhere in torch.

    Returns:
        ``(N, 1, H, W)``, in the range of the input.

    Raises:
        ValueError: ``rgb`` is not ``(N, 3, H, W)``.
    """
    if rgb.ndim != 4 or rgb.shape[1] != 3:
        raise ValueError(f"rgb_to_gray needs a colour batch (N, 3, H, W), got {tuple(rgb.shape)}")
    red, green, blue = LUMA_RGB
    return rgb[:, 0:1] * red + rgb[:, 1:2] * green + rgb[:, 2:3] * blue


def pad_replicate(x: Tensor, kernel_size: tuple[int, int]) -> Tensor:
    """Repeat the outermost pixels, so that an h x w kernel fits at every pixel.

    Zeros would draw a frame around the picture. An even kernel reaches one pixel further to the
    left and top, as OpenCV's default anchor has it.

    Args:
        x: ``(N, C, H, W)``.
        kernel_size: h, w, at least 1.

    Returns:
        ``(N, C, H + h - 1, W + w - 1)``.
    """
    rows, columns = kernel_size
    sides = columns // 2, (columns - 1) // 2, rows // 2, (rows - 1) // 2
    return F.pad(x, sides, mode="replicate")


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
    response: Tensor | None = None
    for row in range(rows):
        for column in range(columns):
            for plane in range(planes):
                shifted = padded[:, plane, None, row : row + height, column : column + width]
                shifted, tap = shifted.to(kernel.dtype), kernel[plane, row, column]
                response = shifted * tap if response is None else response.addcmul_(shifted, tap)
    if response is None:
        raise AssertionError("a kernel has at least one tap")
    return response


def correlate(padded: Tensor, weight: Tensor) -> Tensor:
    """Slide every kernel of a bank over the picture: what `torch.nn.Conv2d` computes.

    Args:
        padded: ``(N, in, H + k - 1, W + k - 1)`` float.
        weight: ``(out, in, k, k)`` of the same dtype and device.

    Returns:
        ``(N, out, H, W)`` responses.
    """
    return torch.cat([slide(padded, kernel) for kernel in weight], dim=1)


def magnitude(responses: Tensor) -> Tensor:
    """Edge strength: the length of the vector of responses, for one response its absolute value.

    There is no epsilon under the root, so flat areas read exactly 0.

    Args:
        responses: ``(N, out, H, W)``.

    Returns:
        ``(N, 1, H, W)``, not negative.
    """
    if responses.shape[1] == 1:
        return responses.abs()
    return responses.square().sum(dim=1, keepdim=True).sqrt()


def edge_strength(x: Tensor, weight: Tensor) -> Tensor:
    """Edge strength by a bank of kernels, the picture's border pixels repeated outside it.

    Args:
        x: ``(N, in, H, W)`` float, intensities in [0, 1]; gray, or red, green, blue.
        weight: ``(out, in, h, w)``, on the scale of `live_edges.kernels`.

    Returns:
        ``(N, 1, H, W)``, same dtype and device: 0 on flat areas, at most 1 at an upright unit step.

    Raises:
        ValueError: ``x`` is not a batch with as many planes as the kernels read.

    Example:
        >>> from live_edges import kernels
        >>> step = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)
        >>> edge_strength(step, torch.from_numpy(kernels.sobel()).float())[0, 0, 0]
        tensor([0., 1., 1., 0.])
    """
    if x.ndim != 4 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"these kernels need a batch (N, {weight.shape[1]}, H, W), got {tuple(x.shape)}; "
            "convert colour with rgb_to_gray first"
        )
    weight = weight.to(dtype=x.dtype, device=x.device)
    return magnitude(correlate(pad_replicate(x, (weight.shape[-2], weight.shape[-1])), weight))


def to_gray_levels(
    strength: Tensor, gain: float | Tensor, threshold: float | Tensor, *, white: float = 1.0
) -> Tensor:
    """Turn edge strength into a picture: amplify, hide what is weak, round, saturate.

    Args:
        strength: float, ``white`` at a unit step.
        gain: factor; 1 shows a unit step white.
        threshold: what is darker than this after the gain becomes black, 1 being white.
        white: 1 for intensities in [0, 1], 255 for gray levels.

    Returns:
        uint8 of the same shape: ``255 * gain * strength / white``, rounded, at most 255.
    """
    shown = strength * (gain * (255 / white))
    shown = torch.where(shown >= threshold * 255, shown, 0.0)
    return shown.round_().clamp_(max=255).to(torch.uint8)
