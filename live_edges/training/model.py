"""The model: one `nn.Conv2d` whose kernels sum to zero, so that flat areas answer 0; its loss."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils import parametrize

from live_edges.filters import functional as F
from live_edges.training.examples import Examples
from live_edges.training.recipe import Recipe

FLOAT32_BITS = 23  # after the first one of a number
SMOOTHING = 1e-6  # keeps the derivative of the root finite at 0; the display has none


class Whitened(nn.Module):
    """Parametrization of a convolution: from whitened coordinates to kernels that sum to zero."""

    def __init__(self, basis: Tensor) -> None:
        super().__init__()
        self.basis: Tensor
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        """Return the kernels, ``(out, in, k, k)``, each summing to zero."""
        weight = (coordinates.flatten(1) @ self.basis).reshape(coordinates.shape)
        return weight - weight.mean(dim=(-2, -1), keepdim=True)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the coordinates of some kernels."""
        flat: Tensor = torch.linalg.solve(self.basis, weight.flatten(1).T)
        return flat.T.reshape(weight.shape)


def make_model(recipe: Recipe, basis: Tensor) -> nn.Conv2d:
    """Build the convolution, started at a high-pass (delta minus box) with a little seeded noise.

    From zero, a magnitude loss would never move it; from random kernels, chance picks their sign.
    It learns in the coordinates of ``basis``, see `closed_form.whitening`.
    """
    size, inputs, outputs = recipe.kernel_size, recipe.in_channels, recipe.out_channels
    conv = nn.Conv2d(inputs, outputs, size, bias=False, dtype=torch.float64)
    generator = torch.Generator().manual_seed(recipe.seed)
    start = 0.05 * torch.randn(conv.weight.shape, generator=generator) / size
    start[..., size // 2, size // 2] += 1 / inputs
    with torch.no_grad():
        conv.weight.copy_(start)
    parametrize.register_parametrization(conv, "weight", Whitened(basis))
    return conv


def relative_loss(responses: Tensor, target: Tensor, loss: str) -> Tensor:
    """Return the mean squared error over the target's power: 0 is perfect, no response gives 1.

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


def loss_of(weight: Tensor, examples: Examples, loss: str) -> float:
    """Return the relative loss of some kernels, in the precision of the examples."""
    responses = conv2d(examples.input, weight.to(examples.input))
    return float(relative_loss(responses, examples.target, loss))


def as_saved(weight: Tensor) -> Tensor:
    """Round kernels to the numbers that a file holds, so that each sums to exactly 0.

    Every tap gets the resolution that float32 has at the largest one, because errors in all taps
    matter alike; the middle tap takes up what rounding added to the sum. The result is float32 on
    the CPU.

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
