"""Decides when pictures are shown, even if the time stamps of a video jump or go back."""

from fractions import Fraction

import av

TS_DISCONT, NO_TIMESTAMPS = 0x200, 0x80  # FFmpeg's AVFMT_TS_DISCONT, AVFMT_NOTIMESTAMPS
JUMP_S = 10.0  # FFmpeg's -dts_delta_threshold, for formats that are made to be cut and joined
PAUSE_S = 3600.0  # any other format may mean a pause of up to an hour
JUMP_STEPS = 10  # a slide show in MPEG-TS may show each picture for 20 s
LATE_STEPS = 3  # a wrong stamp may have placed so many pictures too late


def is_joinable(container: av.container.InputContainer) -> bool:
    """Return True for a format that may be cut and joined anywhere, such as MPEG-TS."""
    return bool(container.format.flags & TS_DISCONT)


def is_untimed(container: av.container.InputContainer) -> bool:
    """Return True for a format without time stamps, such as raw H.264."""
    return bool(container.format.flags & NO_TIMESTAMPS)


def longest_step_s(container: av.container.InputContainer) -> float:
    """Return how far apart two successive pictures may be, in seconds."""
    return JUMP_S if is_joinable(container) else PAUSE_S


class Timeline:
    """Places pictures at times that always increase by credible steps, counted in ticks.

    A time stamp is not credible if it goes back, or is further ahead of the picture before than
    ``limit_s`` and ten ordinary steps. Joined recordings have such stamps, counters that overflow,
    and receivers that lost their clock. The picture is shown when the next one was expected. If the
    one after it continues from there, all that follow are moved alike, as by a new clock. Otherwise
    a single stamp was wrong, and the old clock remains.

    Shorter pauses are kept, because videos of variable frame rate have them, such as screen
    recordings. In MPEG-TS and the like (`is_joinable`) more than 10 s is a jump.

    Args:
        time_base: seconds a tick.
        step_s: nominal seconds from one picture to the next.
        limit_s: how far ahead a step may lead.
        start: the stamp that counts as 0; None for that of the first picture.

    Attributes:
        offsets: for each clock so far, the ticks from a stamp to its time.
        latest: time of the latest picture; None before the first one.
        step: ticks to the next picture if it has no credible stamp.

    Example:
        >>> timeline = Timeline(Fraction(1, 4), 0.5, PAUSE_S)
        >>> [timeline.place(stamp) for stamp in (28, 29, 31, 28, 30)]
        [0, 1, 3, 5, 7]
    """

    def __init__(
        self,
        time_base: Fraction,
        step_s: float | Fraction,
        limit_s: float,
        start: int | None = None,
    ) -> None:
        self.time_base = time_base
        self._nominal_step = self.step = max(round(Fraction(step_s) / time_base), 1)
        self._limit = round(limit_s / time_base)
        self.offsets: list[int] = [] if start is None else [-start]
        self.latest: int | None = None
        self._highest: int | None = None  # stamp of the present clock
        self._doubtful: int | None = None  # offset of the clock that the latest stamp may belong to

    @property
    def limit(self) -> int:
        """How many ticks ahead the next picture may be."""
        return max(self._limit, JUMP_STEPS * self.step)

    def place(self, stamp: int | None) -> int:
        """Return the time, in ticks, of the picture with a stamp."""
        self.latest = self._time_of(stamp)
        return self.latest

    def place_s(self, stamp: int | None) -> float:
        """Return the same in seconds."""
        return float(self.place(stamp) * self.time_base)

    def restart(self, duration: int) -> None:
        """Place the next picture, whatever its stamp, ``duration`` after the latest."""
        self.offsets, self._highest, self._doubtful = [], None, None
        self.step = duration

    def go_on_from(self, offsets: list[int], time: int) -> None:
        """Expect the next picture at ``time``, and know the clocks up to there."""
        self.offsets, self.latest = offsets, time - self.step

    def _time_of(self, stamp: int | None) -> int:
        expected = 0 if self.latest is None else self.latest + self.step
        if stamp is None:
            return expected
        if not self.offsets:
            self.offsets.append(expected - stamp)
        if not (self._continues(stamp) or self._is_confirmed_by(stamp)):
            self._doubtful = expected - stamp
            return expected
        self._highest, self._doubtful = stamp, None
        time = stamp + self.offsets[-1]
        if self.latest is not None and time <= self.latest:  # a wrong stamp before it led here
            return self.latest + max(self.step // 4, 1)
        if self.latest is not None:  # the nominal step includes pauses and jumps
            self.step = min(time - self.latest, self._nominal_step)
        return time

    def _continues(self, stamp: int) -> bool:
        if self.latest is None:
            return True
        ahead = stamp + self.offsets[-1] - self.latest
        is_later = self._highest is None or stamp > self._highest
        return is_later and -LATE_STEPS * self.step <= ahead <= self.limit

    def _is_confirmed_by(self, stamp: int) -> bool:
        """Return True if a stamp follows the doubtful one, whose clock is then the present one."""
        if self._doubtful is None or self.latest is None:
            return False
        if not 0 < stamp + self._doubtful - self.latest <= self.limit:
            return False
        self.offsets.append(self._doubtful)
        return True
