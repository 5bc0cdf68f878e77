"""Compilation: a faster twin of the pixel function, made in the background, used when it wins.

The compiler needs seconds of two cores, and Python's lock for some of them. So a child process of
low priority compiles first and leaves the result in torch's cache on disk; this process then finds
it there, tries it on a real picture against the eager function, and swaps between two frames.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from live_edges.filters import PixelFunction
from live_edges.fused import edge_picture

Mode = Literal["auto", "off", "wait"]

STEADY_CALLS = 10  # a filter used this often is worth compiling
MAX_TAPS = 15 * 15 * 8  # beyond, compiling takes minutes
TRIALS = 5  # timings each of eager and compiled, the medians of which decide
MAX_VARIANTS = 64  # kernel shapes torch may keep compiled side by side
JOIN_S = 5.0
POLITE_SWITCH_S = 0.0002  # Python's own is 5 ms, which every tensor operation may have to wait

Arguments = tuple[Tensor, ...]  # padded, gain, threshold and taps, as `edge_picture` takes them
Shapes = tuple[tuple[int, ...], ...]  # of the taps: filters that share them share a function

log = logging.getLogger(__name__)


def shapes_of(taps: Iterable[Tensor]) -> Shapes:
    """What tells one compiled function from another."""
    return tuple(tuple(part.shape) for part in taps)


class Compiler:
    """Hands out the fastest function there is for kernels of a shape, and makes faster ones.

    Args:
        mode: ``auto`` compiles in the background, ``wait`` at the first call, ``off`` never.
    """

    def __init__(self, mode: Mode = "auto") -> None:
        self._mode = mode
        self._calls: dict[Shapes, int] = {}
        self._compiled: dict[Shapes, PixelFunction | None] = {}
        self._worker: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self.is_compiling = False

    def best(self, eager: PixelFunction, arguments: Arguments) -> PixelFunction:
        """Return ``eager`` or its compiled twin, which takes the same arguments."""
        shapes = shapes_of(arguments[3:])
        if eager is not edge_picture or self._mode == "off":
            return eager
        if shapes in self._compiled:
            return self._compiled[shapes] or eager
        self._calls[shapes] = self._calls.get(shapes, 0) + 1
        if self._mode == "wait":
            self._make(shapes, arguments)
        elif self._calls[shapes] >= STEADY_CALLS and not self.is_compiling and not self._is_closed:
            # the pipeline reuses the memory of its pictures; the worker needs one that stays
            copied = (arguments[0].clone(), *arguments[1:])
            self.is_compiling = True
            self._worker = threading.Thread(
                target=self._make_behind, args=(shapes, copied), name="compiler", daemon=True
            )
            self._worker.start()
        return self._compiled.get(shapes) or eager

    def is_compiled(self, shapes: Shapes) -> bool:
        """Whether a compiled function is in use for taps of these shapes."""
        return self._compiled.get(shapes) is not None

    def close(self) -> None:
        """Stop compiling; what is compiled stays in use."""
        self._is_closed = True
        if self._child is not None:
            self._child.kill()
        if self._worker is not None:
            self._worker.join(JOIN_S)

    def _make_behind(self, shapes: Shapes, arguments: Arguments) -> None:
        try:
            self._fill_cache(arguments)
            if not self._is_closed:
                with _polite_thread():
                    self._make(shapes, arguments)
        finally:
            self.is_compiling = False

    def _fill_cache(self, arguments: Arguments) -> None:
        """Let a child compile the same function; it fails alone, and then so do we, in words."""
        padded, _, _, *taps = arguments
        shapes = json.dumps([padded.shape, *shapes_of(taps)])
        how = [str(padded.device), str(torch.get_num_threads()), shapes]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "live_edges.compiling", *how],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self._is_closed:
            self._child.kill()
        self._child.wait()

    def _make(self, shapes: Shapes, arguments: Arguments) -> None:
        self._compiled[shapes] = None
        if sum(taps.numel() for taps in arguments[3:]) > MAX_TAPS:
            return
        try:
            compiled = compile_picture(arguments)
            if _is_same(compiled, arguments) and _is_faster(compiled, arguments):
                self._compiled[shapes] = compiled
        except Exception as error:  # whatever a compiler may raise: eager goes on
            if not self._is_closed:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
                log.info("not compiled, running eagerly: %s", reason)


@contextmanager
def _polite_thread() -> Iterator[None]:
    """Let Python's threads take turns more often, so that the live loop waits less for its own."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(POLITE_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)


def compile_picture(arguments: Arguments) -> PixelFunction:
    """Compile the pixel function for pictures of any size and taps of these shapes.

    Raises:
        Exception: what torch's compiler raises, for example where there is no C++ compiler.
    """
    from torch._dynamo import config as dynamo  # a second to import, only where it is needed
    from torch._inductor import config as inductor

    # It warns of a CUDA toolkit without a GPU, which says nothing to somebody who uses a camera.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    dynamo.recompile_limit = MAX_VARIANTS
    if hasattr(inductor.cpp, "enable_floating_point_contract_flag"):
        inductor.cpp.enable_floating_point_contract_flag = "fast"  # a product and its sum in one
    inductor.compile_threads = 1  # one loop to compile; a pool of processes would only wait
    compiled: Callable[..., Tensor] = torch.compile(edge_picture, dynamic=True, fullgraph=True)
    with torch.inference_mode():
        compiled(*arguments)
    return compiled


@torch.inference_mode()
def _is_same(compiled: PixelFunction, arguments: Arguments) -> bool:
    difference = compiled(*arguments).int() - edge_picture(*arguments).int()
    return int(difference.abs().max()) <= 1


def _is_faster(compiled: PixelFunction, arguments: Arguments) -> bool:
    return _median_s(compiled, arguments) < _median_s(edge_picture, arguments)


@torch.inference_mode()
def _median_s(function: PixelFunction, arguments: Arguments) -> float:
    seconds = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        function(*arguments).cpu()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[TRIALS // 2]


def _fill_cache_and_exit(device: str, threads: str, shapes: str) -> None:
    """What the child process does: compile once, so that the parent finds it in the cache."""
    if hasattr(os, "nice"):
        os.nice(10)
    torch.set_num_threads(int(threads))
    size, *taps = json.loads(shapes)
    with torch.inference_mode():
        scalar = torch.ones((), device=device)
        padded = torch.zeros(size, dtype=torch.uint8, device=device)
        ones = [torch.ones(shape, device=device) for shape in taps]
        compile_picture((padded, scalar, scalar, *ones))


if __name__ == "__main__":
    _fill_cache_and_exit(*sys.argv[1:])
