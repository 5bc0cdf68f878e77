"""Compilation: a faster twin of a function of pixels, made in the background, used when it wins.

On the CPU the twin is a package that a child process makes, see `live_edges.packages`. On a GPU
`torch.compile` makes it on a thread. Either is tried on a real picture against the plain way, and
they are swapped between two frames.
"""

import atexit
import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from live_edges.packages import Function, Pictures, Taps, load_package, package_path, start_packing

Mode = Literal["auto", "off", "wait"]

STEADY_CALLS = 10  # a function used this often is worth compiling
MAX_TAPS = 15 * 15 * 8  # beyond, compiling takes minutes
TRIALS = 5  # timings each of eager and compiled, the medians of which decide
SAME_SHARE = 0.999
MAX_VARIANTS = 64  # kernel shapes torch may keep compiled side by side
JOIN_S = 5.0
POLITE_SWITCH_S = 0.0002  # Python's own is 5 ms, which every tensor operation may have to wait

_TRACING = threading.Lock()  # held while torch.compile is at work, for any pipeline

Key = tuple[str, tuple[tuple[int, ...], ...]]  # name of the function and shapes of the taps
Plain = Callable[..., Any]  # of the pictures alone

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is to be computed: ``function(*pictures, *taps)``.

    Attributes:
        function: pure, of tensors, at the top level of a module.
        pictures: may have any size; what changes from frame to frame, scalars as well.
        taps: decide by their shapes, and with the function, which twin serves.
        plain: makes the same of the pictures while there is no twin, where there is a better way
            than the function itself.
    """

    function: Function
    pictures: Pictures
    taps: Taps = ()
    plain: Plain | None = None

    @property
    def key(self) -> Key:
        """What a twin is made for."""
        return self.function.__name__, tuple(tuple(each.shape) for each in self.taps)

    @property
    def is_on_cpu(self) -> bool:
        """Where the pictures are, and so where it is computed."""
        return self.pictures[0].device.type == "cpu"

    def plainly(self) -> Any:
        """Compute it without a twin."""
        return self.plain(*self.pictures) if self.plain else self.by(self.function)

    def by(self, twin: Function) -> Any:
        """Compute it by the function or its twin."""
        return twin(*self.pictures, *self.taps)


class Compiler:
    """Computes by the fastest twin of a function there is, and makes faster ones.

    Any number of threads may call it.

    Args:
        mode: ``auto`` compiles in the background what is in steady use, ``wait`` at the first
            call, ``off`` never.
    """

    def __init__(self, mode: Mode = "auto") -> None:
        self._mode = mode
        self._calls: dict[Key, int] = {}
        self._twins: dict[Key, Function | None] = {}
        self._worker: threading.Thread | None = None
        self._child: subprocess.Popen[str] | None = None
        self._is_closed = False
        self._counting = threading.Lock()
        self.is_compiling = False

    def __call__(self, job: Job) -> Any:
        """Compute it the fastest way there is at the moment."""
        if twin := self._twin(job):
            try:
                return job.by(twin)
            except Exception as error:  # eager goes on after it as after a failed compilation
                if _is_recording(job):
                    raise  # it has run before: the CUDA graph is given up, not the function
                self._give_up(job, error)
        return job.plainly()

    def _twin(self, job: Job) -> Function | None:
        if self._mode == "off" or (_TRACING.locked() and not job.is_on_cpu):
            return None  # torch.compile does not bear to be called by one thread and run by another
        key = job.key
        if key not in self._twins:
            with self._counting:
                self._calls[key] = self._calls.get(key, 0) + 1
                if self._mode == "wait" and key not in self._twins:
                    self._make_now(job)
                elif self._mode == "auto" and self._is_worth_it(key):
                    self._start_worker(job)
        return self._twins.get(key)

    def _is_worth_it(self, key: Key) -> bool:
        is_free = not (self.is_compiling or self._is_closed or key in self._twins)
        return is_free and self._calls[key] >= STEADY_CALLS

    def _make_now(self, job: Job) -> None:
        with nullcontext() if job.is_on_cpu else _TRACING:
            self._make(job)

    def _start_worker(self, job: Job) -> None:
        if not (job.is_on_cpu or _TRACING.acquire(blocking=False)):
            return  # another pipeline is compiling; at a later call
        # the pipeline reuses the memory of its pictures; the worker needs ones that stay
        kept = replace(job, pictures=[each.clone() for each in job.pictures])
        if job.pictures[0].is_cuda:
            torch.cuda.current_stream().synchronize()  # the worker is on another stream
        self.is_compiling = True
        self._worker = threading.Thread(
            target=self._make_behind, args=(kept,), name="compiler", daemon=True
        )
        self._worker.start()

    def is_compiled(self, function: Function, taps: Taps = ()) -> bool:
        """Whether a twin is in use for taps of these shapes."""
        return self._twins.get(Job(function, (), taps).key) is not None

    def is_settled(self, function: Function, taps: Taps = ()) -> bool:
        """Whether it is decided how a GPU computes the function from now on."""
        is_decided = self._mode == "off" or Job(function, (), taps).key in self._twins
        return is_decided and not _TRACING.locked()

    def close(self) -> None:
        """Stop compiling; what is compiled stays in use."""
        self._is_closed = True
        if self._child is not None:
            self._child.kill()
        if self._worker is not None:
            self._worker.join(JOIN_S)

    def _make_behind(self, job: Job) -> None:
        try:
            self._make(job)
        finally:
            self.is_compiling = False
            if not job.is_on_cpu:
                _TRACING.release()

    def _make(self, job: Job) -> None:
        is_small = sum(each.numel() for each in job.taps) <= MAX_TAPS
        try:
            self._twins[job.key] = self._better(job) if is_small else None
        except Exception as error:  # whatever a compiler may raise: eager goes on
            self._give_up(job, error)

    def _give_up(self, job: Job, error: Exception) -> None:
        self._twins[job.key] = None
        if not self._is_closed:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            log.info("not compiled, running eagerly: %s", reason)

    def _better(self, job: Job) -> Function | None:
        """Return a twin that gives the same in less time; None where it does not."""
        twin = load_package(self._package(job)) if job.is_on_cpu else _compiled_here(job)
        return twin if _is_same(twin, job) and _is_faster(twin, job) else None

    def _package(self, job: Job) -> Path:
        """Find the package of a function, or wait for a child that makes it."""
        path = package_path(job.function, job.pictures, job.taps)
        if not path.is_file():
            self._child = start_packing(job.function, job.pictures, job.taps, path)
            if self._is_closed:
                self._child.kill()
            _, said = self._child.communicate()
            if self._child.returncode:
                raise RuntimeError((said.strip().splitlines() or ["the compiler gave up"])[-1])
        return path


def _is_recording(job: Job) -> bool:
    return job.pictures[0].is_cuda and torch.cuda.is_current_stream_capturing()


@torch.inference_mode()
def _compiled_here(job: Job) -> Function:
    with _polite_thread():
        from torch._dynamo import config as dynamo  # a second to import, only where it is needed
        from torch._inductor import config as inductor

        dynamo.recompile_limit = MAX_VARIANTS
        inductor.compile_threads = 1  # for the one loop; no pool of processes, which would stay
        compiled: Function = torch.compile(job.function, dynamic=True, fullgraph=True)
        job.by(compiled)  # torch compiles at the first call
    return compiled


@contextmanager
def _polite_thread() -> Iterator[None]:
    """Let Python's threads take turns more often, so that the live loop waits less for its own.

    And do not let Python look through all its objects for garbage while the compiler's modules are
    imported, nor through those modules later: every thread waits for it, up to 0.2 s at a time.
    """
    interval_s, is_collecting = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(POLITE_SWITCH_S)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.freeze()
        atexit.register(gc.unfreeze)  # so that all is taken down in order at the end
        if is_collecting:
            gc.enable()


@torch.inference_mode()
def _is_same(twin: Function, job: Job) -> bool:
    """Whether both give the same, up to rounding, which may turn one direction in a thousand."""
    pairs = zip(_as_tensors(job.by(twin)), _as_tensors(job.plainly()), strict=True)
    close = [torch.isclose(a.float(), b.float(), rtol=1e-3, atol=1).float() for a, b in pairs]
    return all(float(share.mean()) > SAME_SHARE for share in close)


def _as_tensors(result: Any) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)


def _is_faster(twin: Function, job: Job) -> bool:
    return _median_s(partial(job.by, twin)) < _median_s(job.plainly)


@torch.inference_mode()
def _median_s(compute: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        _as_tensors(compute())[0].cpu()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[TRIALS // 2]
