"""Files of the trainer: checked before torch is imported, and written whole or not at all."""

import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from live_edges.errors import TrainingError
from live_edges.recording.files import atomic_write, check_writable
from live_edges.sources.address import public_address


def check_data(data: Sequence[str]) -> None:
    """Raise TrainingError for the first path to learn from that does not exist."""
    for text in data:
        is_plain = not (text.isdecimal() or re.search(r"[*?[]", text))
        if is_plain and not Path(text).expanduser().exists():
            raise TrainingError(
                f"{public_address(text)} does not exist to learn from; DATA is images, folders, "
                "globs, videos or a camera"
            )


def check_out(path: Path) -> None:
    """Raise LiveEdgesError unless ``path`` can become a weights file."""
    check_writable(path, "--out")
    if path.is_dir() or path.suffix != ".safetensors":
        raise TrainingError(f"--out {path} should be a file that ends in .safetensors")


def check_checkpoint(path: Path) -> None:
    """Raise TrainingError unless the checkpoint exists."""
    if not path.is_file():
        raise TrainingError(f"checkpoint {path} does not exist; check the path given to --resume")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Save all that training needs to go on as if it had never stopped."""
    import torch

    with atomic_write(path) as part:
        torch.save(state, part)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; code in the file is never run.

    Raises:
        TrainingError: the file is missing, damaged or something else.
    """
    check_checkpoint(path)
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is damaged or no checkpoint; start anew without it") from error
    if not isinstance(state, dict) or "recipe" not in state:
        raise TrainingError(f"{path} is no checkpoint of live-edges train; start anew without it")
    return state
