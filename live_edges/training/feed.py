"""The feed: pieces of pictures, cut on threads ahead of the steps that learn from them."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.lifecycle import Closing
from live_edges.training.examples import Examples, make_examples
from live_edges.training.pictures import Reader
from live_edges.training.recipe import Recipe

READERS = 2  # threads; decoding lets go of the interpreter
ROUNDS = 4  # in which the pictures come
BRIGHTNESS = 0.3


@dataclass(frozen=True, eq=False)
class Cut:
    """What one picture gave.

    Attributes:
        pieces: ``(planes, crop, crop)`` uint8 each; none where it is unreadable or too small.
        size: height and width; None where it can not be read.
        seconds: how long it took.
    """

    pieces: list[Tensor]
    size: tuple[int, int] | None
    seconds: float


class Feed(Closing):
    """Hands pictures out in rounds, so that learning begins before the last one is read.

    Every picture is read once, and only its pieces stay in memory. While one round is learned
    from, the next one is read. Which pieces are cut depends on the seed alone, not on threads.

    Args:
        readers: the pictures.
        recipe: size of the pieces, noise, target.
        count: pieces wanted in all; a picture gives one at least.
        seed: decides places, flips, brightness and noise.
        rounds: how many parts to make of the pictures, at most.

    Attributes:
        rounds: how many parts there are.
        pictures: that gave pieces so far.
        skipped: pictures so far that could not be read or were smaller than a piece.
        reading_s: seconds that the threads spent reading and cutting.
    """

    def __init__(
        self, readers: list[Reader], recipe: Recipe, *, count: int, seed: int, rounds: int = ROUNDS
    ) -> None:
        self.rounds = max(1, min(rounds, len(readers)))
        self.pictures = self.skipped = 0
        self.reading_s = 0.0
        self._recipe, self._seed = recipe, seed
        self._largest = (0, 0)
        each, more = divmod(max(count, len(readers)), max(1, len(readers)))
        self._jobs = [(i, reader, each + (i < more)) for i, reader in enumerate(readers)]
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self._ahead = self._submit(0)

    def growing(self) -> Iterator[Examples]:
        """Yield all the examples so far, after each round that brought some.

        Raises:
            TrainingError: no picture can be used.
        """
        so_far: Examples | None = None
        for number in range(self.rounds):
            pieces = self._wait_for(number)
            if pieces:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(self._seed * ROUNDS + number)
                    more = make_examples(torch.stack(pieces), self._recipe)
                so_far = so_far.joined(more) if so_far else more
                yield so_far
        if so_far is None:
            raise TrainingError(self._nothing())

    def _wait_for(self, number: int) -> list[Tensor]:
        cuts = [future.result() for future in self._ahead]
        self._ahead = self._submit(number + 1)
        for cut in cuts:
            self.reading_s += cut.seconds
            self.pictures += bool(cut.pieces)
            self.skipped += not cut.pieces
            self._largest = max(self._largest, cut.size or (0, 0))
        return [piece for cut in cuts for piece in cut.pieces]

    def close(self) -> None:
        """Stop reading."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, number: int) -> list[Future[Cut]]:
        jobs = self._jobs[number :: self.rounds] if number < self.rounds else []
        return [self._pool.submit(self._cut, *job) for job in jobs]

    def _cut(self, index: int, reader: Reader, count: int) -> Cut:
        began = time.perf_counter()
        picture = reader()
        size = None if picture is None else (picture.shape[1], picture.shape[2])
        pieces: list[Tensor] = []
        if picture is not None and min(picture.shape[1:]) >= self._recipe.crop:
            # v2's classes draw from torch's one generator, which the threads would share.
            draw = random.Random(f"{self._seed}, picture {index}")
            pieces = [_piece(picture, self._recipe.crop, draw) for _ in range(count)]
        return Cut(pieces, size, time.perf_counter() - began)

    def _nothing(self) -> str:
        crop = self._recipe.crop
        height, width = self._largest
        if height:
            return (
                f"the pictures are smaller than a piece of {crop}x{crop} (largest: "
                f"{width}x{height}); choose a smaller --crop or larger pictures"
            )
        return (
            f"none of the {len(self._jobs)} pictures could be read; are they damaged, or without "
            "their pair?"
        )


def _piece(picture: Tensor, crop: int, draw: random.Random) -> Tensor:
    """Cut one piece at random, perhaps mirrored; brighter or darker unless it has a pair."""
    top, left = (draw.randint(0, side - crop) for side in picture.shape[1:])
    piece: Tensor = TF.crop(picture, top, left, crop, crop)
    if draw.random() < 0.5:
        piece = TF.horizontal_flip(piece)
    if draw.random() < 0.5:
        piece = TF.vertical_flip(piece)
    if len(piece) == 3:
        piece = TF.adjust_brightness(piece, draw.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS))
    return piece.contiguous()  # a view would keep the whole picture
