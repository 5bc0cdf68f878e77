"""The training loop: data with its target, model, loss, steps, and what came of them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from live_edges.training.closed_form import closed_form, moments, whitening
from live_edges.training.descent import Descent
from live_edges.training.examples import read_examples
from live_edges.training.model import as_saved, loss_of, make_model
from live_edges.training.pictures import Pictures, find_pictures
from live_edges.training.recipe import Recipe

SECONDS_BETWEEN_CHECKPOINTS = 5.0

OnStep = Callable[[Descent], None]


def train(
    recipe: Recipe,
    pictures: Pictures | None = None,
    *,
    device: torch.device | None = None,
    resume: dict[str, Any] | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep = lambda _descent: None,
) -> Descent:
    """Learn kernels by a recipe.

    Args:
        recipe: what to learn.
        pictures: what to learn from; None finds what the recipe names.
        device: where to compute; the CPU gives the same bytes each time.
        resume: the state of a checkpoint of the same recipe, to go on from.
        checkpoint: file to write the state to every few seconds.
        on_step: called before the first step and after every one.

    Raises:
        LiveEdgesError: the recipe cannot work, or there is nothing to learn from.
    """
    recipe.check()
    pictures = pictures or find_pictures(recipe)
    spare = max(4, recipe.batch // 4)

    # Data, each piece with its target.
    examples = read_examples(pictures.train, recipe, count=recipe.batch, seed=recipe.seed)
    held_out = read_examples(pictures.held_out, recipe, count=spare, seed=recipe.seed + 1)

    # Model.
    covariance, matches = moments(examples, recipe.kernel_size)
    model = make_model(recipe, whitening(covariance))

    # Loss, and the least that is possible.
    limit = None
    if recipe.is_linear:
        best = as_saved(closed_form(covariance, matches, recipe.kernel_size))
        limit = loss_of(best, examples, recipe.loss)

    # Steps.
    device = device or torch.device("cpu")
    examples, held_out = (each.to(device, precision(device)) for each in (examples, held_out))
    descent = Descent(recipe, model, examples, held_out, limit)
    if resume is not None:
        descent.restore(resume)
    descent.ended = _descend(descent, checkpoint, on_step)
    return descent


def _descend(descent: Descent, checkpoint: Path | None, on_step: OnStep) -> str:
    """Make steps until none helps, and return how they ended."""
    steps, saved_at = descent.recipe.steps, time.monotonic()
    with tqdm(
        initial=descent.steps, total=steps, unit="step", desc="learning", dynamic_ncols=True
    ) as bar:
        try:
            on_step(descent)
            while descent.steps < steps and not descent.is_settled:
                if not descent.step():
                    return "diverged"
                losses = descent.losses[-1], descent.held_out_losses[-1]
                bar.set_postfix(loss=losses[0], held_out=losses[1], limit=descent.limit)
                bar.update()
                on_step(descent)
                if checkpoint and time.monotonic() - saved_at >= SECONDS_BETWEEN_CHECKPOINTS:
                    descent.save(checkpoint)
                    saved_at = time.monotonic()
        except KeyboardInterrupt:  # Ctrl-C, or a signal that `lifecycle` handles alike
            return "interrupted"
        bar.total = bar.n  # the other steps that were asked for are not needed
    return "finished"


def precision(device: torch.device) -> torch.dtype:
    """Return float64 where the device has it: float32 misses the last digits a file holds."""
    return torch.float64 if device.type in ("cpu", "cuda") else torch.float32
