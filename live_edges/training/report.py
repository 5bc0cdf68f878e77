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
from live_edges.training.closed_form import resized
from live_edges.training.descent import Descent
from live_edges.training.examples import analytic_bank, input_and_target
from live_edges.training.pictures import Reader
from live_edges.training.recipe import Recipe

COLOURS = 256
SHOWN_HEIGHT, SHOWN_WIDTH = 240, 320
LEAST_LOSS = 1e-16  # drawn; a logarithm has no 0
SECONDS_BETWEEN = 1.0  # of two pictures in the window; drawing one takes about 0.5
MOST_ROWS = 4  # of kernels

Pixels = NDArray[np.uint8]  # (H, W, 3), red, green, blue
Shown = tuple[Tensor, Tensor]  # input and target of one picture


class Watch:
    """Shows the figure in a window while training goes on.

    Args:
        window: the app's window; closing it, or q, only ends the watching.
        shown: the held-out picture to show, see `held_out_picture`.
    """

    def __init__(self, window: Window, shown: Shown) -> None:
        self._window, self._shown = window, shown
        self._last = -math.inf

    def __call__(self, descent: Descent) -> None:
        """Show where training stands, if the last picture is old enough."""
        if not self._window.is_open:
            return
        if time.monotonic() - self._last >= SECONDS_BETWEEN:
            pixels = draw(descent, self._shown, f"step {descent.steps}")
            self._window.show(np.ascontiguousarray(pixels[..., ::-1]))
            self._last = time.monotonic()
        if self._window.poll(0.001) in ("q", "esc"):
            self._window.close()


def held_out_picture(readers: Sequence[Reader], recipe: Recipe) -> Shown:
    """Return input and target of the middle of the first picture that can be read."""
    picture = next((found for reader in readers if (found := reader()) is not None), None)
    if picture is None:
        raise TrainingError("no held-out picture can be read")
    return input_and_target(middle(picture)[None], recipe, seed=recipe.seed)


def draw(descent: Descent, shown: Shown, title: str) -> Pixels:
    """Draw kernels, losses, and what the kernels see of a held-out picture."""
    planes = descent.weight.shape[0] * descent.weight.shape[1]
    rows = min(planes, MOST_ROWS)
    figure = Figure(figsize=(11, 2.35 * rows + 2.6), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[2.35 * rows, 2.25])
    top = grid[0].subgridspec(rows, 5, width_ratios=[1, 1, 1, 0.06, 1.5])
    _draw_kernels(figure, top, descent, rows)
    _draw_losses(figure.add_subplot(top[:, 4]), descent)
    _draw_pictures(grid[1].subgridspec(1, 4).subplots(), descent, *shown)
    figure.suptitle(title, fontsize=14, fontweight="bold")
    return pixels_of(figure)


def _draw_kernels(figure: Figure, grid: Any, descent: Descent, rows: int) -> None:
    """Draw each plane of the kernels beside the analytic one, as they run live."""
    learned = kernels.unit_scaled(descent.weight.numpy())
    size, limit = learned.shape[-1], float(np.abs(learned).max())
    bank = analytic_bank(descent.recipe)
    columns = {"learned": learned}
    if bank is not None:
        columns["analytic"] = kernels.unit_scaled(resized(bank, size).numpy())
        columns["difference"] = learned - columns["analytic"]
    colours = ("red", "green", "blue") if learned.shape[1] == 3 else ("",)
    names = [f"{number + 1} {colour}" for number in range(len(learned)) for colour in colours]
    norm = SymLogNorm(limit / 50, vmin=-limit, vmax=limit)  # the outer taps are small
    for column, (title, banks) in enumerate(columns.items()):
        for row, kernel in enumerate(banks.reshape(-1, size, size)[:rows]):
            ax = figure.add_subplot(grid[row, column])
            image = ax.imshow(kernel, cmap="RdBu_r", norm=norm)
            ax.set_title(f"{title}, kernel {names[row]}" if len(names) > 1 else title, fontsize=9)
            ax.set_axis_off()
            if title == "difference":
                ax.set_title(f"difference, at most {np.abs(kernel).max():.1g}", fontsize=9)
    ticks = [-limit, -limit / 10, 0, limit / 10, limit]
    bar = figure.colorbar(image, cax=figure.add_subplot(grid[:, 3]), ticks=ticks, format="%.2g")
    bar.ax.minorticks_off()
    bar.ax.set_title("tap", fontsize=9)


def _draw_losses(ax: Any, descent: Descent) -> None:
    losses, held_out = (
        np.maximum(each, LEAST_LOSS) for each in (descent.losses, descent.held_out_losses)
    )
    ax.semilogy(losses, color="tab:blue", label="training")
    ax.semilogy(held_out, color="tab:orange", ls=":", lw=2, label="held out")
    if descent.limit is not None:
        label = f"closed form {descent.limit:.3g}"
        ax.axhline(max(descent.limit, LEAST_LOSS), color="black", ls="--", lw=1, label=label)
    ax.set_title(f"squared error / power of target, ends at {descent.losses[-1]:.3g}", fontsize=9)
    ax.set_xlabel("L-BFGS step")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def _draw_pictures(axes: Any, descent: Descent, x: Tensor, target: Tensor) -> None:
    gray = x if x.shape[1] == 1 else F.rgb_to_gray(x)
    level = descent.recipe.noise
    noise = f", noise {level:g}/255" if level else ""
    show(axes[0], x[0], f"held-out input{noise}", is_strength=False)
    show(axes[1], F.magnitude(target)[0], "target, strength")
    show(axes[2], F.edge_strength(x, descent.weight)[0], "learned kernels")
    show(axes[3], F.edge_strength(gray, torch.from_numpy(kernels.sobel()))[0], "Sobel")


def show(ax: Any, picture: Tensor, caption: str, *, is_strength: bool = True) -> None:
    """Draw ``(1 or 3, H, W)``; edge strength in white, its brightest hundredth saturated."""
    pixels = picture.numpy().transpose(1, 2, 0)
    top = float(np.percentile(pixels, 99.0)) if is_strength else 1.0
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=max(top, 1e-6), interpolation="nearest")
    ax.set_title(caption, fontsize=9)
    ax.set_axis_off()


def middle(picture: Tensor) -> Tensor:
    """Cut the middle out of a picture ``(C, H, W)``, at most 320x240 pixels."""
    height, width = picture.shape[1:]
    top, left = max(0, height - SHOWN_HEIGHT) // 2, max(0, width - SHOWN_WIDTH) // 2
    return picture[:, top : top + SHOWN_HEIGHT, left : left + SHOWN_WIDTH]


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
