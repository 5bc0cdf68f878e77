"""What may stand behind a flag: text to value, or a sentence that says what was expected."""

import argparse
import sys


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels, written ``1280x720``."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write width x height as 1280x720")
    return int(width), int(height)


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
