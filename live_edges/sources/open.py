"""Opens the source that the user asked for."""

import logging
import os
from pathlib import Path
from typing import Any

from live_edges.errors import SourceError
from live_edges.platforms import no_camera_advice
from live_edges.sources.address import is_address, public_address
from live_edges.sources.base import Source
from live_edges.sources.paths import check_readable, is_folder, is_glob, is_regular_file
from live_edges.sources.pipes import STDIN, is_pipe

_LOG = logging.getLogger(__name__)

SOURCES = (
    "a camera number, (part of) a camera's name, a device path, a video file, an image, "
    "- for standard input, a folder or glob of images, an http/rtsp URL, screen, picamera, or demo"
)


def open_source(
    text: str | None,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    fourcc: str = "MJPG",
    loop: bool = False,
) -> Source:
    """Open the source called ``text``, see `SOURCES`; None for the first camera that opens.

    Args:
        text: what the user typed.
        size: width and height to ask a camera for, or to draw the demo in.
        fps: frames per second to ask a camera for, or to draw the demo at.
        fourcc: pixel format to ask a camera for.
        loop: start files and slide shows again at their end.

    Raises:
        SourceError: it does not open, or is no source.
    """
    asked = {"size": size, "fps": fps, "fourcc": fourcc}
    # Sources are imported where they are opened, because a camera needs no video decoder.
    if text is None:
        return _first_camera(**asked) or _demo(size, fps, note=True)
    if text == "demo":
        return _demo(size, fps)
    if text.partition(":")[0] == "screen":
        from live_edges.sources.desktop import Desktop

        return Desktop(text, fps=fps)
    if text.partition(":")[0] == "picamera":
        from live_edges.sources.picamera import PiCamera

        return PiCamera(text, size=size, fps=fps)
    if is_address(text):
        from live_edges.sources.stream import NetworkStream

        return NetworkStream(text)
    path = Path(text).expanduser()
    if text == "-":
        return _file(path, loop)
    if text and not text.isdecimal() and os.path.lexists(path):
        check_readable(path)
        if is_folder(path) or is_regular_file(path) or is_pipe(path):
            return _file(path.absolute() if path == STDIN else path, loop)
    if (camera := _camera(text, **asked)) is not None:
        return camera
    if is_glob(text):
        from live_edges.sources.images import Images

        return Images(text, loop=loop)
    if path.suffix or len(path.parts) > 1:
        raise SourceError(f"{public_address(text)} does not exist; check the path")
    raise SourceError(
        f"{public_address(text)!r} is neither a camera nor a file; a source is {SOURCES}"
    )


def _camera(text: str, **asked: Any) -> Source | None:
    """Open the camera that ``text`` means; None if it means none."""
    from live_edges.sources.camera import Camera
    from live_edges.sources.camera_list import find_camera

    if text.isdecimal() or text.startswith("/dev/"):
        return Camera(int(text) if text.isdecimal() else text, **asked)
    device = find_camera(text)
    if device is None:
        return None
    return Camera(device.index, name=device.name, **asked)


def _first_camera(**asked: Any) -> Source | None:
    """Open the first camera that opens, with a warning for each that does not."""
    from live_edges.sources.camera import Camera
    from live_edges.sources.camera_list import list_cameras

    for device in list_cameras():
        try:
            return Camera(device.index, name=device.name, **asked)
        except SourceError as error:
            _LOG.warning("%s", error)
    return None


def _demo(size: tuple[int, int] | None, fps: float | None, *, note: bool = False) -> Source:
    from live_edges.sources.demo import Demo

    demo = Demo(size, fps=fps)
    if note:
        advice = no_camera_advice()
        demo.notes = ("no camera found: showing the built-in demo", *([advice] if advice else []))
    return demo


def _file(path: Path, loop: bool) -> Source:
    from live_edges.sources.images import Images, is_still

    if is_folder(path) or is_still(path):
        return Images(path, loop=loop)
    from live_edges.sources.video import VideoFile

    return VideoFile(path, loop=loop)
