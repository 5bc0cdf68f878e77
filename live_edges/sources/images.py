"""Images from disk: one file with all its pages, or a folder or glob as a slide show."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from live_edges.errors import SourceError
from live_edges.frame import Frame
from live_edges.sources.base import Mode, Source
from live_edges.sources.paths import find_files, is_regular_file
from live_edges.sources.pixels import Page, is_animation, page_count, read_pages
from live_edges.timing import Clock

_LOG = logging.getLogger(__name__)

SECONDS_PER_IMAGE = 2.0
IMAGE_SUFFIXES = frozenset(
    {".apng", ".avif", ".bmp", ".exr", ".gif", ".hdr", ".heic", ".heif", ".jfif", ".jp2", ".jpe"}
    | {".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*", b"GIF8")  # JPEG ...
_BRANDS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif", b"ftypavis")  # HEIF, AVIF
_VIDEO_SUFFIXES = frozenset({".mjpeg", ".mjpg"})  # JPEG after JPEG: begins like a picture


class Images(Source):
    """Pictures in natural order (2 before 10), each shown for a while, the last one kept.

    If a file holds several pictures, each is shown for as long as the file asks. A file that cannot
    be read is skipped with a warning and counted in ``skipped``.

    Args:
        where: an image, a folder, or a glob such as ``holiday/*.jpg``.
        seconds: how long to show a picture whose file does not say.
        loop: start again after the last.
        clock: source of the frames' timestamps.

    Raises:
        SourceError: no image can be read there.
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
        self._pts = 0.0
        self._skipped: set[Path] = set()
        self.name = Path(where).resolve().name or str(where)

        self._pages = self._read_all()
        self._ahead = next(self._pages, None)
        if self._ahead is None:
            raise SourceError(f"{where} cannot be read as an image; is it damaged?")
        count = sum(map(page_count, self._paths)) - self.skipped
        height, width = self._ahead.image.shape[:2]
        fps = 1 / (self._ahead.seconds or seconds) if count > 1 else 0.0
        self.mode = Mode(width, height, fps, self._suffix)
        self.frame_count = None if loop else count

    @property
    def skipped(self) -> int:
        """How many files could not be read so far."""
        return len(self._skipped)

    def read(self) -> Frame | None:
        """Return the next picture; None after the last."""
        page, self._ahead = self._ahead, None
        page = page or next(self._pages, None)
        if page is None:
            return None
        frame = self._frame(page.image, self._clock(), self._pts)
        self._pts += page.seconds or self._seconds
        return frame

    def close(self) -> None:
        """Discard the remaining pictures."""
        self._pages = iter(())
        self._ahead = None

    def _read_all(self) -> Iterator[Page]:
        """Read every picture that can be read, again and again if it loops."""
        has_any = True
        while has_any:
            has_any = False
            for path in self._paths:
                self._suffix = path.suffix[1:].lower()
                count = 0
                for count, page in enumerate(read_pages(path), 1):  # noqa: B007
                    yield page
                has_any = has_any or (count > 0 and self._loop)
                if count == 0 and path not in self._skipped:
                    self._skipped.add(path)
                    _LOG.warning("%s is skipped: it cannot be read as an image", path)


def find_images(where: str | Path) -> list[Path]:
    """List the image files that a path, folder or glob stands for, in natural order.

    Raises:
        SourceError: there are none.
    """
    what = f"images (looked for {', '.join(sorted(IMAGE_SUFFIXES))})"
    return find_files(where, is_image_file, what=what)


def is_image_file(path: Path) -> bool:
    """Return True for an image file, by its suffix, or else by its first bytes."""
    if not is_regular_file(path):
        return False
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES or suffix in _VIDEO_SUFFIXES:
        return suffix in IMAGE_SUFFIXES
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    is_webp = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    return head.startswith(_SIGNATURES) or head[4:] in _BRANDS or is_webp


def is_still(path: Path) -> bool:
    """Return True for an image file that is not an animation, which is played as a video."""
    return is_image_file(path) and not is_animation(path)
