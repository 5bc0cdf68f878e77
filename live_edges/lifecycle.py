"""Lifecycle: `with` closes what was opened, and a signal ends the program in order."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

INTERRUPTED = 130  # exit code of a command that a signal ended: what shells give after Ctrl-C


class Closing(ABC):
    """Something that is open from its construction until it is closed, or its `with` ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened; safe to call twice."""

    def __enter__(self) -> Self:
        """Return what is open."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it, whatever happened."""
        self.close()


def interrupt() -> None:
    """Raise what Ctrl-C raises by itself."""
    raise KeyboardInterrupt


@contextmanager
def stopped_by_signals(stop: Callable[[], object] = interrupt) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal call ``stop``, so that all ends in order.

    A second signal is not handled: Ctrl-C raises KeyboardInterrupt, and the others end the process.
    Under nohup SIGHUP stays ignored. SIGINT is always handled, although a shell ignores it for
    background jobs.
    """

    def take(number: int, _frame: object) -> None:
        is_ctrl_c = number == signal.SIGINT
        signal.signal(number, signal.default_int_handler if is_ctrl_c else signal.SIG_DFL)
        stop()

    before: dict[int, Any] = {
        number: signal.signal(number, take)
        for name in ("SIGINT", "SIGTERM", "SIGHUP")
        if (number := getattr(signal, name, None))
        and not (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
