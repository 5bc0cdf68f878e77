"""What a CUDA device does, beside what its memory and its bus would allow."""

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from live_edges.frame import Image
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.pipeline.gpu_engine import GpuEngine
from live_edges.pipeline.transfer import (
    SLOTS,
    Find,
    Pending,
    Shape,
    StreamedTransfer,
    Write,
    record,
)
from live_edges.timing import StageTimer, untimed

CALLS = 20  # recorded in one go, so that the time of a launch does not count
FRAMES = 200


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """Milliseconds for one picture.

    Attributes:
        kernel_ms: finding the edges of a picture that is on the device.
        memory_ms: copying as many bytes on the device as that has to read and write.
        end_to_end_ms: from pinned memory to pinned memory, pictures in flight.
        bus_ms: the bytes that cross, up and down at the same time.
    """

    kernel_ms: float
    memory_ms: float
    end_to_end_ms: float
    bus_ms: float

    def __str__(self) -> str:
        """Two lines for the terminal."""
        return (
            f"on the device {self.kernel_ms:.4f} ms, "
            f"{self.kernel_ms / self.memory_ms:.2f} times as long as a copy of the same bytes\n"
            f"from pinned memory to pinned memory {1e3 / self.end_to_end_ms:.0f} fps, "
            f"{self.bus_ms / self.end_to_end_ms:.0%} of what the bus allows"
        )


class _Observed(StreamedTransfer):
    """A transfer that remembers what it was last asked to do."""

    shape: Shape
    find: Find
    key: Hashable

    def start(
        self, shape: Shape, write: Write, find: Find, *, key: Hashable, stages: StageTimer
    ) -> Pending:
        """See `live_edges.pipeline.transfer.Transfer`."""
        self.shape, self.find, self.key = shape, find, key
        return super().start(shape, write, find, key=key, stages=stages)


@torch.inference_mode()
def measure_device(
    pipeline: EdgePipeline, image: Image, *, rounds: int, cuda: Any = torch.cuda
) -> DeviceFigures:
    """Measure what a linear filter takes on a CUDA device, medians of so many rounds.

    Args:
        pipeline: on that device, its filter compiled if that is to be measured; keeps the
            transfer that it is given here.
        image: ``(H, W, 3)`` uint8 BGR.
        rounds: timings each.
        cuda: `torch.cuda`, or what a test puts in its place.
    """
    device = pipeline.device
    transfer = _Observed(device, in_flight=SLOTS - 1, cuda=cuda)
    pipeline._engine._ways = [GpuEngine(device, lambda: transfer, pipeline._engine._compiler)]
    for _ in range(3 * SLOTS):  # warm, and recorded
        edges = pipeline(image)
    padded = torch.zeros((1, *transfer.shape), dtype=torch.uint8, device=device)
    here, there = torch.zeros(
        (2, (padded.numel() + edges.size) // 2), dtype=torch.uint8, device=device
    )
    find, copy = partial(transfer.find, padded), partial(there.copy_, here)
    send_through = partial(_send_through, transfer)
    cross = _crossing(padded.numel(), edges.size, device, cuda)
    return DeviceFigures(
        kernel_ms=_median(_recorded(find, device, cuda), rounds),
        memory_ms=_median(_recorded(copy, device, cuda), rounds),
        end_to_end_ms=_median(partial(_per_frame_ms, send_through), rounds),
        bus_ms=_median(partial(_per_frame_ms, cross), rounds),
    )


def _median(measure_ms: Callable[[], float], rounds: int) -> float:
    return sorted(measure_ms() for _ in range(rounds))[rounds // 2]


def _recorded(launch: Callable[[], Any], device: torch.device, cuda: Any) -> Callable[[], float]:
    """Record launches on the device, to be played in one go and timed by its own clock."""
    stream = cuda.Stream(device)

    def launch_all() -> None:
        for _ in range(CALLS):
            launch()

    with cuda.stream(stream):
        launch()
        graph = record(launch_all, cuda)

    def run_ms() -> float:
        start, end = (cuda.Event(enable_timing=True) for _ in range(2))
        with cuda.stream(stream):
            start.record()
            graph.replay()
            end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / CALLS

    return run_ms


def _per_frame_ms(send_all: Callable[[], None]) -> float:
    start = time.perf_counter()
    send_all()
    return (time.perf_counter() - start) / FRAMES * 1e3


def _send_through(transfer: _Observed) -> None:
    """Send frames that are in pinned memory already, and take their edges out of it."""
    pending: deque[Pending] = deque()
    for _ in range(FRAMES):
        pending.append(
            transfer.start(
                transfer.shape, lambda _: None, transfer.find, key=transfer.key, stages=untimed
            )
        )
        if len(pending) > transfer.in_flight:
            pending.popleft().result()
    while pending:
        pending.popleft().result()


def _crossing(
    up_bytes: int, down_bytes: int, device: torch.device, cuda: Any
) -> Callable[[], None]:
    """Return what sends so many bytes up and down for each frame, and does nothing else."""
    pin = device.type == "cuda"
    frame = torch.zeros(up_bytes, dtype=torch.uint8, pin_memory=pin)
    edges = torch.zeros(down_bytes, dtype=torch.uint8, pin_memory=pin)
    frame_there, edges_there = frame.to(device, copy=True), edges.to(device, copy=True)
    up, down = cuda.Stream(device), cuda.Stream(device)

    def send_all() -> None:
        for _ in range(FRAMES):
            with cuda.stream(up):
                frame_there.copy_(frame, non_blocking=True)
            with cuda.stream(down):
                edges.copy_(edges_there, non_blocking=True)
        up.synchronize()
        down.synchronize()

    return send_all
