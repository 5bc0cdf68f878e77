"""The training loop: full-batch L-BFGS on one convolution, down to the closed form's limit."""

import copy
import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Self

import torch
from torch import Tensor, nn

from live_edges.training.closed_form import closed_form, exact_loss
from live_edges.training.examples import Examples, draw_examples
from live_edges.training.model import inner, make_model, relative_loss
from live_edges.training.pictures import find_pictures
from live_edges.training.recipe import Recipe

LINE_SEARCH = 25  # evaluations a step may take; torch's default leaves a lone step's search none
HISTORY = 100  # gradients that L-BFGS remembers: about as many as a kernel has taps
LOSS_SCALE = 1e4  # torch's L-BFGS ignores curvature below 1e-10; a relative loss gets there
PATIENCE, LEAST_GAIN = 6, 1e-4  # steps, and the part of the loss they should take away


@dataclass
class Progress:
    """Where training stands.

    Attributes:
        model: the convolution as it is now.
        losses: training loss before each step, relative to the target's power.
        held_out_losses: the same on pieces of pictures that are never trained on.
        limit: loss of the closed-form kernels on the same training pieces; 0 if not known.
        restarted_at: step at which L-BFGS last forgot its gradients.
        best_at_restart: lowest loss at that time.
    """

    model: nn.Conv2d
    losses: list[float] = field(default_factory=list)
    held_out_losses: list[float] = field(default_factory=list)
    limit: float = 0.0
    restarted_at: int = 0
    best_at_restart: float = math.inf

    @property
    def weight(self) -> Tensor:
        """The kernels now, ``(out, in, k, k)``, each summing to zero."""
        return self.model.weight.detach()


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run made.

    Attributes:
        weight: the kernels with the lowest finite loss reached, ``(out, in, k, k)`` float32.
        best: the closed-form kernels, where the target is linear.
        loss: relative loss of ``weight`` on the training pieces, in float64.
        limit: the same for ``best``.
        held_out_loss: relative loss of ``weight`` on the held-out pieces.
        ended: ``finished``, ``interrupted`` or ``diverged``.
        checkpoint: all it takes to go on.
        seconds: time spent in ``reading``, ``closed form`` and ``steps``.
    """

    recipe: Recipe
    weight: Tensor
    best: Tensor | None
    loss: float
    limit: float
    held_out_loss: float
    losses: list[float]
    held_out_losses: list[float]
    ended: str
    checkpoint: dict[str, Any]
    seconds: dict[str, float]
    examples: int
    skipped: int

    @property
    def ratio(self) -> float:
        """Loss over limit, both with the floor that float32 pictures set; 1 is perfect."""
        return (self.loss + LOSS_FLOOR) / (self.limit + LOSS_FLOOR)


LOSS_FLOOR = 1e-9  # of the target's power: -90 dB, hundreds of times below 8-bit rounding
OnStep = Callable[[Progress], None]


def train(
    recipe: Recipe,
    *,
    device: torch.device | None = None,
    resume: dict[str, Any] | None = None,
    on_step: OnStep = lambda _progress: None,
) -> Trained:
    """Learn kernels by a recipe.

    Args:
        recipe: what to learn.
        device: where to compute; the CPU gives the same bytes each time.
        resume: a checkpoint of the same recipe, to go on from.
        on_step: called before every step.

    Raises:
        TrainingError: the recipe can not work, or there is nothing to learn from.
    """
    recipe.check()
    device = device or torch.device("cpu")
    watch = _StopWatch()

    pictures = find_pictures(recipe)
    examples = draw_examples(pictures.train, recipe, count=recipe.batch, seed=recipe.seed)
    held_out = draw_examples(
        pictures.held_out, recipe, count=max(4, recipe.batch // 4), seed=recipe.seed + 1
    )
    watch.lap("reading")

    is_linear = recipe.loss == "signed" or recipe.out_channels == 1
    best = limit = None
    if is_linear and examples.target.shape[1] == recipe.out_channels:
        best = closed_form(examples, recipe.kernel_size)
        limit = exact_loss(best, examples, recipe.loss)
    watch.lap("closed form")

    progress = Progress(make_model(recipe).to(device), limit=limit or 0.0)
    optimizer = _optimizer(progress.model, recipe)
    if resume is not None:
        _restore(progress, optimizer, resume)
    on_device = (examples.to(device), held_out.to(device))
    with Interrupt() as interrupt:
        ended, last_good = _descend(progress, optimizer, recipe, on_device, on_step, interrupt)
    watch.lap("steps")

    weight = last_good["weight"]
    return Trained(
        recipe,
        weight,
        best,
        exact_loss(weight, examples, recipe.loss),
        limit or 0.0,
        exact_loss(weight, held_out, recipe.loss),
        progress.losses,
        progress.held_out_losses,
        ended,
        last_good,
        watch.seconds,
        len(examples.input),
        examples.skipped + held_out.skipped,
    )


def _descend(
    progress: Progress,
    optimizer: torch.optim.LBFGS,
    recipe: Recipe,
    data: tuple[Examples, Examples],
    on_step: OnStep,
    interrupt: "Interrupt",
) -> tuple[str, dict[str, Any]]:
    """Step until done; return how it ended and the state of the last good step."""
    examples, held_out = data

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(progress.model, examples, recipe.loss) * LOSS_SCALE
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    good = _state(progress, optimizer, recipe)
    while len(progress.losses) < recipe.steps:
        with torch.no_grad():
            held_out_loss = float(loss_of(progress.model, held_out, recipe.loss))
        before = _state(progress, optimizer, recipe)
        loss = float(optimizer.step(closure).detach()) / LOSS_SCALE  # type: ignore[no-untyped-call]
        if not math.isfinite(loss):
            return "diverged", good
        good = before
        progress.losses.append(loss)
        progress.held_out_losses.append(held_out_loss)
        on_step(progress)
        if _has_stalled(progress):
            if min(progress.losses) > progress.best_at_restart * (1 - LEAST_GAIN):
                break
            optimizer = _restart(progress, recipe)
        if interrupt.came:
            return "interrupted", _state(progress, optimizer, recipe)
    if not bool(torch.isfinite(progress.weight).all()):
        return "diverged", good
    return "finished", _state(progress, optimizer, recipe)


def loss_of(model: nn.Conv2d, examples: Examples, loss: str) -> Tensor:
    """Relative loss of the model on all examples."""
    responses = inner(model(examples.input), examples.margin)
    return relative_loss(responses, inner(examples.target, examples.margin), loss)


def _optimizer(model: nn.Conv2d, recipe: Recipe) -> torch.optim.LBFGS:
    return torch.optim.LBFGS(
        model.parameters(),
        lr=recipe.lr,
        max_iter=1,  # one step a call, so that each can be watched, saved and interrupted
        max_eval=LINE_SEARCH,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0,
        tolerance_change=0,
    )


def _has_stalled(progress: Progress) -> bool:
    recent = progress.losses[progress.restarted_at :][-PATIENCE:]
    return len(recent) == PATIENCE and recent[-1] > recent[0] * (1 - LEAST_GAIN)


def _restart(progress: Progress, recipe: Recipe) -> torch.optim.LBFGS:
    """Begin again from the steepest descent: L-BFGS can lose its direction to rounding."""
    progress.restarted_at = len(progress.losses)
    progress.best_at_restart = min(progress.losses)
    return _optimizer(progress.model, recipe)


def _state(progress: Progress, optimizer: torch.optim.LBFGS, recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.to_json(),
        "weight": progress.weight.cpu().clone(),
        "model": copy.deepcopy(progress.model.state_dict()),
        "optimizer": copy.deepcopy(optimizer.state_dict()),
        "losses": list(progress.losses),
        "held_out_losses": list(progress.held_out_losses),
        "restarted_at": progress.restarted_at,
        "best_at_restart": progress.best_at_restart,
    }


def _restore(progress: Progress, optimizer: torch.optim.LBFGS, state: dict[str, Any]) -> None:
    progress.model.load_state_dict(state["model"])
    optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
    progress.losses = list(state["losses"])
    progress.held_out_losses = list(state["held_out_losses"])
    progress.restarted_at = state["restarted_at"]
    progress.best_at_restart = state["best_at_restart"]


class Interrupt:
    """Lets Ctrl-C end the training after the step it came in; a second one ends it at once."""

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        """Take Ctrl-C over; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


class _StopWatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
