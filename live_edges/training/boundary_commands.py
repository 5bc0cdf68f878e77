"""What `live-edges train --preset boundary` does: train the net into a file, or check a file."""

import argparse
import json
import sys
from dataclasses import asdict
from functools import partial
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
from live_edges.recording.files import atomic_write, make_folder
from live_edges.training.boundary import (
    NEW_SCENES,
    PHOTOGRAPHS,
    BoundaryRun,
    Judge,
    draw_scenes,
    load_checkpoint,
    train,
)
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
    judge = _judge(args)
    keep = None
    if args.keep_nets:
        nets = out.with_suffix(".nets")
        make_folder(nets, "--out")
        keep = partial(_keep, nets)
    trained, ended = train(
        recipe,
        device,
        resume=state,
        checkpoint=checkpoint,
        judge=judge,
        judged_on=_judged_on(args),
        on_judged=keep,
    )
    again = f"--preset boundary --resume {checkpoint}"
    again += f" --validate {args.validate}" * bool(args.validate)
    again += " --keep-nets" * args.keep_nets
    if ended == "interrupted":
        _say(f"stopped after step {trained.steps}; go on with: {again}")
        return INTERRUPTED
    if ended == "diverged":
        raise TrainingError(
            f"the loss was not a number at step {trained.steps + 1}; the state before it is kept "
            f"in {checkpoint}; try a smaller --lr than {recipe.lr:g}"
        )
    with atomic_write(out) as part:
        part.write_bytes(save(*file_of(trained.best[0], trained, chosen_on(trained))))
    checkpoint.unlink(missing_ok=True)
    print(summary(trained, chosen_on(trained)))
    print(f"weights: {out}")
    if args.report:
        with atomic_write(out.with_suffix(".png")) as part:
            part.write_bytes(drawn(out, recipe))
        print(f"report: {out.with_suffix('.png')}")
    print(f"see it live: live-edges run --weights {out} --filter {out.stem}")
    return 0


def check(args: argparse.Namespace, recipe: BoundaryRecipe, shipped: Path) -> int:
    """Train again, compare the maps of new scenes with the shipped net's, return the exit code."""
    trained, ended = train(
        recipe, choose_device(args.device)[0], judge=_judge(args), judged_on=_judged_on(args)
    )
    if ended != "finished":
        _say(f"{ended} after step {trained.steps}: nothing to compare")
        return INTERRUPTED if ended == "interrupted" else 1
    print(summary(trained, chosen_on(trained)))
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


def _judge(args: argparse.Namespace) -> Judge | None:
    if args.validate is None:
        return None
    from live_edges.training.boundary_score import fault_on, read_photographs

    return fault_on(read_photographs(args.validate))


def _judged_on(args: argparse.Namespace) -> str:
    return PHOTOGRAPHS if args.validate else NEW_SCENES


def chosen_on(trained: BoundaryRun) -> dict[str, str | float]:
    """Say what the net was chosen on, and how good it was there."""
    _, fault = trained.best
    if trained.judged_on == PHOTOGRAPHS:
        return {"chosen_on": PHOTOGRAPHS, "f_measure": 1 - fault}
    return {"chosen_on": trained.judged_on, "held_out_loss": fault}


def _keep(folder: Path, trained: BoundaryRun, fault: float) -> None:
    """Write the net that was just judged as a file of its own."""
    with atomic_write(folder / f"step-{trained.steps:06d}.safetensors") as part:
        content = file_of(trained.mean.state_dict(), trained, {"judged": fault})
        part.write_bytes(save(*content))


def file_of(
    weights: dict[str, Tensor], trained: BoundaryRun, judged: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return weights for a file, and all that is needed to make it again."""
    facts = {
        "architecture": BOUNDARY,
        "made_by": "live-edges train --preset boundary",
        "recipe": asdict(trained.recipe),
        "loss": trained.loss,
        **judged,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    on_cpu = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    return on_cpu, {METADATA: json.dumps(facts)}


def summary(trained: BoundaryRun, judged: dict[str, str | float]) -> str:
    """Say how good the net is."""
    weights = sum(each.numel() for each in trained.net.parameters())
    what, found = judged.values()
    return (
        f"{weights:,} weights, {trained.steps} steps on {trained.recipe.scenes} scenes, loss "
        f"{trained.loss:.4f}, {'F-measure' if what == PHOTOGRAPHS else 'loss'} on {what} at best "
        f"{found:.4f}"
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
