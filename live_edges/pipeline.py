"""The pipeline: a BGR picture in, its edge image out, on the best device there is.

The only module that knows where the numbers are crunched: it chooses the carrier that brings
pictures to the device and edges back, and no filter names a device.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from live_edges import fused, views
from live_edges.carriers import SLOTS, Carrier, Direct, Pending, Streamed, Write
from live_edges.catalog import Entry, catalog, find
from live_edges.compiling import Compiler, Job, Mode
from live_edges.devices import choose_device
from live_edges.filters import make_filter
from live_edges.frame import Image, check_bgr
from live_edges.timing import StageTimer, untimed

Latency = Literal["low", "throughput"]


class EdgePipeline:
    """Turns pictures into edge images.

    Args:
        filter: a name from ``live-edges filters``, or the path of a weights file.
        device: ``auto``, or a torch device such as ``cpu``, ``cuda:1``, ``mps``, ``xpu``.
        gain: factor on the edge strength; with 1, a unit step (0 to 255) reads 255.
        threshold: what would be darker than this is shown black, 0 to 1; for ``canny`` the
            strength of the gradient that starts a line, 0 meaning its default.
        sigma: blur radius in pixels, 0.3 to 5, for the filters that have one.
        weights: weights files to choose from by name, beside those that came with the program.
        compile: ``auto`` compiles a linear filter in the background once it is in steady use,
            ``wait`` at its first picture, ``off`` never.
        latency: ``low`` has each picture back before the next one starts, ``throughput`` lets a
            CUDA device work on one while others are copied; see `submit`.

    Attributes:
        device: the `torch.device` in use.
        device_reason: why this device, in words.
        gain, threshold: as above; change them between two calls at will.
        execution: how the filter runs: ``eager``, ``compiling`` (still eagerly) or ``compiled``.

    Raises:
        DeviceError: the device is not there.
        LiveEdgesError: there is no such filter.
        WeightsError: the weights file can not be used.
        ValueError: ``sigma`` is out of range.

    Example:
        >>> step = np.zeros((4, 6, 3), np.uint8)
        >>> step[:, 3:] = 255
        >>> EdgePipeline("sobel", device="cpu")(step)[0]
        array([  0,   0, 255, 255,   0,   0], dtype=uint8)
    """

    def __init__(
        self,
        filter: str = "sobel",
        *,
        device: str = "auto",
        gain: float = 1.0,
        threshold: float = 0.0,
        sigma: float = 1.0,
        weights: Iterable[str | Path] = (),
        compile: Mode = "auto",
        latency: Latency = "low",
    ) -> None:
        weights = list(weights)
        if Path(filter).suffix in (".safetensors", ".pt", ".pth"):
            weights.append(filter)
            filter = Path(filter).stem
        self._catalog = catalog(weights)
        self.device, self.device_reason = choose_device(device)
        self.gain = gain
        self.threshold = threshold
        self._compiler = Compiler(compile)
        self._carrier = _carrier_to(self.device, latency)
        self._row_color, self._row = (0, 0, 0), torch.empty(0)
        self._scalar_values = (0.0, 0.0)
        with torch.inference_mode(), self._carrier.at_work():
            self._scalars = [torch.zeros((), device=self.device) for _ in self._scalar_values]
        self._chosen: tuple[str, float] | None = None
        self.select(filter, sigma=sigma)

    @torch.inference_mode()
    def select(self, filter: str, *, sigma: float = 1.0) -> None:
        """Change the filter; raises as the constructor does, and then keeps the old one."""
        if (filter, sigma) == self._chosen:
            return
        entry = find(self._catalog, filter)
        with self._carrier.at_work():
            self._filter = make_filter(entry, sigma=sigma).to(self.device)
        self._entry = entry
        self._chosen = (filter, sigma)

    def close(self) -> None:
        """Stop compiling in the background; the pipeline can still be used."""
        self._compiler.close()

    @property
    def execution(self) -> str:
        """How the filter runs: ``eager``, ``compiling`` (still eagerly) or ``compiled``."""
        if self._compiler.is_compiled(self._filter.function, self._filter.taps):
            return "compiled"
        return "compiling" if self._compiler.is_compiling else "eager"

    @property
    def entry(self) -> Entry:
        """The filter in use, as the catalog has it."""
        return self._entry

    @property
    def in_flight(self) -> int:
        """How many pictures may be on their way before waiting for one costs no time."""
        return self._carrier.in_flight

    def __call__(self, image: Image, *, stages: StageTimer = untimed) -> Image:
        """Find the edges of one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, C-contiguous.
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
        check_bgr(image)

        def write(planes: Image) -> None:
            if self.reads_luma:
                # By OpenCV: faster than torch on the CPU, and fewer bytes cross to a GPU.
                cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=planes[0])
            else:
                for plane, channel in zip(planes, (2, 1, 0), strict=True):
                    cv2.extractChannel(image, channel, dst=plane)

        return self._start(image.shape[:2], write, stages)

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
        if not self.reads_luma:
            raise ValueError(f"{self.entry.name} reads colours; call the pipeline with BGR instead")
        if luma.dtype != np.uint8 or luma.ndim != 2 or luma.size == 0:
            raise ValueError(f"luma needs to be (H, W) uint8, got {luma.dtype} {luma.shape}")

        def write(planes: Image) -> None:
            planes[0] = luma

        return self._start(luma.shape, write, stages).result()

    def overlay(self, image: Image, edges: Image, color: tuple[int, int, int]) -> Image:
        """Paint the edges over the picture, see `live_edges.views.overlay`; always on the CPU."""
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
        return int(self._filter.weight.shape[1]) == 1

    @property
    def is_balanced(self) -> bool:
        """Whether only differences of brightness count, and twice as large ones count twice."""
        return self._filter.is_balanced

    @torch.inference_mode()
    def _start(self, size: tuple[int, ...], write: Write, stages: StageTimer) -> Pending:
        current, window = self._filter, self._filter.window
        before = window // 2
        self._set_scalars()
        # A compiled function treats sides of one pixel as a case of its own.
        run = self._compiler if min(size) > 1 else Job.plainly
        edges = current.edges_on_cpu if self.device.type == "cpu" else current.edges
        what = current.function, current.taps
        is_known = current.is_linear and self._compiler.is_settled(*what)

        def write_with_border(room: Image) -> None:
            write(room[:, before : before + size[0], before : before + size[1]])
            repeat_border(room, window)

        return self._carrier.start(
            (int(current.weight.shape[1]), size[0] + window - 1, size[1] + window - 1),
            write_with_border,
            lambda padded: edges(run, padded, *self._scalars),
            key=(current, self._compiler.is_compiled(*what)) if is_known else None,
            stages=stages,
        )

    def _set_scalars(self) -> None:
        """Bring gain and threshold to the device when one has changed, always to the same place."""
        if self._scalar_values != (self.gain, self.threshold):
            self._scalar_values = (self.gain, self.threshold)
            with self._carrier.at_work():
                for tensor, value in zip(self._scalars, self._scalar_values, strict=True):
                    tensor.fill_(value)

    def _row_of(self, color: tuple[int, int, int], image: Image) -> Tensor:
        """Return a row of pixels of one colour, ``(3 W,)``, made anew only when it changes."""
        if self._row_color != color or len(self._row) != image[0].size:
            self._row_color = color
            self._row = torch.tensor(color, dtype=torch.float32).repeat(image.shape[1])
        return self._row


def _carrier_to(device: torch.device, latency: Latency) -> Carrier:
    if device.type != "cuda":
        return Direct(device)
    return Streamed(device, in_flight=SLOTS - 1 if latency == "throughput" else 0)


def _blended_by_opencv(image: Tensor, opacity: Tensor, row: Tensor) -> Tensor:
    """As `live_edges.fused.blend`."""
    pixels = len(image), -1, 3
    blue, green, red = map(int, row[:3])
    painted = views.blend(
        image.numpy().reshape(pixels), opacity.numpy().reshape(pixels), (blue, green, red)
    )
    return torch.from_numpy(painted).view(image.shape)


def _tensor_of(image: Image) -> Tensor:
    """Share the memory of a picture that nobody writes to, of which torch would warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(image)


def repeat_border(padded: Image, kernel_size: int) -> None:
    """Repeat the outermost pixels of the picture inside ``padded``, in place.

    Args:
        padded: ``(planes, H + k - 1, W + k - 1)``, laid out as `functional.pad_replicate` does.
        kernel_size: k.
    """
    before, after = kernel_size // 2, (kernel_size - 1) // 2
    top, left = before, before
    bottom, right = padded.shape[1] - after - 1, padded.shape[2] - after - 1
    padded[:, :top] = padded[:, top : top + 1]
    padded[:, bottom + 1 :] = padded[:, bottom : bottom + 1]
    padded[:, :, :left] = padded[:, :, left : left + 1]
    padded[:, :, right + 1 :] = padded[:, :, right : right + 1]
