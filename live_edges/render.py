"""From a captured picture to what is shown: mirror, filter, gain, view."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from live_edges.autogain import FIRST_TRIES, AutoGain
from live_edges.frame import Image
from live_edges.settings import LINE_COLORS, Settings
from live_edges.timing import Stages
from live_edges.views import compose

if TYPE_CHECKING:
    from live_edges.carriers import Pending
    from live_edges.pipeline import EdgePipeline


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """One picture in all its forms.

    Attributes:
        original: ``(H, W, 3)`` uint8 BGR, mirrored if that is set.
        edges: ``(H, W)`` uint8; None where neither the view nor anybody else needed them.
        view: what is shown, ``(H, W, 3)``, or ``(H, 2W, 3)`` side by side.
    """

    original: Image
    edges: Image | None
    view: Image


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A picture whose edges may still be on their way.

    Attributes:
        original: as in `Rendered`.
        edges: comes when it is waited for; None where the view needs none.
        chosen: filter and sigma that find them.
    """

    original: Image
    edges: "Pending | None"
    chosen: tuple[str, float]


class Renderer:
    """Makes the picture the settings ask for, and remembers the automatic gain.

    Args:
        pipeline: finds the edges.
        stages: times ``upload``, ``filter``, ``download`` and ``view``.
    """

    def __init__(self, pipeline: "EdgePipeline", *, stages: Stages | None = None) -> None:
        self.pipeline = pipeline
        self._stages = stages or Stages()
        self._auto_gain = AutoGain()
        self._measured: tuple[str, float] | None = None

    def __call__(
        self, image: Image, settings: Settings, *, now: float
    ) -> tuple[Rendered, Settings]:
        """Render one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR; not written to.
            settings: what to make of it.
            now: time of the picture in seconds, for the pace of the automatic gain.

        Returns:
            The picture, and the settings with the gain that shall be used next.
        """
        return self.finish(self.begin(image, settings), settings, now=now)

    def begin(self, image: Image, settings: Settings) -> Begun:
        """Send a picture on its way; others may follow before it is asked for by `finish`."""
        if settings.is_mirrored:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
        edges = None if settings.view == "original" else self._submit(image, settings)
        return Begun(image, edges, (settings.filter, settings.sigma))

    def finish(self, begun: Begun, settings: Settings, *, now: float) -> tuple[Rendered, Settings]:
        """Complete a picture by the settings that hold now; arguments and result as for a call."""
        image = begun.original
        if settings.view == "original":
            return Rendered(image, None, image), settings
        is_as_chosen = begun.chosen == (settings.filter, settings.sigma)
        pending = begun.edges if is_as_chosen and begun.edges else self._submit(image, settings)
        edges, settings = self._in_good_light(image, pending.result(), settings, now)
        with self._stages("view"):
            color = LINE_COLORS[settings.line_color]
            paint = self.pipeline.overlay
            view = compose(settings.view, image, edges, color=color, paint=paint)
        return Rendered(image, edges, view), settings

    def edges_and_original(self, rendered: Rendered, settings: Settings) -> dict[str, Image]:
        """Return both pictures by name; the edges are found now where nobody needed them."""
        original, edges = rendered.original, rendered.edges
        if edges is None:
            edges = self._submit(original, settings).result()
        return {"edges": edges, "original": original}

    def _submit(self, image: Image, settings: Settings) -> "Pending":
        self.pipeline.select(settings.filter, sigma=settings.sigma)
        self.pipeline.gain = settings.gain
        if settings.auto_gain and self.pipeline.entry.is_binary:
            self.pipeline.gain = 1.0
        self.pipeline.threshold = settings.threshold
        return self.pipeline.submit(image, stages=self._stages)

    def _in_good_light(
        self, image: Image, edges: Image, settings: Settings, now: float
    ) -> tuple[Image, Settings]:
        """Follow with the automatic gain, and return the gain that shall be used next."""
        if not settings.auto_gain or self.pipeline.entry.is_binary:
            return edges, settings
        if self._measured != (settings.filter, settings.sigma):
            self._measured = (settings.filter, settings.sigma)
            edges, settings = self._settle(image, edges, settings)
        gain = self._auto_gain.follow(settings.gain, edges, now=now)
        return edges, replace(settings, gain=gain)

    def _settle(self, image: Image, edges: Image, settings: Settings) -> tuple[Image, Settings]:
        """Make a new filter's first picture again until its brightness is right."""
        for _ in range(FIRST_TRIES):
            gain = self._auto_gain.settle(settings.gain, edges)
            if gain == settings.gain:
                break
            settings = replace(settings, gain=gain)
            edges = self._submit(image, settings).result()
        return edges, settings
