"""How long the app takes from its command to the first pictures, and to the fast engine."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from live_edges.bench.tables import as_table
from live_edges.errors import LiveEdgesError
from live_edges.filters.weights import is_weights_path

STARTS = 3  # with an empty cache, each followed by one with the cache that it left
RUN_S = 10.0  # how long the fast engine is waited for, from the first picture on
# They say where compiled functions are kept: Numba's, and those of torch.compile.
CACHE_VARIABLES = ("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
SLOW = ("unfiltered", "torch")  # what a frame may be before the fast engine is there


def time_starts(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Start the app on the demo, with a cold and a warm cache in turn.

    Returns:
        A row for each moment, with its seconds from the command in each start; None for a start
        that did not get there.
    """
    cold, warm = [], []
    for _ in tqdm(range(STARTS), unit=" starts", leave=False, disable=None):
        with TemporaryDirectory() as folder:
            cold.append(_start(args, Path(folder)))
            warm.append(_start(args, Path(folder)))
    names = ("first picture", "first filtered picture", "first picture by the fast engine")
    return [
        {"name": name, "cold_s": cold_s, "warm_s": warm_s}
        for name, cold_s, warm_s in zip(
            names, zip(*cold, strict=True), zip(*warm, strict=True), strict=True
        )
    ]


def _start(args: argparse.Namespace, cache: Path) -> list[float | None]:
    stats = cache / "stats.json"
    width, height = args.size
    command = [sys.executable, "-m", "live_edges", "run", "demo", "--size", f"{width}x{height}"]
    command += ["--weights" if is_weights_path(args.filter) else "--filter", args.filter]
    command += ["--view", args.view, "--device", args.device]
    command += ["--threads", str(args.threads)] if args.threads else []
    command += ["--duration", str(RUN_S), "--stats", str(stats)]
    environment = os.environ | dict.fromkeys(CACHE_VARIABLES, str(cache))
    start = time.monotonic()
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        last = run.stderr.strip().rpartition("\n")[2]
        raise LiveEdgesError(f"the app did not start; it said: {last}")
    shown: dict[str, float] = json.loads(stats.read_text(encoding="utf-8"))["first_shown"]
    return [
        min((at - start for how, at in shown.items() if how not in others), default=None)
        for others in ((), ("unfiltered",), SLOW)
    ]


def as_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return the figures as a table."""
    cells = ([row["name"], _cell(row["cold_s"]), _cell(row["warm_s"])] for row in rows)
    return as_table(["seconds from the command", "cold cache", "warm cache"], cells)


def _cell(seconds: Sequence[float | None]) -> str:
    reached = [each for each in seconds if each is not None]
    if len(reached) < len(seconds):
        return f"in {len(reached)} of {len(seconds)} starts"
    return f"{median(reached):.2f} ({min(reached):.2f} to {max(reached):.2f})"
