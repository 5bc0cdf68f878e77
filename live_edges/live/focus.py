"""The focus number of what is shown, its peak, and its curve over the last seconds."""

from collections import deque

import cv2
import numpy as np

from live_edges import screen_text
from live_edges.frame import Image
from live_edges.pipeline.peaking import focus_number
from live_edges.settings import LINE_COLORS, Settings

CURVE_S = 10.0  # how far back the curve goes, and how long the peak is held
LEAST_TOP = 20.0  # the number at the top of the curve, at least: noise alone is no mountain
HEADROOM = 1.15  # between the peak and the top
CURVE_LINES = 3  # height of the curve in lines of text


class FocusMeter:
    """Remembers how sharp the region was, while the view is `peaking`."""

    def __init__(self) -> None:
        self._numbers: deque[tuple[float, float]] = deque()  # time in seconds, and number
        self._of: tuple[object, ...] = ()  # what they belong to
        self._image: Image | None = None

    def follow(self, image: Image, settings: Settings, now: float) -> None:
        """Measure a picture, unless it is the one that was measured last.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, the region alone, at full size.
            settings: another region begins a new curve; no view but `peaking` has one.
            now: seconds.
        """
        is_wanted = settings.view == "peaking" and settings.hud != "off"
        belongs_to = (settings.region, settings.is_mirrored, is_wanted)
        if belongs_to != self._of:
            self._numbers.clear()
            self._of, self._image = belongs_to, None
        if not is_wanted or image is self._image:
            return
        self._image = image
        self._numbers.append((now, focus_number(image)))
        while self._numbers[0][0] < now - CURVE_S:
            self._numbers.popleft()

    @property
    def number(self) -> float | None:
        """The newest number, see `focus_number`; None where there is none."""
        return self._numbers[-1][1] if self._numbers else None

    @property
    def peak(self) -> float:
        """The largest one of the last seconds."""
        return max((number for _, number in self._numbers), default=0.0)

    def draw(
        self, canvas: Image, settings: Settings, *, bottom: int, avoid: screen_text.Box
    ) -> None:
        """Draw number, peak and curve into the lower right corner, in place.

        Args:
            canvas: ``(H, W, 3)`` uint8 BGR, a copy that belongs to the caller.
            settings: have the colour of the curve.
            bottom: row of pixels from which on other text stands.
            avoid: what the kernel view takes up; where that is in the corner, nothing is drawn.
        """
        if self.number is None:
            return
        font = screen_text.font_for(canvas)
        text = f"focus {self.number:.0f}   peak {self.peak:.0f}"
        width = font.width("focus 100   peak 100")
        height = CURVE_LINES * font.line
        pad = font.pad
        left, top = canvas.shape[1] - width - 2 * pad, bottom - height - font.line - 2 * pad
        is_free = avoid[2] <= left or avoid[3] <= top or avoid[1] >= bottom
        if left < 0 or top < canvas.shape[0] // 3 or not is_free:
            return
        screen_text.shade(canvas, (left, top, canvas.shape[1], bottom))
        font.write(canvas, text, (left + pad, top + pad // 2))
        self._draw_curve(
            canvas[bottom - pad - height : bottom - pad, left + pad : left + pad + width],
            LINE_COLORS[settings.line_color],
        )

    def _draw_curve(self, area: Image, color: screen_text.Color) -> None:
        height, width = area.shape[:2]
        times, numbers = np.array(self._numbers).T
        x = (width - 1) * (1 - (times[-1] - times) / CURVE_S)
        scale = (height - 1) / max(LEAST_TOP, HEADROOM * self.peak)
        y = height - 1 - scale * numbers
        level = round(height - 1 - scale * self.peak)
        cv2.line(area, (0, level), (width - 1, level), screen_text.FAINT)
        points = np.stack((x, y), axis=1).round().astype(np.int32)
        cv2.polylines(area, [points], False, color, max(1, height // 40), cv2.LINE_AA)
        cv2.circle(area, [int(v) for v in points[-1]], max(2, height // 20), color, -1)
