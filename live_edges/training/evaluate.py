"""Low light: how well filters find, through noise, the edges of the clean picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from live_edges import functional as F
from live_edges import kernels
from live_edges.training.model import inner
from live_edges.training.pictures import Reader
from live_edges.training.recipe import Recipe
from live_edges.training.report import picture_example, png, show

NOISES = (0.0, 5.0, 10.0, 15.0, 25.0)  # of 255; a dim room is about 15
PICTURE_NOISE = 15.0
SHOWN = 2  # pictures drawn


@dataclass(frozen=True, slots=True)
class Score:
    """How close the edges seen through noise come to a clean edge map, averaged over pictures.

    Attributes:
        correlation: Pearson's, over all pixels of a picture; no gain or offset changes it.
        psnr_db: against the map's own peak, after the single gain that fits best.
    """

    correlation: float
    psnr_db: float


def filters_to_compare(learned: Tensor, recipe: Recipe) -> dict[str, Tensor]:
    """The learned kernels, the analytic ones of their target, and Sobel."""
    return {
        "learned": learned,
        "blur-difference": torch.from_numpy(kernels.blur_difference(recipe.sigma)).float(),
        "sobel": torch.from_numpy(kernels.sobel()).float(),
    }


def compare(
    pictures: Sequence[Tensor], banks: dict[str, Tensor], recipe: Recipe, clean: Tensor
) -> dict[tuple[str, float], Score]:
    """Score filters over noise levels.

    Args:
        pictures: uint8 ``(3, H, W)`` each.
        banks: gray filters by name.
        recipe: its target's sigma and its seed are used.
        clean: bank that makes the clean edge map the others are held against.

    Returns:
        A score for each name and noise level.
    """
    scores = {}
    for noise in NOISES:
        examples = [picture_example(p, replace(recipe, noise=noise)) for p in pictures]
        cleaned = [picture_example(p, replace(recipe, noise=0.0)) for p in pictures]
        for name, bank in banks.items():
            each = [
                _score(_edges(noisy.input, bank), _edges(bare.input, clean))
                for noisy, bare in zip(examples, cleaned, strict=True)
            ]
            mean = torch.tensor(each).mean(dim=0)
            scores[name, noise] = Score(float(mean[0]), float(mean[1]))
    return scores


def _edges(x: Tensor, bank: Tensor) -> Tensor:
    gray = F.rgb_to_gray(x) if x.shape[1] == 3 and bank.shape[1] == 1 else x
    return inner(F.edge_strength(gray, bank), 8).flatten().double()


def _score(seen: Tensor, wanted: Tensor) -> tuple[float, float]:
    correlation = float(torch.corrcoef(torch.stack([seen, wanted]))[0, 1])
    gain = (seen @ wanted) / (seen @ seen)
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
        noisy = picture_example(picture, replace(recipe, noise=PICTURE_NOISE)).input
        clean = picture_example(picture, replace(recipe, noise=0.0)).input
        show(line[0], noisy[0], f"input, noise {PICTURE_NOISE:g}/255", strength=False)
        wanted = F.edge_strength(clean, banks["blur-difference"])
        show(line[1], wanted[0], "edges of the clean picture")
        for ax, (name, bank) in zip(line[2:], banks.items(), strict=True):
            show(ax, F.edge_strength(noisy, bank)[0], f"{name}, from the noisy input")
    return png(figure)


def read_all(readers: Sequence[Reader]) -> list[Tensor]:
    """Read every picture that can be read."""
    return [picture for reader in readers if (picture := reader()) is not None]
