"""Examples: pieces of pictures, each with the response that the kernels should give to it."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.training.pictures import Reader
from live_edges.training.recipe import BLUR_DIFFERENCE, SOBEL, Recipe

READERS = 4  # threads; each holds one whole picture in memory
NOISE_SEEDS = 4  # every fourth picture shares one, because `low-light` was trained that way
BRIGHTNESS = 0.3  # a piece gets up to so much brighter or darker, as light changes


@dataclass(frozen=True, eq=False)
class Examples:
    """What training reads, all in memory.

    Attributes:
        input: ``(N, in, H + k - 1, W + k - 1)`` float in [0, 1], with noise if the recipe has any.
        target: ``(N, planes, H, W)`` float, signed, made of the clean picture.
        pictures: number of pictures that gave pieces.
        skipped: number of pictures that could not be read or were smaller than a piece.
    """

    input: Tensor
    target: Tensor
    pictures: int
    skipped: int

    def to(self, device: torch.device, dtype: torch.dtype) -> "Examples":
        """Return the same on another device, in another precision."""
        x, target = (part.to(device, dtype) for part in (self.input, self.target))
        return replace(self, input=x, target=target)


def read_examples(readers: Sequence[Reader], recipe: Recipe, *, count: int, seed: int) -> Examples:
    """Read every picture once, on threads, and keep ``count`` pieces, at least one of each.

    The seed decides places, flips, brightness and noise, whichever thread reads a picture.

    Raises:
        TrainingError: no picture can be used.
    """
    each, more = divmod(max(count, len(readers)), max(1, len(readers)))

    def cut(index: int) -> list[Tensor]:
        picture = readers[index]()
        if picture is None or min(picture.shape[1:]) < recipe.crop:
            return []
        draw = random.Random(f"{seed}, picture {index}")
        return [_piece(picture, recipe.crop, draw) for _ in range(each + (index < more))]

    with ThreadPoolExecutor(READERS, thread_name_prefix="reading") as pool:
        cuts = list(pool.map(cut, range(len(readers))))
    used = sum(bool(pieces) for pieces in cuts)
    if not used:
        raise TrainingError(
            f"no picture of {len(readers)} can be used: damaged, smaller than a piece of "
            f"{recipe.crop}x{recipe.crop} (see --crop), or without a target picture"
        )
    groups = [list(chain.from_iterable(cuts[first::NOISE_SEEDS])) for first in range(NOISE_SEEDS)]
    parts = [
        input_and_target(torch.stack(pieces), recipe, seed=seed * NOISE_SEEDS + number)
        for number, pieces in enumerate(groups)
        if pieces
    ]
    x, target = (torch.cat(each) for each in zip(*parts, strict=True))
    # Inside the border, where repeated or mirrored pixels would decide.
    x, target = inner(x, recipe.reach - recipe.kernel_size // 2), inner(target, recipe.reach)
    return Examples(x, target, used, len(readers) - used)


def inner(x: Tensor, margin: int) -> Tensor:
    """Cut the border off."""
    return x[..., margin:-margin, margin:-margin] if margin else x


def _piece(picture: Tensor, crop: int, draw: random.Random) -> Tensor:
    """Cut one piece at random, perhaps mirrored; brighter or darker unless it has a target."""
    # v2's classes draw from torch's one generator, which the threads would share.
    top, left = (draw.randint(0, side - crop) for side in picture.shape[1:])
    piece: Tensor = TF.crop(picture, top, left, crop, crop)
    if draw.random() < 0.5:
        piece = TF.horizontal_flip(piece)
    if draw.random() < 0.5:
        piece = TF.vertical_flip(piece)
    if len(piece) == 3:
        piece = TF.adjust_brightness(piece, draw.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS))
    return piece.contiguous()  # a view would keep the whole picture


def input_and_target(pieces: Tensor, recipe: Recipe, *, seed: int) -> tuple[Tensor, Tensor]:
    """Turn uint8 pieces ``(N, 3 or 4, H, W)`` into noisy inputs and clean targets, in float64."""
    pictures = pieces.double() / 255
    luma = F.rgb_to_gray(pictures[:, :3])
    clean = luma if recipe.in_channels == 1 else pictures[:, :3]
    target = pictures[:, 3:] if pictures.shape[1] == 4 else make_target(luma, recipe)
    return add_noise(clean, recipe.noise, seed=seed), target


def add_noise(x: Tensor, sigma: float, *, seed: int) -> Tensor:
    """Add Gaussian sensor noise to ``x`` in [0, 1], and clip it as a sensor does.

    At mid gray the standard deviation is ``sigma`` levels of 255; half the variance is read noise
    there, half is photon noise, which grows with brightness.
    """
    if not sigma:
        return x
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)).to(x)
    variance = (sigma / 255) ** 2 * (0.5 + x)
    return (x + variance.sqrt() * noise).clamp(0, 1)


def make_target(luma: Tensor, recipe: Recipe) -> Tensor:
    """Return the signed responses that the kernels should give to ``(N, 1, H, W)`` without noise.

    Returns:
        ``(N, 1, H, W)``: picture minus blurred picture; or ``(N, 2, H, W)``: Sobel's gx and gy.
        The outermost pixels differ from the filter's, because torchvision mirrors the border.
    """
    if recipe.target == SOBEL:
        bank = torch.from_numpy(kernels.sobel()).to(luma)
        return F.correlate(F.pad_replicate(luma, (3, 3)), bank)
    assert recipe.target == BLUR_DIFFERENCE, "target pictures come with the data"
    blurred: Tensor = TF.gaussian_blur(luma, [recipe.blur_size] * 2, [recipe.sigma] * 2)
    return luma - blurred


def analytic_bank(recipe: Recipe) -> Tensor | None:
    """Return the kernels that make the target, up to a factor; None for any other shape of kernels.

    Those that read colour are the gray kernel in the shares that red, green and blue have in luma.
    """
    banks = {BLUR_DIFFERENCE: kernels.blur_difference(recipe.sigma), SOBEL: kernels.sobel()}
    bank = banks.get(recipe.target)
    if bank is None or len(bank) != recipe.out_channels:
        return None
    if recipe.in_channels == 3:
        bank = bank * np.array(F.LUMA_RGB)[None, :, None, None]
    return torch.from_numpy(bank)
