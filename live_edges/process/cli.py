"""`live-edges process`: its options, and the walk through the files."""

import argparse
import logging
import math
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from live_edges import options
from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import stopped_by_signals
from live_edges.options import add_encoding_arguments, pipeline_of, settings_of

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline
    from live_edges.process.conversion import Report
    from live_edges.process.jobs import Job
    from live_edges.settings import Settings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has; filter, view and device come from the command line."""
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="video or image file, folder of them, glob such as 'holiday/*.mp4', or - for a "
        "video from standard input",
    )
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="OUT",
        help="file to make of one INPUT (.mp4, .mov, .mkv, .webm; .png, .jpg, ... of an image), or "
        "folder for many, where what is finished already is skipped",
    )
    group = parser.add_argument_group("conversion")
    group.add_argument(
        "--start", type=options.seconds, metavar="S", help="begin so many seconds in"
    )
    group.add_argument("--end", type=options.seconds, metavar="S", help="end so many seconds in")
    group.add_argument("--no-sound", action="store_true", help="leave the sound out")
    add_encoding_arguments(group)
    parser.set_defaults(view="edges", latency="low", fullscreen=False)


def run(args: argparse.Namespace) -> int:
    """Convert the files one after another; returns the exit code.

    Raises:
        LiveEdgesError: the one file there is could not be converted, or the plan is no good.
    """
    from live_edges.filters.catalog import choose
    from live_edges.process.jobs import plan
    from live_edges.recording.files import check_writable

    if args.start is not None and args.end is not None and args.start >= args.end:
        raise LiveEdgesError(f"--end {args.end:g} must lie after --start {args.start:g}")
    jobs = plan(args.inputs, args.out)
    _, entry = choose(args.filter, args.weights)
    todo = [job for job in jobs if args.overwrite or not job.target.exists()]
    if len(todo) < len(jobs):
        done = len(jobs) - len(todo)
        log.info("%d of %d are finished already (--overwrite: again)", done, len(jobs))
    if not todo:
        return 0
    _make_folder(todo[0])
    check_writable(todo[0].target, "OUT")
    with stopped_by_signals():
        failed = _convert_all(todo, args, entry.name, is_batch=len(jobs) > 1)
    if len(jobs) > 1:
        log.info("%d files converted, %d failed", len(todo) - failed, failed)
    return 1 if failed else 0


def _convert_all(
    todo: "list[Job]", args: argparse.Namespace, filter: str, *, is_batch: bool
) -> int:
    """Convert every file by a filter, and return how many could not be."""
    from tqdm.contrib.logging import logging_redirect_tqdm

    pipeline, settings = pipeline_of(args, filter), settings_of(args, filter)
    log.info("device: %s (%s)", pipeline.device, pipeline.device_reason)
    failed = 0
    with closing(pipeline), logging_redirect_tqdm():
        for number, job in enumerate(todo, 1):
            label = f"{number}/{len(todo)} {job.source.name}" if is_batch else job.source.name
            began = time.perf_counter()
            try:
                report = _convert(job, pipeline, settings, args, label)
            except LiveEdgesError as error:
                if not is_batch:
                    raise
                failed += 1
                log.warning("%s", error)
            else:
                for note in report.notes:
                    log.warning("%s", note)
                fps = report.frames / (time.perf_counter() - began)
                log.info("%s: %d frames, %.0f a second", job.target, report.frames, fps)
    return failed


def _convert(
    job: "Job",
    pipeline: "EdgePipeline",
    settings: "Settings",
    args: argparse.Namespace,
    label: str,
) -> "Report":
    from tqdm import tqdm

    from live_edges.process.conversion import convert_image, convert_video
    from live_edges.process.painting import Painter
    from live_edges.process.reading import Span
    from live_edges.recording.encoding import Encoding

    painter = Painter(pipeline, settings)
    if job.is_image:
        return convert_image(job.source, job.target, painter)
    # disable=None: no bar where the output is no terminal
    with tqdm(desc=label, unit=" frames", disable=None, dynamic_ncols=True) as bar:

        def on_start(total: int | None) -> Callable[[], object]:
            bar.reset(total)
            return partial(bar.update)

        return convert_video(
            job.source,
            job.target,
            painter,
            encoding=Encoding(args.encoder, args.quality, args.preset),
            span=Span(args.start or 0.0, math.inf if args.end is None else args.end),
            with_sound=not args.no_sound,
            on_start=on_start,
        )


def _make_folder(job: "Job") -> None:
    folder = job.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiveEdgesError(
            f"the folder {folder} cannot be made ({error.strerror}); choose another OUT"
        ) from error
