"""The limit: the best k x k kernel there is for a linear target, from the normal equations."""

import torch
import torch.nn.functional as F
from torch import Tensor

from live_edges.training.examples import Examples
from live_edges.training.model import inner, relative_loss
from live_edges.training.whitening import centred_patches


def closed_form(examples: Examples, kernel_size: int) -> Tensor:
    """Solve for the zero-sum kernels with the least squared error over all examples.

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
        patches = centred_patches(x.cpu().double(), kernel_size)
        gram += patches @ patches.T
        matches += patches @ target.cpu().double().reshape(planes, -1).T
    best: Tensor = torch.linalg.lstsq(gram, matches, driver="gelsd").solution
    best = best.T.reshape(planes, channels, kernel_size, kernel_size)
    return best - best.mean(dim=(-2, -1), keepdim=True)


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
    side = (size - bank.shape[-1]) // 2
    return F.pad(bank, (side, side, side, side))
