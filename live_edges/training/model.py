"""The model: one `nn.Conv2d` whose kernels sum to zero, so that flat areas answer 0; its loss."""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from live_edges.filters import functional as F
from live_edges.training.recipe import Recipe

FLOAT32_BITS = 23  # after the first one of a number
SMOOTHING = 1e-6  # keeps the derivative of the root finite at 0; the display has none


class Whitened(nn.Module):
    """Parametrization of a convolution: from whitened coordinates to kernels that sum to zero.

    Args:
        basis: see `closed_form.whitening`.
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


def make_model(recipe: Recipe, basis: Tensor) -> nn.Conv2d:
    """Build the convolution, started at a high-pass (delta minus box) with a little seeded noise.

    A start at zero would never move under a magnitude loss, and a random one picks its sign by
    chance.

    Args:
        recipe: shape of the kernels, seed.
        basis: coordinates to learn in, see `closed_form.whitening`.
    """
    size = recipe.kernel_size
    conv = nn.Conv2d(
        recipe.in_channels,
        recipe.out_channels,
        size,
        bias=False,
        padding=size // 2,
        padding_mode="replicate",
        dtype=torch.float64,
    )
    generator = torch.Generator().manual_seed(recipe.seed)
    start = 0.05 * torch.randn(conv.weight.shape, generator=generator) / size
    start[..., size // 2, size // 2] += 1 / recipe.in_channels
    with torch.no_grad():
        conv.weight.copy_(start)
    parametrize.register_parametrization(conv, "weight", Whitened(basis))
    return conv


def relative_loss(responses: Tensor, target: Tensor, loss: str) -> Tensor:
    """Mean squared error over the target's mean square: 1 for answering nothing, 0 is perfect.

    Args:
        responses: ``(N, out, H, W)``.
        target: ``(N, planes, H, W)``, signed.
        loss: ``signed`` compares the responses, ``magnitude`` their strength as it is shown live.
    """
    if loss == "magnitude":
        if responses.shape[1] > 1:
            floor = torch.full_like(responses[:, :1], SMOOTHING)
            responses = torch.cat([responses, floor], dim=1)
        responses, target = F.magnitude(responses), F.magnitude(target)
    return (responses - target).square().mean() / target.square().mean()


def inner(x: Tensor, margin: int) -> Tensor:
    """Cut the border off, where repeated pixels would be held against mirrored ones."""
    return x[..., margin:-margin, margin:-margin] if margin else x


def as_saved(weight: Tensor) -> Tensor:
    """Round kernels to the numbers a file holds, each still summing to 0, now to the last bit.

    Every tap gets the resolution that float32 has at the largest one, since errors in it matter
    alike; the middle tap takes up what rounding added to the sum.

    Args:
        weight: ``(out, in, k, k)``, k odd.

    Returns:
        ``(out, in, k, k)`` float32 on the CPU.

    Example:
        >>> kernel = torch.tensor([[[[0.5, 1e-9, -0.4]] + [[0.0, 0.1, -0.2]] + [[0.0] * 3]]])
        >>> as_saved(kernel).sum()
        tensor(0.)
    """
    weight = weight.detach().cpu().double()
    largest = float(weight.abs().max())
    if not (math.isfinite(largest) and largest > 0):
        return weight.float()
    step = 2.0 ** (math.floor(math.log2(largest)) - FLOAT32_BITS)
    steps = (weight / step).round()
    middle = weight.shape[-1] // 2
    steps[..., middle, middle] -= steps.sum(dim=(-2, -1))
    return (steps * step).float()
