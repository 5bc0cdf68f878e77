"""`live-edges bench`: its flags, and what it prints."""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from live_edges import options
from live_edges.recording.files import atomic_write, check_writable

LIVE_S = 10.0

Measured = tuple[str, list[str], list[dict[str, Any]]]  # what was measured, as lines, and as rows


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `live-edges bench`."""
    parser.add_argument(
        "--size",
        type=options.size,
        default=(1920, 1080),
        metavar="WxH",
        help="(default: 1920x1080)",
    )
    parser.add_argument(
        "--filter",
        default="sobel",
        metavar="NAME",
        help="one of `live-edges filters` (default: %(default)s)",
    )
    parser.add_argument(
        "--view",
        choices=("edges", "overlay"),
        default="edges",
        help="what is made of the picture (default: %(default)s)",
    )
    options.add_machine_flags(parser)
    parser.add_argument(
        "--rounds",
        type=options.count,
        default=30,
        metavar="N",
        help="timings each (default: %(default)s)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--live",
        action="store_true",
        help=f"run the whole live loop on the demo for {LIVE_S:g} s instead, and time its stages",
    )
    instead.add_argument(
        "--startup",
        action="store_true",
        help="start the app on the demo several times instead, and time its first pictures",
    )
    instead.add_argument(
        "--views",
        action="store_true",
        help="time every view instead, and say how many times longer than the overlay it takes",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, and write the figures where asked; returns the exit code."""
    _check(args)

    import cv2
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
        cv2.setNumThreads(args.threads)
    size = f"{args.filter} at {args.size[0]}x{args.size[1]}"
    measure = _views if args.views else _live if args.live else _startup if args.startup else None
    what, lines, rows = (measure or _contest)(args)
    made = "view" if args.views else "overlay image" if args.view == "overlay" else "edge image"
    title = f"{size}, {what}, {made} out; {_machine()}"
    sys.stdout.write("\n".join([title, "", *lines]) + "\n")
    if args.json:
        figures = json.dumps({"title": title, "rows": rows}, indent=2)
        with atomic_write(args.json) as part:
            part.write_text(figures + "\n", encoding="utf-8")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Tell what is not there before torch is imported, which takes seconds."""
    from live_edges.filters.catalog import catalog, find
    from live_edges.filters.weights import check_exists, is_weights_path

    if is_weights_path(args.filter):
        check_exists(args.filter)
    else:
        find(catalog(), args.filter)
    if args.json:
        check_writable(args.json, "--json")


def _contest(args: argparse.Namespace) -> Measured:
    from live_edges.bench.contenders import contenders
    from live_edges.bench.measuring import as_lines, measure
    from live_edges.bench.under_load import measure_under_load
    from live_edges.sources.scene import Scene

    found, ours = contenders(args.filter, args.view, args.device, engine=args.engine)
    image = Scene(args.size).at(40, 1.3)
    rows = measure(found, image, rounds=args.rounds)
    fastest = next(find for name, find in reversed(found.items()) if name.startswith("ours"))
    rows.append(measure_under_load(fastest, image, rounds=args.rounds))
    lines = as_lines(rows)
    figures = [asdict(row) for row in rows]
    if ours.device.type == "cuda" and not ours.entry.is_binary:
        from live_edges.bench.on_device import measure_device

        on_device = measure_device(ours, image, rounds=args.rounds)
        lines += ["", str(on_device)]
        figures.append({"name": "on the device", **asdict(on_device)})
    return "BGR in", lines, figures


def _live(args: argparse.Namespace) -> Measured:
    from live_edges.bench.live import as_lines, run_demo

    rows = run_demo(args, duration_s=LIVE_S)
    return "live loop", as_lines(rows), rows


def _startup(args: argparse.Namespace) -> Measured:
    from live_edges.bench.startup import as_lines, time_starts
    from live_edges.display.window import display_problem

    where = "without a window" if display_problem() else "in a window"
    rows = time_starts(args)
    return f"start {where}", as_lines(rows), rows


def _views(args: argparse.Namespace) -> Measured:
    from live_edges.bench.views import as_figures, as_lines, time_views

    rows = time_views(args)
    return "BGR in", as_lines(rows), as_figures(rows)


def _machine() -> str:
    import cv2
    import torch

    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads, {platform.system()}, "
        f"{packages}, OpenCV {cv2.__version__}"
    )
