"""The outcome of a run: its weights file, its summary, and how it compares with a shipped file."""

import json

import numpy as np
import torch
import torchvision
from safetensors.torch import save
from torch import Tensor

from live_edges.training.closed_form import cosine
from live_edges.training.examples import analytic_bank
from live_edges.training.loop import Trained

METADATA = "live_edges"  # the key of the file's metadata; its value is JSON
ENOUGH = 1.01  # a run is done when its loss is at most so many times the limit


def analytic_cosine(trained: Trained) -> float | None:
    """Cosine with the analytic kernels; None where there are none, or not as many."""
    bank = analytic_bank(trained.recipe)
    if bank is None or len(bank) != len(trained.weight):
        return None
    return cosine(trained.weight, torch.from_numpy(bank))


def packed(trained: Trained) -> bytes:
    """Return the weights file: kernels as trained, and all it takes to make them again.

    The kernels answer on the scale of their target, so that the loss can be checked; the live
    program scales every file to 1 at a unit step when it loads it.
    """
    recipe = trained.recipe
    found = analytic_cosine(trained)
    metadata = {
        "made_by": "live-edges train",
        "recipe": recipe.to_json(),
        "target": recipe.target,
        "sigma": f"{recipe.sigma:g}",
        "noise": f"{recipe.noise:g} of 255",
        "data": " ".join(recipe.data) or "synthetic dead leaves",
        "pieces": f"{trained.pieces} of {recipe.crop}x{recipe.crop}",
        "pictures": str(trained.pictures),
        "seed": str(recipe.seed),
        "steps": str(trained.steps),
        "ended": trained.ended,
        "loss": f"{trained.losses[-1]:.6e}",
        "held_out_loss": f"{trained.held_out_losses[-1]:.6e}",
        "scale": "as trained; scaled to 1 at a unit step when loaded",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
    }
    if trained.limit is not None:
        metadata["optimum"] = f"{trained.limit:.6e}"
    if found is not None:
        metadata["cosine_with_analytic"] = f"{found:.8f}"
    # One key, because safetensors writes several in random order: equal runs give equal bytes.
    return save({"weight": trained.weight}, {METADATA: json.dumps(metadata, sort_keys=True)})


def summary(trained: Trained) -> str:
    """Say how good the kernels are, and where the time went."""
    lines = [
        f"{trained.ended} after {trained.steps} steps on {trained.pieces} pieces of "
        f"{trained.pictures} pictures"
        + (f", {trained.skipped} pictures skipped" if trained.skipped else ""),
        f"loss {trained.losses[-1]:.4g} of the target's power, on held-out pictures "
        f"{trained.held_out_losses[-1]:.4g}",
    ]
    if trained.ratio is not None:
        verdict = "done" if trained.ratio <= ENOUGH else "not finished: give it more --steps"
        lines.append(
            f"limit (closed form, saved alike) {trained.limit:.4g}, "
            f"loss / limit {trained.ratio:.4f}: {verdict}"
        )
    found = analytic_cosine(trained)
    if found is not None:
        lines.append(f"cosine with the analytic kernel {found:.6f}")
    spent = (f"{name} {seconds:.1f} s" for name, seconds in trained.seconds.items())
    return "\n".join([*lines, "time: " + ", ".join(spent)])


def agreement(trained: Trained, shipped: Tensor) -> float:
    """Cosine of the new kernels with those of a file, -1 where the shapes differ."""
    return cosine(trained.weight, shipped) if trained.weight.shape == shipped.shape else -1.0
