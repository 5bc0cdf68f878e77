"""The built-in demo's world: a still background, things that move before it, and noise."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.sources.backdrop import DESIGN, backdrop
from live_edges.sources.sprites import (
    Color,
    Plane,
    Sprite,
    grain,
    grid,
    polygon,
    regular,
    sprite,
    tint,
)

NOISE = 3.0  # grey levels, about the deviation of the sensor noise
_TILE_MARGIN = 64  # pixels the noise may be shifted by


@dataclass(frozen=True, slots=True)
class Mover:
    """A sprite on its way: a Lissajous figure around ``(x, y)``, in fractions of the picture.

    Attributes:
        phases: the sprite in the positions of one turn; a single one does not turn.
        turn_s: seconds for all phases.
        x: centre of the figure across.
        y: centre of the figure down.
        reach: how far it goes to each side, across and down.
        period_s: seconds for one sweep, across and down.
        start: angle, in radians, at which both sweeps begin.
    """

    phases: tuple[Sprite, ...]
    turn_s: float
    x: float
    y: float
    reach: tuple[float, float]
    period_s: tuple[float, float]
    start: float

    def draw(self, ground: Image, time_s: float) -> None:
        """Draw the sprite where it is at ``time_s``."""
        height, width = ground.shape[:2]
        across = math.sin(2 * math.pi * time_s / self.period_s[0] + self.start)
        down = math.sin(2 * math.pi * time_s / self.period_s[1] + self.start * 2)
        phase = int(time_s / self.turn_s * len(self.phases)) % len(self.phases)
        self.phases[phase].over(
            ground,
            round((self.x + self.reach[0] * across) * (width - 1)),
            round((self.y + self.reach[1] * down) * (height - 1)),
        )


class Scene:
    """A small world that looks the same for the same size, seed, index and time.

    Args:
        size: width and height of its pictures.
        seed: chooses textures and noise.
    """

    def __init__(self, size: tuple[int, int], *, seed: int = 0) -> None:
        self._seed = seed
        width, height = size
        scale = min(width / DESIGN[0], height / DESIGN[1])
        rng = np.random.default_rng(seed)
        self._background = backdrop(width, height, scale, rng)
        self._movers = _movers(scale, rng)
        tile = (height + _TILE_MARGIN, width + _TILE_MARGIN, 3)
        noise = rng.standard_normal(tile, dtype=np.float32) * NOISE
        self._noise: Image = np.abs(noise).astype(np.uint8)

    def at(self, index: int, time_s: float) -> Image:
        """Draw frame ``index``, which shows the world at ``time_s`` seconds."""
        image = self._background.copy()
        for mover in self._movers:
            mover.draw(image, time_s)
        # The tile less itself, shifted: symmetric noise, never twice the same, for two cheap steps.
        half = _TILE_MARGIN // 2
        shifts = np.random.default_rng((self._seed, index)).integers(0, half, (2, 2))
        cv2.add(image, self._noise_at(shifts[0]), dst=image)
        cv2.subtract(image, self._noise_at(shifts[1] + half), dst=image)
        return image

    def _noise_at(self, shift: NDArray[np.int64]) -> Image:
        height, width = self._background.shape[:2]
        y, x = shift
        return self._noise[y : y + height, x : x + width]


def _movers(scale: float, rng: np.random.Generator) -> tuple[Mover, ...]:
    """Everything that moves, from back to front."""
    star = _turning(scale, 170, (60, 190, 250), corners=5, inner=0.5)
    hexagon = _turning(scale, 150, (150, 90, 200), corners=6, inner=1.0)
    return (
        Mover((_spokes(scale, 210),), 1, 0.5, 0.5, (0.42, 0.05), (29, 17), 2.0),
        Mover(hexagon, 9, 0.3, 0.62, (0.22, 0.22), (19, 13), 0.5),
        Mover((_wood(scale, 200, rng),), 1, 0.62, 0.42, (0.3, 0.25), (23, 11), 4.2),
        Mover(star, 14, 0.7, 0.6, (0.24, 0.26), (17, 12), 1.1),
        Mover((_ball(scale, 180),), 1, 0.45, 0.5, (0.4, 0.3), (21, 9), 3.1),
    )


def _turning(
    scale: float, length: int, color: Color, *, corners: int, inner: float
) -> tuple[Sprite, ...]:
    """A plain polygon or star in the 48 positions of one step of its symmetry."""
    side = max(round(length * scale), 1)
    x, y = grid(side)
    light = 0.95 - 0.18 * (x + y) / 2  # lit from the upper left, whichever way it is turned
    paint = tint(color, light)
    steps = np.arange(48) / 48 * 2 * math.pi / corners
    return tuple(sprite(paint, polygon(side, regular(corners, t, inner=inner))) for t in steps)


def _disc(side: int) -> Plane:
    return polygon(side, regular(180, 0.0))


def _spokes(scale: float, length: int) -> Sprite:
    """A test chart's star: every spatial frequency at once, finest in the middle."""
    side = max(round(length * scale), 1)
    x, y = grid(side)
    wave = np.sin(18 * np.arctan2(y, x)) * 6
    return sprite(tint((235, 235, 235), np.clip(0.55 + wave, 0.12, 1.0)), _disc(side))


def _wood(scale: float, length: int, rng: np.random.Generator) -> Sprite:
    """A slice of a tree: rings and grain."""
    side = max(round(length * scale), 1)
    x, y = grid(side)
    bent = grain(rng, side, side / 12) * 0.03 + grain(rng, side, 1.0) * 0.008
    rings = 0.8 + 0.16 * np.sin(52 * (np.hypot(x - 0.15, y + 0.1) + bent))
    return sprite(tint((95, 150, 205), rings), _disc(side))


def _ball(scale: float, length: int) -> Sprite:
    """A ball with a highlight: nothing but soft gradients inside a hard outline."""
    side = max(round(length * scale), 1)
    x, y = grid(side)
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    light = np.clip((-0.5 * x - 0.6 * y + 0.62 * z), 0, 1)
    shine = 120 * light[..., None] ** 24
    return sprite(tint((90, 120, 70), 0.35 + 1.2 * light) + shine, _disc(side))
