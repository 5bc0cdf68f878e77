"""Weights files: learned kernels on disk, checked before anything runs on them."""

import logging
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_edges.errors import WeightsError
from live_edges.kernels import Bank, unit_scaled

MAX_KERNEL_SIZE = 31
MAX_KERNELS = 64
_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")  # as installed, as checked out

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """One bank of kernels and how it came to be.

    Attributes:
        bank: ``(out, in, h, w)`` float64, scaled so that an upright unit step reads 1; ``in`` is 1
            for luma or 3 for red, green, blue.
        metadata: what the trainer wrote down; empty for a plain ``state_dict``.
    """

    bank: Bank
    metadata: dict[str, str]


def shipped_weights() -> list[Path]:
    """The weights files that came with the program, sorted by name."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return sorted(folder.glob("*.safetensors")) if folder else []


def load_weights(path: str | Path) -> WeightsFile:
    """Read one bank of kernels.

    Args:
        path: a ``.safetensors`` file with a tensor ``weight``, or a ``.pt``/``.pth`` file with the
            ``state_dict`` of one `torch.nn.Conv2d` (its bias, if any, is left out: edges are
            differences).

    Raises:
        WeightsError: the file is missing, damaged, holds code, or its tensor is not
            ``(out, 1 or 3, h, w)`` with finite numbers that answer a step edge.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"weights file {path} does not exist; check the path given to --weights")
    reader = _read_safetensors if path.suffix == ".safetensors" else _read_state_dict
    weight, metadata = reader(path)
    try:
        return WeightsFile(unit_scaled(_checked(weight)), metadata)
    except ValueError as error:
        raise WeightsError(f"weights file {path.name}: {error}") from error


def _read_safetensors(path: Path) -> tuple[NDArray[Any], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            if "weight" not in names:
                raise WeightsError(
                    f"weights file {path.name} has no tensor 'weight', only {names}; "
                    "make one with `live-edges train` or torch.save"
                )
            return np.asarray(file.get_tensor("weight")), dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(
            f"weights file {path.name} is damaged or no safetensors file ({error}); copy it again"
        ) from error


def _read_state_dict(path: Path) -> tuple[NDArray[Any], dict[str, str]]:
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of what the error below says better
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        LookupError,
    ) as error:
        raise WeightsError(
            f"weights file {path.name} is damaged, or holds code or objects, which are never run; "
            "save only the weights: torch.save(conv.state_dict(), PATH)"
        ) from error
    tensors = (
        {k: v for k, v in state.items() if torch.is_tensor(v)} if isinstance(state, dict) else {}
    )
    kernels = [tensor for tensor in tensors.values() if tensor.ndim == 4]
    if len(kernels) != 1 or any(tensor.ndim not in (1, 4) for tensor in tensors.values()):
        raise WeightsError(
            f"weights file {path.name} is not the state_dict of one nn.Conv2d; "
            f"it holds {list(tensors) or type(state).__name__}"
        )
    if len(tensors) > 1:
        log.warning("weights file %s: its bias is left out, edges are differences", path.name)
    return kernels[0].double().numpy(), {}


def _checked(weight: NDArray[Any]) -> NDArray[np.float64]:
    if weight.ndim != 4 or weight.shape[1] not in (1, 3):
        raise ValueError(f"needs kernels of shape (out, 1 or 3, h, w), got {weight.shape}")
    out, _, height, width = weight.shape
    if not (
        0 < min(height, width) <= max(height, width) <= MAX_KERNEL_SIZE and 0 < out <= MAX_KERNELS
    ):
        raise ValueError(
            f"needs at most {MAX_KERNELS} kernels of at most {MAX_KERNEL_SIZE}x{MAX_KERNEL_SIZE}, "
            f"got {out} of {height}x{width}"
        )
    if not np.isfinite(weight).all():
        raise ValueError("holds NaN or infinite numbers; train it again")
    return weight.astype(np.float64)
