"""A focus rack, rendered: layers at known depths, each blurred by its circle of confusion."""

from dataclasses import dataclass

import cv2
import numpy as np

LAYERS = 5
STEP_PX = 4.0  # how much the circle of confusion grows from one layer to the next
SHARP_PX = 2.0  # diameter of the largest circle that still counts as sharp
FINER = 4  # the picture is drawn this many times as large, and averaged
GROUND = 110.0  # gray level of what lies behind all layers
BLURRED_CONTRASTS = (40.0, 80.0, 160.0, -80.0)


@dataclass(frozen=True)
class Rack:
    """One frame of the rack.

    Attributes:
        image: ``(H, W, 3)`` uint8 BGR.
        sharp: ``(H, W)`` bool, the outlines that are in focus and that nothing covers.
        near_sharp: ``(H, W)`` bool, what is at most 2 pixels from a sharp outline, covered or not.
        blurred: ``(H, W)`` bool, outlines that are out of focus.
    """

    image: np.ndarray
    sharp: np.ndarray
    near_sharp: np.ndarray
    blurred: np.ndarray


def rack(
    focus, *, contrast=80.0, noise=0.0, size=(480, 360), seed=0, layers=LAYERS,
    others=BLURRED_CONTRASTS,
):  # fmt: skip
    """Render one frame.

    Args:
        focus: which layer the lens is focused on, 0 the farthest; between two layers with .5.
        contrast: gray levels between a shape that is in focus and the ground.
        noise: deviation of the noise in gray levels, the same in all three channels.
        size: width and height in pixels.
        seed: chooses shapes and noise.
        layers: how many there are.
        others: gray levels between shapes that are out of focus and the ground, in turn.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    ground = np.linspace(GROUND - 12, GROUND + 12, width * FINER, dtype=np.float32)
    picture = np.tile(ground, (height * FINER, 1))
    sharp, any_sharp, blurred = np.zeros((3, height, width), bool)
    for layer in range(layers):
        circle = STEP_PX * abs(layer - focus)
        is_sharp = circle <= SHARP_PX
        contrasts = (contrast,) if is_sharp else others
        values, alpha = _shapes(rng, size, contrasts)
        outline = _outline(alpha)
        values, alpha = _defocused(values, circle), _defocused(alpha, circle)
        picture = picture * (1 - alpha) + values
        covers = _reduced(alpha) > 0.02
        sharp &= ~covers
        (any_sharp if is_sharp else blurred)[outline] = True
        if is_sharp:
            sharp |= outline
    gray = _reduced(picture)
    if noise:
        gray = gray + rng.normal(0, noise, gray.shape)
    gray = gray.round().clip(0, 255).astype(np.uint8)
    near = cv2.dilate(any_sharp.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return Rack(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), sharp, near, blurred)


def _shapes(rng, size, contrasts):
    """Draw the shapes of a layer at full fineness: brightness times opacity, and opacity."""
    width, height = (length * FINER for length in size)
    alpha, values = np.zeros((2, height, width), np.float32)
    unit = min(width, height) // 12
    for number in range(9):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        contrast = contrasts[number % len(contrasts)]
        shape = np.zeros((height, width), np.uint8)
        kind = number % 3
        if kind == 0:
            corners = rng.uniform(-1.5, 1.5, (4, 2)) * unit + (x, y)
            cv2.fillConvexPoly(shape, cv2.convexHull(corners.astype(np.int32)), 1)
        elif kind == 1:
            cv2.circle(shape, (x, y), int(unit * rng.uniform(0.5, 1.3)), 1, -1)
        else:
            turn = rng.uniform(0, 3.14)
            reach = np.array([np.cos(turn), np.sin(turn)]) * unit * 2
            ends = [tuple(int(v) for v in (x, y) + sign * reach) for sign in (-1, 1)]
            cv2.line(shape, *ends, 1, 6 * FINER)
        inside = shape > 0
        alpha[inside] = 1
        values[inside] = GROUND + contrast
    return values, alpha


def _outline(alpha):
    """The pixels through which an edge of the shapes goes."""
    mean = _reduced(alpha)
    big = cv2.dilate(mean, np.ones((3, 3)))
    small = cv2.erode(mean, np.ones((3, 3)))
    return (big > 0.5) & (small < 0.5) & (mean >= 0.5)


def _defocused(plane, circle_px):
    """Blur by a disk, as a lens does that is focused on something else."""
    radius = circle_px * FINER / 2
    if radius < 1:
        return plane
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return cv2.filter2D(plane, -1, disk / disk.sum(), borderType=cv2.BORDER_REPLICATE)


def _reduced(plane):
    height, width = plane.shape
    return cv2.resize(plane, (width // FINER, height // FINER), interpolation=cv2.INTER_AREA)


def marked_well(marks, frame):
    """Precision and recall of marks, each within 2 pixels of what is true."""
    near_marks = cv2.dilate(marks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    precision = (marks & frame.near_sharp).sum() / max(marks.sum(), 1)
    recall = (near_marks & frame.sharp).sum() / max(frame.sharp.sum(), 1)
    return precision, recall
