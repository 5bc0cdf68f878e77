"""The feature maps view: what each kernel answers, with its sign, before that is combined."""

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from live_edges.frame import Image
from live_edges.pipeline.direction import turn_in
from live_edges.screen_text import draw_label
from live_edges.sizing import Size

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline
    from live_edges.pipeline.views import Picture

MIN_WIDTH = 640  # pixels; a smaller picture is enlarged, so that its pixels and labels are seen
POSITIVE = (40, 24, 214)  # BGR; what is brighter on the side where the kernel is positive
NEGATIVE = (206, 92, 24)
GAP = 2  # pixels between two maps
DARK = 24
NEARLY = np.float32(1.0001)  # of two responses as strong as each other the positive one is shown
UPRIGHT = 0.99  # cosine of the angle to gx and gy within which two responses are called so


def maps(picture: "Picture") -> Image:
    """Tile the responses to each kernel, red where positive and blue where negative.

    Behind them lies their length, white on black; before them the picture, and at the end its
    overlay, if there is room.
    """
    pipeline, side = picture.pipeline, panes(picture.pipeline)[0]
    height, width = picture.image.shape[:2]
    times = math.ceil(max(MIN_WIDTH / width, side / height))
    image, responses = _enlarged(picture.image, times), pipeline.responses(picture.image)
    if times > 1:
        responses = np.stack([_enlarged(each, times) for each in responses])
    names = [*names_of(pipeline), "length"]
    room = side * side - len(names)
    sheet = np.array([side, room > 0], np.int32)
    gains = np.array([255 * picture.settings.gain], np.float32)
    fades = fades_of()
    painted = pipeline.painted("maps", image, responses, sheet, gains, fades)
    if painted is None:
        painted = tiled(image, responses, sheet, gains, fades)
    tiles = _tiles(painted, side)
    if room > 0:
        names.insert(0, "picture")
        _fill(tiles[0], image)
    if room > 1:
        names.append("overlay")
        over = pipeline.overlay(picture.image, picture.edges, picture.color)
        _fill(tiles[len(names) - 1], _enlarged(over, times))
    for tile, name in zip(tiles, names, strict=False):
        tile[-GAP:] = tile[:, -GAP:] = DARK
        draw_label(tile, name, whole=painted)
    return painted


def _enlarged(image: NDArray[Any], times: int) -> NDArray[Any]:
    """Repeat the pixels of a small picture, so that labels fit and no pixel is lost."""
    return image if times == 1 else image.repeat(times, axis=0).repeat(times, axis=1)


def _fill(tile: Image, image: Image) -> None:
    tile[:] = cv2.resize(image, tile.shape[1::-1], interpolation=cv2.INTER_AREA)


def panes(pipeline: "EdgePipeline") -> Size:
    """How many maps lie side by side, and below each other: as many, so that none is distorted."""
    side = math.ceil(math.sqrt(len(pipeline.bank) + 1))
    return side, side


def names_of(pipeline: "EdgePipeline") -> list[str]:
    """What the responses are called: ``gx`` and ``gy`` where they are that, else ``k1``, ..."""
    turn = turn_in(pipeline)
    if turn is not None and min(turn[0, 0], turn[1, 1]) > UPRIGHT:
        return ["gx", "gy"]
    return [f"k{number}" for number in range(1, len(pipeline.bank) + 1)]


def fades_of() -> NDArray[np.float32]:
    """How much of white is taken away at full strength, ``(2, 3)``: negative and positive."""
    down, up = (1 - np.array(color) / 255 for color in (NEGATIVE, POSITIVE))
    return np.array((-down, up), np.float32)


def tiled(
    image: Image,
    responses: NDArray[np.float32],
    sheet: NDArray[np.int32],
    gains: NDArray[np.float32],
    fades: NDArray[np.float32],
) -> Image:
    """Paint the maps, as the loop `live_edges.pipeline.cpu_paint.maps` does.

    Args:
        image: ``(H, W, 3)``; what is returned is as large.
        responses: ``(out, H, W)``.
        sheet: how many maps lie side by side, and how many places come before them.
        gains: one factor on the responses, so that 255 is full strength.
        fades: see `fades_of`.

    Returns:
        ``(H, W, 3)`` uint8, each pixel that of the strongest response among those it stands for.
    """
    side, first = (int(each) for each in sheet)
    painted = np.full_like(image, DARK)
    strongest = [_strongest(each, side) * gains[0] for each in responses]
    tiles = _tiles(painted, side)
    for tile, response in zip(tiles[first:], strongest, strict=False):
        level = np.clip(response, -255, 255)[..., None]
        fade = np.where(level < 0, fades[0], fades[1])
        tile[:] = np.float32(255.5) - level * fade
    length = _strongest(np.sqrt(np.square(responses).sum(axis=0)), side) * gains[0]
    tiles[first + len(responses)][:] = np.minimum(length, 255).astype(np.uint8)[..., None]
    return painted


def _strongest(response: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Take that of each ``side`` x ``side`` pixels which is furthest from 0: lines stay lines."""
    height, width = (size // side for size in response.shape)
    blocks = response[: height * side, : width * side].reshape(height, side, width, side)
    high, low = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    return np.asarray(np.where(high * NEARLY >= -low, high, low), np.float32)


def _tiles(painted: Image, side: int) -> list[Image]:
    """The places of a sheet, row by row."""
    height, width = painted.shape[0] // side, painted.shape[1] // side
    return [
        painted[row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(side)
        for column in range(side)
    ]
