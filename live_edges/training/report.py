"""The figure of `--report` and `--watch`: what is learned, its loss, and what the kernels see."""

import io
import math
import time
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

from live_edges.display.window import Window
from live_edges.errors import TrainingError
from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.training.descent import Progress
from live_edges.training.examples import Examples, analytic_bank, make_examples
from live_edges.training.pictures import Reader
from live_edges.training.recipe import BLUR_DIFFERENCE, Recipe

COLOURS = 256
SHOWN_HEIGHT, SHOWN_WIDTH = 240, 320
LEAST_LOSS = 1e-16  # drawn; a logarithm has no 0
PLANES = {1: ("",), 3: (" (red)", " (green)", " (blue)")}
SECONDS_BETWEEN = 1.0  # of two pictures in the window; drawing one takes about 0.5

Pixels = NDArray[np.uint8]  # (H, W, 3), red, green, blue
Row = tuple[str, NDArray[Any], NDArray[Any] | None]  # name, learned and analytic kernel


class Watch:
    """Shows the figure in a window while training goes on.

    Args:
        window: the app's window; closing it, or q, only ends the watching.
        example: the held-out picture to show.
    """

    def __init__(self, window: Window, example: Examples) -> None:
        self._window, self._example = window, example
        self._last = -math.inf

    def __call__(self, progress: Progress) -> None:
        """Show where training stands, if it is time to."""
        if not self._window.is_open:
            return
        if time.monotonic() - self._last >= SECONDS_BETWEEN:
            pixels = draw(progress, self._example, f"step {progress.steps}")
            self._window.show(np.ascontiguousarray(pixels[..., ::-1]))
            self._last = time.monotonic()
        if self._window.poll(0.001) in ("q", "esc"):
            self._window.close()


def draw(progress: Progress, example: Examples, title: str) -> Pixels:
    """Draw kernels, loss curve and what the kernels see of a held-out picture."""
    rows = _kernel_rows(progress)
    figure = Figure(figsize=(11, 2.75 * (len(rows) + 1) + 0.5), layout="constrained")
    areas: Any = figure.subfigures(2, 1, height_ratios=[len(rows), 1.15])
    top, bottom = areas
    left, right = top.subfigures(1, 2, width_ratios=[3, 2])
    _draw_kernels(left, rows)
    _draw_losses(right.subplots(), progress)
    _draw_pictures(bottom.subplots(1, 4), example, progress)
    figure.suptitle(title, fontsize=14, fontweight="bold")
    return pixels_of(figure)


def pixels_of(figure: Figure) -> Pixels:
    """Render a figure."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(90)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]


def png(pixels: Pixels) -> bytes:
    """Pack a picture in few colours, small; equal pictures are equal bytes."""
    buffer = io.BytesIO()
    few = Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _kernel_rows(progress: Progress) -> list[Row]:
    """Take at most four planes of the kernels."""
    learned = progress.weight.double().numpy()
    bank = analytic_bank(progress.recipe)
    known = None
    if bank is not None and len(bank) == len(learned):
        known = _centred(_on_scale(bank, progress.recipe), learned.shape[-1])
    rows: list[Row] = []
    for out in range(len(learned)):
        for plane, suffix in enumerate(PLANES[learned.shape[1]]):
            name = f"kernel {out + 1}{suffix}" if len(learned) > 1 else f"kernel{suffix}"
            analytic = None if known is None else known[out, plane]
            rows.append((name, learned[out, plane], analytic))
    return rows[:4]


def _on_scale(bank: kernels.Bank, recipe: Recipe) -> kernels.Bank:
    """Bring the analytic kernels from the display's scale to the target's: delta minus blur."""
    if recipe.target != BLUR_DIFFERENCE:
        return bank
    middle = bank.shape[-1] // 2
    smooth = kernels.gaussian(recipe.sigma)
    peak = 1 - float(smooth.max()) ** 2
    return np.asarray(bank * (peak / bank.sum(axis=1)[0, middle, middle]))


def _centred(bank: kernels.Bank, size: int) -> kernels.Bank:
    spare = (size - bank.shape[-1]) // 2
    if spare < 0:
        return bank[..., -spare:spare, -spare:spare]
    return np.pad(bank, [(0, 0), (0, 0), (spare, spare), (spare, spare)])


def _draw_kernels(area: Any, rows: Sequence[Row]) -> None:
    axes = area.subplots(len(rows), 3, squeeze=False)
    limit = max(float(np.abs(learned).max()) for _, learned, _ in rows)
    for ax in axes.flat:
        ax.set_axis_off()
    for line, (name, learned, known) in zip(axes, rows, strict=True):
        shown = [(f"learned {name}", learned)]
        if known is not None:
            gap = learned - known
            shown += [("analytic", known), (f"difference (max {np.abs(gap).max():.1g})", gap)]
        for ax, (caption, kernel) in zip(line, shown, strict=False):
            norm = SymLogNorm(limit / 50, vmin=-limit, vmax=limit)  # the outer taps are small
            image = ax.imshow(kernel, cmap="RdBu_r", norm=norm)
            ax.set_title(caption, fontsize=9)
    area.colorbar(image, ax=axes, shrink=0.8, label="tap, same scale in all")


def _draw_losses(ax: Any, progress: Progress) -> None:
    losses, held_out = (
        np.maximum(each, LEAST_LOSS) for each in (progress.losses, progress.held_out_losses)
    )
    ax.semilogy(losses, color="tab:blue", label="training")
    ax.semilogy(held_out, color="tab:orange", ls=":", lw=2, label="held out")
    if progress.limit is not None:
        label = f"closed form {progress.limit:.3g}"
        ax.axhline(max(progress.limit, LEAST_LOSS), color="black", ls="--", lw=1, label=label)
    ax.set_title(f"loss, ends at {progress.losses[-1]:.3g}", fontsize=9)
    ax.set_xlabel("L-BFGS step")
    ax.set_ylabel("squared error / power of target")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def _draw_pictures(axes: Any, example: Examples, progress: Progress) -> None:
    x = example.input
    gray = x if x.shape[1] == 1 else F.rgb_to_gray(x)
    level = progress.recipe.noise
    noise = f", noise {level:g}/255" if level else ""
    show(axes[0], x[0], f"held-out input{noise}", strength=False)
    show(axes[1], F.magnitude(example.target)[0], "target, strength")
    show(axes[2], F.edge_strength(x, progress.weight)[0], "learned kernels")
    show(axes[3], F.edge_strength(gray, torch.from_numpy(kernels.sobel()))[0], "Sobel")


def show(ax: Any, picture: Tensor, caption: str, *, strength: bool = True) -> None:
    """Draw ``(1 or 3, H, W)``; edge strength in white, its brightest hundredth saturated."""
    pixels = picture.numpy().transpose(1, 2, 0)
    top = float(np.percentile(pixels, 99.0)) if strength else 1.0
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=max(top, 1e-6), interpolation="nearest")
    ax.set_title(caption, fontsize=9)
    ax.set_axis_off()


def held_out_example(readers: Sequence[Reader], recipe: Recipe) -> Examples:
    """Make an example of the middle of the first picture that can be read."""
    picture = next((found for reader in readers if (found := reader()) is not None), None)
    if picture is None:
        raise TrainingError("no held-out picture can be read")
    return make_examples(middle(picture)[None], recipe, seed=recipe.seed)


def middle(picture: Tensor) -> Tensor:
    """Cut the middle out of a picture ``(C, H, W)``, at most 320x240 pixels."""
    height, width = picture.shape[1:]
    top, left = max(0, height - SHOWN_HEIGHT) // 2, max(0, width - SHOWN_WIDTH) // 2
    return picture[:, top : top + SHOWN_HEIGHT, left : left + SHOWN_WIDTH]
