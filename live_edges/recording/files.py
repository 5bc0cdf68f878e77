"""Files to write: is it possible, under which unused name, and completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryFile

from live_edges.errors import LiveEdgesError
from live_edges.recording.partials import partial_path


def check_writable(file: Path, flag: str) -> None:
    """Raise LiveEdgesError unless a file can be made in its folder; ``flag`` named the file."""
    folder = file if file.is_dir() else file.parent
    if not folder.is_dir():
        raise LiveEdgesError(f"folder {folder} does not exist; make it, or choose another {flag}")
    if file.exists() and not (file.is_dir() or file.is_file()):
        return  # a device such as /dev/null
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LiveEdgesError(
            f"nothing can be written to {folder} ({error.strerror}); choose another {flag}"
        ) from error


def make_folder(folder: Path, flag: str) -> None:
    """Make a folder where there is none, or raise LiveEdgesError; ``flag`` named it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiveEdgesError(
            f"the folder {folder} cannot be made ({error.strerror}); choose another {flag}"
        ) from error


@contextmanager
def atomic_write(path: Path, part: Path | None = None) -> Iterator[Path]:
    """Yield where to write a file, which gets its name when the block ends, and never in part.

    Several processes and machines may write the same file, each under a name of its own until it
    is whole; the last one remains.
    A file of that name stays until then, and after a failure. A device such as /dev/null is
    written to directly.

    Args:
        path: the file.
        part: its name until it is whole; None for a new one.

    Raises:
        LiveEdgesError: the file cannot be written.
    """
    is_device = path.exists() and not (path.is_file() or path.is_dir())
    part = path if is_device else part or partial_path(path)
    try:
        yield part
        if not is_device:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
    except BaseException as error:
        if part.is_file():
            part.unlink()
        if not isinstance(error, OSError):
            raise
        kept = "; the file that was there is unchanged" if path.is_file() else ""
        raise LiveEdgesError(
            f"{path} cannot be written ({error.strerror}){kept}; check the free space and your "
            "permission to write there"
        ) from error


def dated_stem(at: datetime) -> str:
    """Return the default name of a file, without its ending."""
    return f"live-edges-{at:%Y-%m-%d-%H%M%S}"


def unused_paths(folder: Path, stem: str, *endings: str) -> list[Path]:
    """Return ``STEM`` + ending for each ending; where one is taken, a number follows the stem."""
    stems = chain([stem], (f"{stem}-{number}" for number in count(2)))
    families = ([folder / f"{each}{ending}" for ending in endings] for each in stems)
    return next(paths for paths in families if not any(path.exists() for path in paths))
