"""Nets in weights files: which one a file holds, and its weights, checked before anything runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from live_edges.errors import WeightsError
from live_edges.filters.tensor_files import Stored, read_tensors
from live_edges.filters.weights import check_exists

if TYPE_CHECKING:
    from live_edges.filters.boundary_net import BoundaryNet

METADATA = "live_edges"  # key of the metadata, whose value is JSON
BOUNDARY = "boundary-1"
ARCHITECTURES = (BOUNDARY,)
MAX_HEADER = 1 << 20  # bytes; that of a net takes 10,000


def architecture_of(path: Path) -> str | None:
    """Return the name of the net that a file says it holds; None for kernels.

    Only the header is read. What is wrong with a file is told when its weights are read.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size <= MAX_HEADER else {}
        name = json.loads(header["__metadata__"][METADATA])["architecture"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return str(name)


def load_net(path: Path) -> "BoundaryNet":
    """Read a net, ready to answer.

    Args:
        path: a ``.safetensors`` file whose metadata name one of `ARCHITECTURES`.

    Raises:
        WeightsError: the file is missing or damaged, its net is unknown, or its tensors are not
            those of that net, all finite.
    """
    import torch

    from live_edges.filters.boundary_net import BoundaryNet

    file, name = check_exists(path), architecture_of(path)
    if name not in ARCHITECTURES:
        raise WeightsError(
            f"weights file {file.name} holds a net of the kind '{name}', which this version does "
            f"not know; it knows {', '.join(ARCHITECTURES)}"
        )
    net = BoundaryNet()
    expected = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    try:
        numbers = _checked(read_tensors(file), expected)
        net.load_state_dict({key: torch.from_numpy(array) for key, array in numbers.items()})
        net.eval().requires_grad_(False).fold()
        if not all(bool(weight.isfinite().all()) for weight in net.parameters()):
            raise ValueError("holds numbers that are too large, or a negative variance")
    except ValueError as error:
        raise WeightsError(f"weights file {file.name} {error}; train or copy it again") from error
    return net.to(memory_format=torch.channels_last)


def _checked(tensors: list[Stored], expected: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return the numbers by name; raises ValueError unless names and shapes are as expected."""
    found = {each.path: each for each in tensors}
    if missing := expected.keys() - found.keys():
        raise ValueError(f"lacks {min(missing)}")
    if unknown := found.keys() - expected.keys():
        raise ValueError(f"holds {min(unknown)}, which the net has not")
    for name, shape in expected.items():
        if found[name].shape != shape:
            raise ValueError(f"holds {name} of shape {found[name].shape} instead of {shape}")
    numbers = {name: each.numbers().astype(np.float32) for name, each in found.items()}
    for name, array in numbers.items():
        if not np.isfinite(array).all():
            raise ValueError(f"holds NaN or infinite numbers in {name}")
    return numbers
