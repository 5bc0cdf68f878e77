"""`live-edges run`: open the source, the screen and the pipeline, and let the app run."""

import argparse
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.contrib.logging import logging_redirect_tqdm

from live_edges.display.headless import StatusLine
from live_edges.display.screen import Screen
from live_edges.display.window import Window, display_problem
from live_edges.filters.catalog import choose
from live_edges.lifecycle import stopped_by_signals
from live_edges.live.app import App
from live_edges.live.limits import Limits
from live_edges.live.stats import write_summary
from live_edges.options import pipeline_of, settings_of
from live_edges.pipeline.compiling import yielding
from live_edges.recording.destination import check_destination
from live_edges.recording.files import check_writable
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.recording.snapshot import save_snapshot
from live_edges.recording.storage import check_ending, check_unused
from live_edges.recording.virtual_camera import VirtualCamera
from live_edges.sources import open_source
from live_edges.sources.address import is_address, public_address
from live_edges.sources.base import Source
from live_edges.sources.capture import Capture

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

GIVE_UP_S = 60.0  # how long a lost source is waited for where nobody sees that it is
DEMO_LIMIT_S = 10.0  # a demo that nobody can see ends by itself
STILL_OPENING_S = 2.0  # after which a source that is not open yet is told about
HEAD_START_S = 0.25  # that a source has before torch is imported; what is not there fails sooner

log = logging.getLogger(__name__)


def run(args: argparse.Namespace) -> int:
    """Run the live app as the command line asks; returns the exit code.

    Raises:
        LiveEdgesError: something the user named is not there or cannot be used.
    """
    entries, entry = choose(args.filter, args.weights, against=args.against)
    settings = settings_of(args, entry.name)
    _check_files(args)
    opening: Future[None] = Future()
    with ExitStack() as stack:
        loader = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="torch-loader"))
        pipeline = loader.submit(_load_pipeline, args, entry.name, opening)
        stack.callback(close_loaded, pipeline)
        stack.callback(opening.cancel)  # no effect once the source is open
        source = open_source_of(args)
        opening.set_result(None)
        capture = Capture(source, stall_s=args.stall_timeout, give_up_s=args.give_up)
        stack.callback(capture.close)  # it alone closes the source
        is_headless = _is_headless(args.headless)
        if is_headless and args.give_up is None:
            capture.give_up_s = GIVE_UP_S
        screen = _open_screen(stack, source, is_headless)
        limits, is_unwatched_demo = _limits(args, source, is_headless)
        app = App(
            capture,
            screen,
            pipeline=pipeline,
            entries=entries,
            settings=settings,
            limits=limits,
            recordings=stack.enter_context(_recordings(args, source)),
            virtual_camera=stack.enter_context(_virtual_camera(args, source)),
        )
        with stopped_by_signals(app.stop):
            _run_to_summary(app, args.stats)
    if is_unwatched_demo:
        _save_last_view(app)
    return 0


def _check_files(args: argparse.Namespace) -> None:
    """Tell what cannot be written before torch is imported, which takes seconds."""
    if args.stats:
        check_writable(args.stats, "--stats")
    if args.record is None:
        return
    if is_address(args.record):
        check_destination(args.record)
        return
    path = Path(args.record).expanduser()
    check_writable(path, "--record")
    if path.is_dir():
        return
    check_ending(path)
    if not args.overwrite:
        check_unused(path)


def _load_pipeline(
    args: argparse.Namespace, filter: str, opening: "Future[None]"
) -> "EdgePipeline":
    """Load torch, beside a source that takes its time, but not for one that fails at once."""
    with suppress(TimeoutError):
        opening.result(HEAD_START_S)  # cancelled, it ends this thread's work here
    with yielding():
        import_module("live_edges.pipeline.edge_pipeline")  # brings torch, which takes seconds
    return pipeline_of(args, filter)


def close_loaded(pipeline: "Future[EdgePipeline]") -> None:
    """Close a pipeline, if there is one by now."""
    if pipeline.done() and pipeline.exception() is None:
        pipeline.result().close()


def _is_headless(is_asked_for: bool) -> bool:
    if is_asked_for:
        return True
    problem = display_problem()
    if problem:
        log.info(
            "%s: running headless, without a window (Ctrl-C ends; live-edges serve shows the "
            "edges in a browser)",
            problem,
        )
    return problem is not None


def open_source_of(args: argparse.Namespace) -> Source:
    """Open what the command line names, and tell what came of it."""
    with still_opening(public_address(args.source or "the camera")):
        source = open_source(
            args.source, size=args.size, fps=args.fps, fourcc=args.fourcc, loop=args.loop
        )
    log.info("source: %s, %s", source.name, source.mode)
    for note in source.notes:
        log.info("%s", note)
    return source


@contextmanager
def still_opening(name: str) -> Iterator[None]:
    """Tell the user that a source takes its time to open, once and only if it does."""
    timer = threading.Timer(STILL_OPENING_S, log.info, ("still opening %s ...", name))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _open_screen(stack: ExitStack, source: Source, is_headless: bool) -> Screen:
    if not is_headless:
        return stack.enter_context(Window())
    stack.enter_context(logging_redirect_tqdm())
    return stack.enter_context(StatusLine(source.frame_count))


def _recordings(args: argparse.Namespace, source: Source) -> RecordingSession:
    is_sent = is_address(args.record or "")
    options = RecordingOptions(
        path=Path(args.record).expanduser() if args.record and not is_sent else None,
        address=args.record if is_sent else None,
        with_hud=args.record_hud,
        with_original=args.record_original,
        waits=not source.is_live,
        encoder=args.encoder,
        quality=args.quality,
        preset=args.encoder_preset,
        overwrite=args.overwrite,
    )
    recordings = RecordingSession(options)
    if args.record is not None:
        log.info("%s", recordings.start())
    return recordings


def _virtual_camera(args: argparse.Namespace, source: Source) -> VirtualCamera:
    is_asked_for = args.virtual_camera is not None
    camera = VirtualCamera(
        args.virtual_camera or None, fps=source.mode.fps, is_required=is_asked_for
    )
    if is_asked_for:
        camera.start()
    return camera


def _limits(args: argparse.Namespace, source: Source, is_headless: bool) -> tuple[Limits, bool]:
    """Return when to end, and whether that is because nobody can see or stop the demo."""
    is_unwatched_demo = (
        is_headless and source.name == "demo" and args.duration is None and args.frames is None
    )
    duration_s = DEMO_LIMIT_S if is_unwatched_demo else args.duration
    return Limits(duration_s=duration_s, frames=args.frames), is_unwatched_demo


def _run_to_summary(app: App, stats: Path | None) -> None:
    """Run the app; its summary is told and written even where the source fails."""
    try:
        app.run()
    finally:
        summary = app.summary()
        log.info("%s", summary)
        if stats:
            write_summary(summary, stats)


def _save_last_view(app: App) -> None:
    rendered = app.in_flight.rendered
    if rendered is None:
        return
    now = datetime.now().astimezone()
    [path] = save_snapshot({app.settings.view: rendered.view}, folder=Path(), at=now)
    log.info("the last picture is saved as %s", path)
