"""The options of the command line that say how a video is encoded."""

import argparse

DEFAULT_QUALITY = 20


def add_encoding_arguments(parser: argparse._ArgumentGroup) -> None:
    """Add --encoder, --quality, --preset and --overwrite."""
    parser.add_argument(
        "--encoder",
        default="auto",
        metavar="NAME",
        help="auto (hardware where it works, else libx264; libvpx-vp9 for .webm), or an encoder "
        "of FFmpeg's such as libx264, libx265, h264_nvenc (default: %(default)s)",
    )
    parser.add_argument(
        "--quality",
        type=_quality,
        default=DEFAULT_QUALITY,
        metavar="N",
        help="1 to 51; smaller looks better and takes more room (default: %(default)s)",
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="speed against size, in the encoder's own words (default: veryfast for libx264)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a file that exists already"
    )


def _quality(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 51):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 51")
    return int(text)
