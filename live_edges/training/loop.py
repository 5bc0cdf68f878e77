"""The training loop: data with its target, model, loss, steps, and what came out of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from live_edges.timing import Stages
from live_edges.training.closed_form import least_loss, whitening
from live_edges.training.descent import Descent, Progress
from live_edges.training.examples import read_examples
from live_edges.training.model import make_model
from live_edges.training.pictures import Pictures, find_pictures
from live_edges.training.recipe import Recipe

SECONDS_BETWEEN_CHECKPOINTS = 5.0

OnStep = Callable[[Progress], None]
OnCheckpoint = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Trained(Progress):
    """What a run made: its last kernels whose loss was a number.

    Attributes:
        ended: ``finished``, ``interrupted`` or ``diverged``.
        checkpoint: all it takes to go on.
        seconds: time spent ``reading``, on the ``closed form`` and in ``steps``.
        pieces: learned from.
        pictures: they were cut from.
        skipped: pictures that could not be read or were too small.
    """

    ended: str
    checkpoint: dict[str, Any]
    seconds: dict[str, float]
    pieces: int
    pictures: int
    skipped: int


def train(
    recipe: Recipe,
    pictures: Pictures | None = None,
    *,
    device: torch.device | None = None,
    resume: dict[str, Any] | None = None,
    on_step: OnStep = lambda _progress: None,
    on_checkpoint: OnCheckpoint = lambda _state: None,
) -> Trained:
    """Learn kernels by a recipe.

    Args:
        recipe: what to learn.
        pictures: what to learn from; None finds what the recipe names.
        device: where to compute; the CPU gives the same bytes each time.
        resume: a checkpoint of the same recipe, to go on from.
        on_step: called after every step.
        on_checkpoint: called every few seconds with what a later ``resume`` takes.

    Raises:
        TrainingError: the recipe cannot work, or there is nothing to learn from.
    """
    recipe.check()
    device = device or torch.device("cpu")
    timed = Stages()
    with timed("reading"):  # the data, and the target that each piece of it should give
        pictures = pictures or find_pictures(recipe)
        spare = max(4, recipe.batch // 4)
        examples = read_examples(pictures.train, recipe, count=recipe.batch, seed=recipe.seed)
        held_out = read_examples(pictures.held_out, recipe, count=spare, seed=recipe.seed + 1)
    with timed("closed form"):  # the model, and the least loss that it can come to
        model = make_model(recipe, whitening(examples, recipe.kernel_size))
        limit = least_loss(examples, recipe)
    with timed("steps"):
        where = device, precision(device)
        descent = Descent(recipe, model, examples.to(*where), held_out.to(*where), limit)
        if resume is not None:
            descent.restore(resume)
        ended = _descend(descent, recipe.steps, on_step, on_checkpoint)
    return Trained(
        **vars(descent.progress),
        ended=ended,
        checkpoint=descent.state(),
        seconds={name: spent.recent_ms() / 1e3 for name, spent in timed.durations.items()},
        pieces=len(examples.input),
        pictures=examples.pictures,
        skipped=examples.skipped + held_out.skipped,
    )


def _descend(descent: Descent, steps: int, on_step: OnStep, on_checkpoint: OnCheckpoint) -> str:
    """Make steps until the file settles, and say how they ended; a step that fails is undone."""
    made = descent.progress.steps
    good = descent.state()
    saved_at = time.monotonic()
    with tqdm(initial=made, total=steps, unit="step", desc="learning", dynamic_ncols=True) as bar:
        try:
            while bar.n < steps and not descent.is_settled:
                if not descent.step():
                    descent.restore(good)
                    return "diverged"
                good = descent.state()
                progress = descent.progress
                bar.set_postfix_str(_figures(progress), refresh=False)
                bar.update()
                on_step(progress)
                if time.monotonic() - saved_at >= SECONDS_BETWEEN_CHECKPOINTS:
                    on_checkpoint(good)
                    saved_at = time.monotonic()
        except KeyboardInterrupt:
            descent.restore(good)
            return "interrupted"
        bar.total = bar.n  # the other steps that were asked for are not needed
    return "finished"


def _figures(progress: Progress) -> str:
    losses = f"loss {progress.losses[-1]:.3g}, held out {progress.held_out_losses[-1]:.3g}"
    return losses if progress.limit is None else f"{losses}, limit {progress.limit:.3g}"


def precision(device: torch.device) -> torch.dtype:
    """float64 where the device has it: float32 stops short of the numbers a file holds."""
    return torch.float64 if device.type in ("cpu", "cuda") else torch.float32
