"""The camera of a Raspberry Pi on its ribbon cable, by the library of its makers."""

import time
from typing import Any

import numpy as np

from live_edges.errors import SourceError
from live_edges.frame import Frame
from live_edges.sources.base import Mode, Source

PICAMERA = "picamera"
DEFAULT_SIZE = (1280, 720)
DEFAULT_FPS = 30.0


class PiCamera(Source):
    """A camera that libcamera knows.

    Args:
        text: ``picamera``, or ``picamera:1`` for the second one.
        size: width and height to ask for.
        fps: frames per second to ask for.

    Raises:
        SourceError: it does not open; says what to do.
    """

    name = PICAMERA
    is_live = True

    def __init__(
        self, text: str = PICAMERA, *, size: tuple[int, int] | None = None, fps: float | None = None
    ) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            raise SourceError(
                "the camera of a Raspberry Pi needs picamera2; run: sudo apt install "
                "python3-picamera2, and use a virtual environment with --system-site-packages"
            ) from error
        number = text.partition(":")[2] or "0"
        fps = fps or DEFAULT_FPS
        self._camera: Any = None
        self._is_interrupted = False
        try:
            self._camera = Picamera2(int(number))
            # What libcamera calls RGB888 lies in memory as blue, green, red.
            wanted = {"size": size or DEFAULT_SIZE, "format": "RGB888"}
            rate = {"FrameRate": fps}
            self._camera.configure(
                self._camera.create_video_configuration(main=wanted, controls=rate)
            )
            self._camera.start()
            width, height = self._camera.camera_configuration()["main"]["size"]
        except (RuntimeError, IndexError, ValueError, OSError) as error:
            self.close()
            raise SourceError(
                f"{text} does not open ({error}); is its cable in, and does "
                "`rpicam-hello --list-cameras` list it?"
            ) from error
        self.mode = Mode(width, height, fps, "")

    def read(self) -> Frame | None:
        """Return the next picture; None once it is interrupted or closed."""
        if self._camera is None or self._is_interrupted:
            return None
        try:
            image = self._camera.capture_array("main")
        except RuntimeError as error:
            raise SourceError(f"{self.name} stopped: {error}") from error
        return self._frame(np.ascontiguousarray(image, np.uint8), time.monotonic())

    def interrupt(self) -> None:
        """Return no picture after the next one."""
        self._is_interrupted = True

    def close(self) -> None:
        """Give the camera back; safe to call twice."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
