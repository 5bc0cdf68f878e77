"""Bounded queues between the threads of a conversion that carry their errors along."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

LANE_SIZE = 8  # items; enough to even out slow frames, few enough to keep 4K in memory


class LaneCut(Exception):  # noqa: N818 -- not an error: tells a thread to stop
    """The other end of the lane has stopped."""


class Lane(Generic[T]):
    """A queue for one thread that puts and one that iterates; full, it waits and loses nothing."""

    def __init__(self, size: int = LANE_SIZE) -> None:
        self._size = size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_finished = self._is_cut = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Add an item; raises `LaneCut` once nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._size or self._is_cut)
            if self._is_cut:
                raise LaneCut
            self._items.append(item)
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Say that this was all; an error is raised where the items come out, after the last."""
        with self._changed:
            self._is_finished = True
            self._error = error
            self._changed.notify_all()

    def cut(self) -> None:
        """Stop both ends at once."""
        with self._changed:
            self._is_cut = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Take every item in turn, until the lane is finished; raises `LaneCut` if it is cut."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_finished or self._is_cut)
                if self._is_cut:
                    raise LaneCut
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error


@contextmanager
def feeding(source: Iterable[T], name: str, *, interrupt: Callable[[], None]) -> Iterator[Lane[T]]:
    """Let a thread run through ``source``, ahead of whoever iterates the lane.

    Args:
        source: what the thread iterates.
        name: of the thread.
        interrupt: ends a wait of ``source``, when its items are no longer wanted.
    """
    lane: Lane[T] = Lane()

    def run() -> None:
        try:
            for item in source:
                lane.put(item)
            lane.finish()
        except LaneCut:
            pass
        except BaseException as error:  # raised again where the lane ends
            lane.finish(error)

    thread = threading.Thread(target=run, name=name)
    try:
        thread.start()  # in the block: a signal may come before it returns
        yield lane
    finally:
        lane.cut()
        interrupt()
        if thread.is_alive():
            thread.join()


@contextmanager
def draining(sink: Callable[[Iterable[T]], None], name: str) -> Iterator[Lane[T]]:
    """Let a thread take what is put into the lane; its error is raised by the ``with`` block."""
    lane: Lane[T] = Lane()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            sink(lane)
        except BaseException as error:  # raised again where the block ends
            errors.append(error)
            lane.cut()

    thread = threading.Thread(target=run, name=name)
    try:
        thread.start()
        yield lane
        lane.finish()
        thread.join()
    except LaneCut:
        if not errors:
            raise
    finally:
        lane.cut()
        if thread.is_alive():
            thread.join()
    if errors:
        raise errors[0]
