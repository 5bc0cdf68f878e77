"""The limit: the best k x k kernel there is for a linear target, from the normal equations."""

import torch
import torch.nn.functional as F
from torch import Tensor

from live_edges.training.examples import Examples
from live_edges.training.model import inner, relative_loss


def closed_form(examples: Examples, kernel_size: int) -> Tensor:
    """Solve for the zero-sum kernels with the least squared error over all examples.

    Args:
        examples: what training sees.
        kernel_size: k.

    Returns:
        ``(planes, in, k, k)`` float64 on the CPU, one kernel for each plane of the target.
    """
    channels, planes = examples.input.shape[1], examples.target.shape[1]
    taps = kernel_size**2
    gram = torch.zeros(channels * taps, channels * taps, dtype=torch.float64)
    matches = torch.zeros(channels * taps, planes, dtype=torch.float64)
    spare = examples.margin - kernel_size // 2
    for x, target in zip(examples.input, examples.target, strict=True):
        patches = F.unfold(inner(x[None].cpu().double(), spare), kernel_size)[0]
        # A zero-sum kernel sees only what differs from the patch's mean, plane by plane.
        patches = patches.reshape(channels, taps, -1)
        patches = (patches - patches.mean(dim=1, keepdim=True)).reshape(channels * taps, -1)
        gram += patches @ patches.T
        matches += patches @ inner(target.cpu().double(), examples.margin).reshape(planes, -1).T
    best: Tensor = torch.linalg.lstsq(gram, matches, driver="gelsd").solution
    best = best.T.reshape(planes, channels, kernel_size, kernel_size)
    return best - best.mean(dim=(-2, -1), keepdim=True)


@torch.no_grad()
def exact_loss(weight: Tensor, examples: Examples, loss: str) -> float:
    """Return the relative loss of some kernels in float64, over the pixels training looks at."""
    weight = weight.detach().cpu().double()
    spare = examples.margin - weight.shape[-1] // 2
    responses = [F.conv2d(inner(x[None].cpu().double(), spare), weight) for x in examples.input]
    target = inner(examples.target.cpu().double(), examples.margin)
    return float(relative_loss(torch.cat(responses), target, loss))


def cosine(a: Tensor, b: Tensor) -> float:
    """Cosine between two banks with as many kernels, the smaller one padded with zeros."""
    size = max(a.shape[-1], b.shape[-1])
    a, b = (_padded(bank.detach().cpu().double(), size).flatten() for bank in (a, b))
    return float(a @ b / (a.norm() * b.norm()))


def _padded(bank: Tensor, size: int) -> Tensor:
    side = (size - bank.shape[-1]) // 2
    return F.pad(bank, (side, side, side, side))
