"""The commands that list something: cameras, filters, and the doctor's report."""

import argparse
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from live_edges.errors import LiveEdgesError

PACKAGES = ("live-edges", "torch", "torchvision", "opencv-python", "opencv-python-headless",
            "numpy", "av", "safetensors", "cv2-enumerate-cameras")  # fmt: skip
COMPILERS = ("c++", "g++", "clang++", "cl")
ENCODERS = (
    "libx264", "h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_vaapi",
    "libx265", "libsvtav1", "libvpx-vp9",
)  # fmt: skip
FPS_FRAMES = 30  # frames over which a camera's rate is measured ...
FPS_SECONDS = 3.0  # ... or as many as come in this time


def cameras(args: argparse.Namespace) -> int:
    """Print number, name, path and modes of every camera."""
    from live_edges.sources.devices import list_cameras
    from live_edges.sources.modes import offered_modes

    found = list_cameras()
    for camera in found:
        _say(f"{camera.index}: {camera.name}  {camera.path}".rstrip())
        try:
            for mode in offered_modes(camera.index):
                _say(f"   {mode}")
        except LiveEdgesError as error:
            _say(f"   {error}")
    if not found:
        _say("no camera found; `live-edges run demo` needs none")
    return 0


def filters(args: argparse.Namespace) -> int:
    """Print name, kernel shape and origin of every filter."""
    from live_edges.catalog import catalog

    entries = catalog(args.weights)
    width = max(map(len, entries))
    for entry in entries.values():
        try:
            shape = " x ".join(map(str, entry.bank(1.0).shape))
        except LiveEdgesError as error:
            shape = f"can not be used: {error}"
        sigma = " (sigma 1, adjustable)" if entry.has_sigma else ""
        _say(f"{entry.name:{width}}  {shape:14}  {entry.origin}{sigma}")
    _say("\nkernel shapes are out x in x rows x columns; in = 3 sees red, green and blue")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Print one report about this machine."""
    for report in (_system, _versions, _display, _torch_devices, _compiler, _encoders, _cameras):
        for line in report():
            _say(line)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _system() -> Iterator[str]:
    yield f"system      {platform.platform()}, Python {platform.python_version()}"


def _versions() -> Iterator[str]:
    for name in PACKAGES:
        try:
            yield f"package     {name} {version(name)}"
        except PackageNotFoundError:
            continue


def _display() -> Iterator[str]:
    import cv2

    from live_edges.window import display_problem

    yield f"windows     {_gui_backend(cv2.getBuildInformation())}"
    yield f"display     {display_problem() or 'opens'}"


def _gui_backend(build_information: str) -> str:
    """Name of the toolkit under the heading GUI of OpenCV's build information."""
    lines = iter(build_information.splitlines())
    for line in lines:
        if line.strip().startswith("GUI:"):
            return line.split(":", 1)[1].strip() or next(lines, "").strip()
    return "unknown"


def _torch_devices() -> Iterator[str]:
    import torch

    from live_edges.devices import choose_device

    device, reason = choose_device()
    yield f"device      {device} ({reason})"
    yield f"threads     {torch.get_num_threads()} of torch"
    for kind in ("cuda", "xpu"):
        module = getattr(torch, kind)
        for index in range(module.device_count() if module.is_available() else 0):
            yield f"device      {kind}:{index} {module.get_device_name(index)}"


def _compiler() -> Iterator[str]:
    found = [path for name in COMPILERS if (path := shutil.which(name))]
    yield f"compiler    {found[0] if found else 'none found'}"


def _encoders() -> Iterator[str]:
    import av

    present = [name for name in ENCODERS if name in av.codecs_available]
    yield f"encoders    {', '.join(present)} (listed; hardware ones may still not open)"


def _cameras() -> Iterator[str]:
    from live_edges.sources.devices import list_cameras

    found = list_cameras()
    if not found:
        yield "camera      none found"
    for camera in found:
        try:
            yield f"camera      {camera.index} {camera.name}: {_measured(camera.index)}"
        except LiveEdgesError as error:
            yield f"camera      {camera.index} {camera.name}: {error}"


def _measured(index: int) -> str:
    """Open a camera and say which mode it granted and how fast frames really come."""
    from live_edges.sources.camera import Camera
    from live_edges.timing import Tally

    with Camera(index) as source:
        tally, start = Tally(), time.monotonic()
        while tally.count < FPS_FRAMES and time.monotonic() - start < FPS_SECONDS:
            frame = source.read()
            if frame is None:
                break
            tally.tick(frame.timestamp)
        return f"{source.mode}, measured {tally.per_second:.1f} fps"
