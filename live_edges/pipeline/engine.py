"""The engine: computes on the device that was chosen, and falls back to the CPU if that fails."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import torch

from live_edges.errors import first_line
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.pipeline.cpu_engine import CpuEngine, EngineName, by_definition
from live_edges.pipeline.devices import AS_ASKED
from live_edges.pipeline.gpu_engine import GpuEngine
from live_edges.pipeline.plan import Plan
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import SLOTS, DirectTransfer, Pending, StreamedTransfer, Transfer
from live_edges.timing import StageTimer, untimed

Latency = Literal["low", "throughput"]

MAX_DIFFERENCE = 1  # gray levels between two engines, for rounding
SAME_LINES = 0.99  # of the pixels of Canny, where two equal neighbours may change places

log = logging.getLogger(__name__)


class Engine(Closing):
    """Computes on a device as long as that does what it must; the CPU always does.

    On a GPU the first picture is computed by the definition as well. A difference, or an error at
    any time, is told in one line, and the run goes on: without streams, then on the CPU.

    Args:
        device: where to compute.
        reason: why there, in words.
        name: as for `live_edges.EdgePipeline`.
        latency: likewise.

    Attributes:
        device: the one in use.
        reason: why that one, in words.
        cpu: always at hand.
    """

    def __init__(
        self, device: torch.device, reason: str, name: EngineName, latency: Latency = "low"
    ) -> None:
        self.device, self.reason = device, reason
        self.cpu = CpuEngine(name)
        # On an Apple GPU a second thread that compiles may end the process: pytorch#197805.
        self._compiler = TorchCompiler(is_on=name != "torch" and device.type == "cuda")
        self._ways = [  # to the GPU, the best first; none where the CPU computes
            GpuEngine(device, make_transfer, self._compiler)
            for make_transfer in _transfers(device, latency)
        ]
        self._changing = threading.Lock()

    @property
    def in_flight(self) -> int:
        """How many pictures may be on their way before waiting for one costs no time."""
        gpu = next(iter(self._ways), None)
        return gpu.transfer.in_flight if gpu and gpu.is_checked else 0

    def start(self, plan: Plan, image: Image, stages: StageTimer) -> Pending:
        """Send a picture on its way; on the CPU its edges are there when this returns.

        Args:
            plan: what to compute.
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8, C-contiguous.
            stages: times ``filter``, and on a GPU ``upload`` and ``download``.
        """
        while gpu := self._gpu_for(plan):
            try:
                _check(gpu, plan, image)
                pending = gpu.start(plan, image, stages)
            except Exception as error:  # whatever a driver may raise
                self._give_up(gpu, error)
            else:
                return Pending(partial(self._collect, gpu, pending, plan, image, stages))
        with stages("filter"):
            edges = self.cpu.edges(plan, image)
        return Pending(lambda: edges)

    def prepare(self, plan: Plan, image: Image) -> None:
        """Compile what pictures like this one need, and wait for it."""
        if self._gpu_for(plan) is None:
            self.cpu.prepare(plan, image)
        elif not self._compiler.is_settled(plan.filter.function, plan.filter.taps):
            self._compiler.waits = True
            try:
                self.start(plan, image, untimed).result()
            finally:
                self._compiler.waits = False

    def execution(self, plan: Plan) -> str:
        """How a filter runs: ``torch``, ``numba``, ``compiled`` or ``opencv``."""
        gpu = self._gpu_for(plan)
        return gpu.execution(plan) if gpu else self.cpu.execution(plan)

    def close(self) -> None:
        """End the threads; the engine can still be used."""
        self._compiler.close()
        self.cpu.close()

    def _gpu_for(self, plan: Plan) -> GpuEngine | None:
        # torch before 2026 has no scatter_reduce of int64 elsewhere, which joins Canny's lines.
        if plan.filter.is_linear or self.device.type == "cuda":
            return next(iter(self._ways), None)
        return None

    def _collect(
        self, gpu: GpuEngine, pending: Pending, plan: Plan, image: Image, stages: StageTimer
    ) -> Image:
        try:
            return pending.result()
        except Exception as error:
            self._give_up(gpu, error)
        return self.start(plan, image, stages).result()

    def _give_up(self, gpu: GpuEngine, error: Exception) -> None:
        """Fall back from this way to a GPU to the next one, or to the CPU, and say why."""
        with self._changing:
            if gpu not in self._ways:
                return  # another picture was first
            self._ways.remove(gpu)
            asked = ", the device that was asked for," if self.reason == AS_ASKED else ""
            failed = f"{self.device}{asked} fails ({first_line(error)})"
            following = f"{self.device} without streams" if self._ways else "the CPU"
            log.warning("%s; going on with %s", failed, following)
            if not self._ways:
                self.device, self.reason = torch.device("cpu"), failed


def _transfers(device: torch.device, latency: Latency) -> list[Callable[[], Transfer]]:
    """The ways to a device, the best first."""
    if device.type == "cpu":
        return []
    direct = partial(DirectTransfer, device)
    if device.type != "cuda":
        return [direct]
    return [
        partial(StreamedTransfer, device, in_flight=SLOTS - 1 if latency == "throughput" else 0),
        direct,
    ]


def _check(gpu: GpuEngine, plan: Plan, image: Image) -> None:
    """Compare the first picture of a GPU with the CPU's.

    Raises:
        RuntimeError: they differ by more than rounding.
    """
    if gpu.is_checked:
        return
    plan = replace(plan.thick, gain=1.0)  # with more of any, rounding would show
    edges = gpu.start(plan, image, untimed).result().astype(int)
    is_same = np.abs(edges - by_definition(plan, image)) <= MAX_DIFFERENCE
    if is_same.mean() < (1.0 if plan.filter.is_linear else SAME_LINES):
        raise RuntimeError(f"its edges differ from the CPU's at {1 - is_same.mean():.1%} of pixels")
    gpu.is_checked = True
