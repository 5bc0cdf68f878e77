"""What a process of a Ray cluster does with the files that it is sent."""

import os
import pickle
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path

from live_edges.errors import LiveEdgesError
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import Outcome, Recipe, Worker, failed
from live_edges.recording.partials import remove_abandoned


def convert(sent: bytes) -> Outcome | str:
    """Convert a file; returns what became of it, or why no file can be converted here.

    Args:
        sent: a pickle of the recipe, the file, and the folder in which relative names mean what
            they mean on the machine that sends it.
    """
    recipe, job, folder = pickle.loads(sent)
    if unseen := _unseen(job):
        return failed(job, unseen)
    try:
        worker = _worker(recipe, folder)
    except LiveEdgesError as error:
        return f"{error} (on {platform.node()})"
    return worker.convert(job)


def sweep(sent: bytes) -> int:
    """Remove what processes of this machine left that died; returns how many files that were.

    Args:
        sent: a pickle of the outputs that may have partial files.
    """
    return remove_abandoned(pickle.loads(sent))


@cache
def _worker(recipe: Recipe, folder: Path) -> Worker:
    """Open the pipeline once: Ray gives a process one file after another, of one run."""
    with suppress(OSError):  # it need not be there as long as all names are absolute
        os.chdir(folder)
    return Worker(recipe)


def _unseen(job: Conversion) -> str:
    """Say which of its files this machine does not see; empty if it sees them."""
    for path in (job.source, job.target.parent):
        if not path.exists():
            return (
                f"{path} does not exist on {platform.node()}; inputs and outputs must lie on a "
                "file system that every machine of the cluster has under the same name"
            )
    return ""
