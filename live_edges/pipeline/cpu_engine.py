"""The CPU engine: edges by the definition at once, and by compiled loops once there are some."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from live_edges.filters import canny, functional
from live_edges.filters.filter import Job
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.pipeline import thinning, views
from live_edges.pipeline.bands import Bands
from live_edges.pipeline.compiling import Compiler, Function
from live_edges.pipeline.plan import Plan
from live_edges.pipeline.responses import responses

EngineName = Literal["auto", "torch", "numba"]

BAND_PIXELS = 1 << 17  # by conv2d a whole 1280x720 takes 35 ms, and 8 in bands that fit the cache

SIGNED = True  # the last constant of a loop that writes responses

Shape = tuple[Any, ...]  # what makes a loop, and with which constants
THIN: Shape = ("thin",)


class CpuEngine(Closing):
    """Finds edges on the CPU, and paints them over the picture.

    Any number of threads may use it at once.

    Args:
        name: ``auto`` compiles a loop behind the running pictures once it would be in steady use,
            ``numba`` at its first picture, ``torch`` never.

    Attributes:
        waits: True to compile each loop before the first picture that needs it, because a loop may
            round differently from the definition.
    """

    def __init__(self, name: EngineName = "auto") -> None:
        self._name = name
        self.waits = name == "numba"
        self._compiler = Compiler()
        self._bands = Bands()

    def edges(self, plan: Plan, image: Image) -> Image:
        """Find the edges of a picture.

        Args:
            plan: what to compute.
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8, C-contiguous.

        Returns:
            ``(H, W)`` uint8, a new array.
        """
        if plan.thins:
            thick = self.edges(plan.thick, image)
            return views.without_weak(self.thinned(thick), plan.threshold)
        if plan.filter.is_linear:
            edges = np.empty(image.shape[:2], np.uint8)
            shape, image, arguments = _loop(plan, image)
            if self._run(shape, image, *arguments, edges):
                return edges
        return by_definition(plan, image)

    def responses(self, plan: Plan, image: Image) -> NDArray[np.float32]:
        """See `live_edges.EdgePipeline.responses`."""
        if plan.filter.is_net:
            plan = replace(plan.thick, gain=1.0)
            return by_definition(plan, image)[None].astype(np.float32) / np.float32(255)
        found = np.empty((len(plan.filter.weight), *image.shape[:2]), np.float32)
        shape, read, (taps, _, threshold) = _loop(plan, image)
        scale = np.float32(plan.loop.scale / 255)
        if self._run((*shape, SIGNED), read, taps, scale, threshold, found):
            return found
        return responses(plan, image)

    def prepare(self, plan: Plan, image: Image) -> None:
        """Compile what pictures like this one need, and wait for it."""
        edges = np.empty(image.shape[:2], np.uint8)
        if self._name == "torch":
            return
        if plan.filter.is_linear:
            shape, image, arguments = _loop(plan, image)
            make = partial(_compiled, shape, _rows(image), *arguments, edges)
            self._compiler.make_on_thread(shape, make)
        if plan.thins:
            make = partial(_compiled, THIN, _rows(edges), np.empty_like(edges))
            self._compiler.make_on_thread(THIN, make)

    def thinned(self, edges: Image) -> Image:
        """See `live_edges.EdgePipeline.thinned`."""
        found = self.painted(*THIN, edges)
        return thinning.thinned(edges) if found is None else found

    def overlay(self, image: Image, edges: Image, color: tuple[int, int, int]) -> Image:
        """Paint edges over a ``(H, W, 3)`` picture, see `live_edges.pipeline.views.overlay`."""
        painted = self.painted("overlay", image, edges, np.array(color, np.uint8))
        return views.overlay(image, edges, color) if painted is None else painted

    def painted(
        self,
        loop: str,
        image: Image,
        *others: NDArray[Any],
        written: NDArray[Any] | None = None,
    ) -> Image | None:
        """See `live_edges.EdgePipeline.painted`."""
        image = np.ascontiguousarray(image)
        painted = np.empty_like(_rows(image))
        arrays = [_read_only(each) for each in others]
        arrays += [] if written is None else [written]
        is_done = self._run((loop,), image, *arrays, painted)
        return painted.reshape(image.shape) if is_done else None

    def painted_responses(
        self, plan: Plan, loop: str, image: Image, *others: NDArray[Any]
    ) -> Image | None:
        """See `live_edges.EdgePipeline.painted_responses`."""
        image, arrays = np.ascontiguousarray(image), [_read_only(each) for each in others]
        shape, read, (taps, _, threshold) = _loop(plan, image)
        slid = taps, np.float32(plan.loop.scale / 255), threshold
        seen, rows = _rows(read), _rows(image)
        out, width, painted = len(plan.filter.weight), image.shape[1], np.empty_like(rows)
        found = np.empty((out, 1, width), np.float32)
        slide = self._ready((*shape, SIGNED), read, *slid, found)
        paint = self._ready((loop,), image, _read_only(found), *arrays, painted)
        if slide is None or paint is None:
            return None

        def both(y: int, end: int) -> None:
            found = np.empty((out, end - y, width), np.float32)  # stays in the processor's cache
            slide(seen, y, end, *slid, found)
            paint(rows, y, end, _read_only(found), *arrays, painted)

        is_done = self._over_bands((loop,), both, image)
        return painted.reshape(image.shape) if is_done else None

    def _run(self, shape: Shape, image: Image, *others: Any) -> bool:
        """Run a compiled loop over all rows of a picture; False where there is none yet."""
        loop, rows = self._ready(shape, image, *others), _rows(image)
        if loop is None:
            return False
        return self._over_bands(shape, lambda y, end: loop(rows, y, end, *others), image)

    def _ready(self, shape: Shape, image: Image, *others: Any) -> Function | None:
        """The compiled loop for arguments like these; None while there is none."""
        if self._name == "torch":
            return None
        make = partial(_compiled, shape, _rows(image), *others)
        if self.waits:
            self._compiler.make_on_thread(shape, make)
        return self._compiler.get(shape, lambda: make)

    def _over_bands(self, shape: Shape, loop: Callable[[int, int], object], image: Image) -> bool:
        """Run a loop over all rows of a picture; False if it failed, and it is given up then."""
        try:
            self._bands.run(loop, image.shape[:2])
        except Exception as error:  # whatever it is: the definition goes on
            self._compiler.give_up(shape, error)
            return False
        return True

    def execution(self, plan: Plan) -> str:
        """How a filter runs: ``numba``, ``torch`` (as it is defined), or Canny by ``opencv``."""
        if plan.filter.is_net:
            return "torch"
        if not plan.filter.is_linear:
            return "opencv"
        loop = plan.loop
        shapes = [(loop.name, channels, *loop.constants) for channels in (1, 3)]
        return "numba" if any(map(self._compiler.is_made, shapes)) else "torch"

    def close(self) -> None:
        """End the threads; the engine can still be used."""
        self._compiler.close()
        self._bands.close()


def _compiled(shape: Shape, rows: Image, *others: Any) -> Function:
    """Compile a loop for arguments like these, by running it over no row at all."""
    try:
        from live_edges.pipeline import cpu_loops, cpu_paint, cpu_peaking, cpu_thin  # bring Numba
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{error.name} is missing; run: pip install {error.name}") from error
    name, *constants = shape
    modules = (cpu_loops, cpu_paint, cpu_peaking, cpu_thin)
    module = next(each for each in modules if hasattr(each, name))
    loop: Function = getattr(module, name)(*constants)
    loop(rows, 0, 0, *others)
    return loop


def _loop(plan: Plan, image: Image) -> tuple[Shape, Image, tuple[Any, ...]]:
    """Return the shape of the loop for a picture, the picture that it reads, and arguments."""
    if image.ndim == 2 and not plan.filter.reads_luma:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    loop, channels = plan.loop, 1 if image.ndim == 2 else 3
    gain, threshold = np.float32(plan.factor * loop.scale), np.float32(plan.threshold * 255)
    return (loop.name, channels, *loop.constants), image, (loop.taps, gain, threshold)


def _rows(image: Image) -> Image:
    """Return the rows of a picture as bytes one after another."""
    return _read_only(image).reshape(len(image), -1)


def _read_only(image: NDArray[Any]) -> NDArray[Any]:
    """Return a view that nobody may write to: Numba compiles for each kind of array."""
    image = image.view()
    image.flags.writeable = False
    return image


@torch.inference_mode()
def by_definition(plan: Plan, image: Image) -> Image:
    """Find the edges as `live_edges.filters.functional` defines them, and Canny's lines by OpenCV.

    Args:
        plan: what to compute; it thins nothing.
        image: as for `CpuEngine.edges`.

    Returns:
        ``(H, W)`` uint8, a new array.
    """
    (height, width), (rows, columns) = image.shape[:2], plan.filter.window
    planes = np.empty(
        (len(plan.filter.weight[0]), height + rows - 1, width + columns - 1), np.uint8
    )
    plan.write_planes(image, planes)
    if plan.filter.is_net:
        gain, threshold = torch.tensor(plan.factor), torch.tensor(plan.threshold)
        likely = plan.filter.edges(Job.plainly, torch.from_numpy(planes)[None], gain, threshold)
        return np.asarray(likely[0, 0].numpy(), np.uint8)
    if not plan.filter.is_linear:
        high = 255 * (plan.threshold or canny.DEFAULT_HIGH)
        lines = canny.lines_by_opencv(planes[0], plan.filter.weight.numpy()[:, 0], high)
        return np.asarray(lines & np.uint8(min(round(255 * plan.factor), 255)))
    padded, edges = torch.from_numpy(planes)[None], np.empty((height, width), np.uint8)
    step = max(1, BAND_PIXELS // width)
    for first in range(0, height, step):
        band = padded[:, :, first : first + step + rows - 1].float()
        found = functional.edge_image(band, plan.filter.weight, plan.factor, plan.threshold)
        edges[first : first + step] = found[0, 0].numpy()
    return edges
