"""The descent: L-BFGS on one convolution, a step at a time, that can stop and go on anywhere."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from live_edges.errors import TrainingError
from live_edges.training.closed_form import exact_loss
from live_edges.training.examples import Examples
from live_edges.training.model import as_saved, inner, relative_loss
from live_edges.training.recipe import Recipe

LINE_SEARCH = 25  # evaluations a step may take; torch's default leaves a lone step's search none
HISTORY = 100  # gradients that L-BFGS remembers
LOSS_SCALE = 1e4  # torch's L-BFGS ignores curvature below 1e-10; a relative loss gets there
PATIENCE = 3  # steps in a row that leave the file as it is


@dataclass(frozen=True, eq=False)
class Progress:
    """Where training stands.

    Attributes:
        recipe: what is learned.
        weight: the kernels, as they would be saved: ``(out, in, k, k)`` float32 on the CPU.
        limit: loss of the closed-form kernels as they would be saved; None if not known.
        losses: loss of the kernels as they would be saved, at the start and after each step,
            relative to the target's power.
        held_out_losses: the same on pieces of pictures that are never learned from.
    """

    recipe: Recipe
    weight: Tensor
    limit: float | None
    losses: list[float]
    held_out_losses: list[float]

    @property
    def steps(self) -> int:
        """Steps made."""
        return len(self.losses) - 1

    @property
    def ratio(self) -> float | None:
        """Loss over limit; 1 is perfect, also where both are exactly 0. None without a limit."""
        if self.limit is None:
            return None
        if self.losses[-1] == self.limit:
            return 1.0
        return self.losses[-1] / self.limit if self.limit else math.inf


class Descent:
    """Steps of a model towards the least loss.

    Args:
        recipe: what is learned.
        model: see `make_model`; it is moved to where the examples are.
        examples: what the steps look at.
        held_out: what they never look at.
        limit: see `Progress`.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: nn.Conv2d,
        examples: Examples,
        held_out: Examples,
        limit: float | None,
    ) -> None:
        self._recipe, self._limit = recipe, limit
        self._model = model.to(examples.input)
        self._examples, self._held_out = examples, held_out
        self._optimizer = torch.optim.LBFGS(
            model.parameters(),
            lr=recipe.lr,
            max_iter=1,  # one step a call, so that each can be watched, saved and interrupted
            max_eval=LINE_SEARCH,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
            tolerance_grad=0,
            tolerance_change=0,
        )
        self._losses: list[float] = []
        self._held_out_losses: list[float] = []
        self._unchanged = 0
        self._measure()

    @property
    def progress(self) -> Progress:
        """Where training stands."""
        weight, losses = as_saved(self._model.weight), list(self._losses)
        return Progress(self._recipe, weight, self._limit, losses, list(self._held_out_losses))

    @property
    def is_settled(self) -> bool:
        """True if the last steps have left the file as it is."""
        return self._unchanged >= PATIENCE

    def step(self) -> bool:
        """Make one step; False where the loss is no number before or after it."""
        before = as_saved(self._model.weight)
        reached = float(self._optimizer.step(self._closure).detach())  # type: ignore[no-untyped-call]
        self._unchanged += 1
        if not torch.equal(before, as_saved(self._model.weight)):
            self._unchanged = 0
        self._measure()
        return math.isfinite(reached) and math.isfinite(self._losses[-1])

    def state(self) -> dict[str, Any]:
        """Return all it takes to go on as if nothing had happened."""
        state = {
            "recipe": self._recipe.to_json(),
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "losses": self._losses,
            "held_out_losses": self._held_out_losses,
            "unchanged": self._unchanged,
        }
        return copy.deepcopy(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`.

        Raises:
            TrainingError: it is of another shape, or of another version of this program.
        """
        state = copy.deepcopy(state)
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._losses, self._held_out_losses = state["losses"], state["held_out_losses"]
            self._unchanged = state["unchanged"]
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise TrainingError(
                "the checkpoint does not fit its own recipe, or another version of this program "
                "made it; start anew without --resume"
            ) from error

    def _measure(self) -> None:
        weight, loss = as_saved(self._model.weight), self._recipe.loss
        self._losses.append(exact_loss(weight, self._examples, loss))
        self._held_out_losses.append(exact_loss(weight, self._held_out, loss))

    def _closure(self) -> Tensor:
        self._optimizer.zero_grad()
        examples = self._examples
        responses = inner(self._model(examples.input), examples.margin)
        target = inner(examples.target, examples.margin)
        loss = relative_loss(responses, target, self._recipe.loss) * LOSS_SCALE
        loss.backward()  # type: ignore[no-untyped-call]
        return loss
