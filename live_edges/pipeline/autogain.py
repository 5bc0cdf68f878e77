"""Auto gain: make the picture's strong edges bright, in any light, without flicker."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from live_edges.frame import Image
from live_edges.settings import MAX_GAIN, MIN_GAIN, Settings

PERCENTILE = 96.0  # of all pixels: in most pictures, the edges worth seeing
TARGET = 0.8  # how bright that percentile is wanted, 1 being white
MAX_AUTO_GAIN = MAX_GAIN / 4  # beyond, a covered lens shows its own noise
SETTLING_S = 0.5  # time constant of a change
DEAD_BAND = 0.12  # relative error left alone
FIRST_TRIES = 8  # how often the first picture may be made again
SAMPLE_STEP = 8  # every eighth pixel both ways is plenty for a percentile


class AutoGain:
    """Follows the strength of the edges slowly; a filter's first picture is measured at once.

    Attributes:
        settled_for: filter and sigma whose first picture has been measured.
    """

    def __init__(self) -> None:
        self.settled_for: tuple[str, float] | None = None
        self._last: float | None = None

    def __call__(
        self,
        edges: Image,
        settings: Settings,
        *,
        now: float,
        find: Callable[[Settings], Image],
        made_with: float | None = None,
    ) -> tuple[Image, Settings]:
        """Follow a picture; the first one is made again until its brightness is right.

        Args:
            edges: ``(H, W)`` uint8 edge image, no threshold applied.
            settings: what holds now.
            now: time of the picture in seconds.
            find: finds the edges of the same picture by other settings.
            made_with: the gain of ``edges``, an older one where pictures were in flight; None
                means that of the settings.

        Returns:
            The edges to show, and the settings with the gain for the next picture.
        """
        gain, made_with = settings.gain, settings.gain if made_with is None else made_with
        if self.settled_for != (settings.filter, settings.sigma):
            self.settled_for = settings.filter, settings.sigma
            for _ in range(FIRST_TRIES):
                gain = made_with * _correction(made_with, edges, made_with)
                if gain == made_with:
                    break
                edges, made_with = find(replace(settings, gain=gain)), gain
        elapsed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        share = 1 - math.exp(-elapsed / SETTLING_S)
        gain = _limited(gain * _correction(gain, edges, made_with) ** share)
        return edges, replace(settings, gain=gain)


def _correction(gain: float, edges: Image, made_with: float) -> float:
    """By which factor ``gain`` is too small, going by edges that were made with another one."""
    shown = float(np.percentile(edges[::SAMPLE_STEP, ::SAMPLE_STEP], PERCENTILE)) / 255
    if shown >= 1:
        wanted = min(gain, made_with / 2)  # saturated: all that is known is that it was too much
    elif shown == 0:
        wanted = max(gain, made_with * 2)
    else:
        wanted = made_with * TARGET / shown
    correction = _limited(wanted) / gain
    return 1.0 if abs(math.log(correction)) < DEAD_BAND else correction


def _limited(gain: float) -> float:
    return min(max(gain, MIN_GAIN), MAX_AUTO_GAIN)
