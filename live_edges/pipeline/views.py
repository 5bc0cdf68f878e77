"""Views: what is shown of a picture and its edges. A view is a row of `VIEWS` and one function."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.pipeline.checks import number
from live_edges.pipeline.maps import maps
from live_edges.pipeline.maps import panes as maps_panes
from live_edges.pipeline.neon import neon
from live_edges.pipeline.orientation import orientation
from live_edges.pipeline.peaking import limits, noise_of, opacity
from live_edges.settings import LINE_COLORS, Settings, ViewName
from live_edges.sizing import Size

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

Color = tuple[int, int, int]  # blue, green, red


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a view is made of.

    Attributes:
        image: ``(H, W, 3)`` uint8 BGR; read-only.
        edges: ``(H, W)`` uint8, with gain and threshold; all 0 for a view that needs none.
        settings: what the user has chosen.
        pipeline: has the filter of the settings, and the fast loops, see `EdgePipeline.painted`.
    """

    image: Image
    edges: Image
    settings: Settings
    pipeline: "EdgePipeline"

    @property
    def color(self) -> Color:
        """BGR of the lines."""
        return LINE_COLORS[self.settings.line_color]


@dataclass(frozen=True, slots=True)
class View:
    """One way to show a picture.

    Attributes:
        paint: makes uint8 BGR ``(H, W, 3)``, for ``side`` ``(H, 2W, 3)``; writes to nothing that
            it is given, and may return it.
        needs_edges: False if the filter need not run.
        panes: how often the picture is in the view, side by side and below each other.
    """

    paint: Callable[[Picture], Image]
    needs_edges: bool = True
    panes: Callable[["EdgePipeline"], Size] = lambda _pipeline: (1, 1)


def white_on_black(edges: Image) -> Image:
    """Return ``(H, W)`` edges as a BGR picture."""
    return np.asarray(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR), np.uint8)


def overlay(image: Image, edges: Image, color: Color) -> Image:
    """Paint the edges over the picture, as opaque as they are strong.

    Returns:
        ``(H, W, 3)`` uint8: ``image + (color - image) * edges / 255`` within one grey level.
    """
    return blend(image, white_on_black(edges), color)


def blend(image: Image, opacity: Image, color: Color) -> Image:
    """As `overlay`, with an opacity for each byte of the picture, ``(H, W, 3)``."""
    levels = np.arange(256)[:, None] * np.array(color) / 255
    paint = cv2.LUT(opacity, levels.round().astype(np.uint8)[:, None])
    dimmed = cv2.multiply(image, cv2.bitwise_not(opacity), scale=1 / 255)
    return np.asarray(cv2.add(dimmed, paint), np.uint8)


def mask(picture: Picture) -> Image:
    """Show the picture where its edges are: ``image * edges / 255`` within one grey level."""
    painted = picture.pipeline.painted("mask", picture.image, picture.edges)
    if painted is not None:
        return painted
    opacity = white_on_black(picture.edges)
    return np.asarray(cv2.multiply(picture.image, opacity, scale=1 / 255), np.uint8)


def peaking(picture: Picture) -> Image:
    """Paint what is in focus over the picture, see `live_edges.pipeline.peaking`."""
    image, threshold = picture.image, picture.settings.threshold
    others = np.array(picture.color, np.uint8), limits(noise_of(image), threshold)
    painted = picture.pipeline.painted("peaking", image, *others)
    if painted is None:
        painted = overlay(image, opacity(image, threshold=threshold), picture.color)
    return painted


VIEWS: dict[ViewName, View] = {
    "edges": View(lambda p: white_on_black(p.edges)),
    "overlay": View(lambda p: p.pipeline.overlay(p.image, p.edges, p.color)),
    "side": View(
        lambda p: np.hstack((p.image, white_on_black(p.edges))), panes=lambda _pipeline: (2, 1)
    ),
    "mask": View(mask),
    "neon": View(neon),
    "orientation": View(orientation),
    "maps": View(maps, panes=maps_panes),
    "peaking": View(peaking, needs_edges=False),
    "original": View(lambda p: p.image, needs_edges=False),
}


def without_weak(edges: Image, threshold: float) -> Image:
    """Hide edges that are darker than a share of white; 0 hides nothing.

    Args:
        edges: ``(H, W)`` uint8.
        threshold: 0 to 1, else a ValueError is raised.
    """
    threshold = number("threshold", threshold, 0, 1)
    if threshold == 0:
        return edges
    just_below = math.ceil(threshold * 255) - 1
    return np.asarray(cv2.threshold(edges, just_below, 0, cv2.THRESH_TOZERO)[1], np.uint8)
