"""Transfers: how a picture gets to the device and its edges come back.

A picture is written to memory that the transfer has on the host, and sent on its way; `Pending`
waits for its edges. On a GPU several can be on their way at once.
"""

import logging
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from live_edges.frame import Image
from live_edges.timing import StageTimer

SLOTS = 3  # one picture goes up, one is computed, one comes down

Write = Callable[[Image], None]  # a picture, (planes, height, width), with its border
Find = Callable[[Tensor], Tensor]  # (1, planes, H + k - 1, W + k - 1) to (1, 1, H, W), both uint8
Shape = tuple[int, int, int]

log = logging.getLogger(__name__)


class Pending:
    """An edge image that may still be on its way; several threads may wait for it."""

    def __init__(self, collect: Callable[[], Image]) -> None:
        self._collect = collect
        self._lock = threading.Lock()
        self._edges: Image | None = None

    def result(self) -> Image:
        """Wait for the edges: ``(H, W)`` uint8, the caller's own; the same at every call."""
        with self._lock:
            if self._edges is None:
                self._edges = self._collect()
            return self._edges


class Transfer(Protocol):
    """What an engine asks of a way to its device; one thread at a time may start a picture."""

    in_flight: int  # how many pictures may be on their way while another one starts

    def start(
        self, shape: Shape, write: Write, find: Find, *, key: Hashable, stages: StageTimer
    ) -> Pending:
        """Send a picture on its way.

        Args:
            shape: of the picture with its border.
            write: writes it to the memory it is given.
            find: finds its edges on the device.
            key: two calls with equal keys launch the same on the device; None: who knows.
            stages: times ``upload``, ``filter`` and ``download``, each once.
        """

    def at_work(self) -> AbstractContextManager[Any]:
        """Let what the block does on the device take its turn with the pictures."""


class DirectTransfer:
    """The way on a CPU, which is none, and to a GPU without streams: one picture at a time.

    The edges are there when `start` returns, so its memory may be used again by the next call.
    """

    in_flight = 0

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._room = np.empty((0, 0, 0), np.uint8)
        self._staged = torch.from_numpy(self._room)

    def start(
        self, shape: Shape, write: Write, find: Find, *, key: Hashable, stages: StageTimer
    ) -> Pending:
        """See `Transfer`."""
        with stages("upload"):
            if self._room.shape != shape:
                self._room = np.empty(shape, np.uint8)
                self._staged = torch.from_numpy(self._room)[None]  # the same memory
            write(self._room)
            padded = self._staged.to(self._device)
        with stages("filter"):
            edges = find(padded)
            if self._device.type != "cpu":
                getattr(torch, self._device.type).synchronize()
        with stages("download"):
            on_host = np.asarray(edges[0, 0].cpu().numpy())
        return Pending(lambda: on_host)

    def at_work(self) -> AbstractContextManager[Any]:
        """See `Transfer`."""
        return nullcontext()


class StreamedTransfer:
    """The way to a CUDA device: up, through and down on streams of their own.

    While a picture is computed the next goes up and the one before comes down. Each has a slot,
    whose memory is made once, on the host pinned, so that the copies run beside everything else.
    A slot is used again when its edges have been collected, so nothing in it can be overtaken.

    Args:
        device: a CUDA device.
        in_flight: at most ``SLOTS - 1``.
        cuda: `torch.cuda`, or what a test puts in its place.
    """

    def __init__(self, device: torch.device, *, in_flight: int, cuda: Any = torch.cuda) -> None:
        self.in_flight = in_flight
        self._cuda = cuda
        self._up, self._work, self._down = (cuda.Stream(device) for _ in range(3))
        self._slots = [_Slot(device, cuda) for _ in range(SLOTS)]
        self._turn = 0

    def start(
        self, shape: Shape, write: Write, find: Find, *, key: Hashable, stages: StageTimer
    ) -> Pending:
        """See `Transfer`; ``filter`` and ``download`` are how long its result is waited for."""
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % SLOTS
        if slot.pending is not None:
            slot.pending.result()
        with stages("upload"):
            write(self._room_in(slot, shape))
            with self._cuda.stream(self._up):
                slot.padded.copy_(slot.staged, non_blocking=True)
                slot.is_up.record()
            with self.at_work():
                self._work.wait_event(slot.is_up)
                slot.compute(find, key)
                slot.is_computed.record()
            with self._cuda.stream(self._down):
                self._down.wait_event(slot.is_computed)
                slot.edges_on_host.copy_(slot.edges, non_blocking=True)
                slot.is_down.record()

        def collect() -> Image:
            with stages("filter"):
                slot.is_computed.synchronize()
            with stages("download"):
                slot.is_down.synchronize()
                edges = np.array(slot.edges_on_host[0, 0].numpy())
            slot.pending = None  # only now: whoever is interrupted here may ask again
            return edges

        slot.pending = Pending(collect)
        return slot.pending

    def _room_in(self, slot: "_Slot", shape: Shape) -> Image:
        if slot.room.shape != shape:
            with self.at_work():
                slot.allocate(shape)
            self._up.wait_stream(self._work)  # which may still be busy with the memory's last use
        return slot.room

    def at_work(self) -> AbstractContextManager[Any]:
        """See `Transfer`."""
        work: AbstractContextManager[Any] = self._cuda.stream(self._work)
        return work


class _Slot:
    """The memory of one picture on its way, and the marks of how far it has come."""

    def __init__(self, device: torch.device, cuda: Any) -> None:
        self._device, self._cuda = device, cuda
        self.is_up, self.is_computed, self.is_down = (cuda.Event() for _ in range(3))
        self.pending: Pending | None = None
        self._records = True
        self.edges_on_host = self._on_host((0,))
        self.allocate((0, 0, 0))

    def allocate(self, shape: Shape) -> None:
        self.staged = self._on_host((1, *shape))
        self.room: Image = self.staged[0].numpy()  # the same memory
        self.padded = torch.empty_like(self.staged, device=self._device)
        self.edges = self.padded
        self._key: Hashable = None
        self._graph: Any = None

    def _on_host(self, shape: tuple[int, ...]) -> Tensor:
        is_cuda = self._device.type == "cuda"
        return torch.empty(shape, dtype=torch.uint8, pin_memory=is_cuda)

    def compute(self, find: Find, key: Hashable) -> None:
        """Find the edges; what is launched a second time is recorded, and replayed from then on."""
        is_known = key is not None and key == self._key
        if not is_known:
            self._key, self._graph = None, None
        elif self._graph is None and self._records:
            self._graph = self._record(find)
        if self._graph is not None:
            self._graph.replay()
        else:
            self.edges = find(self.padded)
        self._key = key  # only now: what failed at its first launch has not run before
        if self.edges_on_host.shape != self.edges.shape:
            self.edges_on_host = self._on_host(tuple(self.edges.shape))

    def _record(self, find: Find) -> Any:
        """Record the launches; None if something cannot be recorded, which is not tried again."""

        def launch() -> None:
            self.edges = find(self.padded)

        try:
            return record(launch, self._cuda)
        except Exception as error:  # a compiled function may raise any kind
            self._records = False
            log.debug("no CUDA graph: %s", error)
            return None


def record(launch: Callable[[], None], cuda: Any) -> Any:
    """Record what is launched on the current stream as a CUDA graph, without running it.

    A replay costs the host one launch for all of them. `torch.cuda.graph` would do the same, but
    collects Python's garbage first, and the live loop would wait for it.

    Args:
        launch: has run before.
        cuda: `torch.cuda`, or what a test puts in its place.

    Raises:
        RuntimeError: something in it cannot be recorded.
    """
    graph = cuda.CUDAGraph()
    cuda.current_stream().synchronize()
    graph.capture_begin(capture_error_mode="thread_local")
    try:
        launch()
    finally:
        graph.capture_end()
    return graph
