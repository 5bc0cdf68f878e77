"""Watching the training: kernel, loss curve and a held-out picture, drawn for a window."""

import math
import time
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from live_edges.filters import functional as F
from live_edges.frame import Image
from live_edges.training.descent import Descent
from live_edges.training.examples import Examples

TILE_HEIGHT, TILE_WIDTH = 240, 320
SECONDS_BETWEEN = 0.1
LEAST_LOSS = 1e-16  # drawn; a logarithm has no 0
WHITE, GREEN, ORANGE = (235, 235, 235), (80, 255, 80), (60, 170, 255)  # BGR
RED, BLUE = (30, 0, 120), (110, 40, 0)  # of the largest positive and negative tap, 0 is white


class Screen(Protocol):
    """What watching needs of the app's window."""

    @property
    def is_open(self) -> bool:
        """Whether the user has not closed it."""

    def show(self, image: Image) -> None:
        """Show a picture."""

    def poll(self, timeout_s: float) -> str | None:
        """Return the key pressed, if any."""

    def close(self) -> None:
        """Take the window away."""


class Watch:
    """Shows the training's progress in a window, at most ten times a second.

    Args:
        window: the app's window; closing it, or q, only ends the watching.
        example: the held-out picture to show.
    """

    def __init__(self, window: Screen, example: Examples) -> None:
        self._window = window
        self._example = example
        self._last = -math.inf
        self._is_watched = True

    def __call__(self, descent: Descent) -> None:
        """Show where training stands, if it is time to."""
        now = time.monotonic()
        if not self._is_watched or now - self._last < SECONDS_BETWEEN:
            return
        self._last = now
        self._window.show(draw(descent, self._example))
        key = self._window.poll(0.001)
        self._is_watched = key not in ("q", "esc") and self._window.is_open
        if not self._is_watched:
            self._window.close()


def draw(descent: Descent, example: Examples) -> Image:
    """Draw four tiles: kernel and loss curve above target and response, ``(480, 640, 3)`` BGR."""
    weight = descent.weight
    with torch.no_grad():
        response = F.edge_strength(example.input, weight)
    top = [_kernel_tile(weight), _curve_tile(descent)]
    bottom = [
        _edge_tile(F.magnitude(example.target), "target"),
        _edge_tile(response, "learned"),
    ]
    return np.ascontiguousarray(np.vstack([np.hstack(top), np.hstack(bottom)]))


def _kernel_tile(weight: Tensor) -> Image:
    kernel = weight[0].mean(dim=0).numpy()
    level = np.sqrt(np.abs(kernel) / max(float(np.abs(kernel).max()), 1e-12))  # shows small taps
    away = np.where(kernel[..., None] > 0, RED, BLUE).astype(float)
    colours = (255 + (away - 255) * level[..., None]).round().astype(np.uint8)
    side = TILE_HEIGHT - 50
    tile = np.zeros((TILE_HEIGHT, TILE_WIDTH, 3), np.uint8)
    left = (TILE_WIDTH - side) // 2
    tile[40 : 40 + side, left : left + side] = cv2.resize(
        colours, (side, side), interpolation=cv2.INTER_NEAREST
    )
    return _labelled(tile, "kernel")


def _curve_tile(descent: Descent) -> Image:
    tile = np.zeros((TILE_HEIGHT, TILE_WIDTH, 3), np.uint8)
    losses = np.log10(np.maximum(descent.losses, LEAST_LOSS))
    limit = math.log10(max(descent.limit or 0.0, LEAST_LOSS))
    low, high = min(float(losses.min()), limit) - 0.2, float(losses.max()) + 0.2

    def row(value: Any) -> Any:
        return 40 + (TILE_HEIGHT - 60) * (high - value) / (high - low)

    columns = np.linspace(15, TILE_WIDTH - 15, max(2, len(losses)))[: len(losses)]
    points = np.stack([columns, row(losses)], axis=1).round().astype(np.int32)
    if descent.limit is not None:
        y = round(row(limit))
        cv2.line(tile, (15, y), (TILE_WIDTH - 15, y), ORANGE, 1)
    cv2.polylines(tile, [points], False, GREEN, 1, cv2.LINE_AA)
    return _labelled(tile, f"step {len(losses)}, loss {descent.losses[-1]:.3g}")


def _edge_tile(strength: Tensor, label: str) -> Image:
    pixels: NDArray[np.float32] = strength[0, 0].numpy()
    top = max(float(np.percentile(pixels, 99)), 1e-6)
    gray = (pixels / top * 255).clip(0, 255).astype(np.uint8)
    tile = cv2.resize(gray, (TILE_WIDTH, TILE_HEIGHT), interpolation=cv2.INTER_AREA)
    return _labelled(cv2.cvtColor(tile, cv2.COLOR_GRAY2BGR), label)


def _labelled(tile: Any, text: str) -> Image:
    cv2.putText(tile, text, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.55, WHITE, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
