"""Engine: computes edges on one device, one picture after the other, whichever thread asks."""

import threading
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from live_edges.carriers import SLOTS, Carrier, Direct, Pending, Streamed, Write
from live_edges.catalog import Entry
from live_edges.compiling import Compiler, Job
from live_edges.filters import LinearFilter
from live_edges.frame import Image
from live_edges.timing import StageTimer

Latency = Literal["low", "throughput"]

MAX_GAIN = 1e6  # a larger one may overflow 32-bit floats, and shows the same

_APPLE_GPU = threading.Lock()  # two threads computing there end the process: pytorch#197805


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a call computes. It never changes, so a call ends with what it began with.

    Attributes:
        filter: finds the edges.
        entry: the filter in the catalog.
        sigma: its blur radius in pixels.
        gain: factor on the edge strength.
        threshold: what would be darker than this is black, 0 to 1.
    """

    filter: LinearFilter
    entry: Entry
    sigma: float
    gain: float
    threshold: float


class Engine:
    """Runs filters on one device.

    Nothing happens on the device before the first picture: the thread that makes a pipeline may be
    another one than the thread that uses it.

    Args:
        device: where to compute.
        compiler: runs the functions of pixels.
        latency: as for `live_edges.EdgePipeline`.

    Attributes:
        carrier: brings pictures to the device and edges back.
    """

    def __init__(self, device: torch.device, compiler: Compiler, latency: Latency = "low") -> None:
        self.carrier = _carrier_to(device, latency)
        self._device = device
        self._compiler = compiler
        self._lock = _APPLE_GPU if device.type == "mps" else threading.Lock()
        self._filter: LinearFilter | None = None  # the one on the device
        self._scalars: list[Tensor] = []
        self._scalar_values: tuple[float, float] | None = None

    @torch.inference_mode()
    def start(self, plan: Plan, size: tuple[int, ...], write: Write, stages: StageTimer) -> Pending:
        """Send a picture on its way.

        Args:
            plan: what to compute.
            size: height and width.
            write: writes the picture without its border, ``(planes, H, W)``.
            stages: times ``upload``, ``filter`` and ``download``.
        """
        current, (rows, columns) = plan.filter, plan.filter.window
        above, left = rows // 2, columns // 2

        def write_with_border(room: Image) -> None:
            write(room[:, above : above + size[0], left : left + size[1]])
            repeat_border(room, (rows, columns))

        # A compiled function treats sides of one pixel as a case of its own.
        run = self._compiler if min(size) > 1 else Job.plainly
        edges = current.edges_on_cpu if self._device.type == "cpu" else current.edges
        with self._lock:
            self._prepare(plan)
            what = current.function, current.taps
            is_known = current.is_linear and self._compiler.is_settled(*what)
            return self.carrier.start(
                (int(current.weight.shape[1]), size[0] + rows - 1, size[1] + columns - 1),
                write_with_border,
                lambda padded: edges(run, padded, *self._scalars),
                key=(current, self._compiler.is_compiled(*what)) if is_known else None,
                stages=stages,
            )

    def _prepare(self, plan: Plan) -> None:
        """Bring filter, gain and threshold to the device; the scalars always to the same place."""
        if self._filter is not plan.filter:
            with self.carrier.at_work():
                plan.filter.to(self._device)
            self._filter = plan.filter
        values = min(plan.gain, MAX_GAIN), plan.threshold
        if self._scalar_values != values:
            with self.carrier.at_work():
                self._scalars = self._scalars or [
                    torch.zeros((), device=self._device) for _ in values
                ]
                for tensor, value in zip(self._scalars, values, strict=True):
                    tensor.fill_(value)
            self._scalar_values = values


def _carrier_to(device: torch.device, latency: Latency) -> Carrier:
    if device.type != "cuda":
        return Direct(device)
    return Streamed(device, in_flight=SLOTS - 1 if latency == "throughput" else 0)


def repeat_border(padded: Image, kernel_size: tuple[int, int]) -> None:
    """Repeat the outermost pixels of the picture inside ``padded``, in place.

    Args:
        padded: ``(planes, H + h - 1, W + w - 1)``, laid out as `functional.pad_replicate` does.
        kernel_size: h, w.
    """
    top, left = (size // 2 for size in kernel_size)
    bottom, right = (
        side - 1 - (size - 1) // 2 for side, size in zip(padded.shape[1:], kernel_size, strict=True)
    )
    padded[:, :top] = padded[:, top : top + 1]
    padded[:, bottom + 1 :] = padded[:, bottom : bottom + 1]
    padded[:, :, :left] = padded[:, :, left : left + 1]
    padded[:, :, right + 1 :] = padded[:, :, right : right + 1]
