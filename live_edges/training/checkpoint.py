"""What the trainer writes: weights with their history, and checkpoints to go on from."""

import io
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from live_edges.errors import TrainingError
from live_edges.training.files import check_there, write_atomically


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
    check_there(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is damaged or no checkpoint; start anew without it") from error
    if not isinstance(state, dict) or "recipe" not in state:
        raise TrainingError(f"{path} is no checkpoint of live-edges train; start anew without it")
    return state
