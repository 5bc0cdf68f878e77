"""Statistics of a run: what happened to the frames, as one line to read and a file to keep."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from live_edges.recording.files import atomic_write
from live_edges.timing import STALE_S, Clock, Durations, Rate, Stages, Tally


class Meter:
    """What is measured while frames pass.

    Args:
        clock: seconds, monotonic.

    Attributes:
        stages: how long each stage of a frame takes.
        latency: from grabbing a frame to having shown it.
        shown: how many frames were shown, and when.
        first_shown: when the first frame was shown that was filtered in some way, for each way.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._rate = Rate()
        self.stages, self.latency, self.shown = Stages(clock), Durations(), Tally()
        self.first_shown: dict[str, float] = {}

    def count(self, timestamp: float, execution: str) -> None:
        """Count a frame that was grabbed at ``timestamp`` and is on the screen now."""
        now = self._clock()
        self.first_shown.setdefault(execution, now)
        self.latency.add(now - timestamp)
        self.shown.tick(now)
        self._rate.tick(now)

    @property
    def fps(self) -> float:
        """Frames shown per second, over the latest two seconds; 0 when there were none."""
        is_stale = self._clock() - self.shown.last > STALE_S
        return 0.0 if is_stale else self._rate.per_second

    def figures(self) -> dict[str, Any]:
        """What a `Summary` says of it."""
        duration_s = self._clock() - self.shown.first if self.shown.count else 0.0
        return {
            "frames_shown": self.shown.count,
            "duration_s": round(duration_s, 3),
            "fps": round(self.shown.per_second, 2),
            "latency_ms": self.latency.percentiles_ms(),
            "stages_ms": self.stages.percentiles_ms(),
            "first_shown": self.first_shown,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run amounted to.

    Attributes:
        source: name of the source.
        mode: granted ``size`` (width, height), ``fps`` and ``fourcc``.
        device: torch device the filter ran on; empty if the run ended before it was known.
        filter: the filter at the end.
        view: the view at the end.
        execution: ``torch``, ``numba``, ``compiled`` or ``opencv``.
        frames_in: frames the source delivered.
        frames_shown: frames that reached the window, or the end of the line without one.
        frames_dropped: frames of a live source that a newer one replaced.
        duration_s: from the first frame shown to the end.
        camera_fps: how fast the source delivered at the end.
        fps: frames shown per second over the whole run.
        latency_ms: from grabbing a frame to having shown it: ``p50``, ``p95``, ``p99``.
        stages_ms: the same three for each stage of a frame.
        first_shown: `time.monotonic` when the first frame of each execution was shown, and the
            first ``unfiltered`` one.
        outages: how often a live source was lost, or delivered nothing new.
        outage_s: how long that lasted, all times together.
        frames_recorded: pictures in the recordings.
        frames_record_dropped: pictures left out of them, because the encoder was too slow or there
            was no connection.
    """

    source: str
    mode: dict[str, object]
    device: str
    filter: str
    view: str
    execution: str
    frames_in: int
    frames_shown: int
    frames_dropped: int
    duration_s: float
    camera_fps: float
    fps: float
    latency_ms: dict[str, float]
    stages_ms: dict[str, dict[str, float]]
    first_shown: dict[str, float]
    outages: int = 0
    outage_s: float = 0.0
    frames_recorded: int = 0
    frames_record_dropped: int = 0

    def __str__(self) -> str:
        """One line for the terminal."""
        lost = self.frames_record_dropped
        return (
            f"{self.frames_shown} frames shown in {self.duration_s:.1f} s ({self.fps:.1f} fps), "
            f"{self.frames_in} in, {self.frames_dropped} dropped, "
            f"latency {self.latency_ms['p50']:.0f} ms (median)"
            + (f", {self.outages} outages ({self.outage_s:.1f} s)" if self.outages else "")
            + (f", {self.frames_recorded} recorded" if self.frames_recorded else "")
            + (f", {lost} not recorded" if lost else "")
        )


def write_summary(summary: Summary, path: Path) -> None:
    """Write the statistics as JSON.

    Raises:
        LiveEdgesError: the file cannot be written.
    """
    with atomic_write(path) as part:
        part.write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
