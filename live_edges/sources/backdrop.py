"""The still background of the demo: soft gradients, words, and cards of fine texture."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.sources.sprites import Color, grain, grid, sprite, tint

DESIGN = (1280, 720)  # the size all lengths are meant for; other sizes scale them

_WORDS = (  # text, position of its left end on the base line, height of a letter, colour
    ("live-edges", (60, 150), 74, (245, 240, 235)),
    ("the edges of the world, as they move", (66, 204), 22, (205, 215, 225)),
    ("this is the built-in demo: plug in a camera, or name a file", (66, 246), 15, (170, 180, 190)),
    ("ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789", (66, 280), 11, (150, 160, 170)),
)


def backdrop(width: int, height: int, scale: float, rng: np.random.Generator) -> Image:
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
