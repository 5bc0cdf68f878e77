"""The scene of the built-in demo: a still background, moving objects, and noise.

`live-edges bench` and `live-edges doctor` measure on its pictures, too.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
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

DESIGN = (1280, 720)  # the size all lengths are meant for; other sizes scale them
NOISE = 3.0  # grey levels, about the deviation of the sensor noise
_TILE_MARGIN = 64  # pixels the noise may be shifted by
_WORDS = (  # text, position of its left end on the base line, height of a letter, colour
    ("live-edges", (60, 150), 74, (245, 240, 235)),
    ("the edges of the world, as they move", (66, 204), 22, (205, 215, 225)),
    ("this is the built-in demo: plug in a camera, or name a file", (66, 246), 15, (170, 180, 190)),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789", (66, 280), 11, (150, 160, 170)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A sprite that moves in a Lissajous figure, in fractions of the picture.

    Attributes:
        phases: the sprite in the positions of one turn; a single one does not turn.
        turn_s: seconds for all phases.
        at: centre of the figure, across and down.
        reach: how far it goes to each side, across and down.
        period_s: seconds for one sweep, across and down.
        start: angle, in radians, at which both sweeps begin.
    """

    phases: tuple[Sprite, ...]
    turn_s: float
    at: tuple[float, float]
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
            round((self.at[0] + self.reach[0] * across) * (width - 1)),
            round((self.at[1] + self.reach[1] * down) * (height - 1)),
        )


class Scene:
    """A scene that looks the same for the same size, seed, index and time.

    Args:
        size: width and height of its pictures.
        seed: chooses textures and noise.
    """

    def __init__(self, size: tuple[int, int], *, seed: int = 0) -> None:
        self._seed = seed
        width, height = size
        scale = min(width / DESIGN[0], height / DESIGN[1])
        rng = np.random.default_rng(seed)
        self._background = _background(width, height, scale, rng)
        self._movers = _movers(scale, rng)
        tile = (height + _TILE_MARGIN, width + _TILE_MARGIN, 3)
        noise = rng.standard_normal(tile, dtype=np.float32) * NOISE
        self._noise: Image = np.abs(noise).astype(np.uint8)

    def at(self, index: int, time_s: float) -> Image:
        """Draw frame ``index``, which shows the scene at ``time_s`` seconds."""
        image = self._background.copy()
        for mover in self._movers:
            mover.draw(image, time_s)
        # The tile minus itself, shifted: symmetric noise that never repeats, in two cheap steps.
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

    def side(length: int) -> int:
        return max(round(length * scale), 1)

    hexagon = _turning(side(150), (150, 90, 200), corners=6, inner=1.0)
    star = _turning(side(170), (60, 190, 250), corners=5, inner=0.5)
    return (
        Mover(
            phases=(_spokes(side(210)),),
            turn_s=1,
            at=(0.5, 0.5),
            reach=(0.42, 0.05),
            period_s=(29, 17),
            start=2.0,
        ),
        Mover(
            phases=hexagon,
            turn_s=9,
            at=(0.3, 0.62),
            reach=(0.22, 0.22),
            period_s=(19, 13),
            start=0.5,
        ),
        Mover(
            phases=(_wood(side(200), rng),),
            turn_s=1,
            at=(0.62, 0.42),
            reach=(0.3, 0.25),
            period_s=(23, 11),
            start=4.2,
        ),
        Mover(
            phases=star,
            turn_s=14,
            at=(0.7, 0.6),
            reach=(0.24, 0.26),
            period_s=(17, 12),
            start=1.1,
        ),
        Mover(
            phases=(_ball(side(180)),),
            turn_s=1,
            at=(0.45, 0.5),
            reach=(0.4, 0.3),
            period_s=(21, 9),
            start=3.1,
        ),
    )


def _turning(side: int, color: Color, *, corners: int, inner: float) -> tuple[Sprite, ...]:
    """A plain polygon or star in the 48 positions of one step of its symmetry."""
    x, y = grid(side)
    light = 0.95 - 0.18 * (x + y) / 2  # lit from the upper left, whichever way it is turned
    paint = tint(color, light)
    steps = np.arange(48) / 48 * 2 * math.pi / corners
    return tuple(sprite(paint, polygon(side, regular(corners, t, inner=inner))) for t in steps)


def _disc(side: int) -> Plane:
    return polygon(side, regular(180, 0.0))


def _spokes(side: int) -> Sprite:
    """A test chart's star: every spatial frequency at once, finest in the middle."""
    x, y = grid(side)
    wave = np.sin(18 * np.arctan2(y, x)) * 6
    return sprite(tint((235, 235, 235), np.clip(0.55 + wave, 0.12, 1.0)), _disc(side))


def _wood(side: int, rng: np.random.Generator) -> Sprite:
    """A slice of a tree: rings and grain."""
    x, y = grid(side)
    bent = grain(rng, side, side / 12) * 0.03 + grain(rng, side, 1.0) * 0.008
    rings = 0.8 + 0.16 * np.sin(52 * (np.hypot(x - 0.15, y + 0.1) + bent))
    return sprite(tint((95, 150, 205), rings), _disc(side))


def _ball(side: int) -> Sprite:
    """A ball with a highlight: nothing but soft gradients inside a hard outline."""
    x, y = grid(side)
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    light = np.clip((-0.5 * x - 0.6 * y + 0.62 * z), 0, 1)
    shine = 120 * light[..., None] ** 24
    return sprite(tint((90, 120, 70), 0.35 + 1.2 * light) + shine, _disc(side))


def _background(width: int, height: int, scale: float, rng: np.random.Generator) -> Image:
    """Draw the background in the given size."""
    image = _sky(width, height)
    for text, position, letter, color in _WORDS:
        _write(image, text, position, letter, color, scale)
    side = max(round(190 * scale), 1)
    cards = (_chirp(side), _checks(side), _cloth(side, rng), _dots(side), _tones(side))
    for number, paint in enumerate(cards):
        x = (0.12 + 0.19 * number) * width
        sprite(paint, np.ones((side, side), np.float32)).over(image, round(x), round(0.8 * height))
    return image


def _sky(width: int, height: int) -> Image:
    """A blue that turns into a warm red towards the horizon, with a low sun."""
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, bottom = np.array((96, 58, 34), np.float32), np.array((92, 104, 176), np.float32)
    sun = np.exp(-((x - 0.78) ** 2 * 8 + (y - 0.3) ** 2 * 12))
    color = top + (bottom - top) * y + sun * np.array((40, 110, 150), np.float32)
    return np.asarray(np.rint(np.clip(color, 0, 255)), np.uint8)


def _write(
    image: Image, text: str, position: tuple[int, int], letter: int, color: Color, scale: float
) -> None:
    face = cv2.FONT_HERSHEY_DUPLEX
    size = cv2.getFontScaleFromHeight(face, max(round(letter * scale), 1), 1)
    thickness = max(round(letter * scale / 14), 1)
    at = (round(position[0] * scale), round(position[1] * scale))
    cv2.putText(image, text, at, face, size, color, thickness, cv2.LINE_AA)


def _chirp(side: int) -> NDArray[Any]:
    """Circles that grow finer outwards, down to 3 pixels: the zone plate of lens tests."""
    x, y = grid(side)
    return tint((220, 225, 230), 0.55 + 0.4 * np.cos((x * x + y * y) * side * np.pi / 6))


def _checks(side: int) -> NDArray[Any]:
    """A chess board: corners."""
    x, y = grid(side)
    odd = (np.floor((x + 1) * 3.999) + np.floor((y + 1) * 3.999)) % 2
    return tint((200, 215, 225), 0.15 + 0.85 * odd.astype(np.float32))


def _cloth(side: int, rng: np.random.Generator) -> NDArray[Any]:
    """Woven cloth: fine texture without a single contour."""
    x, y = grid(side)
    weave = np.sin(x * side * 0.9) * np.sin(y * side * 0.9)
    brightness = 0.7 + 0.1 * weave + 0.08 * grain(rng, side, 0.8) + 0.06 * grain(rng, side, 6)
    return tint((110, 160, 90), brightness)


def _dots(side: int) -> NDArray[Any]:
    """Dots from strong to faint: how weak an edge is still found."""
    x, y = grid(side)
    column = np.floor((x + 1) / 2 * 5.999)
    u, v = ((x + 1) / 2 * 6) % 1 - 0.5, ((y + 1) / 2 * 6) % 1 - 0.5
    inside = np.clip((0.32 - np.hypot(u, v)) * side / 6 + 0.5, 0, 1)
    return tint((190, 190, 200), 0.45 + 0.5 * inside * np.exp2(-column).astype(np.float32))


def _tones(side: int) -> NDArray[Any]:
    """A staircase of tones above a smooth ramp of the same tones."""
    x, y = grid(side)
    ramp = (x + 1) / 2
    return tint((235, 235, 235), np.where(y < 0, np.floor(ramp * 7.999) / 7, ramp))
