"""The names of files that are not whole yet, and the removal of those that nobody writes."""

import hashlib
import os
import platform
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from live_edges.platforms import is_running

ABANDONED_S = 24 * 3600  # longer than any encoder keeps what it was given, and than clocks differ
MAX_BYTES = 255  # of a name, in most file systems
CLAIM = ".claim"
_PARTIAL = re.compile(r"(?P<target>.+)\.(?P<machine>\w+)-(?P<pid>\d+)-[0-9a-f]{6}\.partial", re.S)


def partial_path(path: Path) -> Path:
    """Return a name beside a file for its unfinished content, which no other writer has.

    It says who writes, ``clip.mkv.MACHINE-PID-TOKEN.partial``, because the folder may be shared by
    several machines, and two of them may make the same file.
    """
    end = f".{machine()}-{os.getpid()}-{secrets.token_hex(3)}.partial"
    return path.with_name(_shortened(path.name) + end)


def claim_path(path: Path) -> Path:
    """Return where the name of its partial file is written, see `live_edges.recording.claims`."""
    return path.with_name(_shortened(path.name) + CLAIM)


def writer_of(path: Path) -> re.Match[str] | None:
    """Return target, machine and pid of a partial file, or of the one that a claim names."""
    return _PARTIAL.fullmatch(writer_name(path))


def writer_name(path: Path) -> str:
    """Return the name of a partial file, or that which a claim holds, if it can be read."""
    if path.suffix == CLAIM:
        with suppress(OSError), path.open("rb") as file:
            return os.fsdecode(file.read(MAX_BYTES))
    return path.name


def remove_abandoned(targets: Iterable[Path]) -> int:
    """Remove what is left of writers that were killed, and return how many files that were.

    A file is left alone while its writer may be alive: on this machine as long as its process
    runs, on another one until nothing was added for a day. The folder is listed once, so this is
    for the start of a run and not for each file.

    Args:
        targets: the files whose partial ones may be removed.
    """
    now = time.time()

    def is_abandoned(part: Path, writer: str, pid: int) -> bool:
        if writer == machine() and not is_running(pid):
            return True
        return now - part.stat().st_mtime > ABANDONED_S

    return _remove(targets, is_abandoned)


def remove_those_of(pid: int, targets: Iterable[Path]) -> int:
    """Remove what a process of this machine wrote that has ended; returns how many files."""
    return _remove(targets, lambda _part, writer, each: (writer, each) == (machine(), pid))


def unfinished(targets: Iterable[Path]) -> list[Path]:
    """Return those of some files that have partial ones, whoever writes them or has."""
    by_name = {path.with_name(_shortened(path.name)): path for path in targets}
    found = (part.with_name(match["target"]) for part, match in _parts(by_name.values()))
    return list(dict.fromkeys(by_name[path] for path in found))


@cache
def machine() -> str:
    """Return a name for this machine that no other one has, nor a container with its own processes.

    Host names alone repeat themselves in clusters and containers.
    """
    own = [platform.node()]
    if sys.platform == "linux":
        with suppress(OSError):
            own.append(Path("/proc/sys/kernel/random/boot_id").read_text())
            own.append(str(Path("/proc/self/ns/pid").readlink()))
    digest = hashlib.sha256("\n".join(own).encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9]', '_', platform.node())[:24]}_{digest}"


def _remove(targets: Iterable[Path], is_wanted: Callable[[Path, str, int], bool]) -> int:
    removed = 0
    for part, match in _parts(targets):
        with suppress(OSError):  # another machine may remove it, too
            if is_wanted(part, match["machine"], int(match["pid"])):
                part.unlink()
                removed += part.suffix != CLAIM
    return removed


def _parts(targets: Iterable[Path]) -> Iterator[tuple[Path, re.Match[str]]]:
    """Find the partial files and claims of some files, with what they say."""
    names: dict[Path, set[str]] = {}
    for target in targets:
        names.setdefault(target.parent, set()).add(_shortened(target.name))
    for folder, known in names.items():
        with suppress(OSError), os.scandir(folder) as entries:
            # A list, because a folder that changes while it is read may skip some.
            for name in [entry.name for entry in entries]:
                match = writer_of(folder / name)
                if match is not None and match["target"] in known:
                    yield folder / name, match


def _shortened(name: str) -> str:
    """Return as much of a name as leaves room for what `partial_path` puts behind it."""
    room = MAX_BYTES - len(f".{machine()}-{2**32}-123456.partial")
    return os.fsdecode(os.fsencode(name)[:room]) if len(os.fsencode(name)) > room else name
