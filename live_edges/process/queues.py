"""The reader and writer threads of a conversion, their queues, and how their errors are raised."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

QUEUE_SIZE = 8  # items; enough to even out slow frames, few enough to keep 4K in memory
POLL_S = 0.05  # how soon it is noticed that a writer failed while its queue was full
_END = object()


@contextmanager
def read_ahead(
    source: Iterable[T], name: str, *, interrupt: Callable[[], None]
) -> Iterator[Iterator[T]]:
    """Iterate ``source`` in a thread, ahead of the block; its error is raised after its items.

    Args:
        source: what the thread iterates.
        name: of the thread.
        interrupt: ends a wait inside ``source`` once its items are no longer wanted.
    """
    items: Queue[Any] = Queue(QUEUE_SIZE)  # where it is full, the thread waits, so nothing is lost
    errors: list[BaseException] = []
    stopped = Event()

    def run() -> None:
        try:
            for item in source:
                items.put(item)
                if stopped.is_set():
                    return
        except BaseException as error:
            errors.append(error)
        items.put(_END)

    def taken() -> Iterator[T]:
        yield from iter(items.get, _END)
        if errors:
            raise errors[0]

    thread = Thread(target=run, name=name)
    try:
        thread.start()  # in the block, because a signal may come before it returns
        yield taken()
    finally:
        stopped.set()
        interrupt()
        with suppress(Empty):
            items.get_nowait()  # room for the item that the thread may be putting
        _join(thread)


@contextmanager
def write_behind(sink: Callable[[Iterator[T]], None], name: str) -> Iterator[Callable[[T], None]]:
    """Run ``sink`` in a thread, and yield a function that queues an item for it.

    The sink's error is raised in the block. If the block fails, the sink gets CancelledError.
    """
    items: Queue[Any] = Queue(QUEUE_SIZE)
    errors: list[BaseException] = []
    stopped = Event()

    def taken() -> Iterator[T]:
        while (item := items.get()) is not _END and not stopped.is_set():
            yield item
        if stopped.is_set():
            raise CancelledError

    def run() -> None:
        try:
            sink(taken())
        except BaseException as error:
            errors.append(error)

    def put(item: object) -> None:
        while not errors:
            with suppress(Full):
                return items.put(item, timeout=POLL_S)
        raise errors[0]

    thread = Thread(target=run, name=name)
    try:
        thread.start()
        yield put
        put(_END)
        thread.join()
    finally:
        stopped.set()
        with suppress(Full):
            items.put_nowait(_END)  # wakes a sink that waits for an item
        _join(thread)
    if errors:
        raise errors[0]


def _join(thread: Thread) -> None:
    if thread.is_alive():  # otherwise it may never have started
        thread.join()
