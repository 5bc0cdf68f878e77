"""The descent: L-BFGS on one convolution, a step at a time, that can stop and go on anywhere."""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.training.closed_form import exact_loss
from live_edges.training.examples import Examples
from live_edges.training.model import as_saved, inner, make_model, relative_loss
from live_edges.training.recipe import Recipe
from live_edges.training.whitening import Whitened

LINE_SEARCH = 25  # evaluations a step may take; torch's default leaves a lone step's search none
HISTORY = 100  # gradients that L-BFGS remembers
LOSS_SCALE = 1e4  # torch's L-BFGS ignores curvature below 1e-10; a relative loss gets there
PATIENCE = 3  # steps in a row that leave the file as it is


class Descent:
    """Training as it stands.

    Args:
        recipe: what is learned.
        basis: coordinates to learn in, see `whitening`.
        device: where to compute.

    Attributes:
        losses: loss of the kernels as they would be saved before each step, relative to the
            target's power, on the pieces that step learned from.
        held_out_losses: the same on pieces of pictures that are never learned from.
        limit: loss of the closed-form kernels as they would be saved; None if not known.
        round: which part of the pictures came last.
        round_began_at: steps made before it came.
    """

    def __init__(self, recipe: Recipe, basis: Tensor, device: torch.device) -> None:
        self._recipe = recipe
        self._precision = precision(device)
        self._device = device
        model = make_model(recipe, Whitened(basis))
        self._model = model.to(self._precision).to(device)
        self._optimizer = self._new_optimizer()
        self.losses: list[float] = []
        self.held_out_losses: list[float] = []
        self.limit: float | None = None
        self.round = 0
        self.round_began_at = 0
        self._unchanged = 0
        self._at_restart: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        """The kernels now, as they would be saved: ``(out, in, k, k)`` float32 on the CPU."""
        return as_saved(self._model.weight)

    @property
    def is_settled(self) -> bool:
        """Whether the file stays as it is, also after the gradients were forgotten."""
        return self._unchanged >= PATIENCE

    def learn_from(
        self, examples: Examples, held_out: Examples, *, number: int, limit: float | None
    ) -> None:
        """Set what the next steps look at; a new round forgets the gradients of fewer pictures."""
        self._examples = examples.to(self._device, self._precision)
        self._held_out = held_out.to(self._device, self._precision)
        self.limit = limit
        if number != self.round:
            self.round, self.round_began_at = number, len(self.losses)
            self._restart(None)

    def step(self) -> bool:
        """Make one step; False, and nothing noted, where the loss was no number."""
        before = self.weight
        loss = exact_loss(before, self._examples, self._recipe.loss)
        held_out_loss = exact_loss(before, self._held_out, self._recipe.loss)
        reached = float(self._optimizer.step(self._closure).detach())  # type: ignore[no-untyped-call]
        if not (math.isfinite(reached) and math.isfinite(loss)):
            return False
        self.losses.append(loss)
        self.held_out_losses.append(held_out_loss)
        after = self.weight
        self._unchanged = self._unchanged + 1 if torch.equal(before, after) else 0
        if self.is_settled and not (
            self._at_restart is not None and torch.equal(self._at_restart, after)
        ):
            self._restart(after)  # L-BFGS can lose its direction to rounding
        return True

    def state(self) -> dict[str, Any]:
        """Return all it takes to go on as if nothing had happened."""
        return {
            "recipe": self._recipe.to_json(),
            "weight": self.weight,
            "model": copy.deepcopy(self._model.state_dict()),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "losses": list(self.losses),
            "held_out_losses": list(self.held_out_losses),
            "round": self.round,
            "round_began_at": self.round_began_at,
            "unchanged": self._unchanged,
            "at_restart": self._at_restart,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`.

        Raises:
            TrainingError: it is of another shape, or of another version of this program.
        """
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
            self.losses = list(state["losses"])
            self.held_out_losses = list(state["held_out_losses"])
            self.round, self.round_began_at = state["round"], state["round_began_at"]
            self._unchanged, self._at_restart = state["unchanged"], state["at_restart"]
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise TrainingError(
                "the checkpoint does not fit its own recipe, or another version of this program "
                "made it; start anew without --resume"
            ) from error

    def _restart(self, at: Tensor | None) -> None:
        self._at_restart = at
        self._unchanged = 0
        self._optimizer = self._new_optimizer()

    def _closure(self) -> Tensor:
        self._optimizer.zero_grad()
        examples = self._examples
        responses = inner(self._model(examples.input), examples.margin)
        target = inner(examples.target, examples.margin)
        loss = relative_loss(responses, target, self._recipe.loss) * LOSS_SCALE
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def _new_optimizer(self) -> torch.optim.LBFGS:
        return torch.optim.LBFGS(
            self._model.parameters(),
            lr=self._recipe.lr,
            max_iter=1,  # one step a call, so that each can be watched, saved and interrupted
            max_eval=LINE_SEARCH,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
            tolerance_grad=0,
            tolerance_change=0,
        )


def precision(device: torch.device) -> torch.dtype:
    """float64 where the device has it: float32 stops short of the numbers a file holds."""
    return torch.float64 if device.type in ("cpu", "cuda") else torch.float32
