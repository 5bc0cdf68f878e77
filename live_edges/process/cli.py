"""`live-edges process`: its flags, and the walk through the files."""

import argparse
import logging
import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from live_edges import options
from live_edges.errors import LiveEdgesError
from live_edges.options import add_encoding_flags, pipeline_choice, settings_of

if TYPE_CHECKING:
    from live_edges.process.file_plan import Conversion
    from live_edges.process.outcomes import Outcomes
    from live_edges.process.worker import Outcome, Recipe

LEFT = 75  # EX_TEMPFAIL of sysexits.h: nothing failed, but the same command may find more to do
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
    _add_many_files_flags(group)
    add_encoding_flags(group)
    parser.set_defaults(view="edges", latency="low", fullscreen=False)


def _add_many_files_flags(group: argparse._ActionsContainer) -> None:
    """Add the flags about many files, processes and machines."""
    group.add_argument(
        "--jobs",
        type=options.count,
        metavar="N",
        help="convert so many files at the same time, each in a process of its own (default: half "
        "of the cores, and two of two); 1 takes them one after another",
    )
    group.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="append a row for each file to FILE.csv or FILE.jsonl as soon as it is converted, "
        "skipped, left to another run or has failed: frames, seconds, fps, notes, error, worker",
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="auto",
        metavar="HOST:PORT",
        help="convert on the Ray cluster whose head is there; without HOST:PORT on the one that "
        "this machine belongs to, or else on this machine; --threads says how many CPUs each file "
        "gets (default: 2)",
    )
    group.add_argument(
        "--gpus-per-job",
        type=options.positive,
        metavar="X",
        help="the share of a GPU that each file gets on a Ray cluster, 0.25 for four files at a "
        "time on each (default: none)",
    )


def run(args: argparse.Namespace) -> int:
    """Convert the files; returns the exit code.

    Raises:
        LiveEdgesError: a single file could not be converted, or the arguments make no sense.
    """
    from live_edges.filters.catalog import choose
    from live_edges.process.file_plan import plan_conversions
    from live_edges.process.report_file import check_ending
    from live_edges.recording.files import check_writable, make_folder
    from live_edges.recording.partials import remove_abandoned

    _check_cluster(args)
    if args.report is not None:
        check_ending(args.report)
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
    make_folder(todo[0].target.parent, "OUT")
    check_writable(todo[0].target, "OUT")
    if removed := remove_abandoned(each.target for each in plan):
        log.info("%d partial files of runs that were killed are removed", removed)
    outcomes = _convert_all(todo, _recipe(args, entry.name), args, is_batch=len(plan) > 1)
    if len(plan) > 1:
        left = f", {outcomes.left} left to another run" if outcomes.left else ""
        log.info("%d files converted, %d failed%s", outcomes.converted, outcomes.failed, left)
    return 1 if outcomes.failed else LEFT if outcomes.left else 0


def _recipe(args: argparse.Namespace, filter: str) -> "Recipe":
    from live_edges.process.reading import Span
    from live_edges.process.worker import Recipe
    from live_edges.recording.encoding import Encoding

    return Recipe(
        pipeline_choice(args, filter),
        settings_of(args, filter),
        encoding=Encoding(args.encoder, args.quality, args.encoder_preset),
        span=Span(args.start or 0.0, math.inf if args.end is None else args.end),
        with_sound=not args.no_sound,
        with_alpha=args.alpha,
        replaces=args.overwrite,
    )


def _convert_all(
    todo: "list[Conversion]", recipe: "Recipe", args: argparse.Namespace, *, is_batch: bool
) -> "Outcomes":
    """Convert every file: on a cluster, side by side, or one after another."""
    from tqdm.contrib.logging import logging_redirect_tqdm

    from live_edges.process.outcomes import Outcomes
    from live_edges.process.report_file import ReportFile
    from live_edges.process.side_by_side import SideBySide, jobs_that_pay
    from live_edges.process.walk import convert_in_turn

    def report(outcome: "Outcome") -> None:
        if rows is not None:
            rows.add(outcome)
        if outcome.error is not None and not is_batch:
            raise LiveEdgesError(outcome.error)
        outcomes.add(outcome)

    jobs = min(args.jobs or jobs_that_pay(), len(todo))
    with ExitStack() as opened:
        rows = opened.enter_context(ReportFile(args.report)) if args.report else None
        opened.enter_context(logging_redirect_tqdm())
        outcomes = opened.enter_context(Outcomes(todo))
        if args.ray is not None:
            from live_edges.process.ray_run import convert_on_ray

            convert_on_ray(todo, recipe, report, address=args.ray, gpus=args.gpus_per_job or 0.0)
        elif jobs == 1:
            convert_in_turn(todo, recipe, report)
        else:
            with SideBySide(todo, recipe, jobs=jobs, report=report) as run:
                run.run()
    return outcomes


def _check_cluster(args: argparse.Namespace) -> None:
    if args.ray is None and args.gpus_per_job is not None:
        raise LiveEdgesError("--gpus-per-job is for a Ray cluster; add --ray")
    if args.ray is not None and args.jobs is not None:
        raise LiveEdgesError("--jobs counts processes of this machine; leave it out with --ray")
    if (args.gpus_per_job or 0) > 1 and args.gpus_per_job % 1:
        raise LiveEdgesError(
            f"--gpus-per-job {args.gpus_per_job:g} is no share of a GPU; "
            "give 1 or less, or a whole number"
        )
    is_gpu_named = args.device not in ("auto", "cpu")
    if args.ray is not None and is_gpu_named and args.gpus_per_job is None:
        raise LiveEdgesError(
            f"--device {args.device} with --ray needs --gpus-per-job, the share of a GPU that each "
            "file gets, as in --gpus-per-job 0.25"
        )


def _check_alpha(args: argparse.Namespace, plan: "list[Conversion]") -> None:
    if args.view not in ALPHA_VIEWS:
        raise LiveEdgesError(f"--alpha needs --view {' or '.join(ALPHA_VIEWS)}, not {args.view}")
    if args.against is not None:
        raise LiveEdgesError("--alpha is as opaque as the edges of one filter; leave out --against")
    for each in plan:
        if each.target.suffix.lower() != ".png":
            raise LiveEdgesError(f"--alpha makes PNG images, and {each.target} is none")
