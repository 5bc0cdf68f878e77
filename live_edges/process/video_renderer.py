"""Renders the pictures of a video, without computing colours where the output has none."""

from functools import partial
from typing import TYPE_CHECKING

import av
import numpy as np

from live_edges.frame import Image
from live_edges.pipeline.compare import CompareRenderer
from live_edges.process.planes import STRETCH, luma_of, stretched
from live_edges.settings import LINE_COLORS, Settings
from live_edges.sizing import cut
from live_edges.sources.decoding import to_image

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline


class VideoRenderer:
    """Renders decoded pictures for the output.

    If the view is the edges of one filter that reads brightness, the luma plane of the video is the
    gray picture, and no colour is computed. Its range is mostly 16 to 235; if only differences of
    brightness count, a larger gain replaces stretching it.

    Args:
        pipeline: finds the edges.
        settings: filter, view, gain and the rest; the automatic gain changes them.
        with_alpha: True to make cutouts of images, see `_cutout`.
    """

    def __init__(
        self, pipeline: "EdgePipeline", settings: Settings, *, with_alpha: bool = False
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._with_alpha = with_alpha
        self._renderer = CompareRenderer(pipeline)
        self._stretch = 1.0  # of the range of the current picture
        self._renderer.select(settings)
        self._is_gray = settings.view == "edges" and settings.against is None
        self._by_luma = self._is_gray and pipeline.reads_luma

    def __call__(self, frame: av.VideoFrame, now: float) -> Image:
        """Render one picture.

        Args:
            frame: as decoded, in any pixel format, turned or not.
            now: its time in seconds, for the speed of the automatic gain.

        Returns:
            uint8, upright: ``(H, W)`` where the view is the edges of one filter, else
            ``(H, W, 3)`` BGR.
        """
        if not self._by_luma:
            image = to_image(frame)
            self._renderer.prepare(image)
            return self.render_image(image, now)
        luma, is_full = luma_of(frame)
        self._pipeline.prepare(luma)
        self._stretch = 1.0
        if not is_full and self._pipeline.is_balanced:
            self._stretch = STRETCH
        elif not is_full:
            luma = stretched(luma)
        luma = self._renderer.smoothed(luma, self._settings)
        if self._settings.is_mirrored:
            luma = np.fliplr(luma)
        luma = cut(luma, self._settings.region)
        edges = self._edges(luma, self._settings)
        if self._renderer.is_automatic(self._settings):
            edges, self._settings = self._renderer.auto_gain(
                edges, self._settings, now=now, find=partial(self._edges, luma)
            )
        return self._renderer.completed(edges, self._settings)

    def render_image(self, image: Image, now: float) -> Image:
        """Render one ``(H, W, 3)`` BGR picture, as above."""
        rendered, self._settings = self._renderer(image, self._settings, now=now)
        if self._with_alpha and rendered.edges is not None:
            return self._cutout(rendered.original, rendered.edges)
        if self._is_gray and rendered.edges is not None:
            return rendered.edges
        return rendered.view

    def _cutout(self, image: Image, edges: Image) -> Image:
        """Return ``(H, W, 4)`` BGRA: how strong the edges are, in the colours of the view."""
        if self._settings.view in ("edges", "overlay"):
            is_white = self._settings.view == "edges"
            color = (255, 255, 255) if is_white else LINE_COLORS[self._settings.line_color]
            image = np.full(image.shape, color, np.uint8)
        return np.dstack((image, edges))

    def _edges(self, luma: Image, settings: Settings) -> Image:
        pipeline = self._pipeline
        gain, pipeline.threshold, pipeline.is_thin = self._renderer.exposure(settings)
        is_gain_free = settings.auto_gain and pipeline.entry.is_binary
        pipeline.gain = gain if is_gain_free else gain * self._stretch
        return pipeline.edges_of_luma(luma)
