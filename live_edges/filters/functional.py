"""What a filter is: the definition of every pixel, from border to rounding, in plain torch.

All functions are pure: they keep dtype and device, write to none of their arguments, and never name
a device. The trainer trains with them, and every faster engine is held against them.
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


def correlate(padded: Tensor, weight: Tensor) -> Tensor:
    """Slide every kernel of a bank over the picture: what `torch.nn.Conv2d` computes.

    Args:
        padded: ``(N, in, H + h - 1, W + w - 1)`` float.
        weight: ``(out, in, h, w)`` of the same dtype and device.

    Returns:
        ``(N, out, H, W)`` responses.
    """
    return F.conv2d(padded, weight)


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
        weight: ``(out, in, h, w)``, on the scale of `live_edges.filters.kernels`.

    Returns:
        ``(N, 1, H, W)``, same dtype and device: 0 on flat areas, at most 1 at an upright unit step.

    Raises:
        ValueError: ``x`` is not a batch with as many planes as the kernels read.

    Example:
        >>> from live_edges.filters import kernels
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


def edge_image(
    padded: Tensor, weight: Tensor, gain: float | Tensor, threshold: float | Tensor
) -> Tensor:
    """Make the edge image: all that is done to the pixels of a linear filter.

    Args:
        padded: ``(N, in, H + h - 1, W + w - 1)`` gray levels from 0 to 255, of the dtype of the
            weight, see `pad_replicate`.
        weight: ``(out, in, h, w)`` float, on the same device.
        gain: factor on the edge strength.
        threshold: as for `to_gray_levels`.

    Returns:
        ``(N, 1, H, W)`` uint8.
    """
    return to_gray_levels(magnitude(correlate(padded, weight)), gain, threshold, white=255)


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
