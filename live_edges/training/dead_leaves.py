"""Dead leaves: synthetic pictures of shapes that hide each other, with statistics of photographs.

Leaves of every size are drawn until they cover the picture: first the number of the leaf on top at
each pixel, then the colour, texture and shading that belong to that number.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

SMALLEST_RADIUS = 4.0  # pixels of the finished picture
LARGEST_RADIUS = 0.4  # of the picture's shorter side
LEAVES_PER_PIXEL = 0.012  # they cover nine tenths; the first leaf fills the rest
SUPERSAMPLING = 2  # draw finer and average, because a lens makes edges soft
TEXTURES, TEXTURE_SIZE = 6, 256

Floats = NDArray[np.float32]


def dead_leaves(rng: np.random.Generator, height: int = 512, width: int = 512) -> NDArray[np.uint8]:
    """Draw one picture, ``(H, W, 3)`` in red, green and blue; ``rng`` decides everything.

    Source:
        Lee, Mumford & Huang, "Occlusion Models for Natural Images", 2001: radii by a power law
        with exponent -3 give the spectrum and the sharp borders of natural pictures.
    """
    shape = (height * SUPERSAMPLING, width * SUPERSAMPLING)
    count = round(height * width * LEAVES_PER_PIXEL)
    centres = rng.uniform(0, 1, (count, 2)) * shape[::-1]
    on_top = _leaf_on_top(rng, centres, shape)

    light = _colours(rng, count)[on_top]
    detail = _texture(rng, on_top, count) + _shading(rng, on_top, centres)
    light *= np.exp(detail)[..., None]
    fine = (light * 255).clip(0, 255).astype(np.uint8)
    image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)


def _leaf_on_top(
    rng: np.random.Generator, centres: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Draw the number of the leaf on top, ``(H, W)``; later ones cover earlier ones."""
    count = len(centres)
    radii = _power_law(rng, count, LARGEST_RADIUS * min(shape))
    flatness = rng.uniform(0.3, 1.0, count)
    turns = rng.uniform(0, math.pi, count)
    corners = rng.choice([3, 4, 5, 6, 24, 24, 24], count)  # mostly round, some with corners
    on_top = np.zeros(shape, np.int32)
    for leaf in range(count):
        angle = np.arange(corners[leaf]) * (2 * math.pi / corners[leaf])
        x = radii[leaf] * np.cos(angle)
        y = radii[leaf] * flatness[leaf] * np.sin(angle)
        cos, sin = math.cos(turns[leaf]), math.sin(turns[leaf])
        outline = centres[leaf] + np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
        cv2.fillConvexPoly(on_top, outline.round().astype(np.int32), leaf)
    return on_top


def _power_law(rng: np.random.Generator, count: int, largest: float) -> NDArray[np.float64]:
    """Draw radii with density r^-3, so that leaves of each size cover the same area."""
    smallest = SMALLEST_RADIUS * SUPERSAMPLING
    least, share = (smallest / largest) ** 2, rng.uniform(0, 1, count)
    return np.asarray(smallest / np.sqrt(1 - share * (1 - least)))


def _colours(rng: np.random.Generator, count: int) -> Floats:
    """Draw the colour of every leaf, ``(count, 3)``: a shade of gray, more or less tinted."""
    shade = rng.beta(1.1, 1.6, (count, 1))
    tint = rng.normal(0, 0.2, (count, 3)) * rng.uniform(0, 1, (count, 1))
    return np.asarray((0.03 + 0.9 * shade) * np.exp(tint), np.float32)


def _texture(rng: np.random.Generator, on_top: NDArray[np.int32], count: int) -> Floats:
    """Look up the logarithm of the brightness in rotated noise, with each leaf's own contrast."""
    bank = np.stack([clouds(rng, rng.uniform(0.6, 1.6), TEXTURE_SIZE) for _ in range(TEXTURES)])
    which = rng.integers(0, TEXTURES, count)[on_top]
    turn, scale = rng.uniform(0, 2 * math.pi, count), rng.uniform(0.4, 1.2, count)
    contrast = np.exp(rng.normal(math.log(0.08), 0.8, count)).astype(np.float32)
    offset = rng.uniform(0, TEXTURE_SIZE, (2, count)).astype(np.float32)
    cos = (scale * np.cos(turn)).astype(np.float32)[on_top]
    sin = (scale * np.sin(turn)).astype(np.float32)[on_top]
    y, x = np.indices(on_top.shape, np.float32)
    row = (sin * x + cos * y + offset[0][on_top]).astype(np.int32) % TEXTURE_SIZE
    column = (cos * x - sin * y + offset[1][on_top]).astype(np.int32) % TEXTURE_SIZE
    return np.asarray(bank[which, row, column] * contrast[on_top])


def clouds(rng: np.random.Generator, exponent: float, size: int) -> Floats:
    """Draw seamless noise with amplitude 1 / frequency^exponent, mean 0 and deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.normal(size=(size, size)))
    noise = np.fft.irfft2(white / frequency**exponent, s=(size, size))
    return np.asarray(noise / noise.std(), np.float32)


def _shading(
    rng: np.random.Generator, on_top: NDArray[np.int32], centres: NDArray[np.float64]
) -> Floats:
    """Let the logarithm of the brightness rise slowly across each leaf, as on a curved surface."""
    count = len(centres)
    slope = (rng.normal(0, 0.6, (2, count)) / max(on_top.shape)).astype(np.float32)
    y, x = np.indices(on_top.shape, np.float32)
    across = x - centres[:, 0].astype(np.float32)[on_top]
    down = y - centres[:, 1].astype(np.float32)[on_top]
    return np.asarray(slope[0][on_top] * across + slope[1][on_top] * down)
