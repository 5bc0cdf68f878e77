"""Weights files: learned kernels on disk, checked before anything runs on them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_edges.errors import WeightsError
from live_edges.filters.kernel_choice import choose_kernels, has_bias
from live_edges.filters.kernels import Bank, unit_scaled
from live_edges.filters.ranges import MAX_KERNEL_SIZE, MAX_KERNELS
from live_edges.filters.tensor_files import read_tensors

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt")
_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")  # as installed, as checked out

log = logging.getLogger(__name__)


def shipped_weights() -> list[Path]:
    """The weights files that came with the program, sorted by name."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return sorted(folder.glob("*.safetensors")) if folder else []


def split_choice(path: str | Path) -> tuple[Path, str | None]:
    """Split ``mine.ckpt#conv1`` into the file and the convolution to choose from it.

    Example:
        >>> split_choice("mine.ckpt#conv1")[1]
        'conv1'
    """
    file, _, choice = str(path).rpartition("#")
    if choice and Path(file).suffix.lower() in SUFFIXES and not Path(path).is_file():
        return Path(file), choice
    return Path(path), None


def filter_name(path: str | Path) -> str:
    """The name of the filter that a weights file becomes: ``mine``, or ``mine#conv1``."""
    file, choice = split_choice(path)
    return file.stem if choice is None else f"{file.stem}#{choice}"


def is_weights_path(text: str) -> bool:
    """Whether a text names a weights file and not a filter, going by its ending."""
    return split_choice(text)[0].suffix.lower() in SUFFIXES


def check_exists(path: str | Path) -> Path:
    """Return the file of a path, without what is chosen from it.

    Raises:
        WeightsError: there is no such file.
    """
    file, _ = split_choice(path)
    if file.is_dir():
        raise WeightsError(f"{file} is a folder; give a weights file to --weights")
    if not file.is_file():
        raise WeightsError(f"weights file {file} does not exist; check the path given to --weights")
    return file


def load_weights(path: str | Path) -> Bank:
    """Read one bank of kernels.

    Args:
        path: a ``.safetensors`` file, or a ``.pt``, ``.pth`` or ``.ckpt`` file of `torch.save` with
            a ``state_dict``, however deep inside; of several convolutions in it, one is chosen by
            ``FILE#NAME``. A bias is left out: edges are differences.

    Returns:
        ``(out, in, h, w)`` float64, scaled so that an upright unit step reads 1; ``in`` is 1 for
        luma or 3 for red, green, blue.

    Raises:
        WeightsError: the file is missing, damaged, holds code, or there is not one bank
            ``(out, 1 or 3, h, w)`` of finite numbers that answer a step edge.
    """
    file, choice = check_exists(path), split_choice(path)[1]
    tensors = read_tensors(file)
    kernels = choose_kernels(tensors, file.name, choice)
    try:
        _check_shape(kernels.shape)
        bank = unit_scaled(_finite(kernels.numbers()))
    except ValueError as error:
        raise WeightsError(f"weights file {file.name}: {error}") from error
    if has_bias(kernels, tensors):
        log.warning("weights file %s: its bias is left out, edges are differences", file.name)
    return bank


def _check_shape(shape: tuple[int, ...]) -> None:
    """Raise ValueError unless it is a bank's; before its numbers are read, which may be many."""
    out, planes, height, width = shape
    if planes not in (1, 3):
        raise ValueError(f"needs kernels of shape (out, 1 or 3, h, w), got {shape}")
    if not (min(height, width) >= 1 and max(height, width) <= MAX_KERNEL_SIZE):
        raise ValueError(
            f"needs kernels of 1x1 to {MAX_KERNEL_SIZE}x{MAX_KERNEL_SIZE}, got {height}x{width}"
        )
    if not 1 <= out <= MAX_KERNELS:
        raise ValueError(f"needs 1 to {MAX_KERNELS} kernels, got {out}")


def _finite(weight: NDArray[Any]) -> NDArray[np.float64]:
    if not np.isfinite(weight).all():
        raise ValueError("holds NaN or infinite numbers; train it again")
    return weight.astype(np.float64)
