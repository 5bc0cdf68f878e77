"""The pipeline: a BGR picture in, its edge image out; `live_edges.pipeline.engine` computes."""

import copy
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from live_edges.errors import DeviceError
from live_edges.filters.catalog import Entry, catalog, find
from live_edges.filters.filter import Detail, make_filter
from live_edges.filters.ranges import MAX_SIGMA, MIN_SIGMA
from live_edges.filters.weights import filter_name, is_weights_path
from live_edges.frame import Image
from live_edges.pipeline import checks
from live_edges.pipeline.cpu_engine import EngineName
from live_edges.pipeline.devices import choose_device
from live_edges.pipeline.engine import Engine, Latency
from live_edges.pipeline.painter import Painter
from live_edges.pipeline.plan import Plan, loop_for
from live_edges.pipeline.transfer import Pending
from live_edges.timing import StageTimer, untimed


class EdgePipeline(Painter):
    """Turns pictures into edge images.

    Any number of threads may use one pipeline, or pipelines of their own, at the same time. A
    pipeline computes one picture after the other, each by the filter, gain and threshold that held
    when its call began; pipelines of different threads compute side by side.

    Args:
        filter: a name from ``live-edges filters``, or the path of a weights file, with
            ``#NAME`` behind it where it holds several convolutions.
        device: ``auto``, or a torch device such as ``cpu``, ``cuda:1``, ``mps``, ``xpu``.
        gain: factor on the edge strength, above 0; with 1, a unit step (0 to 255) reads 255.
        threshold: what would be darker than this is shown black, 0 to 1; for ``canny`` the
            strength of the gradient that starts a line, 0 meaning its default.
        sigma: blur radius in pixels, 0.3 to 5, for the filters that have one.
        weights: weights files to choose from by name, beside those that came with the program.
        engine: what finds the edges of a linear filter. ``torch`` is the definition, at any speed;
            ``auto`` begins with it and changes to compiled loops when they are ready, on a CPU
            Numba's; ``numba`` waits for those, and needs a CPU.
        latency: ``low`` has each picture back before the next one starts, ``throughput`` lets a
            CUDA device work on one while others are copied; see `submit`.
        detail: what ``boundary`` looks at, ``fine`` the whole picture, ``fast`` half of its size.
        is_thin: True to keep only the ridges, one pixel wide, see `live_edges.filters.thinning`;
            the threshold comes after that. ``canny`` is thin already, and stays as it is.

    Attributes:
        device: the `torch.device` in use; ``canny`` is OpenCV's, on the CPU, but for CUDA.
        device_reason: why this device, in words.
        gain, threshold, is_thin: as above; set them at any time, the next call uses them.
        execution: how the filter runs: ``torch``, ``numba``, on CUDA ``compiled``; ``opencv`` for
            ``canny`` on a CPU.

    Raises:
        DeviceError: the device is not there.
        LiveEdgesError: there is no such filter.
        WeightsError: the weights file cannot be used.
        ValueError: a number is out of range, or there is no such choice.

    Example:
        >>> step = np.zeros((4, 6, 3), np.uint8)
        >>> step[:, 3:] = 255
        >>> EdgePipeline("sobel", device="cpu")(step)[0]
        array([  0,   0, 255, 255,   0,   0], dtype=uint8)
    """

    def __init__(
        self,
        filter: str | Path = "sobel",
        *,
        device: str = "auto",
        gain: float = 1.0,
        threshold: float = 0.0,
        sigma: float = 1.0,
        weights: str | Path | Iterable[str | Path] = (),
        engine: EngineName = "auto",
        latency: Latency = "low",
        detail: Detail = "fine",
        is_thin: bool = False,
    ) -> None:
        checks.choice("detail", detail, get_args(Detail))
        checks.choice("latency", latency, get_args(Latency))
        checks.choice("engine", engine, get_args(EngineName))
        weights = [weights] if isinstance(weights, (str, Path)) else list(weights)
        filter = str(filter)
        if is_weights_path(filter):
            weights.append(filter)
            filter = filter_name(filter)
        self._catalog, self._detail = catalog(weights), detail
        if engine == "numba" and device not in ("auto", "cpu"):
            raise DeviceError(f"Numba computes on the CPU, not on {device}; choose engine torch")
        chosen = choose_device("cpu" if engine == "numba" else device)
        self._engine = Engine(*chosen, engine, latency)
        self._changing = threading.Lock()
        self._plan = self._planned(filter, sigma, gain, threshold, is_thin)

    def select(self, filter: str, *, sigma: float = 1.0) -> None:
        """Change the filter; raises as the constructor does, and then keeps the old one."""
        with self._changing:
            plan = self._plan
            is_same = type(sigma) is float and (filter, sigma) == (plan.entry.name, plan.sigma)
            if not is_same:
                self._plan = self._planned(filter, sigma, plan.gain, plan.threshold, plan.is_thin)

    def with_filter(self, filter: str, *, sigma: float = 1.0) -> "EdgePipeline":
        """Return a second pipeline that uses the engine of this one; raises as `select` does."""
        other = copy.copy(self)
        other._changing = threading.Lock()
        other._plan = self._planned(filter, sigma, self.gain, self.threshold, self.is_thin)
        return other

    def _planned(
        self, filter: str, sigma: float, gain: float, threshold: float, is_thin: bool
    ) -> Plan:
        is_thin = checks.truth("is_thin", is_thin)
        gain, threshold = checks.positive("gain", gain), checks.number("threshold", threshold, 0, 1)
        sigma = checks.number("sigma", sigma, MIN_SIGMA, MAX_SIGMA, unit=" pixels")
        entry = find(self._catalog, filter)
        edge_filter = make_filter(entry, sigma=sigma, detail=self._detail)
        return Plan(edge_filter, entry, sigma, gain, threshold, is_thin, loop_for(edge_filter))

    @property
    def gain(self) -> float:
        """Factor on the edge strength."""
        return self._plan.gain

    @gain.setter
    def gain(self, gain: float) -> None:
        gain = checks.positive("gain", gain)
        with self._changing:
            self._plan = replace(self._plan, gain=gain)

    @property
    def threshold(self) -> float:
        """What would be darker than this is shown black."""
        return self._plan.threshold

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        threshold = checks.number("threshold", threshold, 0, 1)
        with self._changing:
            self._plan = replace(self._plan, threshold=threshold)

    @property
    def is_thin(self) -> bool:
        """True to keep only the ridges of the edges."""
        return self._plan.is_thin

    @is_thin.setter
    def is_thin(self, is_thin: bool) -> None:
        is_thin = checks.truth("is_thin", is_thin)
        with self._changing:
            self._plan = replace(self._plan, is_thin=is_thin)

    def prepare(self, image: Image) -> None:
        """Compile what the filter needs for pictures like this one, and wait for it."""
        self._engine.prepare(self._plan, checks.picture(image))

    @property
    def waits(self) -> bool:
        """True if a CPU compiles each loop before the first picture that needs it.

        Set it where the same pictures must give the same edges whenever they are filtered: a loop
        may round differently from the definition, which serves until the loop is there.
        """
        return self._engine.cpu.waits

    @waits.setter
    def waits(self, waits: bool) -> None:
        self._engine.cpu.waits = checks.truth("waits", waits)

    def close(self) -> None:
        """Compile nothing more, and end the threads; `with` does it, too."""
        self._engine.close()

    @property
    def device(self) -> torch.device:
        """Where the edges are found: the chosen device; the CPU once that has failed."""
        return self._engine.device

    @property
    def device_reason(self) -> str:
        """Why there, in words."""
        return self._engine.reason

    @property
    def execution(self) -> str:
        """How the filter runs: ``torch``, ``numba``, ``compiled`` or ``opencv``."""
        return self._engine.execution(self._plan)

    @property
    def problem(self) -> str:
        """What is wrong with a filter of the user's own at the moment; empty if nothing is."""
        return self._plan.filter.problem

    @property
    def entry(self) -> Entry:
        """The filter in use, as the catalog has it."""
        return self._plan.entry

    @property
    def in_flight(self) -> int:
        """How many pictures may be on their way before waiting for one costs no time."""
        return self._engine.in_flight

    def __call__(self, image: Image, *, stages: StageTimer = untimed) -> Image:
        """Find the edges of one picture.

        Args:
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8, in any order in memory.
            stages: times the blocks ``upload``, ``filter`` and ``download``.

        Returns:
            ``(H, W)`` uint8: ``255 * gain`` at a unit step, rounded and saturated, a new array.

        Raises:
            ValueError: ``image`` is something else.
        """
        return self.submit(image, stages=stages).result()

    def submit(self, image: Image, *, stages: StageTimer = untimed) -> Pending:
        """Send one picture on its way, as a call does, and return its pending edges.

        With ``latency="throughput"`` a CUDA device is busy all the time when `in_flight` pictures
        are submitted ahead of the one whose result is waited for. Elsewhere the edges are there
        when this returns.
        """
        return self._engine.start(self._plan, checks.picture(image), stages)

    def edges_of_luma(self, luma: Image, *, stages: StageTimer = untimed) -> Image:
        """Find the edges of a picture that is gray already, as decoded video is.

        Args:
            luma: ``(H, W)`` uint8, BT.601 luma over the full range 0 to 255.
            stages: as for a call.

        Returns:
            ``(H, W)`` uint8, as a call does.

        Raises:
            ValueError: ``luma`` is something else, or the filter reads colours.
        """
        plan = self._plan
        if not plan.filter.reads_luma:
            raise ValueError(f"{plan.entry.name} reads colours; call the pipeline with BGR instead")
        return self._engine.start(plan, checks.gray("luma", luma), stages).result()

    @property
    def has_kernels(self) -> bool:
        """Whether the filter is a bank of kernels, and neither a net nor a function."""
        return not self._plan.filter.is_net

    @property
    def bank(self) -> NDArray[np.float32]:
        """The kernels of the filter in use, ``(out, in, h, w)``; do not write to them."""
        return self._plan.filter.weight.numpy()

    @property
    def reads_luma(self) -> bool:
        """Whether the filter looks at brightness alone, and not at colours."""
        return self._plan.filter.reads_luma

    @property
    def is_balanced(self) -> bool:
        """Whether only differences of brightness count, and twice as large ones count twice."""
        return self._plan.filter.is_balanced
