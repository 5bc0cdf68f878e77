"""The pipeline: a BGR picture in, its edge image out, on the best device there is.

The only module that knows where the numbers are crunched: transfer to and from a device happens
here and nowhere else.
"""

import os
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from live_edges import fused, views
from live_edges.catalog import Entry, catalog, find
from live_edges.compiling import Compiler, Mode, eagerly
from live_edges.errors import DeviceError
from live_edges.filters import make_filter
from live_edges.frame import Image, check_bgr

StageTimer = Callable[[str], AbstractContextManager[None]]  # `live_edges.timing.Stages`, say


def _untimed(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


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
        self._staging = np.empty((0, 0, 0), np.uint8)
        self._staged_tensor = torch.from_numpy(self._staging)
        self._row_color, self._row = (0, 0, 0), torch.empty(0)
        self._scalar_values: tuple[float, float] | None = None
        self._chosen: tuple[str, float] | None = None
        self.select(filter, sigma=sigma)

    def select(self, filter: str, *, sigma: float = 1.0) -> None:
        """Change the filter; raises as the constructor does, and then keeps the old one."""
        if (filter, sigma) == self._chosen:
            return
        entry = find(self._catalog, filter)
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

    def __call__(self, image: Image, *, stages: StageTimer = _untimed) -> Image:
        """Find the edges of one picture.

        Args:
            image: ``(H, W, 3)`` uint8 BGR, C-contiguous.
            stages: times the blocks ``upload``, ``filter`` and ``download``.

        Returns:
            ``(H, W)`` uint8: ``255 * gain`` at a unit step, rounded and saturated, a new array.

        Raises:
            ValueError: ``image`` is something else.
        """
        check_bgr(image)
        with stages("upload"):
            planes = self._staged(image.shape[:2])
            if self.reads_luma:
                # By OpenCV: faster than torch on the CPU, and fewer bytes cross to a GPU.
                cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=planes[0])
            else:
                for plane, channel in zip(planes, (2, 1, 0), strict=True):
                    cv2.extractChannel(image, channel, dst=plane)
        return self._edges_of_staged(stages)

    def edges_of_luma(self, luma: Image, *, stages: StageTimer = _untimed) -> Image:
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
        with stages("upload"):
            self._staged(luma.shape)[0] = luma
        return self._edges_of_staged(stages)

    def overlay(self, image: Image, edges: Image, color: tuple[int, int, int]) -> Image:
        """Paint the edges over the picture, see `live_edges.views.overlay`; always on the CPU."""
        if min(edges.shape) > 1:
            height, width = edges.shape
            pictures = (
                _tensor_of(image).view(height, -1),
                torch.from_numpy(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR)).view(height, -1),
                self._row_of(color, width),
            )
            blend = self._compiler.twin(fused.blend, pictures)
            if blend is not None:
                return np.asarray(blend(*pictures).numpy()).reshape(image.shape)
        return views.overlay(image, edges, color)

    @property
    def reads_luma(self) -> bool:
        """Whether the filter looks at brightness alone, and not at colours."""
        return int(self._filter.weight.shape[1]) == 1

    @property
    def is_balanced(self) -> bool:
        """Whether only differences of brightness count, and twice as large ones count twice."""
        return self._filter.is_balanced

    def _staged(self, size: tuple[int, ...]) -> Image:
        """Return the planes to write the next picture to, inside the room for its border."""
        planes, window = self._filter.weight.shape[1], self._filter.window
        shape = (planes, size[0] + window - 1, size[1] + window - 1)
        if self._staging.shape != shape:
            self._staging = np.empty(shape, np.uint8)
            self._staged_tensor = torch.from_numpy(self._staging)[None]  # the same memory
        before = window // 2
        return self._staging[:, before : before + size[0], before : before + size[1]]

    @torch.inference_mode()
    def _edges_of_staged(self, stages: StageTimer) -> Image:
        with stages("upload"):
            window = self._filter.window
            repeat_border(self._staging, window)
            padded = self._staged_tensor.to(self.device)
        with stages("filter"):
            # A compiled function treats sides of one pixel as a case of its own.
            run = self._compiler if min(padded.shape[-2:]) > window else eagerly
            edges = self._filter.edges(run, padded, *self._scalars())
            self._synchronize()
        with stages("download"):
            return np.asarray(edges[0, 0].cpu().numpy())

    def _scalars(self) -> tuple[Tensor, Tensor]:
        """Return gain and threshold on the device, made anew only when one has changed."""
        if self._scalar_values != (self.gain, self.threshold):
            self._scalar_values = (self.gain, self.threshold)
            gain, threshold = (torch.tensor(x, device=self.device) for x in self._scalar_values)
            self._scalar_tensors = (gain, threshold)
        return self._scalar_tensors

    def _row_of(self, color: tuple[int, int, int], width: int) -> Tensor:
        """Return a row of pixels of one colour, ``(3 width,)``, made anew only when it changes."""
        if self._row_color != color or len(self._row) != 3 * width:
            self._row_color, self._row = (
                color,
                torch.tensor(color, dtype=torch.float32).repeat(width),
            )
        return self._row

    def _synchronize(self) -> None:
        if self.device.type != "cpu":
            getattr(torch, self.device.type).synchronize()


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


def share_cores(threads: int | None = None) -> None:
    """Set how many CPU threads torch computes with, in the whole process.

    On two cores a live loop at 1920x1080 shows as many pictures a second with one thread as with
    two, for the decoder takes the other, and a conversion beside an encoder a fifth more.

    Args:
        threads: None takes half of the cores, unless ``OMP_NUM_THREADS`` says how many.
    """
    if threads is None and "OMP_NUM_THREADS" not in os.environ:
        threads = max(1, (os.cpu_count() or 1) // 2)
    if threads is not None:
        torch.set_num_threads(threads)


def choose_device(name: str = "auto") -> tuple[torch.device, str]:
    """Return the device to compute on and why it was chosen.

    Args:
        name: ``auto`` takes the first there is of CUDA, MPS, XPU, CPU.

    Raises:
        DeviceError: that device is not there, or is no device at all.
    """
    if name == "auto":
        found = [kind for kind in ("cuda", "mps", "xpu") if _device_count(kind)]
        if not found:
            return torch.device("cpu"), "no GPU that torch can use was found"
        return torch.device(found[0]), f"the first of {', '.join([*found, 'cpu'])}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"'{name}' is no device; choose one of: {_known_devices()}") from error
    if device.type not in ("cpu", "cuda", "mps", "xpu") or (
        device.type != "cpu" and (device.index or 0) >= _device_count(device.type)
    ):
        raise DeviceError(
            f"device {name} is not on this machine; choose one of: {_known_devices()}"
        )
    return device, "as asked"


def _device_count(kind: str) -> int:
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind)
    return int(module.device_count()) if module.is_available() else 0


def _known_devices() -> str:
    names = [f"{kind}:{i}" for kind in ("cuda", "xpu") for i in range(_device_count(kind))]
    return ", ".join(["auto", "cpu", *(["mps"] if _device_count("mps") else []), *names])
