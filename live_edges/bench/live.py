"""The whole live loop on the demo, without a window, and how long each of its stages takes."""

import argparse
from concurrent.futures import Future
from typing import Any

from live_edges.bench.tables import as_table
from live_edges.display.headless import StatusLine
from live_edges.filters.catalog import catalog
from live_edges.live.app import App
from live_edges.live.limits import Limits
from live_edges.pipeline.devices import share_cores
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.settings import Settings
from live_edges.sources import open_source
from live_edges.sources.capture import Capture
from live_edges.sources.scene import Scene

DEMO_FPS = 1000.0  # more than any machine shows: the loop sets the pace


def run_demo(args: argparse.Namespace, *, duration_s: float) -> list[dict[str, Any]]:
    """Run the live loop as fast as it goes; returns a row for each stage, in milliseconds."""
    share_cores(args.threads)
    loaded: Future[EdgePipeline] = Future()
    pipeline = EdgePipeline(args.filter, device=args.device, engine=args.engine)
    pipeline.prepare(Scene(args.size).at(0, 0.0))  # compiling is timed by --startup
    loaded.set_result(pipeline)
    with StatusLine() as screen:
        app = App(
            Capture(open_source("demo", size=args.size, fps=DEMO_FPS)),
            screen,
            pipeline=loaded,
            entries=catalog(),
            settings=Settings(filter=args.filter, view=args.view),
            limits=Limits(duration_s=duration_s),
        )
        app.run()
    pipeline.close()
    summary = app.summary()
    rows = [{"stage": name, **times} for name, times in summary.stages_ms.items()]
    latency = {"stage": "from capture to shown", **summary.latency_ms}
    return [
        *rows,
        latency,
        {"stage": f"frames per second, {summary.execution}", "p50": summary.fps},
    ]


def as_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return the figures as a table."""
    names = ("p50", "p95", "p99")
    cells = ([row["stage"], *(f"{row[n]:.2f}" if n in row else "" for n in names)] for row in rows)
    return as_table(["ms", *names], cells)
