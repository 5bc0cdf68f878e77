"""Looking closer: the pixel under the mouse, and what the kernels make of it."""

from dataclasses import dataclass

import numpy as np

from live_edges.frame import Image
from live_edges.live.arithmetic import Arithmetic, Kernels, Position, explained, kernels_of
from live_edges.live.in_flight import InFlight
from live_edges.live.pointer import pixel_under
from live_edges.pipeline.compare import is_right_pointed_at
from live_edges.settings import WHOLE, Settings
from live_edges.sizing import Size, edges_of, size_of


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the mouse points at, where that matters.

    Attributes:
        view: size of what is shown, before it is scaled to the screen.
        panes: how often the picture is in it, side by side and below each other.
        pane: which of them the mouse is in, from the left and from the top.
        picture: size of the picture.
        at: the pixel in the picture; None if the mouse points at none.
        pixel: in words: where it is in the camera's picture, and its values; empty if none is.
        kernels: of the filter; None where they are not wanted.
        arithmetic: of that pixel; None without kernels or a pixel.
    """

    view: Size
    panes: Size
    pane: Position
    picture: Size
    at: Position | None = None
    pixel: tuple[str, ...] = ()
    kernels: Kernels | None = None
    arithmetic: Arithmetic | None = None


def look(in_flight: InFlight, settings: Settings) -> Look | None:
    """Look at the pixel under the mouse; None where neither zoom nor kernel view is on.

    Where two filters are compared, it is the filter of the side that the mouse is on.
    """
    shown, frame = in_flight.rendered, in_flight.frame
    if shown is None or frame is None or not (settings.show_kernel or settings.region != WHOLE):
        return None
    view, panes = size_of(shown.view), settings.panes
    x, y = settings.pointer or (0.0, 0.0)
    pane = int(x * panes[0]), int(y * panes[1])
    if shown.right and is_right_pointed_at(settings):
        shown = shown.right
    picture = size_of(shown.original)
    at, pipeline = pixel_under(settings, picture), shown.pipeline
    pixel: tuple[str, ...] = ()
    if at:
        left, top, *_ = edges_of(settings.region, size_of(frame.image))
        pixel = _in_words(shown.original, shown.edges, at, (left, top))
    if pipeline is None or not settings.show_kernel:
        return Look(view, panes, pane, picture, at, pixel)
    if not pipeline.has_kernels:
        words = (*pixel, f"{pipeline.entry.name} has no kernels to show")
        return Look(view, panes, pane, picture, at, words)
    kernels, arithmetic = kernels_of(pipeline.entry.name, pipeline.bank.astype(np.float64)), None
    if at:
        arithmetic = explained(
            pipeline.entry, kernels, shown.original, shown.edges,
            at=at, gain=shown.gain, threshold=settings.threshold,
            is_rounded_first=settings.auto_gain or settings.is_thin, is_thin=settings.is_thin,
        )  # fmt: skip
    return Look(view, panes, pane, picture, at, pixel, kernels, arithmetic)


def _in_words(image: Image, edges: Image | None, at: Position, corner: Position) -> tuple[str, ...]:
    x, y = at
    blue, green, red = image[y, x].tolist()
    words = (f"x {corner[0] + x}, y {corner[1] + y}", f"red {red}, green {green}, blue {blue}")
    return words if edges is None else (*words, f"edge {edges[y, x]}")
