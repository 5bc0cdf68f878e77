"""The screen of this computer, or a part of it, as a source."""

from typing import Any

import cv2
import numpy as np

from live_edges import platforms
from live_edges.errors import SourceError
from live_edges.frame import Image
from live_edges.sources.paced import PacedSource

SCREEN = "screen"


class Desktop(PacedSource):
    """What the screen shows.

    Args:
        text: ``screen`` for the first screen, ``screen:2`` for the second one, or
            ``screen:X,Y,WIDTH,HEIGHT`` for a part of all of them, in pixels.
        pace: as for `PacedSource`.

    Raises:
        SourceError: there is no such screen, or it cannot be seen; says what to do.
    """

    name = SCREEN

    def __init__(self, text: str = SCREEN, **pace: Any) -> None:
        try:
            import mss
            from mss.exception import ScreenShotError
        except ModuleNotFoundError as error:
            raise SourceError(
                "a screen as source needs mss; run: pip install 'live-edges[screen]'"
            ) from error
        if problem := platforms.screen_problem():
            raise SourceError(problem)
        self._failed = ScreenShotError
        try:
            self._screens = mss.mss()
            self._part = _part(text, self._screens.monitors)
            first = self._picture(0)
        except ScreenShotError as error:
            raise SourceError(f"the screen cannot be seen: {error}") from error
        super().__init__((first.shape[1], first.shape[0]), **pace)

    def _picture(self, index: int) -> Image:
        try:
            bgra = np.asarray(self._screens.grab(self._part))
        except self._failed as error:
            raise SourceError(f"the screen cannot be seen any more: {error}") from error
        return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2BGR), np.uint8)

    def close(self) -> None:
        """Look no longer; safe to call twice."""
        super().close()
        self._screens.close()


def _part(text: str, screens: list[dict[str, int]]) -> dict[str, int]:
    """Return the place that is meant; the first of ``screens`` is all of them together."""
    _, _, which = text.partition(":")
    try:
        numbers = [int(number) for number in which.split(",")] if which else [1]
    except ValueError:
        numbers = []
    if len(numbers) == 4 and min(numbers[2:]) > 0:
        left, top, width, height = numbers
        whole = screens[0]
        is_inside = left + width <= whole["width"] and top + height <= whole["height"]
        if min(left, top) < 0 or not is_inside:
            raise SourceError(
                f"{text} lies outside the screen, which is {whole['width']}x{whole['height']}"
            )
        left, top = left + whole["left"], top + whole["top"]
        return {"left": left, "top": top, "width": width, "height": height}
    if len(numbers) == 1 and 0 < numbers[0] < len(screens):
        return screens[numbers[0]]
    count = len(screens) - 1
    raise SourceError(
        f"{text} is no screen; there {'is 1' if count == 1 else f'are {count}'}: choose one by "
        "screen:1, or a part by screen:X,Y,WIDTH,HEIGHT"
    )
