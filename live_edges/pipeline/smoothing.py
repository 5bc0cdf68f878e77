"""Less flicker: average over time what does not move, before the filter amplifies its noise."""

from collections import deque
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

FINE = 256  # steps in a gray level; an average rounded to levels would stop short of its aim
SPAN = 9  # bytes of a row, three pixels in colour, whose mean tells motion from noise
REST = 1 / 8  # share of the new picture where nothing moves: a quarter of the noise is left
STILL, MOVED = 3.0, 5.0  # in standard deviations of the noise: a smaller change is noise, a larger
NOISE_RANGE = (0.5, 12.0)  # gray levels; more is motion everywhere
MAX_RISE = 1.02  # of the noise from one measurement to the next: 16 % in a second
APART = 12  # bytes between places whose noise has nothing in common, four pixels in colour
MAX_ROUGHNESS = 1.5  # of the noise along a row, which cameras smooth
MEASURED_EVERY = 4  # pictures
SAMPLE_ROWS, SAMPLE_BYTES = 16, 7  # the noise is measured in so many rows, at every seventh byte
QUARTILE = 0.25, 0.3186  # of the changes, and where it lies in a normal distribution
UNCLIPPED = 8, 247  # levels; beyond, noise may be cut off
RECENT = 4  # pictures that may be asked for again: what is shown, and those in flight


class Smoother:
    """Averages each pixel over time, as long as it changes no more than noise does.

    Where something moves, the new picture is shown as it is, so nothing is left behind it but
    what is weaker than the noise. A new size, or a change of scene, begins anew.

    Args:
        pipeline: has the compiled loop, see `EdgePipeline.painted`.
    """

    def __init__(self, pipeline: "EdgePipeline") -> None:
        self._pipeline = pipeline
        self.forget()

    def forget(self) -> None:
        """Begin anew with the next picture."""
        self._state: NDArray[np.uint16] | None = None
        self._recent: deque[tuple[Image, Image]] = deque(maxlen=RECENT)
        self._noise: tuple[float, float] | None = None
        self._count = 0

    def __call__(self, image: Image) -> Image:
        """Smooth the next picture; the same array again gives the same result.

        Args:
            image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.

        Returns:
            The same shape, uint8; not to be written to.
        """
        for seen, shown in self._recent:
            if seen is image:
                return shown
        shown = self._smoothed(np.ascontiguousarray(image))
        self._recent.append((image, shown))
        return shown

    def _smoothed(self, image: Image) -> Image:
        rows = image.reshape(len(image), -1)
        if self._state is None or self._state.shape != rows.shape:
            self.forget()
            self._state = rows.astype(np.uint16) * FINE
            return image
        if self._noise is None or self._count % MEASURED_EVERY == 0:
            self._noise = _followed(self._noise, noise_of(rows, self._state))
        self._count += 1
        limits = _limits(self._noise, max(REST, 1 / (1 + self._count)))
        shown = self._pipeline.painted("smooth", image, limits, written=self._state)
        return smooth(image, limits, self._state) if shown is None else shown


def smooth(image: Image, limits: NDArray[np.float32], state: NDArray[np.uint16]) -> Image:
    """Average a picture with those before it, by OpenCV.

    Args:
        image: as for `Smoother`.
        limits: see `_limits`.
        state: ``(H, W channels)``, the average so far in steps of a level; written to.

    Returns:
        The average, rounded.
    """
    rest, low, slope, low_mean, slope_mean = limits
    change, mean = _changes(image.reshape(state.shape), state)
    share = np.maximum((abs(change) - low) * slope, (abs(mean) - low_mean) * slope_mean)
    state[:] = np.rint(state + change * share.clip(rest, 1))
    return ((state + FINE // 2) // FINE).astype(np.uint8).reshape(image.shape)


def noise_of(rows: Image, state: NDArray[np.uint16]) -> tuple[float, float]:
    """Measure the noise by how a picture differs from the average before it.

    A moving picture differs for other reasons as well. So the lower quartile of the changes is
    taken, and no more than the roughness of the picture along its rows allows.

    Args:
        rows: ``(H, W channels)`` uint8.
        state: as for `smooth`.

    Returns:
        Standard deviations, of a byte and of the mean over `SPAN`, in gray levels.
    """
    step = -(-len(rows) // SAMPLE_ROWS)
    rows, state = rows[::step], state[::step]
    is_clipped = (rows < UNCLIPPED[0]) | (rows > UNCLIPPED[1])
    flat = np.zeros_like(state)
    pairs = zip(_changes(rows, state), _changes(rows, flat), strict=True)
    change, mean = (
        min(_deviation(changes, is_clipped), MAX_ROUGHNESS * _roughness(levels, is_clipped))
        for changes, levels in pairs
    )
    return change, mean


def _roughness(levels: NDArray[np.floating], is_clipped: NDArray[np.bool_]) -> float:
    """Return the noise of a picture if a quarter of it is flat, or a ramp."""
    left, middle, right = levels[:, : -2 * APART], levels[:, APART:-APART], levels[:, 2 * APART :]
    bend = (left - 2 * middle + right) / 6**0.5  # of the sum, whose weights are 1, -2 and 1
    return _deviation(bend, is_clipped[:, APART:-APART])


def _changes(rows: Image, state: NDArray[np.uint16]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how each byte has changed, and the mean of that over `SPAN` bytes, in steps."""
    change = rows.astype(np.float32) * FINE - state
    return change, cv2.blur(change, (SPAN, 1), borderType=cv2.BORDER_REPLICATE)


def _deviation(changes: NDArray[np.floating], is_clipped: NDArray[np.bool_]) -> float:
    sample, is_left_out = changes[:, ::SAMPLE_BYTES], is_clipped[:, ::SAMPLE_BYTES]
    sizes = abs(sample[~is_left_out])
    if sizes.size == 0:
        return 0.0  # nothing to measure
    share, place = QUARTILE
    at = int(share * (sizes.size - 1))
    return float(np.partition(sizes, at)[at]) / place / FINE


def _followed(before: tuple[float, float] | None, now: tuple[float, float]) -> tuple[float, float]:
    low, high = NOISE_RANGE
    if before is not None:
        now = min(now[0], MAX_RISE * before[0]), min(now[1], MAX_RISE * before[1])
    change = min(max(now[0], low), high)
    return change, min(max(now[1], low / SPAN**0.5), change)


def _limits(noise: tuple[float, float], rest: float) -> NDArray[np.float32]:
    """Return what the loop needs: the least share, and where and how it rises with a change."""
    limits = [rest]
    for deviation in noise:
        limits += [STILL * deviation * FINE, 1 / ((MOVED - STILL) * deviation * FINE)]
    return np.array(limits, np.float32)
