"""Whitening: coordinates for the kernels in which pictures have equal power in all directions.

Photographs have nearly all their power in slow changes, edges in fast ones; a learner that takes
the taps as they are spends its steps on the former. Only the input decides the coordinates, never
the target: what to answer is left to be learned.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from live_edges.training.examples import Examples
from live_edges.training.model import inner

LEAST_POWER = 1e-10  # of the largest; float64 can not tell smaller ones from rounding


def centred_patches(x: Tensor, kernel_size: int) -> Tensor:
    """Take all patches of a picture, less their means: all that a zero-sum kernel sees.

    Args:
        x: ``(in, H, W)``.
        kernel_size: k.

    Returns:
        ``(in * k * k, pixels)``.
    """
    patches = F.unfold(x[None], kernel_size)[0].reshape(len(x), kernel_size**2, -1)
    return (patches - patches.mean(dim=1, keepdim=True)).flatten(0, 1)


def whitening(examples: Examples, kernel_size: int) -> Tensor:
    """Return the coordinates in which the patches of these examples have unit power all round.

    Returns:
        ``(in * k * k, in * k * k)`` float64 on the CPU, symmetric: the inverse square root of
        the patches' covariance.
    """
    size = examples.input.shape[1] * kernel_size**2
    covariance = torch.zeros(size, size, dtype=torch.float64)
    for x in inner(examples.input.cpu().double(), examples.margin - kernel_size // 2):
        patches = centred_patches(x, kernel_size)
        covariance += patches @ patches.T / patches.shape[1]
    powers, directions = torch.linalg.eigh(covariance / len(examples.input))
    powers = powers.clamp(min=LEAST_POWER * float(powers.max()))
    basis: Tensor = directions @ torch.diag(powers.rsqrt()) @ directions.T
    return basis


class Whitened(nn.Module):
    """Parametrization of a convolution: from whitened coordinates to kernels that sum to zero.

    Args:
        basis: see `whitening`.
    """

    def __init__(self, basis: Tensor) -> None:
        super().__init__()
        self.basis: Tensor
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        """Return the kernels, ``(out, in, k, k)``, each summing to zero."""
        weight = (coordinates.flatten(1) @ self.basis).reshape(coordinates.shape)
        return weight - weight.mean(dim=(-2, -1), keepdim=True)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return coordinates of some kernels."""
        flat: Tensor = torch.linalg.solve(self.basis, weight.flatten(1).T)
        return flat.T.reshape(weight.shape)
