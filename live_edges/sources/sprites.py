"""Draws the moving objects of the demo: shapes with smooth outlines and a soft shadow."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image

Color = tuple[int, int, int]  # BGR
Plane = NDArray[np.floating[Any]]  # (H, W)

_OVERSAMPLING = 4  # shapes are drawn this much larger, then averaged, for smooth outlines
_SHADOW = 0.5  # how dark it is


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A picture with transparency, stored so that laying it over another takes two operations.

    Attributes:
        paint: ``(H, W, 3)`` uint8, already multiplied with its opacity.
        keep: ``(H, W, 3)`` uint8, how much of the ground shows through, 255 for all of it.
    """

    paint: Image
    keep: Image

    def over(self, ground: Image, x: int, y: int) -> None:
        """Lay the sprite over ``ground``, in place, centred on pixel (x, y), cut at the border."""
        height, width = self.paint.shape[:2]
        left, top = x - width // 2, y - height // 2
        x0, x1 = max(left, 0), min(left + width, ground.shape[1])
        y0, y1 = max(top, 0), min(top + height, ground.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        under = ground[y0:y1, x0:x1]
        cv2.multiply(under, self.keep[part], dst=under, scale=1 / 255)
        cv2.add(under, self.paint[part], dst=under)


def sprite(paint: NDArray[Any], shape: Plane) -> Sprite:
    """Cut ``paint`` (H, W, 3) out along ``shape`` (H, W) and give it a soft shadow."""
    blur = max(shape.shape[0] / 24, 0.5)
    margin = round(3 * blur) + 1
    around = ((margin, margin), (margin, margin))
    opacity = np.pad(shape, around)
    color = np.pad(paint, (*around, (0, 0)))
    shadow = np.roll(cv2.GaussianBlur(opacity, (0, 0), blur), round(blur), (0, 1)) * _SHADOW
    keep = (1 - opacity) * (1 - shadow)
    return Sprite(
        np.rint(np.clip(color, 0, 255) * opacity[..., None]).astype(np.uint8),
        np.repeat(np.rint(keep * 255).astype(np.uint8)[..., None], 3, axis=2),
    )


def polygon(side: int, corners: NDArray[np.float64]) -> Plane:
    """Fill a polygon whose ``corners`` (N, 2) lie in [-1, 1] on a square of ``side`` pixels."""
    large = side * _OVERSAMPLING
    canvas = np.zeros((large, large), np.uint8)
    points = np.rint((corners + 1) / 2 * (large - 1)).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA) / np.float32(255)


def regular(count: int, turn: float, *, inner: float = 1.0) -> NDArray[np.float64]:
    """Corners of a regular polygon turned by ``turn`` radians; a star where ``inner`` < 1."""
    angles = turn + np.arange(2 * count) * np.pi / count
    radii = np.where(np.arange(2 * count) % 2, inner * np.cos(np.pi / count), 1.0)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]


def grain(rng: np.random.Generator, side: int, sigma: float) -> Plane:
    """Random texture of about ``sigma`` pixels coarse, mean 0, deviation 1."""
    noise = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), sigma)
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-6))


def tint(color: Color, brightness: Plane) -> NDArray[np.float32]:
    """Paint (H, W, 3) of one colour, made lighter and darker by ``brightness``, 1 keeping it."""
    return brightness[..., None] * np.asarray(color, np.float32)


def grid(side: int) -> tuple[Plane, Plane]:
    """Coordinates (x, y) of a square of ``side`` pixels, both in [-1, 1]."""
    line = np.linspace(-1, 1, side, dtype=np.float32) if side > 1 else np.zeros(1, np.float32)
    x, y = np.meshgrid(line, line)
    return x, y
