"""A process that converts the files it is sent, until it is told to end or its parent is gone."""

import logging
import os
import signal
import time
from _thread import interrupt_main
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread

from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import INTERRUPTED
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import GIVE_UP_S, Recipe, Worker

STEP_S = 0.1  # between two words about how far a file is; what an eye can follow


@dataclass(frozen=True, slots=True)
class Ready:
    """The pipeline is open; what computes, and why."""

    device: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The pipeline cannot be opened, and why; there would be no sense in trying again."""

    why: str


@dataclass(frozen=True, slots=True)
class Started:
    """A file is open and should have so many pictures, if it says so."""

    total: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """So many more pictures are done."""

    frames: int


class News(logging.Handler):
    """Sends messages and log lines to the parent; any thread may do so.

    Args:
        connection: to the parent.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(logging.INFO)
        self._connection = connection
        self._sending = Lock()

    def send(self, message: object) -> None:
        """Send a message.

        Raises:
            OSError: the parent is gone.
        """
        with self._sending:
            self._connection.send(message)

    def emit(self, record: logging.LogRecord) -> None:
        """Send a line of the log, complete, because its arguments may not survive the way."""
        line = logging.LogRecord(
            record.name,
            record.levelno,
            record.pathname,
            record.lineno,
            record.getMessage(),
            (),
            None,
        )
        try:
            self.send(line)
        except OSError:
            self.handleError(record)

    def on_start(self, total: int | None) -> Callable[[], object]:
        """Tell that a file is open; returns what counts its pictures, see `convert_video`."""
        self.send(Started(total))
        count, told_at = 0, time.monotonic()

        def on_picture() -> None:
            nonlocal count, told_at
            count += 1
            if time.monotonic() - told_at >= STEP_S:
                self.send(Progress(count))
                count, told_at = 0, time.monotonic()

        return on_picture


def serve(recipe: Recipe, orders: Connection, connection: Connection) -> None:
    """Convert what comes; the function that a process runs.

    Ctrl-C in a terminal reaches every process in it, but the parent alone decides: if it closes
    ``orders``, or is gone, the file in work is given up.

    Args:
        recipe: how to convert.
        orders: brings each `Conversion`, and None at the end.
        connection: takes `Ready` or `Refused`, then for each file `Started` (not for images),
            `Progress`, and its `Outcome`; log lines at any time.
    """
    for name in ("SIGINT", "SIGHUP"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    news = News(connection)
    logging.basicConfig(level=logging.INFO, handlers=[news], force=True)
    try:
        code = _convert(recipe, orders, news)
    except (KeyboardInterrupt, BrokenPipeError):
        code = INTERRUPTED
    os._exit(code)  # because torch takes a second to leave a program that ends by itself


def _convert(recipe: Recipe, orders: Connection, news: News) -> int:
    """Convert until None comes; returns the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    jobs: SimpleQueue[Conversion | None] = SimpleQueue()
    Thread(target=_listen, args=(orders, jobs), name="orders", daemon=True).start()
    try:
        with Worker(recipe) as worker:
            news.send(Ready(worker.device))
            while (job := jobs.get()) is not None:
                news.send(worker.convert(job, news.on_start))
    except LiveEdgesError as error:
        news.send(Refused(str(error)))
    return 0


def _stop(_number: int, _frame: object) -> None:
    """Raise what Ctrl-C raises, once, so that what it leaves is removed in peace."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _listen(orders: Connection, jobs: "SimpleQueue[Conversion | None]") -> None:
    """Pass on what comes; if the parent is gone, stop the main thread, or else the process."""
    try:
        while (job := orders.recv()) is not None:
            jobs.put(job)
        jobs.put(None)
    except (EOFError, OSError):
        interrupt_main(signal.SIGTERM)
        jobs.put(None)
        time.sleep(GIVE_UP_S)
        os._exit(INTERRUPTED)
