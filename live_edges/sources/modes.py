"""Asks a camera for a mode, and finds out which one it really delivers."""

import math
from dataclasses import dataclass

import cv2

from live_edges.frame import Image
from live_edges.platforms import camera_backend, sets_slowly
from live_edges.sources.base import Mode
from live_edges.sources.pixels import to_bgr

COMMON_SIZES = (
    (320, 240),
    (640, 480),
    (800, 600),
    (1280, 720),
    (1920, 1080),
    (2560, 1440),
    (3840, 2160),
)


@dataclass(frozen=True, slots=True)
class RequestedMode:
    """The mode to ask a camera for; None leaves the choice to the camera."""

    size: tuple[int, int] | None = None
    fps: float | None = None
    fourcc: str = "MJPG"

    def __str__(self) -> str:
        """Describe the mode, for example ``1280x720, 30 fps, MJPG``."""
        size = f"{self.size[0]}x{self.size[1]}, " if self.size else ""
        fps = f"{self.fps:g} fps, " if self.fps else ""
        return f"{size}{fps}{self.fourcc}"


def open_camera(where: int | str, requested: RequestedMode) -> cv2.VideoCapture | None:
    """Open a camera by number or device path and ask for a mode; None if it does not open."""
    backend = camera_backend()
    properties = _properties(requested)
    if sets_slowly() and properties:
        parameters = [round(number) for pair in properties.items() for number in pair]
        capture = cv2.VideoCapture(where, backend, parameters)
        if capture.isOpened():
            _request(capture, requested.fourcc, {})
            return capture
        capture.release()  # some cameras open only as they are
    capture = cv2.VideoCapture(where, backend)
    if not capture.isOpened():
        capture.release()
        return None
    _request(capture, requested.fourcc, properties)
    return capture


def _properties(requested: RequestedMode) -> dict[int, float]:
    properties: dict[int, float] = {}
    if requested.size:
        width, height = requested.size
        properties |= {cv2.CAP_PROP_FRAME_WIDTH: width, cv2.CAP_PROP_FRAME_HEIGHT: height}
    if requested.fps:
        properties[cv2.CAP_PROP_FPS] = requested.fps
    return properties


def _request(capture: cv2.VideoCapture, fourcc: str, properties: dict[int, float]) -> None:
    """Ask an open camera for a mode; only `granted_mode` shows whether it obeyed."""
    # The compressed format first, because uncompressed 1080p comes at 5 fps at most over USB.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
    for number, value in properties.items():
        capture.set(number, value)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a longer queue only holds older pictures


def retrieve(capture: cv2.VideoCapture) -> Image | None:
    """Decode the picture that was grabbed; None if it is damaged."""
    is_decoded, pixels = capture.retrieve()
    return to_bgr(pixels) if is_decoded and pixels is not None and pixels.size else None


def granted_mode(capture: cv2.VideoCapture, image: Image) -> Mode:
    """Return the granted mode: the size of a picture, and the camera's word for the rest."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little").decode("latin-1").strip("\0 ")
    fourcc = letters if letters.isascii() and letters.isprintable() else ""
    height, width = image.shape[:2]
    return Mode(width, height, fps if math.isfinite(fps) and fps > 0 else 0.0, fourcc)


def offered_modes(where: int | str, fourcc: str = "MJPG") -> list[Mode]:
    """Try the common sizes on a camera and list the modes it grants, smallest first.

    The camera is opened and read once for each size, which takes about a second each. The list
    is empty if the camera is in use.
    """
    granted = set()
    for size in COMMON_SIZES:
        capture = open_camera(where, RequestedMode(size, None, fourcc))
        if capture is None:
            continue
        try:
            if capture.grab() and (image := retrieve(capture)) is not None:
                granted.add(granted_mode(capture, image))
        finally:
            capture.release()
    return sorted(granted, key=lambda mode: (mode.width * mode.height, mode.fps))
