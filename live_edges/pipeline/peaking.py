"""Focus peaking: marks the places that are in focus, however strong or weak their contrast is.

Blurring a picture once more takes much of the gradient of a sharp edge, and little of that of an
edge that is blurred already. So the ratio of the two gradients tells how sharp an edge is, and its
contrast cancels: across an edge with the blur sigma, ``ratio^2 = (sigma^2 + s^2) / sigma^2`` where
s is the blur that is added, 1 pixel here.

Source:
    Zhuo & Sim, "Defocus map estimation from a single image", Pattern Recognition 44 (9), 2011.
    Added to it: both gradients are averaged over 3x3 pixels, what noise adds to them is taken off,
    and what noise may fake is not marked.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image

Plane = NDArray[np.float32]

MARGIN = 4  # pixels around one that decide about it: 3 for the coarse gradient, 1 for the average
HALF = np.float32(0.5)
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32)  # as wide as a Gaussian of sigma 1
BLUR_SCALE = 16  # the blurred picture has sixteenths of a gray level
FINE_NOISE, COARSE_NOISE = 24.0, 155232 / 65536  # square of each gradient on noise of deviation 1

# What is below was tuned on the rendered racks of docs/peaking.md, and looked at on photographs.
LEAST_RATIO = 1.7  # of the squared gradients, to be marked; a blur of sigma 0.75 pixels leaves it
MOST_RATIO = 2.6  # the same at threshold 1; a step from one pixel to the next has 2.3
SOFTNESS = 0.15  # an edge of that ratio is half opaque, and fully with so much more
DOUBT = 1.5  # times the energy that noise adds is taken off the fine one, so that less is faked
GATE_NOISE = 1.5  # gray levels; the coarse gradient has to be as strong as the fine one of noise

LEAST_NOISE, MOST_NOISE = 0.5, 12.0  # gray levels; rounding alone makes 0.3
STRIP_STEP = 32  # every so many rows, three are looked at for the noise
BLOCK = 64  # pixels in a row whose noise is averaged
FLAT_SHARE = 0.25  # of the blocks; the others may be textured
FLAT_BIAS = 0.87  # of the quietest blocks against all, where there is noise alone
NOT_CLIPPED = (8, 247)  # mean gray level of a block that shows its noise
SAMPLE_PIXELS = 1 << 17  # that the focus number is made of, in larger pictures; takes 1.5 ms
STRIP_ROWS = 32  # of them lie together


def opacity(image: Image, *, threshold: float = 0.0) -> Image:
    """Find how surely each pixel lies on an edge that is in focus.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.
        threshold: 0 to 1; more marks only what is sharper, and 1 almost nothing.

    Returns:
        ``(H, W)`` uint8, 0 for blurred or flat, 255 for sharp.
    """
    fine_noise, coarse_noise, least, gate, slope = limits(noise_of(image), threshold)
    own, fine, coarse = energies(image)
    corrected = np.maximum(coarse - coarse_noise, 1)
    is_sharp = ((fine - fine_noise) / corrected - least) * slope + HALF
    is_strong = coarse * gate - HALF
    is_ridge = (9 * own - fine) / corrected + HALF  # at least as strong as its neighbours
    share = np.minimum(np.minimum(is_sharp, is_strong), is_ridge).clip(0, 1)
    return np.asarray(np.rint(255 * share), np.uint8)


def limits(noise: float, threshold: float) -> NDArray[np.float32]:
    """Return what the energies of a picture are compared with.

    Args:
        noise: its deviation in gray levels.
        threshold: as for `opacity`.

    Returns:
        Five numbers: what is taken off both energies, the least ratio, one over the coarse energy
        that is enough, and how fast the opacity grows with the ratio.
    """
    fine, coarse = 9 * FINE_NOISE * noise**2, 9 * COARSE_NOISE * noise**2
    gate = 9 * FINE_NOISE * max(noise, GATE_NOISE) ** 2
    least = LEAST_RATIO + threshold * (MOST_RATIO - LEAST_RATIO)
    return np.array([DOUBT * fine, coarse, least, 1 / gate, 0.5 / SOFTNESS], np.float32)


def energies(image: Image) -> tuple[Plane, Plane, Plane]:
    """Return the squared gradient of each pixel, its sum over 3x3, and this sum after the blur.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.

    Returns:
        Three planes ``(H, W)``; 64 times the square of gray levels per pixel.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    gray = cv2.copyMakeBorder(gray, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_REPLICATE)
    blurred = cv2.sepFilter2D(
        gray, cv2.CV_32F, BINOMIAL, BINOMIAL / np.float32(BLUR_SCALE), delta=0.5
    )
    own, coarse = _squared(gray, 1.0), _squared(np.floor(blurred), 1 / BLUR_SCALE)
    own, fine, coarse = (
        plane[MARGIN:-MARGIN, MARGIN:-MARGIN] for plane in (own, _summed(own), _summed(coarse))
    )
    return own, fine, coarse


def _squared(gray: NDArray[Any], scale: float) -> Plane:
    """Return the squared length of the gradient by `cv2.Sobel` of size 3."""
    gx = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=scale)
    gy = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=scale)
    return np.asarray(gx * gx + gy * gy, np.float32)


def _summed(plane: Plane) -> Plane:
    return np.asarray(cv2.boxFilter(plane, -1, (3, 3), normalize=False), np.float32)


def noise_of(image: Image) -> float:
    """Estimate the deviation of the noise of a picture in gray levels.

    Source:
        Immerkaer, "Fast Noise Variance Estimation", CVIU 64 (2), 1996, for the mask that sees no
        edge; here in the blocks of the picture where it finds least.

    Example:
        >>> noise = np.random.default_rng(0).normal(0, 5, (99, 640, 1)).repeat(3, 2)
        >>> round(noise_of((noise + 100).round().astype(np.uint8)))
        5
    """
    height, width = image.shape[:2]
    if height < 3 or width < BLOCK + 2:
        return LEAST_NOISE
    tops = np.arange(0, height - 2, STRIP_STEP)
    strips = image[tops[:, None] + np.arange(3), : (width - 2) // BLOCK * BLOCK + 2]
    gray = cv2.cvtColor(strips.reshape(-1, strips.shape[2], 3), cv2.COLOR_BGR2GRAY)
    above, middle, below = gray.reshape(-1, 3, gray.shape[1]).astype(np.int16).transpose(1, 0, 2)
    down = above + below - 2 * middle
    found = np.abs(down[:, :-2] + down[:, 2:] - 2 * down[:, 1:-1])
    blocks, levels = (
        cv2.resize(plane, (found.shape[1] // BLOCK, len(tops)), interpolation=cv2.INTER_AREA)
        for plane in (found.astype(np.float32), middle[:, 1:-1].astype(np.float32))
    )
    blocks = blocks[(levels > NOT_CLIPPED[0]) & (levels < NOT_CLIPPED[1])]
    if not blocks.size:
        return LEAST_NOISE
    rank = int(FLAT_SHARE * blocks.size)
    deviation = np.partition(blocks, rank)[rank] / FLAT_BIAS * np.sqrt(np.pi / 2) / 6
    return float(np.clip(deviation, LEAST_NOISE, MOST_NOISE))


def focus_number(image: Image) -> float:
    """Tell in one number how sharp a picture is.

    Args:
        image: ``(H, W, 3)`` uint8 BGR.

    Returns:
        How many percent of the gradient's energy a blur of one pixel takes away, where there are
        edges: 0 for what is blurred or flat, about 50 for a step from one pixel to the next, more
        for fine texture.
    """
    fine_noise, coarse_noise, _, gate, _ = limits(noise_of(image), 0)
    before = after = 0.0
    for strip in _strips(image):
        _, fine, coarse = energies(strip)
        is_edge = coarse * gate > 1
        before += float((fine[is_edge] - fine_noise / DOUBT).sum())
        after += float((coarse[is_edge] - coarse_noise).sum())
    return 100 * max(0.0, 1 - after / before) if before > 0 else 0.0


def _strips(image: Image) -> list[Image]:
    """Return a picture, or strips of rows out of one that is large."""
    height, width = image.shape[:2]
    count = max(1, SAMPLE_PIXELS // (width * STRIP_ROWS))
    if count * STRIP_ROWS >= height:
        return [image]
    tops = np.linspace(0, height - STRIP_ROWS, count).astype(int)
    return [image[top : top + STRIP_ROWS] for top in tops]
