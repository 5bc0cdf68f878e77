"""What `live-edges train --preset boundary` does: train the net into a file, or check a file."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.filters.boundary import BoundaryFilter
from live_edges.filters.nets import BOUNDARY, METADATA, load_net
from live_edges.pipeline.devices import choose_device
from live_edges.recording.files import atomic_write
from live_edges.training.boundary import BoundaryRun, draw_scenes, load_checkpoint, train
from live_edges.training.recipe import BoundaryRecipe, flag

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended
COMPARED = 20  # scenes of a check
SAME = 0.97  # correlation of two maps: rounding alone leads two runs to different weights
DRAWN = 3  # scenes of the report


def run(args: argparse.Namespace, recipe: BoundaryRecipe, out: Path) -> int:
    """Train and return the exit code.

    Raises:
        LiveEdgesError: a checkpoint that does not fit, or the loss was not a number.
    """
    state = _resumed(args.resume, recipe) if args.resume else None
    device, reason = choose_device(args.device)
    _say(f"training on {device} ({reason})")
    checkpoint = out.with_suffix(".checkpoint")
    trained, ended = train(recipe, device, resume=state, checkpoint=checkpoint)
    again = f"--preset boundary --resume {checkpoint}"
    if ended == "interrupted":
        _say(f"stopped after step {trained.steps}; go on with: {again}")
        return INTERRUPTED
    if ended == "diverged":
        raise TrainingError(
            f"the loss was not a number at step {trained.steps + 1}; the state before it is kept "
            f"in {checkpoint}; try a smaller --lr than {recipe.lr:g}"
        )
    with atomic_write(out) as part:
        part.write_bytes(save(weights_of(trained), metadata(trained)))
    checkpoint.unlink(missing_ok=True)
    print(summary(trained))
    print(f"weights: {out}")
    if args.report:
        with atomic_write(out.with_suffix(".png")) as part:
            part.write_bytes(drawn(out, recipe))
        print(f"report: {out.with_suffix('.png')}")
    print(f"see it live: live-edges run --weights {out} --filter {out.stem}")
    return 0


def check(args: argparse.Namespace, recipe: BoundaryRecipe, shipped: Path) -> int:
    """Train again, compare the maps of new scenes with the shipped net's, return the exit code."""
    trained, ended = train(recipe, choose_device(args.device)[0])
    if ended != "finished":
        _say(f"{ended} after step {trained.steps}: nothing to compare")
        return INTERRUPTED if ended == "interrupted" else 1
    print(summary(trained))
    trained.mean.load_state_dict(trained.best[0])
    trained.mean.cpu().fold()
    filters = [BoundaryFilter(trained.mean), BoundaryFilter(load_net(shipped))]
    with torch.inference_mode():
        pictures = _pictures(draw_scenes(COMPARED, recipe.seed + 2))
        maps = [torch.cat([each(x[None]) for x in pictures]).flatten() for each in filters]
    found = float(torch.corrcoef(torch.stack(maps))[0, 1])
    verdict = "the same" if found > SAME else "NOT the same"
    print(f"correlation with the maps of {shipped.name}: {found:.4f} ({verdict})")
    return 0 if found > SAME else 1


def weights_of(trained: BoundaryRun) -> dict[str, Tensor]:
    """Return the weights that are kept, on the CPU."""
    return {name: tensor.cpu().contiguous() for name, tensor in trained.best[0].items()}


def metadata(trained: BoundaryRun) -> dict[str, str]:
    """Return all that is needed to make the weights file again, and how good it is."""
    facts = {
        "architecture": BOUNDARY,
        "made_by": "live-edges train --preset boundary",
        "recipe": asdict(trained.recipe),
        "loss": trained.loss,
        "held_out_loss": trained.best[1],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    return {METADATA: json.dumps(facts)}


def summary(trained: BoundaryRun) -> str:
    """Say how good the net is."""
    weights = sum(each.numel() for each in trained.net.parameters())
    return (
        f"{weights:,} weights, {trained.steps} steps on {trained.recipe.scenes} scenes, loss "
        f"{trained.loss:.4f}, on held-out scenes at best {trained.best[1]:.4f}"
    )


def drawn(weights: Path, recipe: BoundaryRecipe) -> bytes:
    """Draw scenes that are held out, their boundaries, and the map of the net."""
    from matplotlib.figure import Figure

    from live_edges.training.report import pixels_of, png, show

    scenes = draw_scenes(DRAWN, recipe.seed + 2)
    likelihood = BoundaryFilter(load_net(weights))
    figure = Figure(figsize=(7.5, 2.55 * DRAWN), layout="constrained")
    axes: Any = figure.subplots(DRAWN, 3, squeeze=False)
    for line, scene, x in zip(axes, scenes, _pictures(scenes), strict=True):
        marks = torch.from_numpy(scene[None, ..., 3] / 255)
        show(line[0], x, "scene", is_strength=False)
        show(line[1], marks, "boundaries, faint ones gray", is_strength=False)
        with torch.inference_mode():
            show(line[2], likelihood(x[None])[0], "likelihood", is_strength=False)
    return png(pixels_of(figure))


def _pictures(scenes: Any) -> Tensor:
    return torch.from_numpy(scenes[..., :3]).permute(0, 3, 1, 2).float() / 255


def _resumed(path: Path, recipe: BoundaryRecipe) -> dict[str, Any]:
    made_with, state = load_checkpoint(path)
    for name, old in asdict(made_with).items():
        if old != getattr(recipe, name):
            raise TrainingError(
                f"the checkpoint was made with {flag(name)} {old:g}, not "
                f"{getattr(recipe, name):g}; give {flag(name)} {old:g}, or start anew without "
                "--resume"
            )
    return state


def _say(text: str) -> None:
    print(text, file=sys.stderr)
