"""Clocks and rates: frames per second, and how long each stage of a frame takes."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice

import numpy as np

Clock = Callable[[], float]  # seconds; monotonic
StageTimer = Callable[[str], AbstractContextManager[None]]  # times the block as one run of a stage

STALE_S = 2.0  # after so many seconds without an event its rate is 0


def untimed(_name: str) -> AbstractContextManager[None]:
    """Stand where a `StageTimer` is wanted, and time nothing."""
    return nullcontext()


class Rate:
    """Events per second over the last ``window_s`` seconds.

    Example:
        >>> rate = Rate()
        >>> for second in (0.0, 0.1, 0.2):
        ...     rate.tick(second)
        >>> round(rate.per_second, 3)
        10.0
    """

    def __init__(self, window_s: float = 2.0) -> None:
        self._window_s = window_s
        self._ticks: deque[float] = deque()

    def tick(self, now: float) -> None:
        """Count one event at ``now`` seconds."""
        self._ticks.append(now)
        while now - self._ticks[0] > self._window_s and len(self._ticks) > 2:
            self._ticks.popleft()

    @property
    def per_second(self) -> float:
        """Rate over the window; n events span n - 1 intervals; 0 before the second event."""
        if len(self._ticks) < 2:
            return 0.0
        span = self._ticks[-1] - self._ticks[0]
        return (len(self._ticks) - 1) / span if span > 0 else 0.0


class Durations:
    """The latest durations of something, in seconds, with percentiles in milliseconds."""

    def __init__(self, keep: int = 10_000) -> None:
        self._seconds: deque[float] = deque(maxlen=keep)

    def add(self, seconds: float) -> None:
        """Remember one duration."""
        self._seconds.append(seconds)

    def recent_ms(self, count: int = 60) -> float:
        """Median of the last ``count`` durations in milliseconds; 0 when there are none."""
        latest = sorted(islice(reversed(self._seconds), count))
        if not latest:
            return 0.0
        middle = len(latest) // 2
        return (latest[middle] + latest[~middle]) / 2 * 1e3

    def percentiles_ms(self) -> dict[str, float]:
        """``p50``, ``p95`` and ``p99`` in milliseconds; all 0 when nothing was measured."""
        values = np.percentile(self._seconds, (50, 95, 99)) * 1e3 if self._seconds else (0.0,) * 3
        return {
            name: round(float(v), 3) for name, v in zip(("p50", "p95", "p99"), values, strict=True)
        }


class Stages:
    """Stop watches for the named stages a frame passes through, in the order they first ran."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self.durations: dict[str, Durations] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time the block as one run of the stage ``name``."""
        start = self._clock()
        try:
            yield
        finally:
            self.durations.setdefault(name, Durations()).add(self._clock() - start)

    def percentiles_ms(self) -> dict[str, dict[str, float]]:
        """Percentiles of every stage that ran, in milliseconds."""
        return {name: durations.percentiles_ms() for name, durations in self.durations.items()}


class Tally:
    """How often something happened, and its mean rate from the first time to the last."""

    def __init__(self) -> None:
        self.count = 0
        self.first = 0.0
        self.last = 0.0

    def tick(self, now: float) -> None:
        """Count one event at ``now`` seconds."""
        if self.count == 0:
            self.first = now
        self.count += 1
        self.last = now

    @property
    def per_second(self) -> float:
        """Mean rate; n events span n - 1 intervals; 0 before the second event."""
        span = self.last - self.first
        return (self.count - 1) / span if span > 0 else 0.0


class Pace:
    """When the frames of a file are due, so that it plays at its own speed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start: float | None = None

    def restart(self) -> None:
        """Let the next frame be due at once, as after a pause."""
        self._start = None

    def remaining_s(self, pts: float) -> float:
        """Seconds until the frame with this presentation time is due, at most 0 if it is now.

        A frame that comes late moves all that follow: nothing is skipped to catch up.
        """
        now = self._clock()
        if self._start is None or now - self._start > pts:
            self._start = now - pts
        return self._start + pts - now
