"""Times every view, from the picture that comes in to the one that is shown."""

import argparse
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from live_edges.bench.measuring import Contender, median_and_spread_ms, time_in_turn
from live_edges.bench.tables import as_table
from live_edges.frame import Image
from live_edges.pipeline.compare import CompareRenderer
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.pipeline.views import VIEWS
from live_edges.settings import Settings
from live_edges.sources.scene import Scene

GAIN = 3.0  # about what the automatic gain chooses for the demo; that itself is not timed
BESIDE_A_GPU_S = 10.0  # how long loops that paint may take to be compiled behind the pictures


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one view.

    Attributes:
        view: its name, ``thin`` for an overlay of thin lines, or ``compare`` for the overlays of
            two filters.
        median_ms: median time for a picture, the filter counted in.
        spread_ms: from the 10th to the 90th percentile.
        to_overlay: median as a multiple of the overlay's.
    """

    view: str
    median_ms: float
    spread_ms: float
    to_overlay: float


def time_views(args: argparse.Namespace) -> list[Row]:
    """Time each view once a round, so that a slow moment of the machine hits all alike."""
    pipeline = EdgePipeline(args.filter, device=args.device, engine=args.engine)
    if args.engine == "auto" and pipeline.device.type == "cpu":
        pipeline = EdgePipeline(args.filter, device="cpu", engine="numba")
    image = Scene(args.size).at(40, 1.3)
    with_gain = Settings(filter=args.filter, gain=GAIN, auto_gain=False)
    other = "scharr" if args.filter != "scharr" else "sobel"
    shown: dict[str, Contender] = {
        view: _shown(pipeline, replace(with_gain, view=view)) for view in VIEWS
    }
    shown["thin"] = _shown(pipeline, replace(with_gain, view="overlay", is_thin=True))
    shown["compare"] = _shown(pipeline, replace(with_gain, against=other))
    pipeline.prepare(image)
    if pipeline.device.type != "cpu":
        _wait_for_loops(shown, image)
    times = {
        view: median_and_spread_ms(seconds)
        for view, seconds in time_in_turn(shown, image, args.rounds).items()
    }
    overlay_ms, _ = times["overlay"]
    return [Row(view, *figures, figures[0] / overlay_ms) for view, figures in times.items()]


def as_lines(rows: list[Row]) -> list[str]:
    """Return the figures as a table."""
    return as_table(
        ("view", "median ms", "spread ms", "x overlay"),
        (
            (row.view, f"{row.median_ms:.2f}", f"{row.spread_ms:.2f}", f"{row.to_overlay:.2f}")
            for row in rows
        ),
    )


def as_figures(rows: list[Row]) -> list[dict[str, Any]]:
    """Return the figures for a file."""
    return [asdict(row) for row in rows]


def _shown(pipeline: EdgePipeline, settings: Settings) -> Contender:
    renderer = CompareRenderer(pipeline)
    return lambda image: renderer(image, settings, now=0.0)[0].view


def _wait_for_loops(shown: dict[str, Contender], image: Image) -> None:
    ends = time.perf_counter() + BESIDE_A_GPU_S
    while time.perf_counter() < ends:
        for show in shown.values():
            show(image)
