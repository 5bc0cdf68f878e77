"""When a run ends by itself."""

from dataclasses import dataclass

from live_edges.timing import Tally


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends by itself: after some seconds, after some frames; None for never."""

    duration_s: float | None = None
    frames: int | None = None

    def are_reached(self, shown: Tally, now: float) -> bool:
        """Tell whether the frames shown until ``now``, in seconds, are enough."""
        if self.frames is not None and shown.count >= self.frames:
            return True
        elapsed_s = now - shown.first if shown.count else 0.0
        return self.duration_s is not None and elapsed_s >= self.duration_s


NO_LIMITS = Limits()
