"""Pictures to learn from: images, folders, globs, videos, a camera, or synthetic dead leaves.

A picture is a uint8 tensor ``(3, H, W)`` of red, green, blue, or ``(4, H, W)`` with its target
picture as the last plane. It is read when it is needed, so that a folder may be of any size.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.frame import Image
from live_edges.sources.address import public_address
from live_edges.sources.images import find_images, is_still
from live_edges.sources.open import open_source
from live_edges.sources.paths import is_regular_file
from live_edges.sources.pipes import is_pipe
from live_edges.sources.pixels import read_image
from live_edges.training.dead_leaves import dead_leaves
from live_edges.training.recipe import BLUR_DIFFERENCE, SOBEL, Recipe

LONGEST_SIDE = 1600  # about a camera's frame; averages a photograph's own noise and JPEG blocks
SYNTHETIC_PICTURES = 20
FRAMES_PER_VIDEO = 60
HELD_OUT = 5  # one picture in so many is kept for validation

Reader = Callable[[], Tensor | None]  # None: it cannot be read


@dataclass(frozen=True)
class Pictures:
    """Readers of the pictures to learn from and of those held out for validation."""

    train: list[Reader]
    held_out: list[Reader]


def counted(number: int, noun: str) -> str:
    """Say how many there are: 1 picture, 2 pictures."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def find_pictures(recipe: Recipe) -> Pictures:
    """Find what ``recipe.data`` stands for, and hold a part of it out.

    Raises:
        LiveEdgesError: there is nothing to learn from.
    """
    if not recipe.data:
        return _split([partial(_synthetic, recipe.seed, i) for i in range(SYNTHETIC_PICTURES)])
    targets = None if recipe.target in (BLUR_DIFFERENCE, SOBEL) else Path(recipe.target)
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
            images += [partial(_read, path, targets) for path in find_images(text)]
    if targets and train:
        raise TrainingError("target pictures go with images, not with a video or a camera")
    random.Random(recipe.seed).shuffle(images)
    still = _split(images)
    return Pictures(train + still.train, held_out + still.held_out)


def _split(readers: list[Reader]) -> Pictures:
    if len(readers) == 1:
        return Pictures([partial(_part, readers[0], 0)], [partial(_part, readers[0], 1)])
    return Pictures([r for i, r in enumerate(readers) if i % HELD_OUT], readers[::HELD_OUT])


def _part(reader: Reader, which: int) -> Tensor | None:
    """Cut a lone picture in two across its longer side, to learn from and to validate on."""
    picture = reader()
    if picture is None:
        return None
    axis = 1 if picture.shape[1] > picture.shape[2] else 2
    cut = picture.shape[axis] * (HELD_OUT - 2) // HELD_OUT
    return picture.tensor_split([cut], dim=axis)[which]


def _synthetic(seed: int, index: int) -> Tensor:
    return torch.from_numpy(dead_leaves(np.random.default_rng((seed, index)))).permute(2, 0, 1)


def _is_moving(text: str) -> bool:
    path = Path(text).expanduser()
    is_camera = text.isdecimal() and not path.exists()
    return is_camera or is_pipe(path) or (is_regular_file(path) and not is_still(path))


def _read(path: Path, targets: Path | None) -> Tensor | None:
    """Read an image, with the target of the same name in the folder ``targets``, if there is one.

    Returns:
        The picture; None if it or its target is damaged, missing or of another size.
    """
    picture = _decode(path)
    if picture is None or targets is None:
        return picture
    target = next((_decode(each) for each in sorted(targets.glob(f"{path.stem}.*"))), None)
    if target is None or target.shape != picture.shape:
        return None
    return torch.cat([picture, TF.rgb_to_grayscale(target)])


def _decode(path: Path) -> Tensor | None:
    image = read_image(path)  # OpenCV: torchvision's own decoders are deprecated since 0.29
    return None if image is None else _tensor(image)


def _tensor(image: Image) -> Tensor:
    """Turn an image into a picture, shrunk to `LONGEST_SIDE`."""
    picture = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    scale = LONGEST_SIDE / max(picture.shape[1:])
    if scale >= 1:
        return picture
    size = [max(1, round(side * scale)) for side in picture.shape[1:]]
    shrunk: Tensor = TF.resize(picture, size, antialias=True)
    return shrunk


def _frames(text: str) -> list[Reader]:
    """Sample the frames of a video evenly, every fifth one of a camera."""
    with open_source(text) as source:
        step = max(1, (source.frame_count or 5 * FRAMES_PER_VIDEO) // FRAMES_PER_VIDEO)
        chosen = islice(iter(source.read, None), 0, step * FRAMES_PER_VIDEO, step)
        pictures = [_tensor(frame.image) for frame in chosen if frame]
    if len(pictures) < 2:
        raise TrainingError(
            f"{public_address(text)} has {counted(len(pictures), 'frame')} to sample; two at least "
            "are needed"
        )
    return [partial(_same, picture) for picture in pictures]


def _same(picture: Tensor) -> Tensor:
    return picture
