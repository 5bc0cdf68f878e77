"""Flags that several commands share, and the settings and the pipeline that they ask for."""

import argparse
import sys
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from live_edges.pipeline.choice import PipelineChoice
from live_edges.settings import LINE_COLORS, VIEWS, WHOLE, Region, Settings

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline


def add_picture_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which edges to find, how to show them and what to compute them with."""
    group = parser.add_argument_group("picture")
    group.add_argument(
        "--filter",
        metavar="NAME",
        help="one of `live-edges filters`, or a function of your own, mine.py:edges, which runs "
        "with your rights (default: sobel)",
    )
    group.add_argument(
        "--against",
        metavar="NAME",
        help="compare with this filter, on the right of a divider (key x); in a window that "
        "follows the mouse",
    )
    group.add_argument(
        "--gain",
        type=positive,
        metavar="X",
        help="brightness of the edges, 1 shows a black-to-white step white (default: automatic)",
    )
    group.add_argument(
        "--threshold",
        type=share,
        default=0.0,
        metavar="X",
        help="hide edges darker than this, 0 to 1 (default: %(default)s)",
    )
    group.add_argument(
        "--sigma",
        type=sigma,
        default=1.0,
        metavar="PIXELS",
        help="blur radius of log, gaussian-gradient, blur-difference and canny, 0.3 to 5 "
        "(default: %(default)s)",
    )
    add_weights_flag(parser)
    _add_view_flags(group)
    _add_preset_flags(group)
    add_machine_flags(group)


def _add_view_flags(group: argparse._ActionsContainer) -> None:
    """Add what says how the edges are shown, and of which part of the picture."""
    group.add_argument(
        "--view", choices=VIEWS, default="overlay", help="what is shown (default: %(default)s)"
    )
    group.add_argument(
        "--line-color",
        choices=LINE_COLORS,
        default=next(iter(LINE_COLORS)),
        help="colour of the lines in the overlay (default: %(default)s)",
    )
    group.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="flip left and right, as in a mirror (default: off)",
    )
    group.add_argument(
        "--thin",
        action="store_true",
        help="thin the edges to lines one pixel wide (key l)",
    )
    group.add_argument(
        "--smooth",
        action="store_true",
        help="less flicker in dim light: average over time what does not move (key t)",
    )
    group.add_argument(
        "--roi",
        type=region,
        default=WHOLE,
        metavar="X,Y,W,H",
        help="filter and show this part alone: left, top, width and height in pixels, or as "
        "fractions such as 0.25,0.25,0.5,0.5",
    )


def _add_preset_flags(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--preset",
        metavar="NAME",
        help="flags that live-edges.toml has under this name, in your configuration folder or "
        "here; what is typed wins, and the key p saves what is set as the preset saved",
    )
    group.add_argument(
        "--config", type=Path, metavar="FILE", help="read presets from this file instead"
    )


def add_machine_flags(group: argparse._ActionsContainer) -> None:
    """Add --device, --threads and --engine."""
    add_device_flag(group)
    group.add_argument(
        "--threads",
        type=count,
        metavar="N",
        help="CPU threads for the filter (default: half of the cores, for a net two of two; the "
        "others decode, encode and show)",
    )
    group.add_argument(
        "--detail",
        choices=("fine", "fast"),
        default="fine",
        help="what the boundary filter looks at: the whole picture, or half of its size, which "
        "takes a third of the time (default: %(default)s)",
    )
    group.add_argument(
        "--engine",
        choices=("auto", "torch", "numba"),
        default="auto",
        help="what finds the edges: torch as they are defined, Numba's compiled loops on the CPU, "
        "or torch at first and the fastest there is as soon as it is ready (default: %(default)s)",
    )


def add_device_flag(group: argparse._ActionsContainer) -> None:
    """Add --device."""
    group.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:N, mps or xpu (default: %(default)s)",
    )


def add_weights_flag(parser: argparse.ArgumentParser) -> None:
    """Add --weights."""
    parser.add_argument(
        "--weights",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="kernels to use beside the built-in ones: a .safetensors file, or a .pt, .pth "
        "or .ckpt file with the state_dict of an nn.Conv2d (FILE#NAME chooses one of several); may "
        "be given several times, the first is shown",
    )


def add_encoding_flags(group: argparse._ActionsContainer) -> None:
    """Add --encoder, --quality, --encoder-preset and --overwrite."""
    group.add_argument(
        "--encoder",
        default="auto",
        metavar="NAME",
        help="auto (hardware where it works, else libx264; libvpx-vp9 for .webm), or an encoder "
        "of FFmpeg's such as libx264, libx265, h264_nvenc (default: %(default)s)",
    )
    group.add_argument(
        "--quality",
        type=_quality,
        default=20,
        metavar="N",
        help="1 to 51; smaller looks better and takes more room (default: %(default)s)",
    )
    group.add_argument(
        "--encoder-preset",
        metavar="NAME",
        help="speed against size, in the encoder's own words (default: veryfast for libx264)",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace a file that exists already"
    )


def settings_of(args: argparse.Namespace, filter: str) -> Settings:
    """Return the settings that the command line asks for, with the filter that was found.

    Reads --fullscreen, and the picture flags but those of `pipeline_choice`; a command without one
    of these flags sets a default for it.
    """
    return Settings(
        filter=filter,
        against=args.against,
        view=args.view,
        gain=args.gain or 1.0,
        auto_gain=args.gain is None,
        threshold=args.threshold,
        sigma=args.sigma,
        is_thin=args.thin,
        is_smooth=args.smooth,
        line_color=args.line_color,
        is_mirrored=args.mirror,
        region=args.roi,
        is_fullscreen=args.fullscreen,
    )


def pipeline_choice(args: argparse.Namespace, filter: str) -> PipelineChoice:
    """Return the pipeline that the command line asks for, with the filter that was found.

    Reads the machine flags, --sigma, --weights, --against and --latency; a command without one of
    these flags sets a default for it.
    """
    return PipelineChoice(
        filter,
        against=args.against,
        sigma=args.sigma,
        weights=tuple(args.weights),
        device=args.device,
        engine=args.engine,
        latency=args.latency,
        detail=args.detail,
        threads=args.threads,
    )


def pipeline_of(args: argparse.Namespace, filter: str) -> "EdgePipeline":
    """Open the pipeline of `pipeline_choice`; brings torch, which takes seconds."""
    return pipeline_choice(args, filter).open()


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels, written ``1280x720``."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write width x height as 1280x720")
    return int(width), int(height)


def region(text: str) -> Region:
    """A part of the picture: left, top, width, height."""
    try:
        left, top, width, height = map(float, text.split(","))
    except ValueError:
        left = top = width = height = -1.0
    if not (0 <= left < inf and 0 <= top < inf and 0 < width < inf and 0 < height < inf):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no part of a picture; write left, top, width, height as 100,50,640,360"
        )
    return left, top, width, height


def _number(text: str, low: float, high: float, meaning: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"'{text}' is not {meaning}")
    return number


def positive(text: str) -> float:
    """A number above 0."""
    return _number(text, 1e-3, 1e6, "a number above 0")


def seconds(text: str) -> float:
    """A time in seconds, 0 or more."""
    return _number(text, 0, sys.float_info.max, "a number of seconds, 0 or more")


def share(text: str) -> float:
    """A number from 0 to 1."""
    return _number(text, 0, 1, "a number from 0 to 1")


def sigma(text: str) -> float:
    """A blur radius in pixels."""
    return _number(text, 0.3, 5, "a number of pixels from 0.3 to 5")


def count(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def fourcc(text: str) -> str:
    """The four letters of a pixel format."""
    if len(text) != 4 or not text.isascii():
        raise argparse.ArgumentTypeError(f"'{text}' has not the four letters of a code like MJPG")
    return text


def _quality(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 51):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 51")
    return int(text)
