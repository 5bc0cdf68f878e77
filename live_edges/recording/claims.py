"""Tells other runs, on any machine, which file this one is making, so that each is made once."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from live_edges.platforms import is_running
from live_edges.recording.partials import claim_path, machine, writer_name, writer_of

FRESH_S = 15 * 60  # longer than a slow encoder mostly keeps pictures, and than clocks differ


@contextmanager
def claimed(path: Path, part: Path) -> Iterator[bool]:
    """Claim a file for the block; yields False if another writer that may be alive has done so.

    The claim is a file beside it, ``clip.mkv.claim``, that names the partial file, and so the
    writer. A folder of a million files need not be listed for it. It counts while the writer's
    process runs, as far as this machine knows, and while the partial file grows.

    Args:
        path: the file to make.
        part: its name until it is whole, see `partial_path`.
    """
    claim = claim_path(path)
    is_ours = None
    try:
        is_ours = _take(claim, part.name)
        yield is_ours
    finally:
        # Ctrl-C may come before the claim is known to be ours, and before it holds our name.
        ours = (part.name, "") if is_ours is None else (part.name,)
        with suppress(OSError):
            if writer_name(claim) in ours:
                claim.unlink()


def _take(claim: Path, name: str) -> bool:
    for _ in range(2):
        try:
            with claim.open("xb") as file:
                file.write(os.fsencode(name))
        except FileExistsError:
            if _may_be_alive(claim):
                return False
            with suppress(OSError):
                claim.unlink()
        except OSError:
            return True  # nothing can be written there, which whoever writes the file will tell
        else:
            return True
    return False


def _may_be_alive(claim: Path) -> bool:
    writer, ages_s = writer_of(claim), []
    if writer and writer["machine"] == machine() and not is_running(int(writer["pid"])):
        return False
    for path in (claim, claim.with_name(writer[0]) if writer else claim):
        with suppress(OSError):
            ages_s.append(time.time() - path.stat().st_mtime)
    return min(ages_s, default=FRESH_S) < FRESH_S
