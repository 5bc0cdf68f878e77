"""Low light: how well filters find, through noise, the edges of the clean picture."""

from collections.abc import Iterable, Sequence
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
from live_edges.training.examples import add_noise, inner
from live_edges.training.pictures import counted, find_pictures
from live_edges.training.recipe import Recipe
from live_edges.training.report import middle, pixels_of, png, show

NOISES = (0.0, 5.0, 10.0, 15.0, 25.0)  # of 255; a dim room is about 15
PICTURE_NOISE = 15.0
SHOWN = 2  # pictures drawn
BORDER = 8  # pixels left out, where the kernels see repeated ones
FAINTEST = 0.5 / 255  # of a unit step: the strength that rounds up to one gray level
FLAT = 1e-9  # of a unit step; what rounding alone leaves of a picture without edges

Banks = dict[str, Tensor]


def evaluate(weights: Path, recipe: Recipe, out: Path | None) -> str:
    """Compare a weights file with the analytic kernel and Sobel on the pictures of a recipe.

    Of the recipe only data, seed, sigma and input channels count. The first pictures are drawn
    into ``out``, a PNG file.

    Returns:
        Tables as Markdown.

    Raises:
        LiveEdgesError: no kernels, no pictures, or no edge in any of them.
    """
    learned = torch.from_numpy(load_weights(weights)).float()
    is_colour = 3 in (recipe.in_channels, learned.shape[1])
    found = find_pictures(recipe)
    read = (reader() for reader in (*found.held_out, *found.train))
    pictures = [_input(picture, is_colour) for picture in read if picture is not None]
    if not pictures:
        raise TrainingError("none of the pictures could be read; are they damaged?")
    banks = {
        "learned": learned,
        "blur-difference": torch.from_numpy(kernels.blur_difference(recipe.sigma)).float(),
        "sobel": torch.from_numpy(kernels.sobel()).float(),
    }
    lines = []
    for name in ("blur-difference", "sobel"):
        used = [x for x in pictures if (_edges(x, banks[name]) > FAINTEST).any()]
        if not used:  # nothing correlates with a map without edges
            raise TrainingError(
                f"{name} finds no edge in any of {counted(len(pictures), 'picture')}; choose others"
            )
        blank, count = len(pictures) - len(used), counted(len(used), "picture")
        left_out = f" ({blank} without an edge left out)" if blank else ""
        lines += [f"Against the {name} of the clean picture, {count}{left_out}:", ""]
        lines += [_table(banks, compare(used, banks, banks[name], seed=recipe.seed)), ""]
    if out:
        with atomic_write(out) as part:
            part.write_bytes(_drawn(used[:SHOWN], banks, recipe.seed))
        lines.append(f"picture: {out}")
    return "\n".join(lines)


def compare(pictures: Sequence[Tensor], banks: Banks, clean: Tensor, *, seed: int) -> Tensor:
    """Score filters over `NOISES`, by the edges that they find in the noisy pictures.

    Args:
        pictures: ``(1, 1 or 3, H, W)`` float each, with an edge in each.
        banks: filters by name, of luma or of colour.
        clean: bank that makes the edge map of the clean picture, which is wanted.
        seed: decides the noise.

    Returns:
        ``(filters, noises, 2)``, means over the pictures: Pearson's correlation with the wanted
        map, 0 if a filter finds nothing; and the PSNR in dB against the map's own peak, after the
        gain that fits best.
    """
    scores = torch.zeros(len(banks), len(NOISES), 2, dtype=torch.float64)
    for x in pictures:
        wanted = _edges(x, clean)
        for column, noise in enumerate(NOISES):
            noisy = add_noise(x, noise, seed=seed)
            for row, bank in enumerate(banks.values()):
                scores[row, column] += _score(_edges(noisy, bank), wanted)
    return scores / len(pictures)


def _input(picture: Tensor, is_colour: bool) -> Tensor:
    """Cut the middle out of a picture, ``(1, 1 or 3, H, W)`` float."""
    x = middle(picture)[None, :3].double() / 255
    return x if is_colour else F.rgb_to_gray(x)


def _strength(x: Tensor, bank: Tensor) -> Tensor:
    return F.edge_strength(F.rgb_to_gray(x) if bank.shape[1] < x.shape[1] else x, bank)


def _edges(x: Tensor, bank: Tensor) -> Tensor:
    return inner(_strength(x, bank), BORDER).flatten().double()


def _score(seen: Tensor, wanted: Tensor) -> Tensor:
    is_flat = bool(seen.max() - seen.min() < FLAT)
    correlation = wanted[0] * 0 if is_flat else torch.corrcoef(torch.stack([seen, wanted]))[0, 1]
    power = seen @ seen
    gain = (seen @ wanted) / power if power > 0 else power
    error = (gain * seen - wanted).square().mean()
    return torch.stack([correlation, 10 * torch.log10(wanted.max() ** 2 / error.clamp(min=1e-30))])


def _table(names: Iterable[str], scores: Tensor) -> str:
    """Write the scores as a Markdown table: a row for each filter, a column for each noise."""
    lines = ["| correlation, PSNR | " + " | ".join(f"noise {n:g}" for n in NOISES) + " |"]
    lines.append("|---" * (len(NOISES) + 1) + "|")
    for name, row in zip(names, scores.tolist(), strict=True):
        cells = (f"{r:.3f}, {f'{db:.1f} dB' if db < 100 else 'exact'}" for r, db in row)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _drawn(pictures: Sequence[Tensor], banks: Banks, seed: int) -> bytes:
    """Draw, for each picture, the noisy input, the clean edges and what the filters see."""
    figure = Figure(figsize=(12.5, 2.05 * len(pictures) + 0.2), layout="constrained")
    axes: Any = figure.subplots(len(pictures), 2 + len(banks), squeeze=False)
    for line, x in zip(axes, pictures, strict=True):
        noisy = add_noise(x, PICTURE_NOISE, seed=seed)
        show(line[0], noisy[0], f"input, noise {PICTURE_NOISE:g}/255", is_strength=False)
        show(line[1], _strength(x, banks["blur-difference"])[0], "edges of the clean picture")
        for ax, (name, bank) in zip(line[2:], banks.items(), strict=True):
            show(ax, _strength(noisy, bank)[0], f"{name}, from the noisy input")
    return png(pixels_of(figure))
