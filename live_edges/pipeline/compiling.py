"""Compiling behind the running pictures: a function is asked for, made on a thread, and used."""

import atexit
import gc
import logging
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from live_edges.errors import first_line

STEADY_CALLS = 3  # what was asked for so often is worth compiling
JOIN_S = 5.0  # longest wait for a function that the program need not wait for at its end
SWITCH_S = 0.0001  # a frame asks for Python's lock a hundred times, and may wait so long each time

_YIELDING = threading.Lock()  # what `yielding` changes belongs to the whole process

Function = Callable[..., Any]
Make = Callable[[], Function]  # takes a second or more

log = logging.getLogger(__name__)


class Compiler:
    """Hands out functions that take long to make, and makes them on a thread of its own.

    Any number of threads may call it.

    Args:
        lock: held while a function is made; those that share it make one at a time.
        may_outlive: True if the program may end while a function is still being made.
    """

    def __init__(
        self, *, lock: AbstractContextManager[Any] | None = None, may_outlive: bool = False
    ) -> None:
        self._making: AbstractContextManager[Any] = lock or threading.Lock()
        self._may_outlive = may_outlive
        self._calls: dict[Hashable, int] = {}
        self._made: dict[Hashable, Function | None] = {}
        self._told: set[str] = set()
        self._worker: threading.Thread | None = None
        self._counting = threading.Lock()
        self._is_closed = False

    def get(self, key: Hashable, begin: Callable[[], Make]) -> Function | None:
        """Return a function, or None while there is none.

        Args:
            key: what it is made for.
            begin: called by this thread when it is worth making; returns what makes it.
        """
        if key not in self._made:
            with self._counting:
                self._calls[key] = self._calls.get(key, 0) + 1
                is_free = not (self.is_at_work or self._is_closed or key in self._made)
                if is_free and self._calls[key] >= STEADY_CALLS:
                    self._start(key, begin())
        return self._made.get(key)

    def make(self, key: Hashable, make: Make) -> None:
        """Make a function now, unless that was tried before."""
        with self._making:
            if key in self._made:
                return
            try:
                with yielding():
                    self._made[key] = make()
            except Exception as error:  # whatever a compiler may raise: the definition goes on
                self.give_up(key, error)

    def make_on_thread(self, key: Hashable, make: Make) -> None:
        """Make a function now as `make` does, while this thread waits.

        Ctrl-C ends the wait. Where the main thread compiles by itself, KeyboardInterrupt is mostly
        raised inside a callback of LLVM, which drops it.
        """
        while key not in self._made:
            with self._counting:
                if not self.is_at_work:
                    self._start(key, make)
                worker = self._worker
            assert worker is not None, "it was started, or is at work"
            worker.join()

    def is_decided(self, key: Hashable) -> bool:
        """Whether the function is there, or will never be."""
        return key in self._made

    def is_made(self, key: Hashable) -> bool:
        """Whether the function is there."""
        return self._made.get(key) is not None

    @property
    def is_at_work(self) -> bool:
        """Whether its thread is making a function."""
        return self._worker is not None and self._worker.is_alive()

    def give_up(self, key: Hashable, error: Exception) -> None:
        """Hand a function out no more, and say why, once for each reason."""
        self._made[key] = None
        reason = first_line(error)
        if reason not in self._told:
            log.info("not compiled, torch finds the edges: %s", reason)
        self._told.add(reason)

    def close(self) -> None:
        """Start making nothing more; what is made stays in use.

        Waits for what is being made; `JOIN_S` at most where the program may end before.
        """
        self._is_closed = True
        if self._worker is not None:
            self._worker.join(JOIN_S if self._may_outlive else None)

    def _start(self, key: Hashable, make: Make) -> None:
        self._worker = threading.Thread(
            target=self.make, args=(key, make), name="compiler", daemon=self._may_outlive
        )
        self._worker.start()


@contextmanager
def yielding() -> Iterator[None]:
    """Let the running pictures go first while a thread compiles or imports something large.

    Python's lock changes hands sooner than every 5 ms. No garbage is collected, which stops every
    thread for 0.15 s, and what a compiler brings along is not looked through later either. In the
    demo at 1280x720 the longest gap between two pictures was 225 ms without it, and is 65.
    """
    with _YIELDING:
        interval_s, is_collecting = sys.getswitchinterval(), gc.isenabled()
        sys.setswitchinterval(SWITCH_S)
        gc.disable()
        try:
            yield
        finally:
            sys.setswitchinterval(interval_s)
            gc.freeze()
            atexit.register(gc.unfreeze)  # so that all is taken down in order at the end
            if is_collecting:
                gc.enable()
