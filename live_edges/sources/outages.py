"""Detects what is wrong with a live source: nothing new, the same picture again, too few."""

import time

import numpy as np

from live_edges.frame import Image
from live_edges.timing import Clock

STALL_S = 2.0  # without a new frame for this long, a live source is taken for lost
SLOW_SHARE = 0.6  # a camera below this share of its mode's rate is called slow
SLOW_AFTER_S = 5.0  # by then exposure and focus have settled
SLOW_ADVICE = (
    "in dim light many cameras slow down (more light helps, or turning off their low-light "
    "compensation), others on a USB hub or without --fourcc MJPG"
)
SAMPLE_STEP = 8  # pictures are equal only if every eighth pixel both ways is, which is soon seen


class Outages:
    """Counts the outages of a live source by the age of its newest frame.

    Args:
        stall_s: an outage begins when nothing new has come for this many seconds, or when the
            source is known to be lost; infinite for a source that may take its time.
        clock: seconds, monotonic.

    Example:
        >>> now = 0.0
        >>> outages = Outages(2.0, clock=lambda: now)
        >>> now = 5.0
        >>> outages.current_s
        5.0
        >>> outages.end()
        >>> (outages.current_s, outages.count, outages.total_s)
        (0.0, 1, 5.0)
    """

    def __init__(self, stall_s: float = STALL_S, *, clock: Clock = time.monotonic) -> None:
        self._stall_s = stall_s
        self._clock = clock
        self._latest_at = clock()
        self._is_lost = False
        self._past_count, self._past_s = 0, 0.0

    def begin(self) -> None:
        """Note that the source is lost, however new its newest frame is."""
        self._is_lost = True

    def end(self) -> None:
        """Note that a new frame has come."""
        self._past_count += self.is_on
        self._past_s += self.current_s
        self._latest_at = self._clock()
        self._is_lost = False

    @property
    def age_s(self) -> float:
        """Seconds since the newest frame."""
        return self._clock() - self._latest_at

    @property
    def is_on(self) -> bool:
        """True during an outage."""
        return self._is_lost or self.age_s > self._stall_s

    @property
    def current_s(self) -> float:
        """Seconds since the newest frame during an outage; 0 where there is none."""
        return self.age_s if self.is_on else 0.0

    @property
    def count(self) -> int:
        """How many outages there were, the current one included."""
        return self._past_count + self.is_on

    @property
    def total_s(self) -> float:
        """How long all of them lasted together, in seconds."""
        return self._past_s + self.current_s


class RepeatDetector:
    """Detects a driver that delivers one picture again and again.

    Noise makes any two pictures of a camera differ, unless its lens is covered or it is a virtual
    one. If the same picture comes even after the camera was opened again, repeats are normal.
    """

    def __init__(self) -> None:
        self._latest: Image | None = None
        self._was_reopened = self._is_normal = False

    def detects(self, image: Image) -> bool:
        """Return True if the picture equals the latest one, and the driver may be stuck."""
        latest, self._latest = self._latest, image
        if self._is_normal or latest is None:
            return False
        is_same = _are_equal(image, latest)
        self._is_normal = is_same and self._was_reopened
        self._was_reopened = False
        return is_same and not self._is_normal

    def expect_repeat(self) -> None:
        """Note that the camera has been opened again."""
        self._was_reopened = True


class SlowDetector:
    """Detects, once, a camera that delivers far fewer frames than its mode says.

    Args:
        nominal_fps: frames per second of the mode; 0 where the camera does not say.
        clock: seconds, monotonic.
    """

    def __init__(self, nominal_fps: float, *, clock: Clock = time.monotonic) -> None:
        self._nominal_fps, self._clock = nominal_fps, clock
        self._began_at = clock()
        self._fps = nominal_fps

    def restart(self) -> None:
        """Give the camera time to settle again, after an outage."""
        self._began_at = self._clock()

    def detects(self, fps: float) -> bool:
        """Return True the first time that so many frames per second are too few."""
        if self._clock() - self._began_at < SLOW_AFTER_S or not is_slow(fps, self._nominal_fps):
            return False
        self._fps, self._nominal_fps = fps, 0.0
        return True

    def __str__(self) -> str:
        """Say how slow the camera is and what to do about it."""
        return f"delivers only {self._fps:.1f} frames a second: {SLOW_ADVICE}"


def is_slow(fps: float, nominal_fps: float) -> bool:
    """Return True if a camera delivers far fewer frames per second than its mode says."""
    return fps < SLOW_SHARE * nominal_fps


def _are_equal(image: Image, other: Image) -> bool:
    if image.shape != other.shape:
        return False
    coarse = image[::SAMPLE_STEP, ::SAMPLE_STEP], other[::SAMPLE_STEP, ::SAMPLE_STEP]
    return np.array_equal(*coarse) and np.array_equal(image, other)
