"""Training the boundary net: its scenes, loss and steps, and the mean weights that are kept."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from live_edges.filters.boundary_net import BoundaryNet
from live_edges.training.boundary_scenes import BOUNDARY, SIZE, UNKNOWN, scenes
from live_edges.training.checkpoint import read_state, write_state
from live_edges.training.recipe import BoundaryRecipe

BOUNDARY_WEIGHT = 3.0  # of a boundary pixel in the loss: they are few
SIDE_WEIGHT = 0.25
WARM_UP = 60  # steps
LEAST_RATE = 0.01  # of the learning rate, at the end
WEIGHT_DECAY = 1e-4
LONGEST_GRADIENT = 1.0
LONGEST_MEMORY = 0.999  # of the mean of the weights, from step to step
HELD_OUT = 40  # scenes
JUDGEMENTS = 10  # of the mean net on these, in a run
SECONDS_BETWEEN_CHECKPOINTS = 60.0
LARGEST_ZOOM = 0.4  # logarithm of the factor: from 0.67 to 1.5
GRAY_SHARE = 0.15  # of the crops
FLAT_SHARE = 0.05  # of the crops: one colour, so that a wall or the sky has no edges
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Scenes = NDArray[np.uint8]  # (N, H, W, 4): red, green, blue and boundaries
Judge = Callable[[BoundaryNet], float]  # says how bad a net is
NEW_SCENES, PHOTOGRAPHS = "held-out scenes", "photographs"  # what nets are judged on


class BoundaryRun:
    """A training under way, which can stop and go on anywhere.

    Attributes:
        recipe: what is learned.
        net: what learns.
        mean: the same net with the mean of its weights over the last steps, which is kept.
        steps: made so far.
        loss: on the last batches, a running mean.
        best: the ``mean`` that was judged best, and how it was judged.
        judged_on: what nets are judged on; what was judged on something else does not compare.
    """

    def __init__(
        self, recipe: BoundaryRecipe, device: torch.device, judged_on: str = NEW_SCENES
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.judged_on = judged_on
        self.recipe, self._device = recipe, device
        self.net = BoundaryNet()
        self.net.to(device).to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net).eval()
        self._optimizer = torch.optim.AdamW(self.net.parameters(), weight_decay=WEIGHT_DECAY)
        self.steps, self.loss = 0, math.nan
        self.best: tuple[dict[str, Tensor], float] = (self.mean.state_dict(), math.inf)

    def step(self, drawn: Scenes) -> bool:
        """Learn from a batch; undo it and return False if the loss is not a number."""
        good, is_good = self.state(), False
        try:
            loss = self._learn(*batch_of(drawn, self.recipe, self.steps))
            is_good = math.isfinite(loss)
            self.loss = loss if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * loss
        finally:  # Ctrl-C may come anywhere
            if not is_good:
                self.restore(good)
        return is_good

    def _learn(self, image: Tensor, marks: Tensor) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.steps)
        loss = loss_of(self.net, image.to(self._device), marks.to(self._device))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        self._optimizer.step()
        self.steps += 1
        share = 1 - min(LONGEST_MEMORY, 1 - 1 / (1 + self.steps / 8))  # short at the beginning
        with torch.no_grad():
            for kept, new in zip(
                self.mean.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                kept.lerp_(new, share)
        return float(loss.detach())

    def judge(self, judge: Judge) -> float:
        """Return what the mean net is found to be, and keep its weights if they are the best."""
        found = judge(self.mean)
        if found < self.best[1]:
            self.best = copy.deepcopy(self.mean.state_dict()), found
        return found

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on as if nothing had happened."""
        state = {
            "boundary_recipe": asdict(self.recipe),
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "steps": self.steps,
            "loss": self.loss,
            "best": self.best,
            "judged_on": self.judged_on,
        }
        return copy.deepcopy(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`."""
        state = copy.deepcopy(state)
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.steps, self.loss = state["steps"], state["loss"]
        if state["judged_on"] == self.judged_on:
            self.best = state["best"]


def train(
    recipe: BoundaryRecipe,
    device: torch.device,
    *,
    resume: dict[str, Any] | None = None,
    checkpoint: Path | None = None,
    judge: Judge | None = None,
    judged_on: str = NEW_SCENES,
    on_judged: Callable[[BoundaryRun, float], object] | None = None,
) -> tuple[BoundaryRun, str]:
    """Train the net.

    Args:
        recipe: what to learn.
        device: where to compute.
        resume: state of a run with the same recipe, to go on from.
        checkpoint: file to write the state to every minute, and at the end unless it is reached.
        judge: chooses the net that is kept; by default the loss on scenes that are held out.
        judged_on: what the judge looks at.
        on_judged: called with the run and how bad its mean net was judged to be.

    Returns:
        The run, and how it ended: ``finished``, ``interrupted`` or ``diverged``.
    """
    run, ended, saved_at = BoundaryRun(recipe, device, judged_on), "finished", time.monotonic()
    if resume is not None:
        run.restore(resume)
    try:
        drawn = draw_scenes(recipe.scenes, recipe.seed)
        judge = judge or loss_on(draw_scenes(HELD_OUT, recipe.seed + 1), device)
        bar = tqdm(initial=run.steps, total=recipe.steps, unit="step", desc="learning")
        while run.steps < recipe.steps:
            if not run.step(drawn):
                ended = "diverged"
                break
            bar.update()
            if run.steps % -(-recipe.steps // JUDGEMENTS) == 0 or run.steps == recipe.steps:
                found = run.judge(judge)
                bar.set_postfix(loss=run.loss, judged=found)
                if on_judged:
                    on_judged(run, found)
            if checkpoint and time.monotonic() - saved_at >= SECONDS_BETWEEN_CHECKPOINTS:
                save(run, checkpoint)
                saved_at = time.monotonic()
    except KeyboardInterrupt:
        ended = "interrupted"
    if checkpoint and ended != "finished":
        save(run, checkpoint)
    return run, ended


def save(run: BoundaryRun, path: Path) -> None:
    """Write a checkpoint for `load_checkpoint`."""
    write_state(run.state(), path)


def load_checkpoint(path: Path) -> tuple[BoundaryRecipe, dict[str, Any]]:
    """Read what `save` wrote; see `live_edges.training.checkpoint.read_state`."""
    return read_state(path, "boundary_recipe", BoundaryRecipe, "--preset boundary")


def draw_scenes(count: int, seed: int) -> Scenes:
    """Draw scenes, ``(count, H, W, 4)``."""
    drawn = np.empty((count, SIZE, SIZE, 4), np.uint8)
    source = islice(scenes(seed), count)
    for place, (image, marks) in zip(drawn, tqdm(source, "scenes", count), strict=True):
        place[..., :3], place[..., 3] = image, marks
    return drawn


def batch_of(drawn: Scenes, recipe: BoundaryRecipe, step: int) -> tuple[Tensor, Tensor]:
    """Cut the crops of a step, zoomed, turned, mirrored, brighter or darker, some of them gray.

    Returns:
        Pictures ``(N, 3, H, W)`` float, marks ``(N, 1, H, W)`` uint8.
    """
    rng = np.random.default_rng([recipe.seed, step])
    images, marks = [], []
    for number in rng.integers(0, len(drawn), recipe.batch):
        zoom = math.exp(rng.uniform(-LARGEST_ZOOM, LARGEST_ZOOM))
        size = min(round(recipe.crop / zoom), SIZE)
        top, left = rng.integers(0, SIZE - size + 1, 2)
        crop = zoomed(drawn[number, top : top + size, left : left + size], recipe.crop)
        crop = np.rot90(crop, int(rng.integers(4)))[:: rng.choice([-1, 1])]
        image = crop[..., :3].astype(np.float32) / 255
        if rng.uniform() < GRAY_SHARE:
            image = np.repeat(image @ LUMA[:, None], 3, axis=2)
        image = image[..., rng.permutation(3)]
        if rng.uniform() < 0.5:
            image = (image - 0.5) * rng.uniform(0.5, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
        mark = crop[..., 3:]
        if rng.uniform() < FLAT_SHARE:
            image, mark = np.ones_like(image) * rng.uniform(0, 1, 3), np.zeros_like(mark)
        images.append(image.clip(0, 1).astype(np.float32))
        marks.append(mark)
    return (
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack(marks)).permute(0, 3, 1, 2),
    )


def zoomed(crop: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Scale a square crop, ``(N, N, 4)``, to ``size``; no boundary gets lost where it shrinks."""
    if len(crop) == size:
        return crop
    image: NDArray[Any] = crop[..., :3]
    marks: NDArray[Any] = crop[..., 3]
    if len(crop) > size:
        firsts = np.arange(size) * len(crop) // size
        marks = np.maximum.reduceat(np.maximum.reduceat(marks, firsts, 0), firsts, 1)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    else:
        marks = cv2.resize(marks, (size, size), interpolation=cv2.INTER_NEAREST)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.dstack([image, marks]), np.uint8)


def loss_on(held_out: Scenes, device: torch.device) -> Judge:
    """Judge nets by their loss on scenes that are held out."""
    scenes = torch.from_numpy(held_out).to(device).permute(0, 3, 1, 2)[:, None]

    @torch.inference_mode()
    def judge(net: BoundaryNet) -> float:
        losses = [cross_entropy(net(scene[:, :3] / 255), scene[:, 3:]) for scene in scenes]
        return float(sum(losses)) / len(losses)

    return judge


def loss_of(net: BoundaryNet, image: Tensor, marks: Tensor) -> Tensor:
    """Balanced cross-entropy, of the answer and, less, of those on the way to it."""
    answer, *sides = net.with_sides(image)
    loss = cross_entropy(answer, marks)
    for side in sides:
        size = marks.shape[-1] // side.shape[-1]
        loss = loss + SIDE_WEIGHT * cross_entropy(side, nnf.max_pool2d(marks.float(), size))
    return loss


def cross_entropy(odds: Tensor, marks: Tensor) -> Tensor:
    """Weigh boundaries more than the rest, and leave out what is unknown."""
    is_boundary = (marks == BOUNDARY).float()
    weight = (1 + (BOUNDARY_WEIGHT - 1) * is_boundary) * (marks != UNKNOWN)
    return nnf.binary_cross_entropy_with_logits(odds, is_boundary, weight, reduction="sum") / (
        weight.sum()
    )


def learning_rate(recipe: BoundaryRecipe, step: int) -> float:
    """Rise to the highest rate, then fall along a cosine."""
    fall = (1 + math.cos(math.pi * step / recipe.steps)) / 2
    share = min(1, (step + 1) / WARM_UP) * (LEAST_RATE + (1 - LEAST_RATE) * fall)
    return recipe.lr * share
