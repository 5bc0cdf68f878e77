"""`torch.compile` for CUDA: a function of pixels runs as it is until its compiled form is ready."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from live_edges.filters.filter import Function, Job
from live_edges.lifecycle import Closing
from live_edges.pipeline.compiling import Compiler

MAX_TAPS = 15 * 15 * 8  # beyond, compiling takes minutes
SAME_SHARE = 0.999

_TRACING = threading.Lock()  # held while torch.compile is at work, for any pipeline


class TorchCompiler(Closing):
    """Runs jobs on a CUDA device, in compiled form as soon as there is one.

    Args:
        is_on: False to compile nothing.

    Attributes:
        waits: True to compile what is new at its first job, and not behind later ones.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._compiler = Compiler(lock=_TRACING, may_outlive=True)
        self.waits = False

    def __call__(self, job: Job) -> Any:
        """Compute it the fastest way there is at the moment."""
        if function := self._compiled(job):
            try:
                return job.by(function)
            except Exception as error:  # the definition goes on as after a failed compilation
                if _is_recording():
                    raise  # it has run before: the CUDA graph is given up, not the function
                self._compiler.give_up(job.key, error)
        return job.plainly()

    def _compiled(self, job: Job) -> Function | None:
        # torch.compile does not bear to be called by one thread and run by another.
        if not self._is_worth_it(job.taps) or _TRACING.locked():
            return None
        if self.waits:
            self._compiler.make(job.key, partial(_compile, job))
        return self._compiler.get(job.key, partial(_begin, job))

    def _is_worth_it(self, taps: Sequence[Tensor]) -> bool:
        return self._is_on and sum(each.numel() for each in taps) <= MAX_TAPS

    def is_compiled(self, function: Function, taps: Sequence[Tensor]) -> bool:
        """Whether taps of these shapes have a compiled form."""
        return self._compiler.is_made(Job(function, (), taps).key)

    def is_settled(self, function: Function, taps: Sequence[Tensor]) -> bool:
        """Whether it is decided how the function is computed from now on."""
        is_decided = self._compiler.is_decided(Job(function, (), taps).key)
        return (is_decided or not self._is_worth_it(taps)) and not _TRACING.locked()

    def close(self) -> None:
        """Compile nothing more; what is compiled stays in use."""
        self._compiler.close()


def _is_recording() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()


def _begin(job: Job) -> Callable[[], Function]:
    """Copy what the compiler needs, because a pipeline uses the memory of its pictures again."""
    kept = replace(job, pictures=[each.clone() for each in job.pictures])
    if job.pictures[0].is_cuda:
        torch.cuda.current_stream().synchronize()  # the compiler is on another stream
    return partial(_compile, kept)


@torch.inference_mode()
def _compile(job: Job) -> Function:
    """Compile a function for pictures of any size; raises where the result is not the same."""
    # A code object of its own: torch recompiles one and the same only so many times.
    code = job.function.__code__.replace(co_name=f"{job.function.__name__}_{hash(job.key):x}")
    function = FunctionType(code, job.function.__globals__)
    compiled: Function = torch.compile(function, dynamic=True, fullgraph=True)
    with _without_remarks():
        result = job.by(compiled)  # torch compiles at the first call
    if not _is_same(result, job.plainly()):
        raise RuntimeError("the compiled function computes something else")
    return compiled


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Keep from the terminal what torch 2.11 remarks on its own arithmetic of sizes."""
    remarks = logging.getLogger("torch.utils._sympy.interp")
    level = remarks.level
    remarks.setLevel(logging.ERROR)
    try:
        yield
    finally:
        remarks.setLevel(level)


def _is_same(result: Any, expected: Any) -> bool:
    """Whether both are the same up to rounding, which may turn one direction in a thousand."""
    pairs = zip(_as_tensors(result), _as_tensors(expected), strict=True)
    close = [torch.isclose(a.float(), b.float(), rtol=1e-3, atol=1).float() for a, b in pairs]
    return all(float(share.mean()) > SAME_SHARE for share in close)


def _as_tensors(result: Any) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)
