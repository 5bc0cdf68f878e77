"""A browser's own camera as a source: its pictures come as JPEG, and the newest one counts."""

import io
import threading
import time
from collections import deque

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from live_edges.frame import Frame, Image
from live_edges.sources.base import Mode, Source

REMEMBERED = 64  # frames on their way
MAX_PIXELS = 4096 * 2304  # a small file can hold a picture that fills the memory


def decoded(jpeg: bytes) -> Image:
    """Decode a JPEG picture that a stranger sent.

    Returns:
        ``(H, W, 3)`` uint8 BGR.

    Raises:
        ValueError: it is none, is damaged, or has more than `MAX_PIXELS`.
    """
    try:
        with Pillow.open(io.BytesIO(jpeg), formats=["JPEG"]) as header:
            width, height = header.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError("a picture has to be JPEG") from error
    if width * height > MAX_PIXELS:
        raise ValueError(f"a picture of {width}x{height} is too large")
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a picture has to be JPEG")
    return np.asarray(image, np.uint8)


class BrowserCamera(Source):
    """Yields what `put` is given; a picture that comes before the last was read replaces it.

    Args:
        size: width and height of the first picture.
    """

    name = "browser camera"
    is_live = True

    def __init__(self, size: tuple[int, int]) -> None:
        self.mode = Mode(*size, 0.0, "MJPG")
        self._newest: tuple[Image, int, float] | None = None
        self._numbers: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, image: Image, number: int) -> None:
        """Hand in a picture that has just arrived, ``(H, W, 3)`` uint8 BGR.

        Args:
            image: the picture.
            number: what the browser calls it, see `number_of`.
        """
        with self._changed:
            self._newest = image, number, time.monotonic()
            self._changed.notify_all()

    def read(self) -> Frame | None:
        """Return the next picture; None once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._is_closed)
            if self._is_closed or self._newest is None:
                return None
            (image, number, timestamp), self._newest = self._newest, None
        frame = self._frame(image, timestamp)
        self._numbers.append((frame.index, number))
        return frame

    def number_of(self, frame: Frame) -> int:
        """Return what the browser called one of the latest frames; 0 for an older one."""
        return dict(self._numbers).get(frame.index, 0)

    def interrupt(self) -> None:
        """Let a waiting `read` return."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more pictures."""
        self.interrupt()
