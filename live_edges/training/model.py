"""The model: one `nn.Conv2d` whose kernels sum to zero, so that flat areas answer nothing."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from live_edges import functional as F
from live_edges.training.recipe import Recipe

SMOOTHING = 1e-6  # keeps the derivative of the root finite at 0; the display has none


class ZeroSum(nn.Module):
    """Takes the mean off every k x k kernel.

    Photographs have nearly all their power in slow changes, edges in fast ones. Without the
    constraint the optimiser spends its steps on the former: it ends thousands of times worse.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """Return the kernels, each summing to zero."""
        return weight - weight.mean(dim=(-2, -1), keepdim=True)


def make_model(recipe: Recipe) -> nn.Conv2d:
    """Build the convolution, started at a high-pass (delta minus box) with a little seeded noise.

    A start at zero would never move under a magnitude loss, and a random one picks its sign by
    chance.
    """
    size = recipe.kernel_size
    conv = nn.Conv2d(
        recipe.in_channels,
        recipe.out_channels,
        size,
        bias=False,
        padding=size // 2,
        padding_mode="replicate",
    )
    generator = torch.Generator().manual_seed(recipe.seed)
    start = 0.05 * torch.randn(conv.weight.shape, generator=generator) / size
    start[..., size // 2, size // 2] += 1 / recipe.in_channels
    with torch.no_grad():
        conv.weight.copy_(start)
    parametrize.register_parametrization(conv, "weight", ZeroSum())
    return conv


def compared(responses: Tensor, loss: str) -> Tensor:
    """Return what the loss looks at: the responses, or their strength exactly as shown live."""
    if loss == "signed":
        return responses
    if responses.shape[1] > 1:
        floor = torch.full_like(responses[:, :1], SMOOTHING)
        return F.magnitude(torch.cat([responses, floor], dim=1))
    return F.magnitude(responses)


def inner(x: Tensor, margin: int) -> Tensor:
    """Cut the border off, where repeated pixels would be held against mirrored ones."""
    return x[..., margin:-margin, margin:-margin] if margin else x


def relative_loss(responses: Tensor, target: Tensor, loss: str) -> Tensor:
    """Mean squared error over the target's mean square: 1 for answering nothing, 0 is perfect.

    Args:
        responses: ``(N, out, H, W)``.
        target: ``(N, planes, H, W)``, signed.
        loss: ``signed`` or ``magnitude``.
    """
    wanted = target if loss == "signed" else F.magnitude(target)
    error = compared(responses, loss) - wanted
    return error.square().mean() / wanted.square().mean()
