"""What the patches tell without a step: coordinates to learn in, and the best kernels there are."""

import torch
import torch.nn.functional as F
from torch import Tensor

from live_edges.training.examples import Examples, analytic_bank
from live_edges.training.model import as_saved, inner, relative_loss
from live_edges.training.recipe import Recipe

LEAST_POWER = 1e-10  # of the largest; float64 cannot tell smaller ones from rounding


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

    Photographs have nearly all their power in slow changes, edges in fast ones; a learner that
    takes the taps as they are spends its steps on the former. Only the input decides the
    coordinates, never the target: what to answer is left to be learned.

    Returns:
        ``(in * k * k, in * k * k)`` float64 on the CPU, symmetric: the inverse square root of
        the patches' covariance.
    """
    size = examples.input.shape[1] * kernel_size**2
    covariance = torch.zeros(size, size, dtype=torch.float64)
    for x in inner(examples.input, examples.margin - kernel_size // 2):
        patches = centred_patches(x, kernel_size)
        covariance += patches @ patches.T / patches.shape[1]
    powers, directions = torch.linalg.eigh(covariance / len(examples.input))
    powers = powers.clamp(min=LEAST_POWER * float(powers.max()))
    basis: Tensor = directions @ torch.diag(powers.rsqrt()) @ directions.T
    return basis


def closed_form(examples: Examples, kernel_size: int) -> Tensor:
    """Solve the normal equations for the zero-sum kernels with the least squared error.

    Args:
        examples: what training sees.
        kernel_size: k.

    Returns:
        ``(planes, in, k, k)`` float64 on the CPU, one kernel for each plane of the target.
    """
    channels, planes = examples.input.shape[1], examples.target.shape[1]
    size = channels * kernel_size**2
    gram = torch.zeros(size, size, dtype=torch.float64)
    matches = torch.zeros(size, planes, dtype=torch.float64)
    inputs = inner(examples.input, examples.margin - kernel_size // 2)
    for x, target in zip(inputs, inner(examples.target, examples.margin), strict=True):
        patches = centred_patches(x, kernel_size)
        gram += patches @ patches.T
        matches += patches @ target.reshape(planes, -1).T
    best: Tensor = torch.linalg.lstsq(gram, matches, driver="gelsd").solution
    best = best.T.reshape(planes, channels, kernel_size, kernel_size)
    return best - best.mean(dim=(-2, -1), keepdim=True)


def least_loss(examples: Examples, recipe: Recipe) -> float | None:
    """Loss of the closed-form kernels as they would be saved; None if the best are not linear."""
    is_linear = recipe.loss == "signed" or recipe.out_channels == 1
    if not is_linear or analytic_bank(recipe) is None:
        return None
    if examples.target.shape[1] != recipe.out_channels:
        return None
    best = as_saved(closed_form(examples, recipe.kernel_size))
    return exact_loss(best, examples, recipe.loss)


@torch.no_grad()
def exact_loss(weight: Tensor, examples: Examples, loss: str) -> float:
    """Return the relative loss of some kernels over the pixels training looks at.

    It is computed where the examples are, with their precision.
    """
    responses = F.conv2d(
        inner(examples.input, examples.margin - weight.shape[-1] // 2), weight.to(examples.input)
    )
    return float(relative_loss(responses, inner(examples.target, examples.margin), loss))


def cosine(a: Tensor, b: Tensor) -> float:
    """Cosine between two banks with as many kernels, the smaller one padded with zeros."""
    size = max(a.shape[-1], b.shape[-1])
    a, b = (_padded(bank.detach().cpu().double(), size).flatten() for bank in (a, b))
    return float(a @ b / (a.norm() * b.norm()))


def _padded(bank: Tensor, size: int) -> Tensor:
    return F.pad(bank, [(size - bank.shape[-1]) // 2] * 4)
