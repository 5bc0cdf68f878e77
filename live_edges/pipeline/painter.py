"""What views ask of a pipeline beside the edges: paint, thinner lines, and single responses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.pipeline import checks
from live_edges.pipeline.engine import Engine
from live_edges.pipeline.plan import Plan


class Painter(Closing):
    """The part of an `EdgePipeline` that views use; all of it always on the CPU."""

    _engine: Engine
    _plan: Plan

    def thinned(self, edges: Image) -> Image:
        """Keep the ridges of an edge image, see `live_edges.filters.thinning.thin`.

        Args:
            edges: ``(H, W)`` uint8.

        Returns:
            Likewise, a new array: the ridges as they were, 0 elsewhere.

        Raises:
            ValueError: ``edges`` is something else.
        """
        return self._engine.cpu.thinned(checks.gray("edges", edges))

    def overlay(self, image: Image, edges: Image, color: tuple[int, int, int]) -> Image:
        """Paint the edges over the picture, see `pipeline.views.overlay`; always on the CPU.

        Args:
            image: as for a call.
            edges: ``(H, W)`` uint8.
            color: blue, green and red of the paint, 0 to 255.

        Returns:
            ``(H, W, 3)`` uint8.

        Raises:
            ValueError: one of them is something else.
        """
        return self._engine.cpu.overlay(
            *checks.picture_and_edges(image, edges), checks.color(color)
        )

    def painted(
        self,
        loop: str,
        image: Image,
        *others: NDArray[Any],
        written: NDArray[Any] | None = None,
    ) -> Image | None:
        """Run a loop that makes a view, for every row: one of `cpu_paint` or `cpu_peaking`.

        Args:
            loop: name of the function that makes it.
            image: ``(H, W, 3)`` or ``(H, W)`` uint8.
            others: arrays that it reads as well.
            written: an array that it changes; None where there is none.

        Returns:
            The same shape, uint8; None while it is not compiled, and with ``engine="torch"``: then
            the view does the same by OpenCV.
        """
        return self._engine.cpu.painted(loop, image, *others, written=written)

    def painted_responses(self, loop: str, image: Image, *others: NDArray[Any]) -> Image | None:
        """As `painted`, for a loop that reads the filter's `responses` before the others."""
        return self._engine.cpu.painted_responses(self._plan, loop, image, *others)

    def responses(self, image: Image) -> NDArray[np.float32]:
        """Slide each kernel of the filter over a picture; always on the CPU.

        Args:
            image: as for a call.

        Returns:
            ``(out, H, W)`` float32 with their signs, 1 at a unit step, without gain.
        """
        return self._engine.cpu.responses(self._plan, checks.picture(image))
