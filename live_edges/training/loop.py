"""The training loop: reads in rounds, learns from all that came so far, ends at the limit."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.training.closed_form import closed_form, exact_loss
from live_edges.training.descent import Descent
from live_edges.training.examples import Examples
from live_edges.training.feed import Feed
from live_edges.training.interrupt import Interrupt
from live_edges.training.model import as_saved
from live_edges.training.pictures import find_pictures
from live_edges.training.recipe import Recipe
from live_edges.training.targets import analytic_bank
from live_edges.training.whitening import whitening

STEPS_A_ROUND = 4  # before more pictures come; after the last ones, until the file settles
SECONDS_BETWEEN_CHECKPOINTS = 5.0

OnStep = Callable[[Descent], None]
OnCheckpoint = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run made.

    Attributes:
        weight: the last kernels whose loss was finite, as saved: ``(out, in, k, k)`` float32.
        best: the closed-form kernels as they would be saved, where the target is linear.
        loss: relative loss of ``weight`` on the training pieces, in float64.
        limit: the same for ``best``.
        held_out_loss: relative loss of ``weight`` on the held-out pieces.
        ended: ``finished``, ``interrupted`` or ``diverged``.
        checkpoint: all it takes to go on.
        seconds: time spent ``waiting for data``, in the ``closed form`` and in ``steps``; and
            ``reading``, on threads beside them.
        pieces: learned from.
        pictures: they were cut from.
        skipped: pictures that could not be read or were too small.
    """

    recipe: Recipe
    weight: Tensor
    best: Tensor | None
    loss: float
    limit: float | None
    held_out_loss: float
    losses: list[float]
    held_out_losses: list[float]
    ended: str
    checkpoint: dict[str, Any]
    seconds: dict[str, float]
    pieces: int
    pictures: int
    skipped: int

    @property
    def ratio(self) -> float | None:
        """Loss over limit; 1 is perfect, also where both are exactly 0. None without a limit."""
        if self.limit is None:
            return None
        if self.loss == self.limit:
            return 1.0
        return self.loss / self.limit if self.limit else float("inf")


def train(
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    resume: dict[str, Any] | None = None,
    on_step: OnStep = lambda _descent: None,
    on_checkpoint: OnCheckpoint = lambda _state: None,
) -> Trained:
    """Learn kernels by a recipe.

    Args:
        recipe: what to learn.
        device: where to compute; the CPU gives the same bytes each time.
        resume: a checkpoint of the same recipe, to go on from.
        on_step: called after every step.
        on_checkpoint: called every few seconds with what a later ``resume`` takes.

    Raises:
        TrainingError: the recipe can not work, or there is nothing to learn from.
    """
    recipe.check()
    device = device or torch.device("cpu")
    times = _Times()
    pictures = find_pictures(recipe)
    spare = max(4, recipe.batch // 4)
    with (
        Feed(pictures.train, recipe, count=recipe.batch, seed=recipe.seed) as feed,
        Feed(pictures.held_out, recipe, count=spare, seed=recipe.seed + 1, rounds=1) as other,
        ExitStack() as stack,
    ):
        held_out = next(other.growing())
        run: _Run | None = None
        for number, examples in enumerate(feed.growing()):
            times.lap("waiting for data")
            if run is None:
                descent = _begin(examples, recipe, device, resume)
                interrupt = stack.enter_context(Interrupt())
                run = _Run(recipe, descent, interrupt, on_step, on_checkpoint, times)
            if number >= descent.round:  # those before were learned from before it was resumed
                run.learn_from(examples, held_out, number)
            if not run.is_on:
                break
        if run is None or run.examples is None:
            raise TrainingError("DATA holds fewer pictures than the checkpoint was made with")
        run.to(recipe.steps)
        times.lap("steps")
    return run.trained(feed, other)


def _begin(
    examples: Examples, recipe: Recipe, device: torch.device, resume: dict[str, Any] | None
) -> Descent:
    """Start at a high-pass, or where the checkpoint left off."""
    descent = Descent(recipe, whitening(examples, recipe.kernel_size), device)
    if resume is not None:
        descent.restore(resume)
    return descent


class _Run:
    """The steps of a run: keeps the last good state, hears Ctrl-C, saves now and then."""

    def __init__(
        self,
        recipe: Recipe,
        descent: Descent,
        interrupt: Interrupt,
        on_step: OnStep,
        on_checkpoint: OnCheckpoint,
        times: "_Times",
    ) -> None:
        self.examples: Examples | None = None
        self._recipe, self._descent, self._interrupt = recipe, descent, interrupt
        self._on_step, self._on_checkpoint = on_step, on_checkpoint
        self._times = times
        self._ended = "finished"
        self._good = descent.state()
        self._saved_at = time.monotonic()

    @property
    def is_on(self) -> bool:
        """Whether there are steps left to make."""
        return self._ended == "finished" and len(self._descent.losses) < self._recipe.steps

    def learn_from(self, examples: Examples, held_out: Examples, number: int) -> None:
        """Find the limit of a round's examples, and make the first steps towards it."""
        self.examples, self._held_out = examples, held_out
        self._best = _best(examples, self._recipe)
        limit = None if self._best is None else exact_loss(self._best, examples, self._recipe.loss)
        self._times.lap("closed form")
        self._descent.learn_from(examples, held_out, number=number, limit=limit)
        self.to(self._descent.round_began_at + STEPS_A_ROUND)
        self._times.lap("steps")

    def to(self, step: int) -> None:
        """Make steps up to a number of them, or until the file settles."""
        descent = self._descent
        while self.is_on and len(descent.losses) < step and not descent.is_settled:
            before = descent.state()
            if not descent.step():
                self._ended = "diverged"
                return
            self._good = before
            self._on_step(descent)
            if self._interrupt.came:
                self._ended = "interrupted"
            elif time.monotonic() - self._saved_at >= SECONDS_BETWEEN_CHECKPOINTS:
                self._on_checkpoint(self._good)
                self._saved_at = time.monotonic()

    def trained(self, feed: Feed, held_out_feed: Feed) -> Trained:
        """Say what was made: by the last step, or by the last good one."""
        descent, examples, recipe = self._descent, self.examples, self._recipe
        if examples is None:
            raise AssertionError("a run learns from examples before it ends")
        state = descent.state()
        if not bool(torch.isfinite(state["weight"]).all()):
            self._ended = "diverged"
        if self._ended == "diverged":
            state = self._good
        reading = feed.reading_s + held_out_feed.reading_s
        return Trained(
            recipe=recipe,
            weight=state["weight"],
            best=self._best,
            loss=exact_loss(state["weight"], examples, recipe.loss),
            limit=descent.limit,
            held_out_loss=exact_loss(state["weight"], self._held_out, recipe.loss),
            losses=descent.losses,
            held_out_losses=descent.held_out_losses,
            ended=self._ended,
            checkpoint=state,
            seconds=self._times.seconds | {"reading": reading},
            pieces=len(examples.input),
            pictures=feed.pictures,
            skipped=feed.skipped + held_out_feed.skipped,
        )


def _best(examples: Examples, recipe: Recipe) -> Tensor | None:
    """The closed-form kernels as they would be saved, where the answer is a linear one."""
    is_linear = recipe.loss == "signed" or recipe.out_channels == 1
    if not is_linear or analytic_bank(recipe) is None:
        return None
    if examples.target.shape[1] != recipe.out_channels:
        return None
    return as_saved(closed_form(examples, recipe.kernel_size))


class _Times:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now
