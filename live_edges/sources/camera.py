"""A camera: its newest picture, in the mode it really grants."""

import threading
import time
from dataclasses import asdict

from live_edges.errors import SourceError
from live_edges.frame import Frame, Image
from live_edges.platforms import camera_advice, no_camera_advice
from live_edges.sources.base import Mode, Source
from live_edges.sources.camera_list import Identity, list_cameras
from live_edges.sources.diagnosis import diagnose
from live_edges.sources.modes import RequestedMode, granted_mode, open_camera, retrieve
from live_edges.timing import Clock

DEFAULT_SIZE = (1280, 720)  # asked for when the user asks for none; drivers default to 640x480
STARTUP_S = 3.0  # how long a camera may take for its first picture
TRIES = 3  # a camera may lose or garble a picture now and then, but not so many in a row
RETRY_S = 0.1  # between two attempts to get the first picture


class Camera(Source):
    """Frames of a camera, live.

    Args:
        where: number or device path.
        name: what to call it; None for a name made of ``where``.
        size: width and height to ask for; None for `DEFAULT_SIZE`.
        fps: frames per second to ask for; None leaves the choice to the camera.
        fourcc: pixel format to ask for, four letters.
        clock: source of the frames' timestamps.
        retry_s: seconds between two attempts to get the first picture.

    Raises:
        SourceError: the camera does not exist, does not open, or delivers no picture.
        ValueError: ``fourcc`` is not four letters.
    """

    is_live = can_return = is_camera = True

    def __init__(
        self,
        where: int | str,
        *,
        name: str | None = None,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        fourcc: str = "MJPG",
        clock: Clock = time.monotonic,
        retry_s: float = RETRY_S,
    ) -> None:
        if len(fourcc) != 4 or not fourcc.isascii():
            raise ValueError(f"a fourcc has four letters, such as MJPG or YUYV; got {fourcc!r}")
        self.name = name or f"camera {where}"
        self._where = where
        self._requested = RequestedMode(size or DEFAULT_SIZE, fps, fourcc)
        self._clock = clock
        self._retry_s = retry_s
        self._interrupted = threading.Event()

        self._identity = Identity.of(where)
        self._capture = open_camera(where, self._requested)
        if self._capture is None:
            raise SourceError(_not_opened(where))
        self._ahead = self._first()
        if self._ahead is None:
            self.close()
            reason = diagnose(where) or camera_advice()
            raise SourceError(f"{self.name} opens but delivers no picture; {reason}")
        self.mode = granted_mode(self._capture, self._ahead[0])
        self.notes = (_mode_note(self.name, self.mode, RequestedMode(size, fps, fourcc)),)

    def read(self) -> Frame | None:
        """Return the camera's next picture; None once interrupted.

        Raises:
            SourceError: the camera stopped delivering.
        """
        grabbed, self._ahead = self._ahead, None
        grabbed = grabbed or self._grab()
        if grabbed is None:
            if self._interrupted.is_set():
                return None
            raise SourceError(f"{self.name} stopped delivering; check its cable")
        return self._frame(*grabbed)

    def reopened(self) -> "Camera":
        """Open the camera again in the requested mode, by its name if its number has changed."""
        found = self._identity.find() if self._identity else None
        where = self._where if found is None else found
        camera = Camera(
            where,
            name=self.name,
            clock=self._clock,
            retry_s=self._retry_s,
            **asdict(self._requested),
        )
        camera._where, camera._identity = self._where, self._identity
        return camera

    def interrupt(self) -> None:
        """Let `read` return None from now on."""
        self._interrupted.set()

    def close(self) -> None:
        """Release the device."""
        self._interrupted.set()
        self._ahead = None
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _first(self) -> tuple[Image, float] | None:
        """Get the first picture, waiting up to `STARTUP_S` for it; None if none comes."""
        begin = self._clock()
        while (grabbed := self._grab()) is None and self._clock() - begin < STARTUP_S:
            if self._interrupted.wait(self._retry_s):
                return None
        return grabbed

    def _grab(self) -> tuple[Image, float] | None:
        """Get the next picture and its time; None if none comes, or once interrupted."""
        begin = self._clock()
        for _ in range(TRIES):
            if self._interrupted.is_set() or self._capture is None:
                return None
            if self._capture.grab():
                timestamp = self._clock()
                image = retrieve(self._capture)
                if image is not None:
                    return image, timestamp
            elif (
                self._clock() - begin > 1
            ):  # it waited in vain, so more tries would only take longer
                return None
        return None


def _mode_note(name: str, mode: Mode, requested: RequestedMode) -> str:
    is_as_asked = (
        requested.size in (None, (mode.width, mode.height))
        and (requested.fps is None or abs(requested.fps - mode.fps) < 0.5)
        and requested.fourcc == mode.fourcc
    )
    return f"{name} delivers {mode}" + (", as asked" if is_as_asked else f"; asked for {requested}")


def _not_opened(where: int | str) -> str:
    cameras = list_cameras()
    reason = diagnose(where)
    if reason or any(where in (camera.index, camera.path) for camera in cameras):
        return f"camera {where} is there but did not open: {reason or camera_advice()}"
    found = ", ".join(str(camera.index) for camera in cameras)
    if found:
        return f"camera {where} did not open; cameras found: {found} (choose with SOURCE)"
    advice = no_camera_advice()
    return f"camera {where} did not open; no camera was found" + (f"; {advice}" if advice else "")
