"""Auto gain: make the picture's strong edges bright, in any light, without flicker."""

import math

import numpy as np

from live_edges.frame import Image
from live_edges.settings import MAX_GAIN, MIN_GAIN

PERCENTILE = 96.0  # of all pixels: in most pictures, the edges worth seeing
TARGET = 0.8  # how bright that percentile shall be, 1 being white
MAX_AUTO_GAIN = MAX_GAIN / 4  # beyond, a covered lens shows its own noise
SETTLING_S = 0.5  # time constant of a change
DEAD_BAND = 0.12  # relative error left alone
FIRST_TRIES = 8  # how often the first picture may be made again
SAMPLE_STEP = 8  # every eighth pixel both ways is plenty for a percentile


class AutoGain:
    """Follows the strength of the edges slowly; the first picture is measured at once."""

    def __init__(self) -> None:
        self._last: float | None = None

    def settle(self, gain: float, edges: Image) -> float:
        """Return a better gain for the same picture; equal to ``gain`` when it is good enough."""
        return gain * _correction(gain, edges, gain)

    def follow(
        self, gain: float, edges: Image, *, now: float, made_with: float | None = None
    ) -> float:
        """Return the gain for the next picture.

        Args:
            gain: for the next picture as things stand.
            edges: ``(H, W)`` uint8 edge image, no threshold applied.
            now: time of the picture in seconds.
            made_with: the gain of ``edges``, an older one where pictures were in flight; None
                means ``gain``.
        """
        elapsed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        share = 1 - math.exp(-elapsed / SETTLING_S)
        correction = _correction(gain, edges, gain if made_with is None else made_with)
        return _limited(gain * correction**share)


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
