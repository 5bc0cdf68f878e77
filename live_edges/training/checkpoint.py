"""Checkpoints: all it takes to go on with a training, in a file that holds no code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from live_edges.errors import TrainingError
from live_edges.recording.files import atomic_write

R = TypeVar("R")


def write_state(state: dict[str, Any], path: Path) -> None:
    """Write a state for `read_state`; the file has its name when it is complete."""
    with atomic_write(path) as part:
        torch.save(state, part)


def read_state(
    path: Path, key: str, recipe: Callable[..., R], kind: str
) -> tuple[R, dict[str, Any]]:
    """Read what `write_state` wrote: its recipe, and the state; code in the file is never run.

    Args:
        path: the file.
        key: of the recipe in the state.
        recipe: makes the recipe of its fields.
        kind: of what it has to be a checkpoint.

    Raises:
        TrainingError: the file is damaged or something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return recipe(**state[key]), state
    except Exception as error:  # a broken file makes its reader fail in any way
        raise TrainingError(
            f"{path} is damaged, or no checkpoint of {kind}; start anew without --resume"
        ) from error
