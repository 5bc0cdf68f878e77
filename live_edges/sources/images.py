"""Pictures from disk: one image, or a folder or glob of them as a slide show."""

import logging
import time
from pathlib import Path

from live_edges.errors import SourceError
from live_edges.frame import Frame, Image
from live_edges.sources.base import Mode, Source
from live_edges.sources.paths import find_files, is_regular_file
from live_edges.sources.pixels import read_image
from live_edges.timing import Clock

_LOG = logging.getLogger(__name__)

SECONDS_PER_IMAGE = 2.0
IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".exr", ".hdr", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"}
    | {".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*")  # JPEG ... TIFF
_VIDEO_SUFFIXES = frozenset({".mjpeg", ".mjpg"})  # JPEG after JPEG: begins like a picture


class Images(Source):
    """Pictures in natural order (2 before 10), each shown for a while, the last one kept.

    A file that cannot be read is passed over with a warning and counted in ``skipped``.

    Args:
        where: an image, a folder, or a glob such as ``holiday/*.jpg``.
        seconds: how long each picture is shown.
        loop: start again after the last.
        clock: source of the frames' timestamps.

    Raises:
        SourceError: nothing there is an image that can be read.
    """

    is_still = True

    def __init__(
        self,
        where: str | Path,
        *,
        seconds: float = SECONDS_PER_IMAGE,
        loop: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        self._paths = find_images(where)
        self._seconds = seconds
        self._loop = loop
        self._clock = clock
        self._position = 0
        self._index = 0
        self._skipped: set[Path] = set()
        self.name = Path(where).resolve().name or str(where)

        self._ahead = self._next_image()
        if self._ahead is None:
            raise SourceError(f"{where} cannot be read as an image; is it damaged?")
        height, width = self._ahead.shape[:2]
        fps = 1 / seconds if len(self._paths) > 1 else 0.0
        self.mode = Mode(width, height, fps, self._paths[self._position - 1].suffix[1:].lower())
        self.frame_count = None if loop else len(self._paths) - self.skipped

    @property
    def skipped(self) -> int:
        """How many files could not be read so far."""
        return len(self._skipped)

    def read(self) -> Frame | None:
        """Return the next picture; None after the last."""
        image, self._ahead = self._ahead, None
        image = self._next_image() if image is None else image
        if image is None:
            return None
        frame = Frame(image, self._index, self._clock(), self._index * self._seconds)
        self._index += 1
        return frame

    def close(self) -> None:
        """Forget the remaining pictures."""
        self._paths = []
        self._ahead = None

    def _next_image(self) -> Image | None:
        """Read on to the next picture that can be read; None when there is no further one."""
        for _ in range(len(self._paths)):
            if self._position == len(self._paths):
                if not self._loop:
                    return None
                self._position = 0
            path = self._paths[self._position]
            self._position += 1
            image = read_image(path)
            if image is not None:
                return image
            if path not in self._skipped:
                self._skipped.add(path)
                _LOG.warning("%s is passed over: it cannot be read as an image", path)
        return None


def find_images(where: str | Path) -> list[Path]:
    """List the image files that a path, folder or glob stands for, in natural order.

    Raises:
        SourceError: there are none.
    """
    what = f"images (looked for {', '.join(sorted(IMAGE_SUFFIXES))})"
    return find_files(where, is_image_file, what=what)


def is_image_file(path: Path) -> bool:
    """Tell by the suffix, or else by the first bytes, whether a file is a still picture."""
    if not is_regular_file(path):
        return False
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or suffix in _VIDEO_SUFFIXES:
        return suffix in IMAGE_SUFFIXES
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError:
        return False
