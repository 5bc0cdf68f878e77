"""A virtual camera: meetings, streams and other programs see the view as a camera's picture."""

import logging
import re
import threading
from collections.abc import Callable
from typing import Any

from live_edges.errors import VirtualCameraError, first_line
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.platforms import virtual_camera_advice
from live_edges.recording.fit import even_size, fit
from live_edges.sizing import size_of

DEFAULT_FPS = 30.0  # told to the driver where the source does not say how fast it is
JOIN_S = 2.0  # how long a driver may take for its last picture

log = logging.getLogger(__name__)


class VirtualCamera(Closing):
    """Sends pictures to a virtual camera while it is on; it is off at first.

    It has the size of the first picture; others are fitted into it, with black bars. A failure
    switches it off and is logged in one line; the run goes on.

    Args:
        device: as the system names it, such as ``/dev/video9``; None for the first one there is.
        fps: about how many pictures a second will come; 0 where that is not known.
        is_required: True if a camera that does not open ends the run.
    """

    def __init__(
        self, device: str | None = None, *, fps: float = 0.0, is_required: bool = False
    ) -> None:
        self._device, self._fps, self._is_required = device, fps or DEFAULT_FPS, is_required
        self._sender: Sender | None = None

    @property
    def is_on(self) -> bool:
        """True if pictures are sent."""
        return self._sender is not None

    def start(self) -> None:
        """Switch it on; the driver is opened with the first picture.

        Raises:
            VirtualCameraError: pyvirtualcam is not installed.
        """
        try:
            import pyvirtualcam
        except ImportError as error:
            raise VirtualCameraError(
                "a virtual camera needs pyvirtualcam (pip install 'live-edges[virtual-camera]') "
                f"and a driver: {virtual_camera_advice()}"
            ) from error

        def open_camera(width: int, height: int) -> Any:
            bgr = pyvirtualcam.PixelFormat.BGR
            return pyvirtualcam.Camera(width, height, self._fps, fmt=bgr, device=self._device)

        self._sender = Sender(open_camera)

    def toggle(self) -> str:
        """Switch on or off, as the key does; returns what to tell the user."""
        try:
            if not self.is_on:
                self.start()
                return "virtual camera on"
            self._stop()
        except VirtualCameraError as error:
            log.warning("%s", error)
            return str(error)
        return "virtual camera off"

    def send(self, view: Image) -> str:
        """Send a picture soon, unless a newer one comes before; nothing where it is off.

        Args:
            view: ``(H, W, 3)`` uint8 BGR; must not be written to afterwards.

        Returns:
            Why the camera is off now; empty if nothing has failed.

        Raises:
            VirtualCameraError: a camera that is required did not open.
        """
        if self._sender is None:
            return ""
        if self._sender.error is None:
            self._sender.put(view)
            return ""
        return self._end()

    def close(self) -> None:
        """Switch it off; safe to call twice.

        Raises:
            VirtualCameraError: a camera that is required never opened, and nobody was told.
        """
        self._end()

    def _end(self) -> str:
        """Switch it off, and return why it failed; raises if a required one did not open."""
        was_open = self._sender is not None and self._sender.is_open
        try:
            self._stop()
        except VirtualCameraError as error:
            if self._is_required and not was_open:
                raise
            log.warning("%s", error)
            return str(error)
        return ""

    def _stop(self) -> None:
        sender, self._sender = self._sender, None
        if sender is None:
            return
        sender.close()
        if sender.is_open:
            log.info("virtual camera: %d pictures sent", sender.sent)
        if sender.error is not None:
            raise _explained(sender.error, was_open=sender.is_open) from sender.error


class Sender(Closing):
    """Owns the camera, in a thread of its own, so that no other program holds up the loop.

    Drop policy: there is one slot, and a newer picture replaces one that has not been sent.

    Args:
        open_camera: opens the camera with a width and a height, in the thread.

    Attributes:
        is_open: True if the camera has opened; it stays so after a later failure.
        sent: pictures sent so far.
        error: why the thread has ended; None if nothing failed.
    """

    def __init__(self, open_camera: Callable[[int, int], Any]) -> None:
        self._open_camera = open_camera
        self._changed = threading.Condition()
        self._newest: Image | None = None
        self._is_closing = False
        self.is_open, self.sent = False, 0
        self.error: Exception | None = None
        # A driver that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="virtual camera", daemon=True)
        self._thread.start()

    def put(self, image: Image) -> None:
        """Send this picture next, in place of one that still waits."""
        with self._changed:
            self._newest = image
            self._changed.notify()

    def close(self) -> None:
        """Send what waits and close the camera; safe to call twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning("the driver of the virtual camera does not answer; it is left behind")

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # told by the next `VirtualCamera.send`
            self.error = error

    def _send_all(self) -> None:
        picture = self._next()
        if picture is None:
            return
        size = even_size(*size_of(picture))
        with self._open_camera(*size) as camera:
            self.is_open = True
            log.info("virtual camera: %s, %dx%d", camera.device, *size)
            while picture is not None:
                camera.send(fit(picture, size))
                self.sent += 1
                picture = self._next()

    def _next(self) -> Image | None:
        """Wait for the newest picture; None if there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._is_closing)
            picture, self._newest = self._newest, None
            return picture


def _explained(error: Exception, *, was_open: bool) -> VirtualCameraError:
    # pyvirtualcam writes "'BACKEND' backend: What happened. What to do on Linux."
    why = re.sub(r"^'\w+' backend: ", "", first_line(error)).split(". ")[0].rstrip(".")
    if was_open:
        return VirtualCameraError(f"the virtual camera has failed ({why}); u switches it on again")
    return VirtualCameraError(
        f"no virtual camera opens ({why}); a driver is needed: {virtual_camera_advice()}"
    )
