"""The GPU engine: edges on a CUDA, Apple or Intel GPU, one picture after the other."""

import copy
import threading
from collections.abc import Callable
from functools import cached_property, partial

import torch
from torch import Tensor

from live_edges.filters import functional as F
from live_edges.filters.filter import Job, LinearFilter, Run
from live_edges.filters.thinning import thin
from live_edges.frame import Image
from live_edges.pipeline.plan import Plan
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import Pending, Transfer
from live_edges.timing import StageTimer

_APPLE_GPU = threading.Lock()  # two threads computing there end the process: pytorch#197805


class GpuEngine:
    """Finds edges on a GPU, whichever thread asks.

    Nothing happens on the device before the first picture: the thread that makes a pipeline may be
    another one than the thread that uses it.

    Args:
        device: where to compute.
        make_transfer: makes what brings pictures to the device and edges back.
        compiler: runs the filter on the device, compiled as soon as that is ready.

    Attributes:
        is_checked: True once its edges were compared with the definition's.
    """

    def __init__(
        self, device: torch.device, make_transfer: Callable[[], Transfer], compiler: TorchCompiler
    ) -> None:
        self.is_checked = False
        self._make_transfer = make_transfer
        self._device = device
        self._compiler = compiler
        self._lock = _APPLE_GPU if device.type == "mps" else threading.Lock()
        self._filter: LinearFilter | None = None
        self._on_device: LinearFilter | None = None  # a copy of that filter
        self._scalars: list[Tensor] = []
        self._scalar_values: tuple[float, float] | None = None

    @cached_property
    def transfer(self) -> Transfer:
        """Brings pictures to the device and edges back."""
        return self._make_transfer()

    @torch.inference_mode()
    def start(self, plan: Plan, image: Image, stages: StageTimer) -> Pending:
        """Send a picture on its way.

        Args:
            plan: what to compute.
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.
            stages: times ``upload``, ``filter`` and ``download``.
        """
        (height, width), (rows, columns) = image.shape[:2], plan.filter.window
        # A compiled function treats sides of one pixel as a case of its own.
        run = self._compiler if min(height, width) > 1 else Job.plainly
        with self._lock:
            current = self._prepared(plan)
            what = current.function, current.taps
            is_known = current.is_linear and self._compiler.is_settled(*what)
            return self.transfer.start(
                (int(current.weight.shape[1]), height + rows - 1, width + columns - 1),
                partial(plan.write_planes, image),
                lambda padded: _edges(current, run, padded, *self._scalars, is_thin=plan.thins),
                key=(current, self._compiler.is_compiled(*what), plan.thins) if is_known else None,
                stages=stages,
            )

    def execution(self, plan: Plan) -> str:
        """How a filter runs: ``compiled``, or ``torch``, as it is defined."""
        what = plan.filter.function, plan.filter.taps
        return "compiled" if self._compiler.is_compiled(*what) else "torch"

    def _prepared(self, plan: Plan) -> LinearFilter:
        """Bring filter, gain and threshold to the device; the scalars always to the same place."""
        if self._on_device is None or self._filter is not plan.filter:
            self._on_device = copy.deepcopy(plan.filter)
            with self.transfer.at_work():
                self._on_device.to(self._device)
            self._filter = plan.filter
        values = plan.factor, plan.threshold
        if self._scalar_values != values:
            with self.transfer.at_work():
                self._scalars = self._scalars or [
                    torch.zeros((), device=self._device) for _ in values
                ]
                for tensor, value in zip(self._scalars, values, strict=True):
                    tensor.fill_(value)
            self._scalar_values = values
        return self._on_device


def _edges(
    edge_filter: LinearFilter,
    run: Run,
    padded: Tensor,
    gain: Tensor,
    threshold: Tensor,
    *,
    is_thin: bool,
) -> Tensor:
    """See `LinearFilter.edges`; with ``is_thin`` the threshold comes after thinning."""
    if not is_thin:
        return edge_filter.edges(run, padded, gain, threshold)
    ridges = thin(edge_filter.edges(run, padded, gain, torch.zeros_like(threshold)))
    return F.to_gray_levels(ridges.float(), 1.0, threshold, white=255)
