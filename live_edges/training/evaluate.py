"""Low light: how well filters find, through noise, the edges of the clean picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.filters.weights import load_weights
from live_edges.recording.files import atomic_write
from live_edges.training.examples import add_noise
from live_edges.training.model import inner
from live_edges.training.pictures import find_pictures
from live_edges.training.recipe import Recipe
from live_edges.training.report import middle, pixels_of, png, show

NOISES = (0.0, 5.0, 10.0, 15.0, 25.0)  # of 255; a dim room is about 15
PICTURE_NOISE = 15.0
SHOWN = 2  # pictures drawn
FAINTEST = 0.5 / 255  # of a unit step: the strength that rounds up to one gray level
FLAT = 1e-9  # of a unit step; what rounding alone leaves of a picture without edges


@dataclass(frozen=True, slots=True)
class Score:
    """How close the edges seen through noise come to a clean edge map, averaged over pictures.

    A filter that sees nothing at all in a picture scores a correlation of 0 there.

    Attributes:
        correlation: Pearson's, over all pixels of a picture; no gain or offset changes it.
        psnr_db: against the map's own peak, after the single gain that fits best.
    """

    correlation: float
    psnr_db: float


def evaluate(weights: Path, recipe: Recipe, out: Path | None) -> str:
    """Hold a weights file against the analytic kernel and Sobel on the pictures of a recipe.

    Args:
        weights: the file.
        recipe: its data, seed, sigma and channels are used.
        out: PNG of the first pictures to write, if any.

    Returns:
        Tables as Markdown.

    Raises:
        LiveEdgesError: no kernels, no pictures, or no edge in any of them.
    """
    learned = torch.from_numpy(load_weights(weights)).float()
    found = find_pictures(recipe)
    readers = [*found.held_out, *found.train]
    pictures = [picture for reader in readers if (picture := reader()) is not None]
    if not pictures:
        raise TrainingError("none of the pictures could be read; are they damaged?")
    if learned.shape[1] == 3:
        recipe = replace(recipe, in_channels=3)
    banks = {
        "learned": learned,
        "blur-difference": torch.from_numpy(kernels.blur_difference(recipe.sigma)).float(),
        "sobel": torch.from_numpy(kernels.sobel()).float(),
    }
    lines = []
    for name in ("blur-difference", "sobel"):
        used = with_edges(pictures, recipe, banks[name])
        if not used:
            raise TrainingError(
                f"{name} finds no edge in any of {len(pictures)} pictures; choose other ones"
            )
        blank = len(pictures) - len(used)
        left_out = f" ({blank} without an edge left out)" if blank else ""
        lines += [f"Against the {name} of the clean picture, {len(used)} pictures{left_out}:", ""]
        lines += [table(compare(used, banks, recipe, banks[name])), ""]
    if out:
        with atomic_write(out) as part:
            part.write_bytes(draw_comparison(used, banks, recipe))
        lines.append(f"picture: {out}")
    return "\n".join(lines)


def with_edges(pictures: Sequence[Tensor], recipe: Recipe, clean: Tensor) -> list[Tensor]:
    """Leave out the pictures in which ``clean`` finds no edge: nothing correlates with flat."""
    return [
        picture
        for picture in pictures
        if _edges(_input(picture, replace(recipe, noise=0.0)), clean).gt(FAINTEST).any()
    ]


def compare(
    pictures: Sequence[Tensor], banks: dict[str, Tensor], recipe: Recipe, clean: Tensor
) -> dict[tuple[str, float], Score]:
    """Score filters over noise levels.

    Args:
        pictures: uint8 ``(3, H, W)`` each, with an edge in each, see `with_edges`.
        banks: filters by name, of luma or of colour.
        recipe: its seed is used, and whether it reads colour.
        clean: bank that makes the clean edge map the others are held against.

    Returns:
        A score for each name and noise level.
    """
    scores = {}
    wanted = [_edges(_input(p, replace(recipe, noise=0.0)), clean) for p in pictures]
    for noise in NOISES:
        noisy = [_input(p, replace(recipe, noise=noise)) for p in pictures]
        for name, bank in banks.items():
            each = [_score(_edges(x, bank), w) for x, w in zip(noisy, wanted, strict=True)]
            mean = torch.tensor(each).mean(dim=0)
            scores[name, noise] = Score(float(mean[0]), float(mean[1]))
    return scores


def _input(picture: Tensor, recipe: Recipe) -> Tensor:
    """Cut the middle out of a picture, ``(1, 1 or 3, H, W)`` float, with the recipe's noise."""
    x = middle(picture)[None, :3].double() / 255
    clean = F.rgb_to_gray(x) if recipe.in_channels == 1 else x
    return add_noise(clean, recipe.noise, seed=recipe.seed)


def _strength(x: Tensor, bank: Tensor) -> Tensor:
    return F.edge_strength(F.rgb_to_gray(x) if bank.shape[1] < x.shape[1] else x, bank)


def _edges(x: Tensor, bank: Tensor) -> Tensor:
    return inner(_strength(x, bank), 8).flatten().double()


def _score(seen: Tensor, wanted: Tensor) -> tuple[float, float]:
    is_flat = bool(seen.max() - seen.min() < FLAT)
    correlation = 0.0 if is_flat else float(torch.corrcoef(torch.stack([seen, wanted]))[0, 1])
    power = seen @ seen
    gain = (seen @ wanted) / power if power > 0 else power
    error = (gain * seen - wanted).square().mean()
    return correlation, float(10 * torch.log10(wanted.max() ** 2 / error.clamp(min=1e-30)))


def table(scores: dict[tuple[str, float], Score]) -> str:
    """Write the scores as a Markdown table, a row a filter, a column a noise level."""
    names = list(dict.fromkeys(name for name, _ in scores))
    head = "| correlation, PSNR | " + " | ".join(f"noise {n:g}" for n in NOISES) + " |"
    lines = [head, "|---" * (len(NOISES) + 1) + "|"]
    for name in names:
        cells = (scores[name, noise] for noise in NOISES)
        texts = (f"{c.correlation:.3f}, {_decibels(c.psnr_db)}" for c in cells)
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def _decibels(value: float) -> str:
    return f"{value:.1f} dB" if value < 100 else "exact"


def draw_comparison(pictures: Sequence[Tensor], banks: dict[str, Tensor], recipe: Recipe) -> bytes:
    """Draw, for the first pictures, the noisy input, the clean edges and what filters see."""
    chosen = pictures[:SHOWN]
    figure = Figure(figsize=(12.5, 2.05 * len(chosen) + 0.2), layout="constrained")
    axes: Any = figure.subplots(len(chosen), 2 + len(banks), squeeze=False)
    for line, picture in zip(axes, chosen, strict=True):
        noisy = _input(picture, replace(recipe, noise=PICTURE_NOISE))
        clean = _input(picture, replace(recipe, noise=0.0))
        show(line[0], noisy[0], f"input, noise {PICTURE_NOISE:g}/255", strength=False)
        wanted = _strength(clean, banks["blur-difference"])
        show(line[1], wanted[0], "edges of the clean picture")
        for ax, (name, bank) in zip(line[2:], banks.items(), strict=True):
            show(ax, _strength(noisy, bank)[0], f"{name}, from the noisy input")
    return png(pixels_of(figure))
