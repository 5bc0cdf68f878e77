"""The commands that list something: cameras, filters, and the doctor's report."""

import argparse
import importlib
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from textwrap import shorten

from live_edges.errors import LiveEdgesError
from live_edges.platforms import no_camera_advice

# What is imported, and the packages that may have brought it, the usual one first.
PACKAGES = {
    "live_edges": ("live-edges",),
    "numpy": ("numpy",),
    "numba": ("numba",),
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python",
            "opencv-contrib-python-headless"),
    "av": ("av",),
    "PIL": ("pillow",),
    "safetensors": ("safetensors",),
    "cv2_enumerate_cameras": ("cv2-enumerate-cameras",),
    "matplotlib": ("matplotlib",),
    "tqdm": ("tqdm",),
}  # fmt: skip
MOST_LETTERS = 300  # of the reason why something fails
TEST_SIZE = (1920, 1080)
TEST_FRAMES = 9  # the median of which is told
ENCODERS = (
    "libx264", "h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_vaapi",
    "libx265", "libsvtav1", "libvpx-vp9",
)  # fmt: skip
FPS_FRAMES = 30  # frames over which a camera's rate is measured ...
FPS_SECONDS = 3.0  # ... or as many as come in this time


def cameras(args: argparse.Namespace) -> int:
    """Print number, name, path and modes of every camera."""
    from live_edges.sources.camera_list import list_cameras
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
        if advice := no_camera_advice():
            _say(advice)
    return 0


def filters(args: argparse.Namespace) -> int:
    """Print name, kernel shape and origin of every filter."""
    from live_edges.filters.catalog import catalog

    entries = catalog(args.weights)
    width = max(map(len, entries))
    for entry in entries.values():
        try:
            kind = "function" if entry.code else "net" if entry.net else ""
            shape = kind or " x ".join(map(str, entry.bank(1.0).shape))
        except LiveEdgesError as error:
            shape = f"cannot be used: {error}"
        sigma = " (sigma 1, adjustable)" if entry.has_sigma else ""
        _say(f"{entry.name:{width}}  {shape:14}  {entry.origin}{sigma}")
    _say("\nkernel shapes are out x in x rows x columns; in = 3 sees red, green and blue")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Print one report about this machine; what fails is a line of it."""
    reports = {
        "system": _system,
        "package": _versions,
        "display": _display,
        "device": _torch_devices,
        "encoders": _encoders,
        "camera": _cameras,
    }
    for subject, report in reports.items():
        try:
            for line in report():
                _say(line)
        except Exception as error:  # whatever it is, it belongs into the report
            _say(f"{subject:11} unknown: {_reason(error)}")
    return 0


def _say(line: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


def _reason(error: BaseException) -> str:
    """What went wrong at first, in one line: NumPy says a page about it before that."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = shorten(str(error), MOST_LETTERS, placeholder=" ...")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _system() -> Iterator[str]:
    yield f"system      {platform.platform()}, Python {platform.python_version()}"


def _versions() -> Iterator[str]:
    for module, packages in PACKAGES.items():
        installed = [text for name in packages if (text := _installed(name))]
        name = ", ".join(installed) or packages[0]
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name == module and not installed:
                yield f"package     {name} is not installed"
            else:
                yield f"package     {name} cannot be imported: {_reason(error)}"
        except Exception as error:  # a broken library fails in any way
            yield f"package     {name} cannot be imported: {_reason(error)}"
        else:
            yield f"package     {name}" + ("" if installed else ", of unknown version")


def _installed(package: str) -> str | None:
    try:
        return f"{package} {version(package)}"
    except Exception:  # not there, or its own description is broken
        return None


def _display() -> Iterator[str]:
    import cv2

    from live_edges.display.window import display_problem

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

    from live_edges.pipeline.devices import choose_device, device_names

    device, reason = choose_device()
    yield f"device      {device} ({reason})"
    yield f"threads     {torch.get_num_threads()} of torch"
    for name in device_names():
        yield f"self-test   {name}: {_tested(name)}"


def _tested(name: str) -> str:
    """Find the edges of a picture on a device; says how fast, or why they are found elsewhere."""
    import numpy as np

    from live_edges.pipeline.edge_pipeline import EdgePipeline
    from live_edges.sources.scene import Scene
    from live_edges.timing import Stages

    image, stages = Scene(TEST_SIZE).at(0, 0.0), Stages()
    expected = EdgePipeline("sobel", device="cpu", engine="torch")(image).astype(int)
    pipeline = EdgePipeline("sobel", device=name)
    pipeline.prepare(image)
    for _ in range(TEST_FRAMES):
        with stages("frame"):
            edges = pipeline(image)
    pipeline.close()
    if pipeline.device.type != name.split(":")[0]:
        return pipeline.device_reason
    difference = np.abs(edges - expected).max()
    agreement = "as defined" if difference <= 1 else f"wrong by up to {difference} levels"
    ms = stages.durations["frame"].recent_ms()
    return f"1080p Sobel in {ms:.1f} ms ({pipeline.execution}), edges {agreement}"


def _encoders() -> Iterator[str]:
    import av

    present = [name for name in ENCODERS if name in av.codecs_available]
    yield f"encoders    {', '.join(present)} (listed; hardware ones may still not open)"


def _cameras() -> Iterator[str]:
    from live_edges.sources.camera_list import list_cameras

    found = list_cameras()
    if not found:
        advice = no_camera_advice()
        yield "camera      none found" + (f": {advice}" if advice else "")
    for camera in found:
        try:
            yield f"camera      {camera.index} {camera.name}: {_measured(camera.index)}"
        except LiveEdgesError as error:
            yield f"camera      {camera.index} {camera.name}: {error}"


def _measured(index: int) -> str:
    """Open a camera and say which mode it granted and how fast frames really come."""
    from live_edges.sources.camera import Camera
    from live_edges.sources.outages import SLOW_ADVICE, is_slow
    from live_edges.timing import Tally

    with Camera(index) as source:
        tally, start = Tally(), time.monotonic()
        while tally.count < FPS_FRAMES and time.monotonic() - start < FPS_SECONDS:
            frame = source.read()
            if frame is None:
                break
            tally.tick(frame.timestamp)
        advice = f": {SLOW_ADVICE}" if is_slow(tally.per_second, source.mode.fps) else ""
        return f"{source.mode}, measured {tally.per_second:.1f} fps{advice}"
