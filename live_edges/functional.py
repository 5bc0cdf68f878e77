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


def pad_replicate(x: Tensor, kernel_size: int) -> Tensor:
    """Repeat the outermost pixels, so that a k x k kernel fits at every pixel.

    Zeros would draw a frame around the picture. An even kernel reaches one pixel further to the
    left and top, as OpenCV's default anchor has it.

    Args:
        x: ``(N, C, H, W)``.
        kernel_size: k, at least 1.

    Returns:
        ``(N, C, H + k - 1, W + k - 1)``.
    """
    before, after = kernel_size // 2, (kernel_size - 1) // 2
    return F.pad(x, (before, after, before, after), mode="replicate")


def correlate(padded: Tensor, weight: Tensor) -> Tensor:
    """Slide the kernels over the picture: what `torch.nn.Conv2d` computes, as a sum of shifts.

    Written this way because a compiler fuses slices, products and sums into one loop, which
    `conv2d` with one input channel is far from.

    Args:
        padded: ``(N, in, H + k - 1, W + k - 1)`` float.
        weight: ``(out, in, k, k)`` of the same dtype and device.

    Returns:
        ``(N, out, H, W)`` responses.
    """
    size = weight.shape[-1]
    height, width = padded.shape[-2] - size + 1, padded.shape[-1] - size + 1
    response: Tensor | None = None
    for row in range(size):
        for column in range(size):
            window = padded[:, :, row : row + height, column : column + width]
            for plane in range(weight.shape[1]):
                taps = weight[:, plane, row, column].reshape(1, -1, 1, 1)
                term = window[:, plane : plane + 1]
                response = term * taps if response is None else torch.addcmul(response, term, taps)
    if response is None:
        raise AssertionError("a kernel has at least one tap")
    return response


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
        weight: ``(out, in, k, k)``, on the scale of `live_edges.kernels`.

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
    return magnitude(correlate(pad_replicate(x, weight.shape[-1]), weight))


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
    shown = torch.where(shown >= threshold * 255, shown, torch.zeros_like(shown))
    return shown.round().clamp(max=255).to(torch.uint8)


def edge_picture(padded: Tensor, weight: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
    """From gray levels to gray levels: all that is done to the pixels, in one function.

    A compiler makes one loop of it, which reads every pixel once and writes it once.

    Args:
        padded: ``(N, in, H + k - 1, W + k - 1)`` uint8, see `pad_replicate`.
        weight: ``(out, in, k, k)`` float.
        gain: scalar tensor, so that another gain compiles nothing.
        threshold: scalar tensor; both as in `to_gray_levels`.

    Returns:
        ``(N, 1, H, W)`` uint8.
    """
    strength = magnitude(correlate(padded.to(weight.dtype), weight))
    return to_gray_levels(strength, gain, threshold, white=255)
