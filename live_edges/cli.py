"""The command line: what may be typed, and which part of the program does it."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import live_edges
from live_edges import options
from live_edges.bench.cli import add_arguments as add_bench_arguments
from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import INTERRUPTED, stopped_by_signals
from live_edges.options import (
    add_encoding_arguments,
    add_picture_arguments,
    add_weights_argument,
)
from live_edges.platforms import prepare_libraries
from live_edges.process.cli import add_arguments as add_process_arguments
from live_edges.sources.address import without_secrets
from live_edges.training.cli import add_arguments as add_training_arguments
from live_edges.web.cli import add_arguments as add_web_arguments

Add = Callable[[argparse.ArgumentParser], object]  # adds flags to a command


class _PublicFormatter(logging.Formatter):
    """Keeps secrets in addresses out of the log, whatever library the text comes from."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Parser(argparse.ArgumentParser):
    """Repeats no secret of a command line that is wrong."""

    def error(self, message: str) -> NoReturn:
        super().error(without_secrets(message))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0, 1 for an error, 2 for a wrong command line, 130 where Ctrl-C, SIGTERM or a closed terminal
    ended the command before its work was done.
    """
    prepare_libraries()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PublicFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("live_edges").setLevel(logging.INFO)  # no library's: torch tells statistics
    args = parse(sys.argv[1:] if argv is None else list(argv))
    try:
        # Imported only now, so that --help never waits for torch.
        module, function = args.does.split(":")
        with stopped_by_signals():
            return int(getattr(import_module(f"live_edges.{module}"), function)(args))
    except LiveEdgesError as error:
        logging.getLogger(__name__).debug("what led to it", exc_info=True)
        sys.stderr.write(f"live-edges: {without_secrets(str(error))}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("live-edges: interrupted\n")
        return INTERRUPTED


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2."""
    parser = build_parser()
    is_flag = bool(argv) and argv[0].startswith("-")
    if not argv or (is_flag and argv[0] not in ("-h", "--help", "--version")):
        argv = ["run", *argv]
    return parser.parse_args(argv)


def build_parser() -> argparse.ArgumentParser:
    """Describe every command, option and default."""
    parser = _Parser(
        prog="live-edges",
        description="Point a camera at the world and see its edges, live.",
        epilog="live-edges alone means live-edges run; live-edges COMMAND --help tells more.",
    )
    parser.add_argument(
        "--version", action="version", version=f"live-edges {live_edges.__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    for name, (does, help, description, add_all) in _commands().items():
        command = commands.add_parser(name, help=help, description=description)
        command.set_defaults(does=does)
        for add in add_all:
            add(command)
    return parser


def _commands() -> dict[str, tuple[str, str, str | None, tuple[Add, ...]]]:
    """What does each command, its line of help, its description, and what adds its flags."""
    return {
        "run": (
            "live.run:run",
            "show the edges of a camera, file, stream or the demo",
            "Show the edges of what a source sees. Press h in the window for the keys.",
            (_add_source, add_picture_arguments, _add_run, _add_recording),
        ),
        "serve": (
            "web.cli:run",
            "show the edges in a browser, for machines without a screen or a camera",
            "Show the edges in a browser. The page can use its own camera as well.",
            (_add_source, add_picture_arguments, add_web_arguments),
        ),
        "process": (
            "process.cli:run",
            "convert video and image files to their edges",
            "Convert files: every frame in, every frame out, its time and sound kept.",
            (add_picture_arguments, add_process_arguments),
        ),
        "train": (
            "training.cli:run",
            "learn the kernels of one nn.Conv2d from blur-difference targets",
            "Learn kernels offline and write them to a weights file that runs live.",
            (add_training_arguments,),
        ),
        "bench": (
            "bench.cli:run",
            "time the pipeline against OpenCV and others, in turn, on the same picture",
            "Time the pipeline against named alternatives in one run, and check that "
            "all of them agree on the picture.",
            (add_bench_arguments,),
        ),
        "cameras": (
            "info:cameras",
            "list the cameras that are plugged in, with their modes",
            None,
            (),
        ),
        "filters": (
            "info:filters",
            "list every filter and where it comes from",
            None,
            (add_weights_argument,),
        ),
        "doctor": (
            "info:doctor",
            "print one report about this machine to paste into a bug",
            None,
            (),
        ),
    }


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="camera number, (part of a) camera's name, device path, video file, image, folder or "
        "glob of images, - for standard input, http/rtsp URL, screen (screen:2, "
        "screen:X,Y,W,H), picamera, or demo (default: the first camera that opens, else demo)",
    )
    group = parser.add_argument_group("source")
    group.add_argument(
        "--size",
        type=options.size,
        metavar="WxH",
        help="size to ask the camera for, such as 1280x720",
    )
    group.add_argument(
        "--fps", type=options.positive, metavar="N", help="frame rate to ask the camera for"
    )
    group.add_argument(
        "--fourcc",
        type=options.fourcc,
        default="MJPG",
        help="pixel format to ask the camera for (default: %(default)s)",
    )
    group.add_argument(
        "--stall-timeout",
        type=options.positive,
        default=2.0,
        metavar="S",
        help="a camera that delivers nothing new for so many seconds is lost and opened again "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--give-up",
        type=options.seconds,
        metavar="S",
        help="end after so many seconds without a lost camera or stream, 0 at once (default: 60 "
        "without a window; a window waits until you quit)",
    )
    group.add_argument(
        "--loop", action="store_true", help="play a file or slide show again and again"
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run")
    group.add_argument("--fullscreen", action="store_true", help="fill the screen")
    group.add_argument("--headless", action="store_true", help="open no window")
    group.add_argument(
        "--latency",
        choices=("low", "throughput"),
        default="low",
        help="low shows a picture before the next one starts; throughput keeps a CUDA device busy "
        "with up to three at once while the source is ahead (default: %(default)s)",
    )
    group.add_argument(
        "--duration", type=options.positive, metavar="S", help="end after so many seconds"
    )
    group.add_argument("--frames", type=options.count, metavar="N", help="end after so many frames")
    group.add_argument(
        "--stats", type=Path, metavar="FILE.json", help="write what was measured to this file"
    )


def _add_recording(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recording (key r)")
    group.add_argument(
        "--record",
        nargs="?",
        const="",
        metavar="PATH",
        help="record from the start into PATH (.mp4, .mov, .mkv, .webm), or where there is none "
        "into live-edges-DATE-TIME.mp4; a pause holds the picture while the time of a live "
        "source runs on",
    )
    group.add_argument(
        "--record-hud", action="store_true", help="record the text over the picture as well"
    )
    group.add_argument(
        "--record-original",
        action="store_true",
        help="record the untouched picture as well, into NAME-original beside the other file; "
        "it begins earlier where torch is still loading, and both end together",
    )
    add_encoding_arguments(group)
