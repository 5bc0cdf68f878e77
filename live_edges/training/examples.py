"""Examples: pieces of pictures, each with the answer that the kernels should give to it."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

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
NOISE_SEEDS = 4  # that pictures draw their noise from in turn; `low-light` was trained with 4
BRIGHTNESS = 0.3


@dataclass(frozen=True, eq=False)
class Examples:
    """What training looks at, all in memory.

    Attributes:
        input: ``(N, in, H, W)`` float in [0, 1], with noise if the recipe says so.
        target: ``(N, planes, H, W)`` float, signed, from the clean picture.
        margin: pixels at each border that are left out of the loss.
        pictures: that gave pieces.
        skipped: pictures that could not be read or were smaller than a piece.
    """

    input: Tensor
    target: Tensor
    margin: int
    pictures: int = 1
    skipped: int = 0

    def to(self, device: torch.device, dtype: torch.dtype) -> "Examples":
        """Return the same on another device, in another precision."""
        x, target = (part.to(device, dtype) for part in (self.input, self.target))
        return replace(self, input=x, target=target)


def read_examples(readers: Sequence[Reader], recipe: Recipe, *, count: int, seed: int) -> Examples:
    """Read every picture once, on threads, and keep only pieces of it.

    Args:
        readers: the pictures.
        recipe: size of the pieces, noise, target.
        count: pieces wanted in all; a picture gives one at least.
        seed: decides places, flips, brightness and noise; threads change nothing.

    Raises:
        TrainingError: no picture can be used.
    """
    each, more = divmod(max(count, len(readers)), max(1, len(readers)))

    def cut(index: int) -> tuple[list[Tensor], tuple[int, ...]]:
        picture = readers[index]()
        if picture is None:
            return [], (0, 0)
        size = tuple(picture.shape[1:])
        if min(size) < recipe.crop:
            return [], size
        draw = random.Random(f"{seed}, picture {index}")
        return [_piece(picture, recipe.crop, draw) for _ in range(each + (index < more))], size

    with ThreadPoolExecutor(READERS, thread_name_prefix="reading") as pool:
        cuts = list(pool.map(cut, range(len(readers))))
    groups = [
        [piece for pieces, _ in cuts[first::NOISE_SEEDS] for piece in pieces]
        for first in range(NOISE_SEEDS)
    ]
    parts = [
        make_examples(torch.stack(pieces), recipe, seed=seed * NOISE_SEEDS + number)
        for number, pieces in enumerate(groups)
        if pieces
    ]
    if not parts:
        raise TrainingError(_nothing(len(readers), max(cuts, key=lambda c: c[1])[1], recipe.crop))
    used = sum(bool(pieces) for pieces, _ in cuts)
    x, target = (torch.cat([getattr(part, name) for part in parts]) for name in ("input", "target"))
    return Examples(x, target, recipe.reach, used, len(readers) - used)


def _nothing(count: int, largest: tuple[int, ...], crop: int) -> str:
    height, width = largest
    if not height:
        return f"none of the {count} pictures could be read; are they damaged, or without a pair?"
    return (
        f"the pictures are smaller than a piece of {crop}x{crop} (largest: {width}x{height}); "
        "choose a smaller --crop or larger pictures"
    )


def _piece(picture: Tensor, crop: int, draw: random.Random) -> Tensor:
    """Cut one piece at random, perhaps mirrored; brighter or darker unless it has a pair."""
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


def make_examples(pieces: Tensor, recipe: Recipe, *, seed: int) -> Examples:
    """Turn uint8 pieces ``(N, 3 or 4, H, W)`` into noisy inputs and clean targets, in float64."""
    pictures = pieces.double() / 255
    luma = F.rgb_to_gray(pictures[:, :3])
    clean = luma if recipe.in_channels == 1 else pictures[:, :3]
    target = pictures[:, 3:] if pictures.shape[1] == 4 else make_target(luma, recipe)
    return Examples(add_noise(clean, recipe.noise, seed=seed), target, recipe.reach)


def add_noise(x: Tensor, sigma: float, *, seed: int) -> Tensor:
    """Sensor noise: half its variance at mid gray from reading out, half from counting photons.

    Args:
        x: float in [0, 1].
        sigma: standard deviation at mid gray, in levels of 255.
        seed: decides the noise.

    Returns:
        ``x`` with Gaussian noise, clipped to [0, 1] as a sensor clips.
    """
    if not sigma:
        return x
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)).to(x)
    variance = (sigma / 255) ** 2 * (0.5 + x)
    return (x + variance.sqrt() * noise).clamp(0, 1)


def make_target(luma: Tensor, recipe: Recipe) -> Tensor:
    """Answer that the kernels should give, with its sign, for the two analytic targets.

    Args:
        luma: ``(N, 1, H, W)`` float in [0, 1], without noise.
        recipe: names the target.

    Returns:
        ``(N, 1, H, W)``: picture minus blurred picture; or ``(N, 2, H, W)``: Sobel's gx and gy.
        The outermost pixels are torchvision's mirrored border; training leaves them out.
    """
    if recipe.target == SOBEL:
        bank = torch.from_numpy(kernels.sobel()).to(luma)
        return F.correlate(F.pad_replicate(luma, (3, 3)), bank)
    assert recipe.target == BLUR_DIFFERENCE, "target pictures come with the data"
    blurred: Tensor = TF.gaussian_blur(luma, [recipe.blur_size] * 2, [recipe.sigma] * 2)
    return luma - blurred


def analytic_bank(recipe: Recipe) -> kernels.Bank | None:
    """Return the kernels that make the target, up to a factor; None for target pictures.

    Reading colour, they are the gray kernel in the shares that red, green and blue have in luma.
    """
    if recipe.target not in (SOBEL, BLUR_DIFFERENCE):
        return None
    is_sobel = recipe.target == SOBEL
    bank = kernels.sobel() if is_sobel else kernels.blur_difference(recipe.sigma)
    if recipe.in_channels == 1:
        return bank
    return np.asarray(bank * np.array(F.LUMA_RGB)[None, :, None, None])
