"""Scenes of textured dead leaves for the boundary net, with the exact place of every boundary.

A boundary is where the leaf on top changes. Texture, shading and noise make edges that are none.
"""

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.training.dead_leaves import Floats, clouds

SIZE = 256  # pixels of a scene, each way
TEXTURES, TEXTURE_SIZE = 64, 256
SMALLEST_RADII = (14.0, 50.0)  # pixels; each scene has its own
LARGEST_RADII = (90.0, 220.0)
COVER = 4.0  # times that the leaves would cover the scene, side by side
CONTRASTS = (0.03, 0.08, 0.16, 0.25, 0.35)  # of the textures, at most, of white
FAINTEST = 0.12  # a smaller step of colour and of contrast is no boundary that one must see
BOUNDARY, UNKNOWN = 255, 128

Pixels = NDArray[np.uint8]


def scenes(seed: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Draw scenes without end: the picture, ``(H, W, 3)``, and its boundaries, ``(H, W)``.

    Boundaries are `BOUNDARY` on both pixels that a leaf's outline runs between, `UNKNOWN` where
    two leaves look the same, and 0 elsewhere.
    """
    rng = np.random.default_rng(seed)
    bank = np.stack([_texture(rng) for _ in range(TEXTURES)])
    while True:
        yield scene(rng, bank)


def scene(rng: np.random.Generator, bank: Floats) -> tuple[Pixels, Pixels]:
    """Draw one scene; ``bank`` holds textures, ``(N, T, T)``."""
    smallest, largest = _log_uniform(rng, *SMALLEST_RADII), rng.uniform(*LARGEST_RADII)
    on_top = _leaf_on_top(rng, SIZE, _radii(rng, smallest, largest))
    count = int(on_top.max()) + 1
    colour = _palette(rng, count)
    contrast = (rng.choice(CONTRASTS) * rng.uniform(0, 1, count) ** 1.5).astype(np.float32)

    light = colour[on_top] + _detail(rng, on_top, bank, contrast)
    light *= np.exp(_shading(rng, on_top, count))[..., None]
    return _photographed(rng, light), boundaries(on_top, np.c_[colour, contrast])


def boundaries(on_top: NDArray[np.int32], looks: Floats) -> Pixels:
    """Mark both pixels across each change of leaf.

    Args:
        on_top: number of the leaf at each pixel.
        looks: ``(count, n)`` what a leaf looks like; the same within `FAINTEST` is `UNKNOWN`.

    Returns:
        ``(H, W)``.
    """
    marks = np.zeros(on_top.shape, np.uint8)
    for ids, mark in ((on_top, marks), (on_top.T, marks.T)):
        first, second = ids[:-1], ids[1:]
        is_seen = (np.abs(looks[first] - looks[second]) > FAINTEST).any(axis=2)
        kind = np.where(is_seen, BOUNDARY, UNKNOWN) * (first != second)
        for side in (mark[:-1], mark[1:]):
            np.maximum(side, kind, out=side, casting="unsafe")
    return marks


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _radii(rng: np.random.Generator, smallest: float, largest: float) -> Floats:
    """Draw radii with density r^-3 until their leaves would cover the scene several times."""
    area = 2 * math.pi * smallest**2 * math.log(largest / smallest)
    count = 1 + round(COVER * SIZE**2 / area)
    least, share = (smallest / largest) ** 2, rng.uniform(0, 1, count)
    return np.asarray(smallest / np.sqrt(1 - share * (1 - least)), np.float32)


def _leaf_on_top(rng: np.random.Generator, size: int, radii: Floats) -> NDArray[np.int32]:
    """Draw the number of the leaf on top; later ones cover earlier ones, 0 is the ground."""
    on_top = np.zeros((size, size), np.int32)
    for leaf, radius in enumerate(radii[1:], 1):
        outline = rng.uniform(-0.1, 1.1, 2) * size + radius * _outline(rng)
        cv2.fillPoly(on_top, [(outline * 16).round().astype(np.int32)], leaf, shift=4)
    return on_top


def _outline(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an outline of about radius 1, ``(corners, 2)``: a blob, or a shape with corners."""
    if rng.uniform() < 0.6:
        angle = np.arange(40) * (2 * math.pi / 40)
        waves = np.arange(2, 7)
        height = rng.normal(0, 0.35, 5) * rng.uniform(0, 1) / waves**0.7
        radius = 1 + np.cos(angle[:, None] * waves + rng.uniform(0, 6.3, 5)) @ height
    else:
        angle = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 8)))
        radius = np.ones_like(angle)
    flat, turn = rng.uniform(0.3, 1.0), rng.uniform(0, math.pi)
    x, y = radius * np.cos(angle), flat * radius * np.sin(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def _palette(rng: np.random.Generator, count: int) -> Floats:
    """Draw the colour of every leaf, ``(count, 3)``, around the few colours of the scene."""
    hues = int(rng.integers(3, 12))
    shade = rng.beta(1.1, 1.5, (hues, 1))
    tint = rng.normal(0, 0.22, (hues, 3)) * rng.uniform(0, 1, (hues, 1))
    colours = (0.03 + 0.9 * shade) * np.exp(tint)
    own = rng.normal(0, 0.06, (count, 1)) + rng.normal(0, 0.03, (count, 3))
    return np.asarray((colours[rng.integers(0, hues, count)] + own).clip(0, 1), np.float32)


def _detail(
    rng: np.random.Generator, on_top: NDArray[np.int32], bank: Floats, contrast: Floats
) -> Floats:
    """Look up each leaf's own texture, turned and scaled, ``(H, W, 3)``."""
    count = len(contrast)
    turn, scale = rng.uniform(0, 2 * math.pi, count), rng.uniform(0.8, 2.0, count)
    cos = (scale * np.cos(turn)).astype(np.float32)[on_top]
    sin = (scale * np.sin(turn)).astype(np.float32)[on_top]
    start = rng.uniform(0, TEXTURE_SIZE, (2, count)).astype(np.float32)
    y, x = np.indices(on_top.shape, np.float32)
    row = (sin * x + cos * y + start[0][on_top]).astype(np.int32) % TEXTURE_SIZE
    column = (cos * x - sin * y + start[1][on_top]).astype(np.int32) % TEXTURE_SIZE
    which = rng.integers(0, len(bank), count)[on_top]
    tint = (contrast[:, None] * (1 + rng.normal(0, 0.2, (count, 3)))).astype(np.float32)
    return np.asarray(bank[which, row, column][..., None] * tint[on_top])


def _texture(rng: np.random.Generator) -> Floats:
    """Draw a texture of mean 0 and deviation 1: noise, streaks, pebbles or stripes, warped."""
    kind = rng.choice(["noise", "streaks", "pebbles", "stripes"], p=[0.3, 0.25, 0.3, 0.15])
    noise: NDArray[Any] = clouds(rng, rng.uniform(0.4, 1.6), TEXTURE_SIZE)
    if kind == "streaks":
        long = int(rng.integers(5, 40))
        noise = cv2.blur(clouds(rng, rng.uniform(0, 0.8), TEXTURE_SIZE), (long, 1))
    elif kind == "pebbles":
        radii = rng.uniform(2, rng.uniform(3, 8), 4000).astype(np.float32)
        noise = rng.normal(0, 1, 4000)[_leaf_on_top(rng, TEXTURE_SIZE, radii)]
    elif kind == "stripes":
        across = np.arange(TEXTURE_SIZE, dtype=np.float32)
        phase = across * (2 * math.pi / rng.uniform(5, 18)) + clouds(rng, 1.6, TEXTURE_SIZE) * 1.5
        noise = np.tanh(rng.uniform(0.5, 4) * np.sin(phase)) + noise * 0.3
    noise = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), rng.uniform(0.3, 1.5))
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _shading(rng: np.random.Generator, on_top: NDArray[np.int32], count: int) -> Floats:
    """Let the logarithm of the brightness rise slowly across each leaf, and across the scene."""
    slopes = (rng.normal(0, 0.5, (2, count)) + rng.normal(0, 0.3, (2, 1))).astype(np.float32)
    y, x = np.indices(on_top.shape, np.float32) / SIZE - 0.5
    return np.asarray(slopes[0][on_top] * x + slopes[1][on_top] * y)


def _photographed(rng: np.random.Generator, light: Floats) -> Pixels:
    """Blur, expose, add noise and pack as JPEG, as a camera does."""
    soft: NDArray[Any] = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.4, 1.3))
    soft = soft.clip(0, 1) ** math.exp(rng.normal(0, 0.3)) * 255
    soft += rng.normal(0, 1, soft.shape) * rng.choice([0, 2, 5, 10]) * rng.uniform(0.5, 1)
    quality = int(rng.integers(40, 98))
    image = soft.clip(0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
