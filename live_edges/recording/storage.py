"""The file of a recording, which a failed write leaves complete up to that point."""

import errno
import os
from pathlib import Path

from live_edges.errors import RecordingError

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}


def check_ending(path: Path) -> None:
    """Raise RecordingError unless the file's ending is one a video can be written to."""
    if path.suffix.lower() not in MUXERS:
        ending = f"'{path.suffix}'" if path.suffix else "no ending"
        raise RecordingError(
            f"{path} has {ending}, which is not a known video format; "
            f"choose a name that ends in {', '.join(MUXERS)}"
        )


def check_unused(path: Path) -> None:
    """Raise RecordingError if a file of that name exists, which would be replaced."""
    if path.exists():
        raise _taken(path)


def _taken(path: Path) -> RecordingError:
    return RecordingError(f"{path} exists already; choose another name, or add --overwrite")


class Storage:
    """A file that the muxer writes to through Python, so that every failure is seen here.

    After a full disk a muxer would continue, and in the end overwrite the head of the file
    although its tail is missing. Here the first failure truncates the file to what is complete,
    and everything after it is discarded.

    Args:
        path: the file.
        overwrite: True if the file may exist.

    Attributes:
        error: why nothing is written any more; None before a failure.
        end: bytes of the file so far.

    Raises:
        RecordingError: it cannot be opened.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.error: OSError | None = None
        self.end = self._complete = 0
        flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL)
        try:
            self._handle = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o666)
        except FileExistsError as error:
            raise _taken(path) from error
        except OSError as error:
            raise RecordingError(
                f"{path} cannot be written ({error.strerror}); choose another folder"
            ) from error

    def write(self, content: bytes) -> int:
        """Write all of ``content`` at the current position."""
        if self.error is None:
            try:
                self._write_all(content)
            except OSError as error:
                self.error = error
                os.ftruncate(self._handle, self._complete)
                raise
        return len(content)

    def read(self, size: int) -> bytes:
        """Read from the current position, because MP4 reads its own head in the end."""
        return os.read(self._handle, size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the current position."""
        return os.lseek(self._handle, offset, whence)

    def tell(self) -> int:
        """Return the current position."""
        return os.lseek(self._handle, 0, os.SEEK_CUR)

    def mark_complete(self) -> None:
        """Note that a player can use everything written so far."""
        self._complete = self.end

    def close(self) -> None:
        """Close the file; one that holds nothing is deleted."""
        os.close(self._handle)
        if self._complete == 0:
            self.path.unlink(missing_ok=True)

    def _write_all(self, content: bytes) -> None:
        if os.fstat(self._handle).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the file was deleted")
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        self.end = max(self.end, self.tell())
