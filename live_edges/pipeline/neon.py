"""The neon view: edges glow in the colours of the picture, with a soft light around them."""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.sizing import Size

if TYPE_CHECKING:
    from live_edges.pipeline.views import Picture

DARKEST = 40  # what is darker than this glows less, or the noise of dark areas would be coloured
SATURATION = 1.8  # how many times further from white a colour is made
GLOW_ROWS = 45  # the halo is made of a picture that is less than twice as high again
GLOW_BLUR = 3  # pixels of that, twice
GLOW = 2.0  # how bright the halo of a single line is; where there are many, less is added


def neon(picture: "Picture") -> Image:
    """Let the edges glow on black."""
    image, edges = picture.image, picture.edges
    halo, at = halo_of(image, edges)
    painted = picture.pipeline.painted("neon", image, edges, halo, at)
    return glowing(image, edges, halo, at) if painted is None else painted


def halo_of(image: Image, edges: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make the light around the edges, of a small picture, already as wide as the large one.

    Returns:
        ``(h, 3 W)`` from 0 to 255, and where in it each row of the picture lies, ``(H,)``.
    """
    height, width = edges.shape
    strength, sizes = edges, [(width, height)]
    while len(strength) >= 2 * GLOW_ROWS:
        sizes.append(((strength.shape[1] + 1) // 2, len(strength) // 2))
        strength = _shrunk(strength, sizes[-1])
    # The colours change less from pixel to pixel than the edges: all but one halving at once.
    small = _shrunk(_shrunk(image, sizes[-2]), sizes[-1]) if len(sizes) > 1 else image
    light: NDArray[Any] = colored(small, strength)
    for _ in range(2):
        light = cv2.blur(light, (GLOW_BLUR, GLOW_BLUR), borderType=cv2.BORDER_REPLICATE)
    light = light * np.float32(GLOW) / (1 + light * np.float32(GLOW / 255))
    wide = cv2.resize(light, (width, len(light)), interpolation=cv2.INTER_LINEAR)
    rows: NDArray[Any] = wide.reshape(len(wide), 3 * width)
    at = (np.arange(height, dtype=np.float32) + 0.5) * (len(rows) / height) - 0.5
    return rows, at.clip(0, len(rows) - 1).astype(np.float32)


def _shrunk(image: Image, size: Size) -> Image:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def colored(image: Image, edges: Image) -> NDArray[np.float32]:
    """The edges in the saturated colours of the picture, ``(H, W, 3)`` from 0 to 255."""
    planes = cv2.split(image)
    brightest = cv2.max(cv2.max(planes[0], planes[1]), planes[2])
    factor = edges * np.float32(SATURATION) / np.maximum(brightest, np.float32(DARKEST))
    less = edges * np.float32(1 - SATURATION)
    return np.asarray(cv2.merge([np.maximum(plane * factor + less, 0) for plane in planes]))


def glowing(image: Image, edges: Image, halo: Any, at: Any) -> Image:
    """Lay the edges over their halo like two lights, as `live_edges.pipeline.cpu_paint.neon`."""
    above = at.astype(np.intp)
    share = (at - above.astype(np.float32))[:, None]
    upper, lower = halo[above], halo[np.minimum(above + 1, len(halo) - 1)]
    glow = (upper + (lower - upper) * share).reshape(image.shape)
    painted = glow + np.floor(colored(image, edges)) * (1 - glow / np.float32(255))
    return np.asarray((painted + np.float32(0.5)).astype(np.uint8))
