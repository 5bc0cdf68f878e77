"""The command line: what may be typed, and which part of the program does it."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

import live_edges
from live_edges.bench.cli import add_flags as add_bench_flags
from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import INTERRUPTED, stopped_by_signals
from live_edges.live.cli import add_recording_flags, add_run_flags, add_source_flags
from live_edges.live.presets import typed_in
from live_edges.options import add_picture_flags, add_weights_flag
from live_edges.platforms import prepare_libraries
from live_edges.process.cli import add_flags as add_process_flags
from live_edges.sources.address import without_secrets
from live_edges.training.cli import add_flags as add_training_flags
from live_edges.web.cli import add_flags as add_web_flags

WITH_PRESETS = ("run", "process", "serve")

Add = Callable[[argparse.ArgumentParser], object]  # adds flags to a command


class _PublicFormatter(logging.Formatter):
    """Keeps secrets in addresses out of the log, whatever library the text comes from."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _is_for_the_user(record: logging.LogRecord) -> bool:
    """True for warnings, and for this program's information; torch would tell statistics."""
    return record.levelno >= logging.WARNING or record.name.startswith("live_edges")


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
    handler.addFilter(_is_for_the_user)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        args = parse(sys.argv[1:] if argv is None else list(argv))
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
    parser, commands = build_parsers()
    is_flag = bool(argv) and argv[0].startswith("-")
    if not argv or (is_flag and argv[0] not in ("-h", "--help", "--version")):
        argv = ["run", *argv]
    args = parser.parse_args(argv)
    if args.command in WITH_PRESETS and args.preset is not None:
        flags = {name: _flags_of(commands[name]) for name in WITH_PRESETS}
        known = sorted({flag for each in flags.values() for flag in each})
        typed = typed_in(args.preset, args.config, flags[args.command], known)
        args = parser.parse_args(
            [argv[0], *typed, *argv[1:]]
        )  # what was typed comes last, and wins
    return args


def _flags_of(command: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """The flags of a command by their names without the dashes."""
    return {
        option.removeprefix("--"): action
        for action in command._actions
        for option in action.option_strings[:1]
        if option.startswith("--")
    }


def build_parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Describe every command, flag and default; returns the parser, and that of each command."""
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
    return parser, dict(commands.choices)


def _commands() -> dict[str, tuple[str, str, str | None, tuple[Add, ...]]]:
    """What does each command, its line of help, its description, and what adds its flags."""
    return {
        "run": (
            "live.run:run",
            "show the edges of a camera, file, stream or the demo",
            "Show the edges of what a source sees. Press h in the window for the keys.",
            (add_source_flags, add_picture_flags, add_run_flags, add_recording_flags),
        ),
        "serve": (
            "web.cli:run",
            "show the edges in a browser, for machines without a screen or a camera",
            "Show the edges in a browser. The page can use its own camera as well.",
            (add_source_flags, add_picture_flags, add_web_flags),
        ),
        "process": (
            "process.cli:run",
            "convert video and image files to their edges",
            "Convert files: every frame in, every frame out, its time and sound kept.",
            (add_picture_flags, add_process_flags),
        ),
        "train": (
            "training.cli:run",
            "learn the kernels of one nn.Conv2d from blur-difference targets",
            "Learn kernels offline and write them to a weights file that runs live.",
            (add_training_flags,),
        ),
        "bench": (
            "bench.cli:run",
            "time the pipeline against OpenCV and others, in turn, on the same picture",
            "Time the pipeline against named alternatives in one run, and check that "
            "all of them agree on the picture.",
            (add_bench_flags,),
        ),
        "cameras": ("info:cameras", "list the cameras that are plugged in, with modes", None, ()),
        "filters": (
            "info:filters",
            "list every filter and where it comes from",
            None,
            (add_weights_flag,),
        ),
        "doctor": ("info:doctor", "print one report about this machine for a bug", None, ()),
    }
