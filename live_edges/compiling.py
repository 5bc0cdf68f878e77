"""Compilation: a faster twin of the pixel function, made in the background, used when it wins.

The compiler needs seconds of two cores, and Python's lock for some of them. So a child process of
low priority compiles first and leaves the result in torch's cache on disk; this process then finds
it there, tries it on a real picture against the eager function, and swaps between two frames.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from live_edges.filters import Picture
from live_edges.functional import edge_picture

Mode = Literal["auto", "off", "wait"]

STEADY_CALLS = 10  # a filter used this often is worth compiling
MAX_TAPS = 15 * 15 * 8  # beyond, compiling takes minutes
TRIALS = 5  # timings each of eager and compiled, the medians of which decide
MAX_VARIANTS = 64  # kernel shapes torch may keep compiled side by side
JOIN_S = 5.0
POLITE_SWITCH_S = 0.0002  # Python's own is 5 ms, which every tensor operation may have to wait

Shape = tuple[int, ...]

log = logging.getLogger(__name__)


class Compiler:
    """Hands out the fastest function there is for a kernel shape, and makes faster ones.

    Args:
        mode: ``auto`` compiles in the background, ``wait`` at the first call, ``off`` never.
    """

    def __init__(self, mode: Mode = "auto") -> None:
        self._mode = mode
        self._calls: dict[Shape, int] = {}
        self._compiled: dict[Shape, Picture | None] = {}
        self._worker: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self.is_compiling = False

    def best(self, eager: Picture, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> Picture:
        """Return ``eager`` or its compiled twin, which takes the same arguments."""
        shape = tuple(arguments[1].shape)
        if eager is not edge_picture or self._mode == "off":
            return eager
        if shape in self._compiled:
            return self._compiled[shape] or eager
        self._calls[shape] = self._calls.get(shape, 0) + 1
        if self._mode == "wait":
            self._make(shape, arguments)
        elif self._calls[shape] >= STEADY_CALLS and not self.is_compiling and not self._is_closed:
            # the pipeline reuses the memory of its pictures; the worker needs one that stays
            copied = (arguments[0].clone(), *arguments[1:])
            self.is_compiling = True
            self._worker = threading.Thread(
                target=self._make_behind, args=(shape, copied), name="compiler", daemon=True
            )
            self._worker.start()
        return self._compiled.get(shape) or eager

    def is_compiled(self, shape: Shape) -> bool:
        """Whether a compiled function is in use for this shape of kernels."""
        return self._compiled.get(shape) is not None

    def close(self) -> None:
        """Stop compiling; what is compiled stays in use."""
        self._is_closed = True
        if self._child is not None:
            self._child.kill()
        if self._worker is not None:
            self._worker.join(JOIN_S)

    def _make_behind(self, shape: Shape, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
        try:
            self._fill_cache(arguments)
            if not self._is_closed:
                with _polite_thread():
                    self._make(shape, arguments)
        finally:
            self.is_compiling = False

    def _fill_cache(self, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
        """Let a child compile the same function; it fails alone, and then so do we, in words."""
        padded, weight, *_ = arguments
        numbers = [*padded.shape, *weight.shape, torch.get_num_threads()]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "live_edges.compiling", str(weight.device), *map(str, numbers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self._is_closed:
            self._child.kill()
        self._child.wait()

    def _make(self, shape: Shape, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
        self._compiled[shape] = None
        if arguments[1].numel() > MAX_TAPS:
            return
        try:
            compiled = compile_picture(arguments)
            if _is_same(compiled, arguments) and _is_faster(compiled, arguments):
                self._compiled[shape] = compiled
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


def compile_picture(arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> Picture:
    """Compile the pixel function for pictures of any size and kernels of this shape.

    Raises:
        Exception: what torch's compiler raises, for example where there is no C++ compiler.
    """
    from torch._dynamo import config as dynamo  # a second to import, only where it is needed
    from torch._inductor import config as inductor

    # It warns of a CUDA toolkit without a GPU, which says nothing to somebody who uses a camera.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    dynamo.recompile_limit = MAX_VARIANTS
    inductor.compile_threads = 1  # one loop to compile; a pool of processes would only wait
    compiled: Callable[..., Tensor] = torch.compile(edge_picture, dynamic=True, fullgraph=True)
    with torch.inference_mode():
        compiled(*arguments)
    return compiled


@torch.inference_mode()
def _is_same(compiled: Picture, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> bool:
    difference = compiled(*arguments).int() - edge_picture(*arguments).int()
    return int(difference.abs().max()) <= 1


def _is_faster(compiled: Picture, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> bool:
    return _median_s(compiled, arguments) < _median_s(edge_picture, arguments)


@torch.inference_mode()
def _median_s(function: Picture, arguments: tuple[Tensor, Tensor, Tensor, Tensor]) -> float:
    seconds = []
    for _ in range(TRIALS):
        start = time.perf_counter()
        function(*arguments).cpu()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[TRIALS // 2]


def _fill_cache_and_exit(device: str, *numbers: str) -> None:
    """What the child process does: compile once, so that the parent finds it in the cache."""
    if hasattr(os, "nice"):
        os.nice(10)
    *shapes, threads = map(int, numbers)
    torch.set_num_threads(threads)
    with torch.inference_mode():
        scalar = torch.ones((), device=device)
        padded = torch.zeros(shapes[:4], dtype=torch.uint8, device=device)
        compile_picture((padded, torch.ones(shapes[4:], device=device), scalar, scalar))


if __name__ == "__main__":
    _fill_cache_and_exit(*sys.argv[1:])
