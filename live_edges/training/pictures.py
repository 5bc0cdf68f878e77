"""Pictures to learn from: images, folders, globs, videos, a camera, or synthetic dead leaves.

A picture is a uint8 tensor ``(3, H, W)`` of red, green, blue, or ``(4, H, W)`` with a target
picture as its last plane. Each is read when it is needed, once, by a `Reader`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor

from live_edges.errors import LiveEdgesError, SourceError, TrainingError
from live_edges.frame import Image
from live_edges.sources.address import public_address
from live_edges.sources.images import find_images, is_still
from live_edges.sources.open import open_source
from live_edges.sources.paths import is_regular_file
from live_edges.sources.pipes import is_pipe
from live_edges.sources.pixels import read_image
from live_edges.training.leaves import dead_leaves
from live_edges.training.recipe import BLUR_DIFFERENCE, SOBEL, Recipe

LONGEST_SIDE = 1600  # about a camera's frame; averages a photograph's own noise and JPEG blocks
SYNTHETIC_PICTURES = 20
FRAMES_PER_VIDEO = 60
HELD_OUT = 5  # one picture in so many is kept for validation

Reader = Callable[[], Tensor | None]  # None: it can not be read


@dataclass(frozen=True)
class Pictures:
    """Readers of the pictures to learn from and of those held out for validation."""

    train: list[Reader]
    held_out: list[Reader]


def find_pictures(recipe: Recipe) -> Pictures:
    """Find what ``recipe.data`` stands for, and hold a part of it out.

    Raises:
        TrainingError: there is nothing there to learn from.
    """
    if not recipe.data:
        leaves: list[Reader] = [partial(_leaves, recipe.seed, i) for i in range(SYNTHETIC_PICTURES)]
        return _split(leaves)
    pairs = None if recipe.target in (BLUR_DIFFERENCE, SOBEL) else Path(recipe.target)
    images: list[Reader] = []
    train: list[Reader] = []
    held_out: list[Reader] = []
    for text in recipe.data:
        if _is_moving(text):
            frames = _frames(text)
            cut = len(frames) - max(1, len(frames) // HELD_OUT)  # neighbours in time look alike
            train += frames[:cut]
            held_out += frames[cut:]
        else:
            images += [partial(read_picture, path, pairs) for path in _images(text)]
    if pairs and train:
        raise TrainingError("target pictures go with images, not with a video or a camera")
    random.Random(recipe.seed).shuffle(images)
    parts = _split(images)
    return Pictures(train + parts.train, held_out + parts.held_out)


def _split(readers: list[Reader]) -> Pictures:
    if len(readers) == 1:
        return Pictures([partial(_part, readers[0], 0)], [partial(_part, readers[0], 1)])
    return Pictures([r for i, r in enumerate(readers) if i % HELD_OUT], readers[::HELD_OUT])


def _part(reader: Reader, which: int) -> Tensor | None:
    """Cut a lone picture in two along its longer side, to learn from and to validate on."""
    picture = reader()
    if picture is None:
        return None
    axis = 1 if picture.shape[1] > picture.shape[2] else 2
    cut = picture.shape[axis] * (HELD_OUT - 2) // HELD_OUT
    return picture.tensor_split([cut], dim=axis)[which]


def _leaves(seed: int, index: int) -> Tensor:
    picture = dead_leaves(np.random.default_rng((seed, index))).image
    return torch.from_numpy(picture).permute(2, 0, 1)


def _is_moving(text: str) -> bool:
    path = Path(text).expanduser()
    return (text.isdecimal() and not path.exists()) or (
        is_pipe(path) or (is_regular_file(path) and not is_still(path))
    )


def _images(text: str) -> list[Path]:
    try:
        return find_images(text)
    except SourceError as error:
        raise TrainingError(
            f"{error}; DATA is images, folders, globs, videos or a camera"
        ) from error


def read_picture(path: Path, pairs: Path | None = None) -> Tensor | None:
    """Read an image file, turned upright and shrunk to `LONGEST_SIDE`; None if it is damaged.

    Args:
        path: the image.
        pairs: folder with its target picture, named alike up to the suffix.
    """
    picture = _decode(path)
    if picture is None:
        return None
    if pairs is not None:
        target = next((_decode(p) for p in sorted(pairs.glob(f"{path.stem}.*"))), None)
        if target is None or target.shape != picture.shape:
            return None
        picture = torch.cat([picture, TF.rgb_to_grayscale(target)])
    return _shrunk(picture)


def _decode(path: Path) -> Tensor | None:
    image = read_image(path)  # OpenCV: torchvision's own decoders are deprecated since 0.29
    return None if image is None else _from_bgr(image)


def _from_bgr(image: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))


def _shrunk(picture: Tensor) -> Tensor:
    scale = LONGEST_SIDE / max(picture.shape[1:])
    if scale >= 1:
        return picture
    size = [max(1, round(side * scale)) for side in picture.shape[1:]]
    shrunk: Tensor = TF.resize(picture, size, antialias=True)
    return shrunk


def _frames(text: str) -> list[Reader]:
    """Sample a video evenly, a camera every fifth frame."""
    try:
        with open_source(text) as source:
            step = max(1, (source.frame_count or 5 * FRAMES_PER_VIDEO) // FRAMES_PER_VIDEO)
            frames = iter(source.read, None)
            chosen = islice((f for i, f in zip(count(), frames) if i % step == 0), FRAMES_PER_VIDEO)
            pictures = [_shrunk(_from_bgr(frame.image)) for frame in chosen if frame]
    except LiveEdgesError as error:
        raise TrainingError(f"{public_address(text)} cannot be learned from: {error}") from error
    if len(pictures) < 2:
        raise TrainingError(
            f"{public_address(text)} has {len(pictures)} frames to sample; two at least are needed"
        )
    return [partial(_same, picture) for picture in pictures]


def _same(picture: Tensor) -> Tensor:
    return picture
