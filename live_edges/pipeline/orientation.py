"""The orientation view: hue by the direction of the gradient, brightness by its strength."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.pipeline.direction import turn_in
from live_edges.screen_text import draw_label, text_height

if TYPE_CHECKING:
    from live_edges.pipeline.views import Picture

PHASES = (240.0, 120.0, 0.0)  # degrees; in which direction blue, green and red are strongest
FLAT = np.float32(1e-12)  # added to a squared length, so that 0 / 0 is 0
KEY_HEIGHT = 8  # how many times the wheel fits into the height of the picture
HUB = 0.45  # radius of the dark middle of the wheel, of the wheel's
DARK = np.float32(20)
MIN_KEY_SIZE = 12  # pixels; a smaller wheel shows nothing


def orientation(picture: "Picture") -> Image:
    """Colour each edge by the direction in which the picture gets brighter.

    Red gets brighter to the right, green down to the left, blue up to the left, as the wheel in
    the upper right corner shows: its colour at the right end stands for brighter to the right.
    """
    turn = turn_in(picture.pipeline)
    if turn is None:
        painted = np.asarray(cv2.cvtColor(picture.edges, cv2.COLOR_GRAY2BGR), np.uint8)
        name = picture.pipeline.entry.name
        draw_label(painted, f"{name} has no direction; these are its edges")
        return painted
    weights = axes() @ turn
    image, edges, pipeline = picture.image, picture.edges, picture.pipeline
    loop_painted = pipeline.painted_responses("orientation", image, edges, weights)
    painted = (
        hued(pipeline.responses(image), edges, weights) if loop_painted is None else loop_painted
    )
    _draw_wheel(painted)
    return painted


def axes() -> NDArray[np.float32]:
    """The directions of blue, green and red, ``(3, 2)``: x and y of a unit vector each."""
    angles = [math.radians(phase) for phase in PHASES]
    return np.array([[math.cos(angle), math.sin(angle)] for angle in angles], np.float32)


def hued(responses: NDArray[np.float32], edges: Image, weights: NDArray[Any]) -> Image:
    """Paint edges by direction, as the loop `live_edges.pipeline.cpu_paint.orientation` does.

    Args:
        responses: ``(2, H, W)``.
        edges: ``(H, W)`` uint8.
        weights: ``(3, 2)``, which multiples of the responses blue, green and red follow.

    Returns:
        ``(H, W, 3)`` uint8: ``edges * (cosine of the angle to the colour + 0.5)``, from 0 to
        ``edges``, rounded.
    """
    first, second = responses
    strength = edges.astype(np.float32)
    share = strength / np.sqrt(first * first + second * second + FLAT)
    half = np.float32(0.5) * strength
    channels = [
        np.clip(half + share * (first * along + second * across), 0, strength)
        for along, across in weights
    ]
    return np.asarray(cv2.merge([np.rint(each).astype(np.uint8) for each in channels]))


def _draw_wheel(painted: Image) -> None:
    size = min(painted.shape[:2]) // KEY_HEIGHT
    if size < MIN_KEY_SIZE:
        return
    wheel, opacity, rest = _wheel(size)
    margin = size // 5
    top = text_height(painted)  # the mark of a recording is above
    corner = painted[top : top + size, -margin - size : -margin]
    corner[:] = cv2.blendLinear(wheel, corner, opacity, rest)


@cache
def _wheel(size: int) -> tuple[Image, NDArray[np.float32], NDArray[np.float32]]:
    """A colour wheel, ``(size, size, 3)``, how opaque it is, ``(size, size)``, and 1 less that."""
    radius = size / 2
    y, x = np.mgrid[:size, :size].astype(np.float32) + 0.5 - radius
    length = np.sqrt(x * x + y * y)
    white = np.full((size, size), 255, np.uint8)
    colors = hued(np.stack((x, y)), white, axes()).astype(np.float32)
    disc = np.clip(radius - length, 0, 1)
    ring = (disc * np.clip(length - HUB * radius, 0, 1))[..., None]
    return np.rint(colors * ring + DARK * (1 - ring)).astype(np.uint8), disc, 1 - disc
