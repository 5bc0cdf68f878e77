"""The descent: L-BFGS on one convolution, a step at a time, that can stop and go on anywhere."""

import copy
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from live_edges.errors import TrainingError
from live_edges.training.checkpoint import read_state, write_state
from live_edges.training.examples import Examples
from live_edges.training.model import as_saved, loss_of, relative_loss
from live_edges.training.recipe import Recipe

LINE_SEARCH = 25  # evaluations a step may take; torch's default leaves a lone step's search none
HISTORY = 100  # gradients that L-BFGS remembers
LOSS_SCALE = 1e4  # torch's L-BFGS ignores curvature below 1e-10; a relative loss gets there
PATIENCE = 3  # steps in a row that change nothing; the first may be a line search that failed


class Descent:
    """A model on its way to the least loss.

    Attributes:
        recipe: what is learned.
        examples: what the steps read.
        held_out: what they never read.
        limit: loss of the closed-form kernels as they would be saved; None if not known.
        losses: loss of the kernels as they would be saved, before the first step and after each.
        held_out_losses: the same on what is held out.
        ended: ``finished``, ``interrupted`` or ``diverged``; empty while it goes on.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: nn.Conv2d,
        examples: Examples,
        held_out: Examples,
        limit: float | None,
    ) -> None:
        self.recipe, self.limit = recipe, limit
        self.examples, self.held_out = examples, held_out
        self.ended = ""
        self._model = model.to(examples.input)
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
        self.losses = [loss_of(self.weight, examples, recipe.loss)]
        self.held_out_losses = [loss_of(self.weight, held_out, recipe.loss)]

    @property
    def weight(self) -> Tensor:
        """The kernels as they would be saved: ``(out, in, k, k)`` float32 on the CPU."""
        return as_saved(self._model.weight)

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

    @property
    def is_settled(self) -> bool:
        """True if the last steps have left the loss of the saved kernels exactly as it was."""
        return self.steps >= PATIENCE and len(set(self.losses[-1 - PATIENCE :])) == 1

    def step(self) -> bool:
        """Make one step; undo it and return False if the loss is not a number before or after."""
        good, is_good = self.state(), False
        try:
            before = float(self._optimizer.step(self._closure).detach())  # type: ignore[no-untyped-call]
            self.losses.append(loss_of(self.weight, self.examples, self.recipe.loss))
            self.held_out_losses.append(loss_of(self.weight, self.held_out, self.recipe.loss))
            is_good = math.isfinite(before) and math.isfinite(self.losses[-1])
        finally:  # Ctrl-C may come anywhere
            if not is_good:
                self.restore(good)
        return is_good

    def _closure(self) -> Tensor:
        self._optimizer.zero_grad()
        responses = self._model(self.examples.input)
        loss = relative_loss(responses, self.examples.target, self.recipe.loss) * LOSS_SCALE
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on as if nothing had happened."""
        state = {
            "recipe": asdict(self.recipe),
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "losses": self.losses,
            "held_out_losses": self.held_out_losses,
        }
        return copy.deepcopy(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`.

        Raises:
            TrainingError: it belongs to kernels of another shape, or is not complete.
        """
        state = copy.deepcopy(state)
        try:
            self._model.load_state_dict(state["model"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.losses = list(map(float, state["losses"]))
            self.held_out_losses = list(map(float, state["held_out_losses"]))
        except Exception as error:  # torch raises RuntimeError, ValueError, KeyError and others
            raise TrainingError(
                "the checkpoint does not fit its own recipe, or another version of this program "
                "made it; start anew without --resume"
            ) from error

    def save(self, path: Path) -> None:
        """Write a checkpoint: the `state`, for `load_checkpoint`."""
        write_state(self.state(), path)


def load_checkpoint(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """Read what `Descent.save` wrote; see `live_edges.training.checkpoint.read_state`."""
    return read_state(path, "recipe", Recipe, "this version of live-edges train")
