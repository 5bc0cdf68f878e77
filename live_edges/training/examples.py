"""Examples: pieces of pictures with the answer wanted, read once and then kept in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from live_edges.errors import TrainingError
from live_edges.functional import rgb_to_gray
from live_edges.training.pictures import Reader
from live_edges.training.recipe import Recipe
from live_edges.training.targets import make_target

READERS = 2  # threads; decoding lets go of the interpreter
AHEAD = 8  # pictures in memory at a time
BRIGHTNESS = 0.3


@dataclass(frozen=True, eq=False)
class Examples:
    """The tensor cache that every training step runs on.

    Attributes:
        input: ``(N, in, H, W)`` float32 in [0, 1], with noise if the recipe says so.
        target: ``(N, planes, H, W)`` float32, signed, from the clean picture.
        margin: pixels at each border that are left out of the loss.
        skipped: pictures that could not be read or were smaller than a piece.
    """

    input: Tensor
    target: Tensor
    margin: int
    skipped: int = 0

    def to(self, device: torch.device) -> "Examples":
        """Return the same on another device."""
        return Examples(self.input.to(device), self.target.to(device), self.margin, self.skipped)


def draw_examples(readers: list[Reader], recipe: Recipe, *, count: int, seed: int) -> Examples:
    """Cut pieces at random from the pictures, and make inputs and targets of them.

    Args:
        readers: the pictures.
        recipe: size of the pieces, noise, target.
        count: pieces wanted, spread evenly over the pictures.
        seed: decides places, flips, brightness and noise.

    Raises:
        TrainingError: no picture can be read, or all are smaller than a piece.
    """
    with torch.random.fork_rng(devices=[]):  # torchvision's transforms draw from torch's own
        torch.manual_seed(seed)
        pieces, skipped = _cut(readers[:count], recipe, count)
        return make_examples(pieces, recipe, skipped=skipped)


def make_examples(pieces: Tensor, recipe: Recipe, *, skipped: int = 0) -> Examples:
    """Turn uint8 pieces ``(N, 3 or 4, H, W)`` into noisy inputs and clean targets."""
    pictures = pieces.float() / 255
    luma = rgb_to_gray(pictures[:, :3])
    clean = luma if recipe.in_channels == 1 else pictures[:, :3]
    target = pictures[:, 3:] if pictures.shape[1] == 4 else make_target(luma, recipe)
    return Examples(add_noise(clean, recipe.noise), target, recipe.reach, skipped)


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


def _cut(readers: list[Reader], recipe: Recipe, count: int) -> tuple[Tensor, int]:
    """Return ``(N, planes, crop, crop)`` and how many pictures gave nothing."""
    place = v2.Compose(
        [v2.RandomCrop(recipe.crop), v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
    )
    brightness = v2.ColorJitter(brightness=BRIGHTNESS)
    pieces: list[Tensor] = []
    skipped = 0
    largest: tuple[int, ...] = (0, 0)
    for done, picture in enumerate(_read(readers)):
        if picture is None or min(picture.shape[1:]) < recipe.crop:
            skipped += 1
            largest = largest if picture is None else max(largest, tuple(picture.shape[1:]))
            continue
        share = -(-(count - len(pieces)) // (len(readers) - done))
        for _ in range(share):
            piece = place(picture)
            pieces.append(brightness(piece) if len(piece) == 3 else piece)
    if not pieces:
        raise TrainingError(_nothing(len(readers), largest, recipe.crop))
    return torch.stack(pieces), skipped


def _nothing(count: int, largest: tuple[int, ...], crop: int) -> str:
    if any(largest):
        return (
            f"the pictures are smaller than a piece of {crop}x{crop} (largest: "
            f"{largest[1]}x{largest[0]}); choose a smaller --crop or larger pictures"
        )
    return f"none of the {count} pictures could be read; are they damaged, or without their pair?"


def _read(readers: list[Reader]) -> Iterator[Tensor | None]:
    """Read pictures on a few threads, in order, holding a few at a time."""
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(readers), AHEAD):
            yield from pool.map(lambda read: read(), readers[start : start + AHEAD])
