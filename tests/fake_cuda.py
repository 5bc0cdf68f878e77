"""A stand-in for `torch.cuda` that puts everything off, so that a missing wait is seen.

Tensors lie on the CPU. What is done to them while a fake stream is current waits in the queue of
that stream until an event behind it, or the stream itself, is waited for. Nothing else is run
then, and new memory holds garbage until its turn comes: what is read too early is wrong.
"""

import threading
from collections import deque
from contextlib import contextmanager
from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode

GARBAGE = 85  # in memory that nothing has been written to yet
aten = torch.ops.aten


class FakeCuda:
    """Takes the place of `torch.cuda`.

    Attributes:
        streams: in the order in which they were made.
        graphs: which were captured.
        noted: the waits of the host.
    """

    def __init__(self, *, can_record=True):
        self.can_record = can_record
        self.noted = []
        self.streams = []
        self.graphs = []
        self.current = None
        self.capturing = None
        self.lock = threading.RLock()  # one thread may start a picture while another waits for one
        self.is_running = False
        self.Stream = partial(FakeStream, self)
        self.Event = type("Event", (FakeEvent,), {"cuda": self})
        self.CUDAGraph = partial(FakeGraph, self)

    @property
    def is_capturing(self):
        return self.capturing is not None

    @contextmanager
    def stream(self, stream):
        self.current, before = stream, self.current
        try:
            with PuttingOff(self):
                yield
        finally:
            self.current = before

    def current_stream(self):
        return self.current

    def queue(self, call):
        """Put a call off, to the current stream or to the graph that is captured."""
        (self.capturing or self.current).calls.append(call)

    def host_waits(self, what):
        if self.is_capturing:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.noted.append(what)


class FakeStream:
    """A queue of calls; ``done`` of them have been taken out."""

    def __init__(self, cuda, device):
        assert device.type == "cpu"
        self.cuda = cuda
        self.calls = deque()
        self.done = 0
        cuda.streams.append(self)

    @property
    def end(self):
        """How many calls there have been when all that are queued now are done."""
        return self.done + len(self.calls)

    def run(self, end=None):
        """Do what was queued before ``end``, or all of it, and what that has to wait for."""
        with self.cuda.lock, torch.inference_mode():
            before, self.cuda.is_running = self.cuda.is_running, True
            end = self.end if end is None else end
            while self.done < end:
                self.done += 1
                self.calls.popleft()()
            self.cuda.is_running = before

    def wait_event(self, event):
        stream, end = event.mark
        assert stream is not self
        self.calls.append(partial(stream.run, end))

    def wait_stream(self, stream):
        assert stream is not self
        self.calls.append(partial(stream.run, stream.end))

    def synchronize(self):
        self.cuda.host_waits("synchronize stream")
        self.run()


class FakeEvent:
    """A mark in the queue of the stream on which it was recorded last."""

    mark = None

    def __init__(self, *, enable_timing=False):
        self.enable_timing = enable_timing

    def elapsed_time(self, end):
        assert self.enable_timing
        assert end.enable_timing
        return 1.0

    def record(self):
        with self.cuda.lock:
            self.mark = self.cuda.current, self.cuda.current.end

    def synchronize(self):
        self.cuda.host_waits("synchronize")
        stream, end = self.mark
        stream.run(end)


class FakeGraph:
    def __init__(self, cuda):
        self.cuda = cuda
        self.calls = []
        self.replays = 0

    def capture_begin(self, *, capture_error_mode):
        assert capture_error_mode == "thread_local"
        if not self.cuda.can_record:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.cuda.capturing = self

    def capture_end(self):
        self.cuda.capturing = None
        self.cuda.graphs.append(self)

    def replay(self):
        self.replays += 1
        self.cuda.current.calls.extend(self.calls)


class PuttingOff(TorchDispatchMode):
    """Puts off what is done to tensors, each operation to the stream that is current then."""

    def __init__(self, cuda):
        super().__init__()
        self.cuda = cuda

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        with self.cuda.lock:
            call = partial(function, *args, **(kwargs or {}))
            if self.cuda.is_running or function is aten.empty.memory_format:  # that is the host's
                return call()
            if function._schema.is_mutable:
                self.cuda.queue(call)
                return args[0]
            return self._put_off(call, function, args)

    def _put_off(self, call, function, args):
        made = call()  # too early, but of the right shape
        if _memory(made) & _memory(args):
            return made  # a view
        made.fill_(GARBAGE)
        if function is aten.empty_like.default:  # the memory is still in its last use
            self.cuda.queue(partial(made.fill_, GARBAGE))
        else:
            self.cuda.queue(lambda: made.copy_(call()))
        return made


def _memory(tensors):
    if isinstance(tensors, torch.Tensor):
        return {tensors.untyped_storage().data_ptr()}
    return set().union(*map(_memory, tensors)) if isinstance(tensors, (list, tuple)) else set()
