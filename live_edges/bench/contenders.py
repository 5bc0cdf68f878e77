"""Who is timed: a bare copy, ours, and others' fastest way to the same picture."""

import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import av.filter
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from live_edges.bench.measuring import Contender
from live_edges.filters.canny import DEFAULT_HIGH, LOW_OVER_HIGH
from live_edges.frame import Image
from live_edges.pipeline.compiling import STEADY_CALLS
from live_edges.pipeline.cpu_engine import EngineName
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.pipeline.views import overlay
from live_edges.settings import LINE_COLORS, ViewName

COLOR = next(iter(LINE_COLORS.values()))
BORDER = cv2.BORDER_REPLICATE

Paint = Callable[[Image, Image, tuple[int, int, int]], Image]  # over a picture, its edges


def contenders(
    name: str, view: ViewName, device: str, *, engine: EngineName
) -> tuple[dict[str, Contender], EdgePipeline]:
    """Return everybody who can make this view by this filter, by name, and our fastest pipeline."""
    defined = EdgePipeline(name, device=device, engine="torch")
    fast = EdgePipeline(name, device=device, engine=engine)
    found: dict[str, Contender] = {
        "copy": np.copy,
        f"ours, {defined.execution}": _seen(defined, view, defined.overlay),
    }
    picture = np.zeros((480, 640, 3), np.uint8)
    fast.prepare(picture)
    for _ in range(STEADY_CALLS):  # then the overlay is compiled, too
        _seen(fast, view, fast.overlay)(picture)
    if fast.execution != defined.execution:
        found[f"ours, {fast.execution}"] = _seen(fast, view, fast.overlay)
    for who, find in _others(name, fast).items():
        found[who] = _seen(find, view, overlay)
    return found, fast


def _others(name: str, ours: EdgePipeline) -> dict[str, Contender]:
    if name == "sobel":
        return {"OpenCV spatialGradient": _opencv_sobel, **_installed_sobels()}
    if name == "canny":
        return {"OpenCV Canny": opencv_canny(ours.entry.bank(1.0))}
    return {"OpenCV filter2D": _opencv_bank(ours.entry.bank(1.0)[:, 0])} if ours.reads_luma else {}


def _seen(find: Contender, view: ViewName, paint: Paint) -> Contender:
    return find if view == "edges" else lambda image: paint(image, find(image), COLOR)


def _opencv_sobel(image: Image) -> Image:
    """OpenCV's fastest exact Sobel magnitude: both derivatives in one pass over 16-bit integers."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    gx, gy = cv2.spatialGradient(gray, borderType=BORDER)
    strength = cv2.magnitude(gx.astype(np.float32), gy.astype(np.float32))
    return np.asarray(cv2.convertScaleAbs(strength, alpha=0.25), np.uint8)


def _opencv_bank(bank: NDArray[np.float64]) -> Contender:
    kernels = [kernel.astype(np.float32) for kernel in bank]

    def filter2d(image: Image) -> Image:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        responses = [cv2.filter2D(gray, cv2.CV_32F, k, borderType=BORDER) for k in kernels]
        strength = cv2.magnitude(*responses) if len(responses) == 2 else responses[0]
        return np.asarray(cv2.convertScaleAbs(strength), np.uint8)

    return filter2d


def opencv_canny(bank: NDArray[np.float64]) -> Contender:
    """OpenCV's Canny behind a Gaussian blur, with thresholds at the same share of a unit step.

    It takes Sobel of the blurred picture, in whole numbers, for the derivative of a Gaussian, so
    that its lines are not in all places the same.
    """
    size = bank.shape[-1], bank.shape[-1]
    step = np.zeros((32, 32), np.uint8)
    step[:, 16:] = 255
    blurred = cv2.GaussianBlur(step, size, 1.0, borderType=BORDER)
    high = DEFAULT_HIGH * float(cv2.Sobel(blurred, cv2.CV_32F, 1, 0).max())

    def canny(image: Image) -> Image:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        smooth = cv2.GaussianBlur(gray, size, 1.0, borderType=BORDER)
        lines = cv2.Canny(smooth, LOW_OVER_HIGH * high, high, L2gradient=True)
        return np.asarray(lines, np.uint8)

    return canny


def _installed_sobels() -> dict[str, Contender]:
    """Sobel by FFmpeg, and by what the extra ``bench`` has, where it is installed."""
    found: dict[str, Contender] = {"FFmpeg sobel": _FFmpegSobel()}
    if kornia := _imported("kornia"):

        def by_kornia(image: Image) -> Image:
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            x = torch.from_numpy(gray)[None, None].float()
            gradient: Tensor = kornia.filters.spatial_gradient(x, normalized=True)[0, 0]
            strength = torch.hypot(gradient[0], gradient[1]) * 2
            return np.asarray(strength.round().clamp(max=255).byte().numpy())

        found["kornia"] = by_kornia
    if kornia_rs := _imported("kornia_rs.imgproc"):

        def by_kornia_rs(image: Image) -> Image:
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            strength = kornia_rs.sobel(gray.astype(np.float32)[..., None])  # black at the border
            return np.asarray(cv2.convertScaleAbs(strength, alpha=0.25), np.uint8)

        found["kornia-rs"] = by_kornia_rs
    if skimage := _imported("skimage.filters"):

        def by_skimage(image: Image) -> Image:
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
            strength = skimage.sobel(gray, mode="nearest") * 2**0.5
            return np.asarray(np.clip(np.rint(strength), 0, 255), np.uint8)

        found["scikit-image"] = by_skimage
    return found


class _FFmpegSobel:
    """FFmpeg's filter of that name on one thread, through PyAV, on the gray picture."""

    def __init__(self) -> None:
        self._size: tuple[int, ...] | None = None

    def __call__(self, image: Image) -> Image:
        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._size != gray.shape:
            self._size, self._graph = gray.shape, self._open(*gray.shape)
        self._graph.push(av.VideoFrame.from_ndarray(gray, format="gray"))
        frame = self._graph.pull()
        if not isinstance(frame, av.VideoFrame):
            raise AssertionError("a picture goes in and comes out")
        return np.asarray(frame.to_ndarray(), np.uint8)

    def _open(self, height: int, width: int) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat("gray"),
            time_base=Fraction(1, 30),
        )
        sobel, sink = graph.add("sobel", "scale=0.25"), graph.add("buffersink")
        source.link_to(sobel)
        sobel.link_to(sink)
        graph.configure()
        return graph


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
