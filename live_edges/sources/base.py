"""The interface of every source of frames: construct to open, read until None, close."""

from abc import abstractmethod
from dataclasses import dataclass

from live_edges.errors import SourceError
from live_edges.frame import Frame, Image
from live_edges.lifecycle import Closing


@dataclass(frozen=True, slots=True)
class Mode:
    """The format of the pictures that a source delivers.

    Attributes:
        width: pixels per row of the first frame.
        height: rows of the first frame.
        fps: nominal frames per second; 0 if the source has none (a still image).
        fourcc: four-letter code of the pixel or codec format, such as ``MJPG`` or ``h264``;
            empty if it is not known.
    """

    width: int
    height: int
    fps: float
    fourcc: str

    def __str__(self) -> str:
        """Describe the mode, for example ``1280x720 at 30 fps (MJPG)``."""
        fps = f" at {self.fps:.4g} fps" if self.fps else ""
        fourcc = f" ({self.fourcc})" if self.fourcc else ""
        return f"{self.width}x{self.height}{fps}{fourcc}"


class Source(Closing):
    """A source of frames. The constructor opens it, or raises `SourceError` with what to do.

    Attributes:
        name: what the source is called on the screen and in the statistics.
        mode: the format that is really delivered, known once the constructor returns.
        is_live: True if frames come at their own pace and the newest one counts (camera,
            network stream, demo); False if every frame counts (video file, images).
        is_still: True if the last frame stays on screen until the user quits (images).
        can_return: True if `reopened` may bring it back after it was lost.
        is_camera: True if a driver delivers the frames, which may be stuck and hand out one picture
            again and again, or deliver fewer than the mode says.
        patience_s: how many seconds it may deliver nothing although nothing is wrong.
        frame_count: how many frames will come; None if that is not known.
        notes: sentences the user should see once (granted against requested mode, padding, ...).
    """

    name: str
    mode: Mode
    is_live: bool = False
    is_still: bool = False
    can_return: bool = False
    is_camera: bool = False
    patience_s: float = 0.0
    frame_count: int | None = None
    notes: tuple[str, ...] = ()
    _index: int = 0  # of the next frame
    _first_timestamp: float = 0.0

    @abstractmethod
    def read(self) -> Frame | None:
        """Return the next frame, waiting for it as long as needed; None at the end.

        Called from one thread only. `Frame.index` counts from 0 without gaps, timestamps never
        go back, and no picture is returned twice.

        Raises:
            SourceError: the source failed, and waiting would not help.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device or file; safe to call twice, never while `read` is running."""

    def _frame(
        self, image: Image, timestamp: float, pts: float | None = None, duration_s: float = 0.0
    ) -> Frame:
        """Make the next frame; by default its ``pts`` is the time since the first one."""
        if self._index == 0:
            self._first_timestamp = timestamp
        pts = timestamp - self._first_timestamp if pts is None else pts
        frame = Frame(image, self._index, timestamp, pts, duration_s)
        self._index += 1
        return frame

    def reopened(self) -> "Source":
        """Open the same source again, in the same mode, after this one was closed.

        Raises:
            SourceError: it cannot be opened yet.
        """
        raise SourceError(f"{self.name} cannot be opened again")

    def interrupt(self) -> None:
        """Make a waiting `read` return soon; the one method another thread may call."""
