"""The files of a run that wait for their turn."""

from collections import deque
from collections.abc import Iterable

from live_edges.process.file_plan import Conversion
from live_edges.process.worker import Outcome


class Waiting:
    """Hands out files in order; one that another run is making comes again at the end, once.

    Args:
        jobs: the files.
    """

    def __init__(self, jobs: Iterable[Conversion]) -> None:
        self._jobs = deque(jobs)
        self._put_off: set[Conversion] = set()

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def next(self) -> Conversion | None:
        """Hand out the next file; None if there is none."""
        return self._jobs.popleft() if self._jobs else None

    def try_again(self, job: Conversion) -> None:
        """Take a file back, to be handed out next."""
        self._jobs.appendleft(job)

    def puts_off(self, job: Conversion, outcome: Outcome) -> bool:
        """Take a file back that was left to another run; False if that happened to it before.

        By its second turn the other run has mostly made it, or is known to have died.
        """
        if outcome.status != "left" or job in self._put_off:
            return False
        self._put_off.add(job)
        self._jobs.append(job)
        return True
