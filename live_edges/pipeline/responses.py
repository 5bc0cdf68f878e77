"""The responses of a filter before they are combined, for the views that show them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.pipeline.plan import Plan

BORDER = cv2.BORDER_REPLICATE


def responses(plan: Plan, image: Image) -> NDArray[np.float32]:
    """Slide each kernel over a picture by OpenCV, as separable kernels where that is less work.

    Args:
        plan: has the filter.
        image: ``(H, W, 3)`` BGR or ``(H, W)`` gray, uint8.

    Returns:
        ``(out, H, W)`` float32 with their signs, 1 at a unit step, without gain.
    """
    planes = _planes(plan, image)
    out = len(plan.filter.weight)
    found = np.zeros((out, *image.shape[:2]), np.float32)
    if len(plan.filter.taps) != 3:
        bank = plan.filter.weight.numpy() / 255
        for response, kernels in zip(found, bank, strict=True):
            for plane, kernel in zip(planes, kernels, strict=True):
                response += cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=BORDER)
        return found
    columns, rows, middle = (taps.numpy() for taps in plan.filter.taps)
    for k in range(out):
        for plane, tap, slid in zip(planes, middle[k], columns[k].swapaxes(0, 1), strict=True):
            if tap:
                found[k] += plane * (tap / 255)
            for column, row in zip(slid / 255, rows[k], strict=True):
                found[k] += cv2.sepFilter2D(plane, cv2.CV_32F, row, column, borderType=BORDER)
    return found


def _planes(plan: Plan, image: Image) -> list[Image]:
    """What the filter sees: brightness, or red, green and blue."""
    if image.ndim == 2:
        return [image] * int(plan.filter.weight.shape[1])
    if plan.filter.reads_luma:
        return [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)]
    return [np.asarray(cv2.extractChannel(image, channel), np.uint8) for channel in (2, 1, 0)]
