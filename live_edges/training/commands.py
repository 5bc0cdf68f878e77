"""What `live-edges train` does: train into a file with a report, or check a shipped file."""

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from safetensors.torch import save

# Before PyAV, which `pictures` imports: with the libxcb that PyAV brings, no window opens.
from live_edges.display.window import Window, display_problem
from live_edges.errors import TrainingError
from live_edges.filters.weights import load_weights
from live_edges.lifecycle import INTERRUPTED
from live_edges.pipeline.devices import choose_device
from live_edges.recording.files import atomic_write
from live_edges.training.closed_form import cosine
from live_edges.training.descent import Descent
from live_edges.training.examples import analytic_bank
from live_edges.training.loop import precision, train
from live_edges.training.pictures import Pictures, counted, find_pictures
from live_edges.training.recipe import Recipe
from live_edges.training.report import Watch, draw, held_out_picture, png

ENOUGH = 1.01  # training is done when its loss is at most so many times the limit
SAME = 0.9999  # cosine with a shipped file; other CPUs and libraries change the last digits
METADATA = "live_edges"  # key of the metadata: one, because safetensors writes several in any order


def train_to_file(
    args: argparse.Namespace, recipe: Recipe, out: Path, resume: dict[str, Any] | None = None
) -> int:
    """Train, write the weights and the report, and return the exit code.

    Raises:
        LiveEdgesError: nothing to learn from, or the loss was not a number.
    """
    checkpoint = out.with_suffix(".checkpoint")
    try:
        pictures = find_pictures(recipe)
        descent = _train(args, recipe, pictures, resume=resume, checkpoint=checkpoint)
    except KeyboardInterrupt:  # while it still read pictures; later `train` returns
        again = f"go on with: --resume {args.resume}" if resume else "start again, nothing is lost"
        _say(f"stopped before the first step; {again}")
        return INTERRUPTED
    if descent.ended != "finished":
        descent.save(checkpoint)
    if descent.ended == "interrupted":
        _say(f"stopped after step {descent.steps}; go on with: --resume {checkpoint}")
        return INTERRUPTED
    with atomic_write(out) as part:
        # Not save_file, which forbids other users to read the file.
        part.write_bytes(save({"weight": descent.weight}, metadata(descent)))
    if descent.ended == "diverged":
        raise TrainingError(
            f"the loss was not a number at step {descent.steps + 1}; the weights of the last "
            f"good step are kept in {out}; try a smaller --lr than {recipe.lr:g}"
        )
    checkpoint.unlink(missing_ok=True)
    print(summary(descent))
    print(f"weights: {out}")
    if args.report:
        shown = held_out_picture(pictures.held_out, recipe)
        with atomic_write(out.with_suffix(".png")) as part:
            part.write_bytes(png(draw(descent, shown, out.stem)))
        print(f"report: {out.with_suffix('.png')}")
    print(f"see it live: live-edges run --weights {out} --filter {out.stem}")
    return 0


def check(args: argparse.Namespace, recipe: Recipe, shipped: Path) -> int:
    """Train a preset again, compare it with the shipped file, and return the exit code."""
    descent = _train(args, recipe, find_pictures(recipe))
    if descent.ended == "interrupted":
        raise KeyboardInterrupt
    known = torch.from_numpy(load_weights(shipped))
    found = cosine(descent.weight, known) if descent.weight.shape == known.shape else -1.0
    print(summary(descent))
    is_same = found > SAME
    print(f"cosine with {shipped.name}: {found:.8f} ({'the same' if is_same else 'NOT the same'})")
    return 0 if is_same else 1


def _train(args: argparse.Namespace, recipe: Recipe, pictures: Pictures, **more: Any) -> Descent:
    """Train on the device asked for, in a window if one is asked for and can be opened."""
    device, reason = choose_device(args.device)
    if precision(device) != torch.float64:
        if args.device == "auto":
            device, reason = torch.device("cpu"), f"{device.type} has no float64"
        else:
            _say(f"{device.type} has no float64: the kernels will miss their last digits")
    _say(f"training on {device} ({reason})")
    problem = display_problem() if args.watch else None
    if problem:
        _say(f"no window to watch in ({problem}); training goes on")
    is_shown = args.watch and not problem
    with Window("live-edges train") if is_shown else nullcontext() as window:
        if window:
            more["on_step"] = Watch(window, held_out_picture(pictures.held_out, recipe))
        return train(recipe, pictures, device=device, **more)


def metadata(descent: Descent) -> dict[str, str]:
    """Return all that is needed to make the weights file again, and how good it is."""
    facts = {
        "made_by": "live-edges train",
        "recipe": asdict(descent.recipe),
        "pieces": len(descent.examples.input),
        "pictures": descent.examples.pictures,
        "steps": descent.steps,
        "ended": descent.ended,
        "loss": descent.losses[-1],
        "held_out_loss": descent.held_out_losses[-1],
        "optimum": descent.limit,
        "cosine_with_analytic": analytic_cosine(descent),
        "scale": "as trained; scaled to 1 at a unit step when loaded",  # so the loss can be checked
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
    }
    return {METADATA: json.dumps(facts)}


def analytic_cosine(descent: Descent) -> float | None:
    """Return the cosine with the analytic kernels; None if there are none of this number."""
    bank = analytic_bank(descent.recipe)
    return None if bank is None else cosine(descent.weight, bank)


def summary(descent: Descent) -> str:
    """Say how good the kernels are."""
    pieces, skipped = len(descent.examples.input), descent.examples.skipped
    skipped += descent.held_out.skipped
    lines = [
        f"{descent.ended} after {counted(descent.steps, 'step')} on {counted(pieces, 'piece')} of "
        f"{counted(descent.examples.pictures, 'picture')}"
        + (f", {counted(skipped, 'picture')} skipped" if skipped else ""),
        f"loss {descent.losses[-1]:.4g} of the target's power, on held-out pictures "
        f"{descent.held_out_losses[-1]:.4g}",
    ]
    if descent.ratio is not None:
        verdict = "done" if descent.ratio <= ENOUGH else "not finished: give it more --steps"
        lines.append(
            f"limit (closed form, saved alike) {descent.limit:.4g}, "
            f"loss / limit {descent.ratio:.4f}: {verdict}"
        )
    found = analytic_cosine(descent)
    if found is not None:
        lines.append(f"cosine with the analytic kernel {found:.6f}")
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
