"""Compare: two filters on the same picture, each on its side of a divider, with their names."""

from dataclasses import replace

import cv2
import numpy as np

from live_edges.frame import Image
from live_edges.pipeline.renderer import PendingView, Rendered, Renderer
from live_edges.pipeline.views import VIEWS
from live_edges.screen_text import draw_names
from live_edges.settings import WHOLE, Settings, ViewName
from live_edges.sizing import MIN_SHOWN_PX, fitted, size_of

BESIDE: dict[ViewName, ViewName] = {
    "side": "edges",
    "maps": "maps",
}  # shown whole beside each other, and as what
WHITE, BLACK = 255, 0


class CompareRenderer(Renderer):
    """Renders by one filter, or by two where the settings name another one to compare it with.

    Both filters see the whole picture, because the automatic gain of each would change with the
    divider else. A view that needs no edges has nothing to compare and stays as it is.
    """

    _right: Renderer | None = None
    _right_gain: float | None = None

    def select(self, settings: Settings) -> None:
        """Change the filters.

        Raises:
            LiveEdgesError: one of them cannot be used; it is not changed.
        """
        self.pipeline.select(settings.filter, sigma=settings.sigma)
        if settings.against is not None:
            self._other(settings).pipeline.select(settings.against, sigma=settings.sigma)

    def prepare(self, image: Image) -> None:
        """Compile what the filters need for pictures like this one, and wait for it."""
        self.pipeline.prepare(image)
        if self._right is not None:
            self._right.pipeline.prepare(image)

    def begin(self, image: Image, settings: Settings) -> PendingView:
        """See `Renderer.begin`."""
        pending = super().begin(image, settings)
        if not _is_comparing(settings):
            return pending
        return replace(pending, right=self._begin_right(pending.original, settings))

    def finish(
        self, pending: PendingView, settings: Settings, *, now: float
    ) -> tuple[Rendered, Settings]:
        """See `Renderer.finish`."""
        if not _is_comparing(settings):
            return super().finish(pending, settings, now=now)
        shown_as = replace(settings, view=BESIDE.get(settings.view, settings.view))
        left, after = super().finish(pending, shown_as, now=now)
        right, after_right = self._other(settings).finish(
            pending.right or self._begin_right(left.original, shown_as),
            self._settings_right(shown_as),
            now=now,
        )
        self._right_gain = after_right.gain
        with self._stages("view"):
            view = compared(left.view, right.view, settings)
        columns, rows = after.panes
        panes = (2 * columns, rows) if settings.view in BESIDE else after.panes
        return replace(left, view=view, right=right), replace(
            after, view=settings.view, panes=panes
        )

    def _begin_right(self, image: Image, settings: Settings) -> PendingView:
        right = replace(
            self._settings_right(settings), is_smooth=False, is_mirrored=False, region=WHOLE
        )  # all of that is done
        return self._other(settings).begin(image, right)

    def _settings_right(self, settings: Settings) -> Settings:
        gain = settings.gain
        if settings.auto_gain and self._right_gain is not None:
            gain = self._right_gain
        return replace(settings, filter=settings.against or settings.filter, gain=gain)

    def _other(self, settings: Settings) -> Renderer:
        if self._right is None:
            name = settings.against or settings.filter
            pipeline = self.pipeline.with_filter(name, sigma=settings.sigma)
            self._right = Renderer(pipeline, stages=self._stages)
        return self._right


def _is_comparing(settings: Settings) -> bool:
    return settings.against is not None and VIEWS[settings.view].needs_edges


def divider_of(settings: Settings) -> float:
    """Return where the right side begins, as a fraction of the view's width."""
    return 0.5 if settings.view in BESIDE else settings.divider


def is_right_pointed_at(settings: Settings) -> bool:
    """True if the mouse is on the side of the filter that the other one is compared with."""
    if settings.against is None or settings.pointer is None:
        return False
    return settings.pointer[0] >= divider_of(settings)


def compared(left: Image, right: Image, settings: Settings) -> Image:
    """Put two views together, with a divider and the names of both filters.

    Args:
        left: ``(H, W, 3)`` uint8, by the filter of the settings.
        right: likewise, by the one it is compared with.
        settings: say where the divider is, and at which side the mouse points.

    Returns:
        ``(H, W, 3)``, or both whole beside each other where a divider would cut through tiles; a
        small picture is enlarged, so that the names can be read.
    """
    if settings.view in BESIDE or left.shape != right.shape:
        both = np.hstack((left, fitted(right, size_of(left))))
    else:
        x = round(settings.divider * left.shape[1])
        both = np.hstack((left[:, :x], right[:, x:]))
    both = _enlarged(both)
    height, width = both.shape[:2]
    x, thin = round(divider_of(settings) * width), max(1, height // 720)
    both[:, max(0, x - 2 * thin) : x + 2 * thin] = BLACK
    both[:, max(0, x - thin) : x + thin] = WHITE
    pointed_at = None if settings.pointer is None else int(is_right_pointed_at(settings))
    draw_names(both, (settings.filter, settings.against or ""), x, chosen=pointed_at)
    return both


def _enlarged(image: Image) -> Image:
    smaller = min(image.shape[:2])
    if smaller >= MIN_SHOWN_PX:
        return image
    factor = -(-2 * MIN_SHOWN_PX // smaller)  # twice: the text has hardly to be enlarged further
    enlarged = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    return np.asarray(enlarged, np.uint8)
