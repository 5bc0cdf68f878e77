"""The pipeline: a BGR picture in, its edge image out, on the best device there is.

It chooses the device and holds what a caller may change; `live_edges.engine` computes.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from live_edges import checks, fused, views
from live_edges.carriers import Pending
from live_edges.catalog import Entry, catalog, find
from live_edges.compiling import Compiler, Job, Mode
from live_edges.devices import choose_device
from live_edges.engine import Engine, Latency, Plan
from live_edges.filters import make_filter
from live_edges.frame import Image
from live_edges.ranges import MAX_SIGMA, MIN_SIGMA
from live_edges.timing import StageTimer, untimed
from live_edges.weights_file import filter_name, is_weights_path


class EdgePipeline:
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
        compile: ``auto`` compiles a linear filter in the background once it is in steady use,
            ``wait`` at its first picture, ``off`` never; on ``mps`` nothing is compiled.
        latency: ``low`` has each picture back before the next one starts, ``throughput`` lets a
            CUDA device work on one while others are copied; see `submit`.

    Attributes:
        device: the `torch.device` in use; ``canny`` is OpenCV's, on the CPU, but for CUDA.
        device_reason: why this device, in words.
        gain, threshold: as above; set them at any time, the next call uses them.
        execution: how the filter runs: ``eager``, ``compiling`` (still eagerly) or ``compiled``.

    Raises:
        DeviceError: the device is not there.
        LiveEdgesError: there is no such filter.
        WeightsError: the weights file can not be used.
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
        compile: Mode = "auto",
        latency: Latency = "low",
    ) -> None:
        checks.choice("latency", latency, get_args(Latency))
        checks.choice("compile", compile, get_args(Mode))
        weights = [weights] if isinstance(weights, (str, Path)) else list(weights)
        filter = str(filter)
        if is_weights_path(filter):
            weights.append(filter)
            filter = filter_name(filter)
        self._catalog = catalog(weights)
        self.device, self.device_reason = choose_device(device)
        # A second thread must not compile while the first computes on an Apple GPU: pytorch#197805.
        self._compiler = Compiler("off" if self.device.type == "mps" else compile)
        self._engine = Engine(self.device, self._compiler, latency)
        self._engine_of_lines = self._engine
        if self.device.type not in ("cpu", "cuda"):
            # torch before 2026 has no scatter_reduce of int64 there, which joins Canny's lines.
            self._engine_of_lines = Engine(torch.device("cpu"), self._compiler)
        self._row = ((0, 0, 0), 0), torch.empty(0)
        self._changing = threading.Lock()
        self._plan = self._planned(filter, sigma, gain, threshold)

    def select(self, filter: str, *, sigma: float = 1.0) -> None:
        """Change the filter; raises as the constructor does, and then keeps the old one."""
        with self._changing:
            plan = self._plan
            is_same = type(sigma) is float and (filter, sigma) == (plan.entry.name, plan.sigma)
            if not is_same:
                self._plan = self._planned(filter, sigma, plan.gain, plan.threshold)

    def _engine_for(self, plan: Plan) -> Engine:
        return self._engine if plan.filter.is_linear else self._engine_of_lines

    def _planned(self, filter: str, sigma: float, gain: float, threshold: float) -> Plan:
        gain, threshold = checks.positive("gain", gain), checks.number("threshold", threshold, 0, 1)
        sigma = checks.number("sigma", sigma, MIN_SIGMA, MAX_SIGMA, unit=" pixels")
        entry = find(self._catalog, filter)
        return Plan(make_filter(entry, sigma=sigma), entry, sigma, gain, threshold)

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

    def close(self) -> None:
        """Stop compiling in the background; the pipeline can still be used."""
        self._compiler.close()

    @property
    def execution(self) -> str:
        """How the filter runs: ``eager``, ``compiling`` (still eagerly) or ``compiled``."""
        current = self._plan.filter
        if self._compiler.is_compiled(current.function, current.taps):
            return "compiled"
        return "compiling" if self._compiler.is_compiling else "eager"

    @property
    def entry(self) -> Entry:
        """The filter in use, as the catalog has it."""
        return self._plan.entry

    @property
    def in_flight(self) -> int:
        """How many pictures may be on their way before waiting for one costs no time."""
        return self._engine.carrier.in_flight

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
        """Send one picture on its way, as a call does, and return the receipt for its edges.

        With ``latency="throughput"`` a CUDA device is busy all the time when `in_flight` pictures
        are submitted ahead of the one whose result is waited for. Elsewhere the edges are there
        when this returns.
        """
        image, plan = checks.picture(image), self._plan

        def write(planes: Image) -> None:
            if image.ndim == 2:
                planes[:] = image
            elif plan.filter.reads_luma:
                # By OpenCV: faster than torch on the CPU, and fewer bytes cross to a GPU.
                cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=planes[0])
            else:
                for plane, channel in zip(planes, (2, 1, 0), strict=True):
                    cv2.extractChannel(image, channel, dst=plane)

        return self._engine_for(plan).start(plan, image.shape[:2], write, stages)

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
        luma = np.asarray(luma)
        if luma.dtype != np.uint8 or luma.ndim != 2 or luma.size == 0:
            raise ValueError(f"luma needs to be (H, W) uint8, got {luma.dtype} {luma.shape}")

        def write(planes: Image) -> None:
            planes[0] = luma

        return self._engine_for(plan).start(plan, luma.shape, write, stages).result()

    def overlay(self, image: Image, edges: Image, color: tuple[int, int, int]) -> Image:
        """Paint the edges over the picture, see `live_edges.views.overlay`; always on the CPU.

        Args:
            image: as for a call.
            edges: ``(H, W)`` uint8.
            color: blue, green and red of the paint, 0 to 255.

        Returns:
            ``(H, W, 3)`` uint8.

        Raises:
            ValueError: one of them is something else.
        """
        image, edges, color = checks.picture(image), checks.picture(edges), checks.color(color)
        if edges.shape != image.shape[:2]:
            raise ValueError(
                f"edges need the height and width of their picture, {image.shape[:2]}, "
                f"got {edges.shape}"
            )
        if image.ndim == 2:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
        if min(edges.shape) == 1:  # a compiled function treats it as a case of its own
            return views.overlay(image, edges, color)
        rows = len(edges), -1
        opacity = torch.from_numpy(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR))
        pictures = (_tensor_of(image).view(rows), opacity.view(rows), self._row_of(color, image))
        painted = self._compiler(Job(fused.blend, pictures, plain=_blended_by_opencv))
        return np.asarray(painted.numpy()).reshape(image.shape)

    @property
    def reads_luma(self) -> bool:
        """Whether the filter looks at brightness alone, and not at colours."""
        return self._plan.filter.reads_luma

    @property
    def is_balanced(self) -> bool:
        """Whether only differences of brightness count, and twice as large ones count twice."""
        return self._plan.filter.is_balanced

    def _row_of(self, color: tuple[int, int, int], image: Image) -> Tensor:
        """Return a row of pixels of one colour, ``(3 W,)``, made anew only when it changes."""
        wanted = color, image.shape[1]
        kept, row = self._row
        if kept != wanted:
            row = torch.tensor(color, dtype=torch.float32).repeat(image.shape[1])
            self._row = wanted, row
        return row


def _blended_by_opencv(image: Tensor, opacity: Tensor, row: Tensor) -> Tensor:
    """As `live_edges.fused.blend`."""
    pixels = len(image), -1, 3
    blue, green, red = map(int, row[:3])
    painted = views.blend(
        image.numpy().reshape(pixels), opacity.numpy().reshape(pixels), (blue, green, red)
    )
    return torch.from_numpy(painted).view(image.shape)


class _Writable:
    """Memory of a picture that torch does not warn of, because it does not look read-only."""

    def __init__(self, image: Image) -> None:
        interface = image.__array_interface__
        address, _ = interface["data"]
        self.image = image  # kept alive with its memory
        self.__array_interface__ = {**interface, "data": (address, False)}


def _tensor_of(image: Image) -> Tensor:
    """Share the memory of a picture that nobody writes to."""
    return torch.from_numpy(image if image.flags.writeable else np.asarray(_Writable(image)))
