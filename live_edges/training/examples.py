"""Examples: pieces of pictures with the answer wanted, kept in memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from live_edges.filters.functional import rgb_to_gray
from live_edges.training.recipe import Recipe
from live_edges.training.targets import make_target


@dataclass(frozen=True, eq=False)
class Examples:
    """The tensor cache that every training step runs on.

    Attributes:
        input: ``(N, in, H, W)`` float in [0, 1], with noise if the recipe says so.
        target: ``(N, planes, H, W)`` float, signed, from the clean picture.
        margin: pixels at each border that are left out of the loss.
    """

    input: Tensor
    target: Tensor
    margin: int

    def to(self, device: torch.device, dtype: torch.dtype) -> "Examples":
        """Return the same on another device, in another precision."""
        x, target = (part.to(dtype).to(device) for part in (self.input, self.target))
        return Examples(x, target, self.margin)

    def joined(self, other: "Examples") -> "Examples":
        """Return these and those."""
        inputs = torch.cat([self.input, other.input])
        return Examples(inputs, torch.cat([self.target, other.target]), self.margin)


def make_examples(pieces: Tensor, recipe: Recipe) -> Examples:
    """Turn uint8 pieces ``(N, 3 or 4, H, W)`` into noisy inputs and clean targets, in float64."""
    pictures = pieces.double() / 255
    luma = rgb_to_gray(pictures[:, :3])
    clean = luma if recipe.in_channels == 1 else pictures[:, :3]
    target = pictures[:, 3:] if pictures.shape[1] == 4 else make_target(luma, recipe)
    return Examples(add_noise(clean, recipe.noise), target, recipe.reach)


def add_noise(x: Tensor, sigma: float) -> Tensor:
    """Sensor noise: half its variance at mid gray from reading out, half from counting photons.

    Args:
        x: float in [0, 1].
        sigma: standard deviation at mid gray, in levels of 255.

    Returns:
        ``x`` with Gaussian noise from torch's generator, clipped to [0, 1] as a sensor clips.
    """
    if not sigma:
        return x
    variance = (sigma / 255) ** 2 * (0.5 + x)
    return (x + variance.sqrt() * torch.randn(x.shape).to(x)).clamp(0, 1)
