"""Files of the trainer: weights with their history, and checkpoints to go on from, all atomic."""

import io
import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from live_edges.errors import TrainingError


def weights_bytes(weight: Tensor, metadata: dict[str, str]) -> bytes:
    """Pack kernels as a safetensors file.

    Written here because the library puts metadata in random order: equal runs give equal bytes.

    Args:
        weight: ``(out, in, k, k)``.
        metadata: how they came to be.
    """
    taps = weight.detach().cpu().float().contiguous().numpy().astype("<f4").tobytes()
    tensor = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": [0, len(taps)]}
    header = json.dumps({"__metadata__": metadata, "weight": tensor}, sort_keys=True).encode()
    header += b" " * (-len(header) % 8)  # the format wants the numbers aligned
    return struct.pack("<Q", len(header)) + header + taps


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what was there before stays until then.

    Raises:
        TrainingError: the folder is missing or not writable, or the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if part.is_file():
            part.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> TrainingError:
    kept = "; the file that was there is unchanged" if path.is_file() else ""
    return TrainingError(f"{path} could not be written: {error.strerror}{kept}")


def check_writable(path: Path) -> None:
    """Find out before training whether ``path`` can be written.

    Raises:
        TrainingError: it can not.
    """
    if not path.parent.is_dir():
        raise TrainingError(
            f"folder {path.parent} does not exist; make it, or choose another --out"
        )
    if path.is_dir() or path.suffix != ".safetensors":
        raise TrainingError(f"--out {path} should be a file that ends in .safetensors")
    probe = path.with_name(f".{path.name}.probe")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Save all that training needs to go on as if it had never stopped."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; code in the file is never run.

    Raises:
        TrainingError: the file is missing, damaged or something else.
    """
    if not path.is_file():
        raise TrainingError(f"checkpoint {path} does not exist; check the path given to --resume")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is damaged or no checkpoint; start anew without it") from error
    if not isinstance(state, dict) or "recipe" not in state:
        raise TrainingError(f"{path} is no checkpoint of live-edges train; start anew without it")
    return state
