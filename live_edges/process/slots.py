"""A process that converts files for this one, as this one sees it."""

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from live_edges.lifecycle import Closing
from live_edges.process.child import serve
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import GIVE_UP_S, Recipe, worker_name
from live_edges.recording.partials import remove_those_of


class Slot(Closing):
    """A process of its own that converts one file at a time.

    There is a pipe each way and nothing that processes share: a queue has a lock, and would stay
    locked for all if the process that holds it is killed.

    Args:
        number: which line of the bars is its own.
        recipe: how to convert.

    Attributes:
        news: brings what the process says, see `serve`, and its end.
        job: the file in work; None between two.
        is_ready: True if the process has opened its pipeline.
    """

    def __init__(self, number: int, recipe: Recipe) -> None:
        self.number = number
        self.job: Conversion | None = None
        self.is_ready = False
        context = multiprocessing.get_context("spawn")  # a fork would copy torch's locked threads
        orders, self._orders = context.Pipe(duplex=False)
        self.news, news = context.Pipe(duplex=False)
        # A daemon, so that Python ends it where this process is interrupted while it closes.
        self._process = context.Process(target=serve, args=(recipe, orders, news), daemon=True)
        with _terminal_ignored():
            self._process.start()
        self._pid = self._process.pid or 0
        orders.close()  # each end is open in one process alone, so that its closing is noticed
        news.close()

    @property
    def worker(self) -> str:
        """The machine and the process, as an `Outcome` says it."""
        return worker_name(self._pid)

    def give(self, job: Conversion | None) -> None:
        """Let the process convert a file; None lets it end."""
        self.job = job
        with suppress(OSError):  # it died, which `news` tells
            self._orders.send(job)

    def cut(self) -> None:
        """Let the process give up its file and end; `close` waits for it."""
        self._orders.close()
        self.news.close()

    def close(self) -> None:
        """Wait for the end of the process, or bring it about, and remove what that leaves."""
        self.cut()
        self._process.join(2 * GIVE_UP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self.job is not None:
            remove_those_of(self._pid, [self.job.target])

    def reason(self) -> str:
        """Say how the process ended, after `close`."""
        code = self._process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        with suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"


@contextmanager
def _terminal_ignored() -> Iterator[None]:
    """Start a process that Ctrl-C and a closed terminal leave alone from its first moment."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
