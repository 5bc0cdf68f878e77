"""Keeps what became of the files of a run, and tells it in the order of the inputs."""

import logging
from collections.abc import Iterable

from live_edges.lifecycle import Closing
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import Outcome

log = logging.getLogger(__name__)


class Outcomes(Closing):
    """Takes outcomes in any order; those that wait for earlier ones are told when it is closed.

    Args:
        jobs: the files, in the order of the log.

    Attributes:
        converted, failed, left: how many so far.
    """

    def __init__(self, jobs: Iterable[Conversion]) -> None:
        self._order = [job.target for job in jobs]
        self._next = 0  # in that order
        self._waiting: dict[object, Outcome] = {}
        self.converted = self.failed = self.left = 0

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of one file."""
        self.converted += outcome.status == "converted"
        self.failed += outcome.status == "failed"
        self.left += outcome.status == "left"
        self._waiting[outcome.target] = outcome
        while self._next < len(self._order):
            told = self._waiting.pop(self._order[self._next], None)
            if told is None:
                return
            self._next += 1
            _tell(told)

    def close(self) -> None:
        """Tell the rest, of a run that did not get through all files."""
        for target in self._order[self._next :]:
            if outcome := self._waiting.pop(target, None):
                _tell(outcome)


def _tell(outcome: Outcome) -> None:
    """Log what became of a file."""
    for note in outcome.notes:
        log.warning("%s", note)
    if outcome.status == "failed":
        log.warning("%s", outcome.error)
    elif outcome.status == "skipped":
        log.info("%s is finished already", outcome.target)
    elif outcome.status == "left":
        log.info("%s is left to another run, which is making it", outcome.target)
    else:
        log.info("%s: %d frames, %.0f a second", outcome.target, outcome.frames, outcome.fps)
