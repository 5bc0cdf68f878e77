"""The pipeline: a BGR picture in, its edge image out, on the best device there is.

The only module that knows where the numbers are crunched: transfer to and from a device happens in
`EdgePipeline.__call__`, and nowhere else.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch

from live_edges.catalog import Entry, catalog, find
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

    Attributes:
        device: the `torch.device` in use.
        device_reason: why this device, in words.
        gain, threshold: as above; change them between two calls at will.
        execution: how the filter runs: ``eager``.

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

    execution = "eager"

    def __init__(
        self,
        filter: str = "sobel",
        *,
        device: str = "auto",
        gain: float = 1.0,
        threshold: float = 0.0,
        sigma: float = 1.0,
        weights: Iterable[str | Path] = (),
    ) -> None:
        weights = list(weights)
        if Path(filter).suffix in (".safetensors", ".pt", ".pth"):
            weights.append(filter)
            filter = Path(filter).stem
        self._catalog = catalog(weights)
        self.device, self.device_reason = choose_device(device)
        self.gain = gain
        self.threshold = threshold
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
        if self.reads_luma:
            # By OpenCV: faster than torch on the CPU, and a third of the bytes cross to a GPU.
            with stages("upload"):
                luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
            return self.edges_of_luma(luma, stages=stages)
        with stages("upload"):
            planes = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))
        return self._edges_of_planes(planes, stages)

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
        return self._edges_of_planes(luma[None], stages)

    @property
    def reads_luma(self) -> bool:
        """Whether the filter looks at brightness alone, and not at colours."""
        return int(self._filter.weight.shape[1]) == 1

    @torch.inference_mode()
    def _edges_of_planes(self, planes: Image, stages: StageTimer) -> Image:
        with stages("upload"):
            x = torch.from_numpy(planes)[None].to(self.device)
        with stages("filter"):
            edges = self._filter.picture(x, gain=self.gain, threshold=self.threshold)
            self._synchronize()
        with stages("download"):
            return np.asarray(edges[0, 0].cpu().numpy())

    def _synchronize(self) -> None:
        if self.device.type != "cpu":
            getattr(torch, self.device.type).synchronize()


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
