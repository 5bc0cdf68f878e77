"""The flags of `live-edges run`: the source (of `serve`, too), the run, the recording."""

import argparse
from pathlib import Path

from live_edges import options
from live_edges.options import add_encoding_flags


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where the frames come from."""
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


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says how to show them, and for how long."""
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
        "--virtual-camera",
        nargs="?",
        const="",
        metavar="DEVICE",
        help="show the view, without text, to other programs as a camera's picture, by the "
        "virtual camera of that name or the first there is (key u)",
    )
    group.add_argument(
        "--duration", type=options.positive, metavar="S", help="end after so many seconds"
    )
    group.add_argument("--frames", type=options.count, metavar="N", help="end after so many frames")
    group.add_argument(
        "--stats", type=Path, metavar="FILE.json", help="write what was measured to this file"
    )


def add_recording_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says whether and how to record them."""
    group = parser.add_argument_group("recording (key r)")
    group.add_argument(
        "--record",
        nargs="?",
        const="",
        metavar="PATH",
        help="record from the start into PATH (.mp4, .mov, .mkv, .webm), or where there is none "
        "into live-edges-DATE-TIME.mp4, or send it to udp://, rtmp:// or srt://; a pause "
        "holds the picture while the time of a live source runs on",
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
    add_encoding_flags(group)
