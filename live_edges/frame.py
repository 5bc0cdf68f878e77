"""A frame: one picture, its number, and when it was taken."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3) BGR or (H, W) gray, C-contiguous


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture on its way from the source to the screen.

    Attributes:
        image: ``(H, W, 3)`` uint8 BGR, C-contiguous; made read-only here, because it is shared
            between threads and may be recorded after it was shown.
        index: 0 for the first frame of the source; a live source counts dropped frames too.
        timestamp: when the frame was grabbed, seconds on ``time.monotonic``.
        pts: presentation time in seconds since the source's first frame: as stored in a file,
            by the capture clock for a live source.
        duration_s: how long it is shown if it is the last frame of a file; else 0.

    Raises:
        ValueError: ``image`` is not a contiguous, non-empty ``(H, W, 3)`` uint8 array.
    """

    image: Image
    index: int
    timestamp: float
    pts: float
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        check_bgr(self.image)
        self.image.flags.writeable = False


def check_bgr(image: Any) -> None:
    """Raise ValueError unless ``image`` is a contiguous, non-empty (H, W, 3) uint8 array."""
    if not isinstance(image, np.ndarray):
        raise ValueError(f"a frame needs a NumPy array, got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(
            f"a frame needs a non-empty (H, W, 3) uint8 BGR image, got {image.dtype} {image.shape}"
        )
    if not image.flags.c_contiguous:
        raise ValueError("a frame needs a C-contiguous image; make one with np.ascontiguousarray")
