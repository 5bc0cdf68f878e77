"""`live-edges process`: its flags, and the walk through the files."""

import argparse
import logging
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from live_edges import options
from live_edges.errors import LiveEdgesError
from live_edges.options import add_encoding_flags, pipeline_of, settings_of

if TYPE_CHECKING:
    from live_edges.process.conversion import Report
    from live_edges.process.file_plan import Conversion
    from live_edges.process.video_renderer import VideoRenderer

ALPHA_VIEWS = ("edges", "overlay", "mask")

log = logging.getLogger(__name__)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has; `live_edges.cli` adds the others."""
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
        "folder for many, in which finished files are skipped",
    )
    group = parser.add_argument_group("conversion")
    group.add_argument(
        "--start", type=options.seconds, metavar="S", help="begin this many seconds into the video"
    )
    group.add_argument(
        "--end", type=options.seconds, metavar="S", help="end this many seconds into the video"
    )
    group.add_argument("--no-sound", action="store_true", help="leave the sound out")
    group.add_argument(
        "--alpha",
        action="store_true",
        help="make PNG images that are as opaque as their edges are strong, to lay over others: "
        "white, with --view overlay in the line colour, with --view mask in their own colours",
    )
    add_encoding_flags(group)
    parser.set_defaults(view="edges", latency="low", fullscreen=False)


def run(args: argparse.Namespace) -> int:
    """Convert the files one after another; returns the exit code.

    Raises:
        LiveEdgesError: a single file could not be converted, or the arguments make no sense.
    """
    from live_edges.filters.catalog import choose
    from live_edges.process.file_plan import plan_conversions
    from live_edges.recording.files import check_writable

    if args.start is not None and args.end is not None and args.start >= args.end:
        raise LiveEdgesError(f"--end {args.end:g} must lie after --start {args.start:g}")
    plan = plan_conversions(args.inputs, args.out)
    _, entry = choose(args.filter, args.weights, against=args.against)
    todo = [each for each in plan if args.overwrite or not each.target.exists()]
    if len(todo) < len(plan):
        done = len(plan) - len(todo)
        log.info("%d of %d are finished already (--overwrite converts them again)", done, len(plan))
    if args.alpha:
        _check_alpha(args, plan)
    if not todo:
        return 0
    _make_folder(todo[0].target.parent)
    check_writable(todo[0].target, "OUT")
    failed = _convert_all(todo, args, entry.name, is_batch=len(plan) > 1)
    if len(plan) > 1:
        log.info("%d files converted, %d failed", len(todo) - failed, failed)
    return 1 if failed else 0


def _convert_all(
    todo: "list[Conversion]", args: argparse.Namespace, filter: str, *, is_batch: bool
) -> int:
    """Convert every file with a filter, and return how many failed."""
    from tqdm.contrib.logging import logging_redirect_tqdm

    from live_edges.process.video_renderer import VideoRenderer

    pipeline, settings = pipeline_of(args, filter), settings_of(args, filter)
    log.info("device: %s (%s)", pipeline.device, pipeline.device_reason)
    make_renderer = partial(VideoRenderer, pipeline, settings, with_alpha=args.alpha)
    failed = 0
    with pipeline, logging_redirect_tqdm():
        for number, each in enumerate(todo, 1):
            label = f"{number}/{len(todo)} {each.source.name}" if is_batch else each.source.name
            began = time.perf_counter()
            try:
                report = _convert(each, make_renderer(), args, label)
            except LiveEdgesError as error:
                if not is_batch:
                    raise
                failed += 1
                log.warning("%s", error)
            else:
                for note in report.notes:
                    log.warning("%s", note)
                fps = report.frames / (time.perf_counter() - began)
                log.info("%s: %d frames, %.0f a second", each.target, report.frames, fps)
    return failed


def _convert(
    each: "Conversion", renderer: "VideoRenderer", args: argparse.Namespace, label: str
) -> "Report":
    from tqdm import tqdm

    from live_edges.process.conversion import convert_image, convert_video
    from live_edges.process.reading import Span
    from live_edges.recording.encoding import Encoding

    if each.is_image:
        return convert_image(each.source, each.target, renderer)
    # disable=None hides the bar if the output is no terminal
    with tqdm(desc=label, unit=" frames", disable=None, dynamic_ncols=True) as bar:

        def on_start(total: int | None) -> Callable[[], object]:
            bar.reset(total)
            return lambda: bar.update()

        return convert_video(
            each.source,
            each.target,
            renderer,
            encoding=Encoding(args.encoder, args.quality, args.encoder_preset),
            span=Span(args.start or 0.0, math.inf if args.end is None else args.end),
            with_sound=not args.no_sound,
            on_start=on_start,
        )


def _check_alpha(args: argparse.Namespace, plan: "list[Conversion]") -> None:
    if args.view not in ALPHA_VIEWS:
        raise LiveEdgesError(f"--alpha needs --view {' or '.join(ALPHA_VIEWS)}, not {args.view}")
    if args.against is not None:
        raise LiveEdgesError("--alpha is as opaque as the edges of one filter; leave out --against")
    for each in plan:
        if each.target.suffix.lower() != ".png":
            raise LiveEdgesError(f"--alpha makes PNG images, and {each.target} is none")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiveEdgesError(
            f"the folder {folder} cannot be made ({error.strerror}); choose another OUT"
        ) from error
