"""Finds the files of a path, folder or glob, or says why there are none."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from live_edges.errors import SourceError
from live_edges.sources.address import public_address


def find_files(where: str | Path, is_wanted: Callable[[Path], bool], *, what: str) -> list[Path]:
    """List files in natural order (2 before 10).

    Args:
        where: a file, wanted or not; a folder, for the wanted files in it; or a glob.
        is_wanted: which files of a folder or glob to list.
        what: names the wanted files in the errors.

    Raises:
        SourceError: there are none, or they cannot be read.
    """
    path = Path(where).expanduser()
    if is_folder(path):
        found = [entry for entry in _entries(path) if is_wanted(entry)]
        problem = f"holds no {what}"
    elif os.path.lexists(path):
        check_readable(path)
        return [path.absolute() if path == Path("-") else path]  # a lone - is standard input
    else:
        found = [entry for entry in expand_glob(path) if is_wanted(entry)]
        problem = f"matches no {what}" if is_glob(str(path)) else "does not exist; check the path"
    if not found:
        raise SourceError(f"{public_address(str(where))} {problem}")
    return sorted(found, key=lambda entry: natural_key(str(entry)))


def check_readable(path: Path) -> None:
    """Raise SourceError unless a path leads to something that can be opened and read.

    A pipe is not opened here, because it can be opened only once, nor is a device.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
    # Not chained, because a path may be an address with a secret, which their texts contain.
    except FileNotFoundError:
        if path.is_symlink():
            problem = f"is a link to {path.readlink()}, which does not exist"
        else:
            problem = "does not exist; check the path"
        raise SourceError(f"{public_address(str(path))} {problem}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f"{public_address(str(path))} cannot be opened: {reason}; check its permissions"
        ) from None
    if stat.S_ISSOCK(mode):
        raise SourceError(f"{path} is a socket, which cannot be read; give a file or a pipe")


def is_folder(path: Path) -> bool:
    """Return True if a path leads to a folder; False if that is not known."""
    return os.path.isdir(path)  # noqa: PTH112 -- Path.is_dir raises without permission


def is_regular_file(path: Path) -> bool:
    """Return True if a path leads to an ordinary file; False if that is not known."""
    return os.path.isfile(path)  # noqa: PTH113 -- likewise


def is_glob(text: str) -> bool:
    """Return True if a text has a character that a glob may have."""
    return re.search(r"[*?[]", text) is not None


def expand_glob(pattern: Path) -> list[Path]:
    """List the matches of a glob; a part of it that exists literally matches only itself.

    Brackets that match nothing as a set of characters are taken literally.
    """
    found = [Path(pattern.anchor)]
    for part in pattern.parts[1 if pattern.anchor else 0 :]:
        found = list(dict.fromkeys(match for base in found for match in _matches(base, part)))
    return found


def natural_key(text: str) -> list[tuple[int, str]]:
    """Sort key that puts ``frame2`` before ``frame10``.

    Example:
        >>> sorted(["b1", "a10", "a2"], key=natural_key)
        ['a2', 'a10', 'b1']
    """
    parts = re.split(r"(\d+)", text.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _matches(base: Path, part: str) -> list[Path]:
    if os.path.lexists(base / part):
        return [base / part]
    if not is_glob(part) or not is_folder(base):
        return []
    if part == "**":
        return [entry for entry in base.glob(part) if is_folder(entry)]
    return list(base.glob(part)) or list(base.glob(part.replace("[", "[[]")))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise SourceError(
            f"the folder {folder} cannot be read: {error.strerror}; check its permissions"
        ) from error
