"""The report: what was learned, how training came down to its limit, and what the kernels see."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.training.examples import Examples, make_examples
from live_edges.training.loop import Trained
from live_edges.training.pictures import find_pictures
from live_edges.training.recipe import BLUR_DIFFERENCE, Recipe
from live_edges.training.targets import analytic_bank

COLOURS = 256
SHOWN_HEIGHT, SHOWN_WIDTH = 240, 320
LEAST_LOSS = 1e-16  # drawn; a logarithm has no 0
PLANES = {1: ("",), 3: (" (red)", " (green)", " (blue)")}


def draw_report(trained: Trained, title: str) -> bytes:
    """Draw the report of a run as a PNG."""
    recipe = trained.recipe
    rows = _kernel_rows(trained)
    figure = Figure(figsize=(11, 2.75 * (len(rows) + 1) + 0.5), layout="constrained")
    areas: Any = figure.subfigures(2, 1, height_ratios=[len(rows), 1.15])
    top, bottom = areas
    left, right = top.subfigures(1, 2, width_ratios=[3, 2])
    _draw_kernels(left, rows)
    _draw_losses(right.subplots(), trained)
    _draw_pictures(bottom.subplots(1, 4), recipe, trained.weight)
    figure.suptitle(title, fontsize=14, fontweight="bold")
    return png(figure)


def png(figure: Figure) -> bytes:
    """Render a figure in few colours, small; equal figures are equal bytes."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(90)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(drawn)).convert("RGB")
    buffer = io.BytesIO()
    pixels.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _kernel_rows(trained: Trained) -> list[tuple[str, NDArray[Any], NDArray[Any] | None]]:
    """Name, learned and analytic kernel of at most four planes."""
    learned = trained.weight.double().numpy()
    bank = analytic_bank(trained.recipe)
    rows = []
    for out in range(len(learned)):
        for plane, suffix in enumerate(PLANES[learned.shape[1]]):
            name = f"kernel {out + 1}{suffix}" if len(learned) > 1 else f"kernel{suffix}"
            known = None
            if bank is not None and len(bank) == len(learned):
                known = _on_scale(bank, trained.recipe)[out, plane]
                known = _centred(known, learned.shape[-1])
            rows.append((name, learned[out, plane], known))
    return rows[:4]


def _on_scale(bank: kernels.Bank, recipe: Recipe) -> kernels.Bank:
    """Bring the analytic kernels from the display's scale to the target's: delta minus blur."""
    if recipe.target != BLUR_DIFFERENCE:
        return bank
    middle = bank.shape[-1] // 2
    smooth = kernels.gaussian(recipe.sigma)
    peak = 1 - float(smooth.max()) ** 2
    return np.asarray(bank * (peak / bank.sum(axis=1)[0, middle, middle]))


def _centred(kernel: NDArray[Any], size: int) -> NDArray[Any]:
    spare = (size - kernel.shape[-1]) // 2
    if spare < 0:
        return kernel[-spare : kernel.shape[0] + spare, -spare : kernel.shape[1] + spare]
    return np.pad(kernel, spare)


def _draw_kernels(area: Any, rows: Sequence[tuple[str, NDArray[Any], NDArray[Any] | None]]) -> None:
    axes = area.subplots(len(rows), 3, squeeze=False)
    limit = max(float(np.abs(learned).max()) for _, learned, _ in rows)
    for line, (name, learned, known) in zip(axes, rows, strict=True):
        shown = [(f"learned {name}", learned)]
        if known is not None:
            gap = learned - known
            shown += [("analytic", known), (f"difference (max {np.abs(gap).max():.1g})", gap)]
        for ax, (caption, kernel) in zip(line, shown, strict=False):
            norm = SymLogNorm(limit / 50, vmin=-limit, vmax=limit)  # the outer taps are small
            image = ax.imshow(kernel, cmap="RdBu_r", norm=norm)
            ax.set_title(caption, fontsize=9)
        for ax in line:
            ax.set_axis_off()
    area.colorbar(image, ax=axes, shrink=0.8, label="tap, same scale in all")


def _draw_losses(ax: Any, trained: Trained) -> None:
    ax.semilogy(_drawable(trained.losses), color="tab:blue", label="training")
    ax.semilogy(
        _drawable(trained.held_out_losses), color="tab:orange", ls=":", lw=2, label="held out"
    )
    if trained.limit is not None:
        ax.axhline(
            max(trained.limit, LEAST_LOSS),
            color="black",
            ls="--",
            lw=1,
            label=f"closed form {trained.limit:.3g}",
        )
    ax.set_title(f"loss, ends at {trained.loss:.3g}", fontsize=9)
    ax.set_xlabel("L-BFGS step")
    ax.set_ylabel("squared error / power of target")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def _drawable(losses: Sequence[float]) -> NDArray[Any]:
    return np.maximum(losses, LEAST_LOSS)


def held_out_picture(recipe: Recipe) -> Examples:
    """The middle of the first held-out picture that can be read, as one example."""
    for reader in find_pictures(recipe).held_out:
        picture = reader()
        if picture is not None:
            return picture_example(picture, recipe)
    raise TrainingError("no held-out picture can be read")


def picture_example(picture: Tensor, recipe: Recipe) -> Examples:
    """Cut the middle out of a picture and make an example of it, with the recipe's noise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return make_examples(middle(picture)[None], recipe)


def middle(picture: Tensor) -> Tensor:
    """Cut the middle out of a picture ``(C, H, W)``, at most 320x240 pixels."""
    height, width = picture.shape[1:]
    top, left = max(0, height - SHOWN_HEIGHT) // 2, max(0, width - SHOWN_WIDTH) // 2
    return picture[:, top : top + SHOWN_HEIGHT, left : left + SHOWN_WIDTH]


def _draw_pictures(axes: Any, recipe: Recipe, weight: Tensor) -> None:
    example = held_out_picture(recipe)
    x = example.input
    gray = x if x.shape[1] == 1 else F.rgb_to_gray(x)
    noise = f", noise {recipe.noise:g}/255" if recipe.noise else ""
    show(axes[0], x[0], f"held-out input{noise}", strength=False)
    show(axes[1], F.magnitude(example.target)[0], "target, strength")
    show(axes[2], F.edge_strength(x, weight)[0], "learned kernels")
    show(axes[3], F.edge_strength(gray, torch.from_numpy(kernels.sobel()))[0], "Sobel")


def show(ax: Any, picture: Tensor, caption: str, *, strength: bool = True) -> None:
    """Draw ``(1 or 3, H, W)``; edge strength in white, its brightest hundredth saturated."""
    pixels = picture.numpy().transpose(1, 2, 0)
    top = float(np.percentile(pixels, 99.0)) if strength else 1.0
    pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=max(top, 1e-6), interpolation="nearest")
    ax.set_title(caption, fontsize=9)
    ax.set_axis_off()
