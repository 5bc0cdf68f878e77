"""What the patches tell before any step: coordinates to learn in, and the best kernels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from live_edges.training.examples import Examples

LEAST_POWER = 1e-10  # of the largest; float64 cannot tell smaller ones from rounding


def centred_patches(x: Tensor, kernel_size: int) -> Tensor:
    """Return all patches of ``(in, H, W)``, less their means, which a zero-sum kernel cannot see.

    Returns:
        ``(in * k * k, pixels)``.
    """
    patches = F.unfold(x[None], kernel_size)[0].reshape(len(x), kernel_size**2, -1)
    return (patches - patches.mean(dim=1, keepdim=True)).flatten(0, 1)


def moments(examples: Examples, kernel_size: int) -> tuple[Tensor, Tensor]:
    """Return the covariance of the patches, and their covariance with the target.

    Returns:
        ``(in * k * k, in * k * k)`` and ``(in * k * k, planes)``, float64 on the CPU.
    """
    size, planes = examples.input.shape[1] * kernel_size**2, examples.target.shape[1]
    covariance = torch.zeros(size, size, dtype=torch.float64)
    matches = torch.zeros(size, planes, dtype=torch.float64)
    for x, target in zip(examples.input, examples.target, strict=True):
        patches = centred_patches(x, kernel_size)
        covariance += patches @ patches.T
        matches += patches @ target.flatten(1).T
    pixels = examples.target[:, 0].numel()
    return covariance / pixels, matches / pixels


def whitening(covariance: Tensor) -> Tensor:
    """Return the coordinates in which the patches have the same power in every direction.

    Photographs have nearly all their power in slow changes, edges in fast ones. An optimizer that
    takes the taps as they are spends its steps on the former. The coordinates are the inverse
    square root of the covariance; the target does not enter, so it is still to be learned.
    """
    powers, directions = torch.linalg.eigh(covariance)
    powers = powers.clamp(min=LEAST_POWER * float(powers.max()))
    basis: Tensor = directions @ torch.diag(powers.rsqrt()) @ directions.T
    return basis


def closed_form(covariance: Tensor, matches: Tensor, kernel_size: int) -> Tensor:
    """Solve the normal equations for the zero-sum kernels with the least squared error.

    Returns:
        ``(planes, in, k, k)``, one kernel for each plane of the target.
    """
    best: Tensor = torch.linalg.lstsq(covariance, matches, driver="gelsd").solution
    best = best.T.reshape(matches.shape[1], -1, kernel_size, kernel_size)
    return best - best.mean(dim=(-2, -1), keepdim=True)


def cosine(a: Tensor, b: Tensor) -> float:
    """Return the cosine between two banks of equal length, the smaller one padded with zeros."""
    size = max(a.shape[-1], b.shape[-1])
    a, b = (resized(bank.detach().cpu().double(), size).flatten() for bank in (a, b))
    return float(a @ b / (a.norm() * b.norm()))


def resized(bank: Tensor, size: int) -> Tensor:
    """Pad square kernels with zeros, or cut their border off."""
    return F.pad(bank, [(size - bank.shape[-1]) // 2] * 4)
