"""From a captured picture to what is shown: smooth, mirror, cut, filter, gain, thin, view."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.pipeline.autogain import AutoGain
from live_edges.pipeline.smoothing import Smoother
from live_edges.pipeline.views import VIEWS, Picture, without_weak
from live_edges.settings import Settings
from live_edges.sizing import cut
from live_edges.timing import Stages

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline
    from live_edges.pipeline.transfer import Pending


Chosen = tuple[str, float]  # filter and sigma


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """One picture in all its forms.

    Attributes:
        original: ``(H, W, 3)`` uint8 BGR, smoothed, mirrored and cut as that is set.
        edges: ``(H, W)`` uint8; None where neither the view nor anybody else needed them.
        view: what is shown, ``(H, W, 3)``, or ``(H, 2W, 3)`` side by side.
        gain: that the edges were made with.
        pipeline: has the filter that found them; None before there is one.
        right: the same by the filter that it is compared with; None where there is none.
    """

    original: Image
    edges: Image | None
    view: Image
    gain: float = 1.0
    pipeline: "EdgePipeline | None" = None
    right: "Rendered | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class PendingView:
    """A picture whose edges may still be on their way.

    Attributes:
        original: as in `Rendered`.
        edges: comes when it is waited for; None where the view needs none.
        chosen: filter and sigma that find them.
        gain: the gain that they are made with.
        threshold: the threshold that they are made with. It is 0 where the automatic gain measures
            them, because it must see the weak ones, too; those are hidden afterwards.
        is_thin: True if their lines are thin already; False as well where the automatic gain
            measures them.
        settled: filter and sigma that the automatic gain had settled for when it began.
        right: the same picture by the filter that it is compared with; None where there is none.
    """

    original: Image
    edges: "Pending | None"
    chosen: Chosen
    gain: float
    threshold: float
    is_thin: bool
    settled: Chosen | None
    right: "PendingView | None" = None


class Renderer:
    """Makes the picture the settings ask for, and remembers the automatic gain.

    Args:
        pipeline: finds the edges.
        stages: times ``upload``, ``filter``, ``download`` and ``view``.
    """

    def __init__(self, pipeline: "EdgePipeline", *, stages: Stages | None = None) -> None:
        self.pipeline = pipeline
        self._stages = stages or Stages()
        self.auto_gain = AutoGain()
        self._smoother = Smoother(pipeline)

    def __call__(
        self, image: Image, settings: Settings, *, now: float
    ) -> tuple[Rendered, Settings]:
        """Render one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR; not written to.
            settings: what to make of it.
            now: time of the picture in seconds, for the pace of the automatic gain.

        Returns:
            The picture, and the settings with the gain to use next, and the panes of the view.
        """
        return self.finish(self.begin(image, settings), settings, now=now)

    def begin(self, image: Image, settings: Settings) -> PendingView:
        """Send a picture on its way; others may follow before it is asked for by `finish`."""
        image = self.smoothed(image, settings)
        if settings.is_mirrored:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
        image = cut(image, settings.region)
        if VIEWS[settings.view].needs_edges:
            return self._submit(image, settings)
        return PendingView(
            image, None, _chosen(settings), settings.gain, 0.0, False, self.auto_gain.settled_for
        )

    def smoothed(self, image: Image, settings: Settings) -> Image:
        """Return the picture with less noise where that is wanted; see `Smoother`."""
        if not settings.is_smooth:
            self._smoother.forget()
            return image
        with self._stages("smooth"):
            return self._smoother(image)

    def finish(
        self, pending: PendingView, settings: Settings, *, now: float
    ) -> tuple[Rendered, Settings]:
        """Complete a picture by the settings that hold now; arguments and result as for a call."""
        image, view = pending.original, VIEWS[settings.view]
        self.pipeline.select(settings.filter, sigma=settings.sigma)
        edges, gain = None, pending.gain
        if view.needs_edges:
            edges, gain, settings = self._edges(pending, settings, now)
        with self._stages("view"):
            shown = np.zeros(image.shape[:2], np.uint8) if edges is None else edges
            settings = replace(settings, panes=view.panes(self.pipeline))
            painted = view.paint(Picture(image, shown, settings, self.pipeline))
        return Rendered(image, edges, painted, gain, self.pipeline), settings

    def _edges(
        self, pending: PendingView, settings: Settings, now: float
    ) -> tuple[Image, float, Settings]:
        """The edges, the gain they were made with, and the settings for the next picture."""
        image = pending.original
        if pending.edges is None or not self._is_up_to_date(pending, settings):
            pending = self._submit(image, settings)
        edges = _edges_of(pending)

        def find(other: Settings) -> Image:
            nonlocal pending
            pending = self._submit(image, other)
            return _edges_of(pending)

        if self.is_automatic(settings):
            edges, settings = self.auto_gain(
                edges,
                settings,
                now=now,
                find=find,
                made_with=pending.gain,
            )
        return self.completed(edges, settings), pending.gain, settings

    def completed(self, edges: Image, settings: Settings) -> Image:
        """Thin edges and hide weak ones, where the automatic gain had to see all of them first."""
        if not self.is_automatic(settings):
            return edges
        if settings.is_thin:
            with self._stages("thin"):
                edges = self.pipeline.thinned(edges)
        return without_weak(edges, settings.threshold)

    def snapshot(self, rendered: Rendered, settings: Settings) -> dict[str, Image]:
        """Return view, edges and original by name; edges that the view did not need are found."""
        original, edges = rendered.original, rendered.edges
        if edges is None:
            edges = self.completed(_edges_of(self._submit(original, settings)), settings)
        return {settings.view: rendered.view, "edges": edges, "original": original}

    def _submit(self, image: Image, settings: Settings) -> PendingView:
        pipeline = self.pipeline
        pipeline.select(settings.filter, sigma=settings.sigma)
        gain, threshold, is_thin = self.exposure(settings)
        pipeline.gain, pipeline.threshold, pipeline.is_thin = gain, threshold, is_thin
        pending = pipeline.submit(image, stages=self._stages)
        return PendingView(
            image, pending, _chosen(settings), gain, threshold, is_thin, self.auto_gain.settled_for
        )

    def exposure(self, settings: Settings) -> tuple[float, float, bool]:
        """Gain, threshold and thinning for the pipeline; the automatic gain has to see all edges.

        What it leaves to be done, `completed` does.
        """
        if self.is_automatic(settings):
            return settings.gain, 0.0, False
        is_gain_free = settings.auto_gain and self.pipeline.entry.is_binary
        return 1.0 if is_gain_free else settings.gain, settings.threshold, settings.is_thin

    def is_automatic(self, settings: Settings) -> bool:
        """Whether the gain follows the picture by the filter that the pipeline has now."""
        return settings.auto_gain and not self.pipeline.entry.is_binary

    def _is_up_to_date(self, pending: PendingView, settings: Settings) -> bool:
        """Whether edges in flight are those to show, though the automatic gain has moved a bit."""
        gain, *others = self.exposure(settings)
        if pending.chosen != _chosen(settings) or others != [pending.threshold, pending.is_thin]:
            return False
        is_followed = self.is_automatic(settings) and pending.settled == self.auto_gain.settled_for
        return is_followed or pending.gain == gain


def _chosen(settings: Settings) -> Chosen:
    return settings.filter, settings.sigma


def _edges_of(pending: PendingView) -> Image:
    if pending.edges is None:
        raise AssertionError("the view was begun without its edges")
    return pending.edges.result()
