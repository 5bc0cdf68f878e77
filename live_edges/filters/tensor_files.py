"""Tensors in files: what torch and safetensors have saved, by name; code in a file is never run."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from live_edges.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BOOL": "?", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1",
}  # fmt: skip
_TORCH_DTYPES = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}  # that NumPy lacks


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One tensor of a file.

    Attributes:
        keys: its own name, behind those of the dictionaries around it.
        shape: of any number of dimensions.
        numbers: makes a NumPy array of it; raises ValueError where it is no plain tensor.
    """

    keys: tuple[str, ...]
    shape: tuple[int, ...]
    numbers: Callable[[], NDArray[Any]]

    @property
    def path(self) -> str:
        """All its keys, a dot between them."""
        return ".".join(self.keys)


def read_tensors(path: Path) -> list[Stored]:
    """Find every tensor of a file.

    Raises:
        WeightsError: the file cannot be read, is damaged, or holds code or objects.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            return _in_safetensors(path)
        return _in_torch_file(path)
    except OSError as error:
        if error.strerror is None:  # not from the system: the content is wrong
            raise _unreadable(path, error) from error
        raise WeightsError(
            f"weights file {path.name} could not be read ({error.strerror}); check it, or copy it "
            "again"
        ) from error
    except Exception as error:  # a broken file makes its reader fail in any way
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    if path.suffix.lower() == ".safetensors":
        reason = " ".join(str(error).split()) or type(error).__name__
        return WeightsError(
            f"weights file {path.name} is damaged or no safetensors file ({reason}); copy it again"
        )
    return WeightsError(
        f"weights file {path.name} is damaged, or holds code or objects, which are never run; "
        "save only the weights: torch.save(conv.state_dict(), PATH)"
    )


def _in_safetensors(path: Path) -> list[Stored]:
    from safetensors import deserialize

    # Read at once: of a mapped file that somebody cuts short meanwhile, the system kills a reader.
    # Read at once: of a mapped file that somebody cuts short meanwhile, the system kills a reader.
    tensors = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    return [
        Stored((name,), tuple(tensor["shape"]), partial(_of_bytes, tensor))
        for name, tensor in sorted(tensors)  # the library shuffles them
    ]


def _of_bytes(tensor: dict[str, Any]) -> NDArray[Any]:
    kind, raw = str(tensor["dtype"]), bytearray(tensor["data"])
    if kind == "BF16":  # the upper half of a float32
        flat = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    elif kind in _DTYPES:
        flat = np.frombuffer(raw, _DTYPES[kind])
    elif kind in _TORCH_DTYPES and raw:
        import torch

        flat = torch.frombuffer(raw, dtype=getattr(torch, _TORCH_DTYPES[kind])).float().numpy()
    else:
        raise ValueError(f"holds numbers of the kind {kind}; save it as float32")
    return flat.reshape(tensor["shape"])


def _in_torch_file(path: Path) -> list[Stored]:
    import torch

    with warnings.catch_warnings(action="ignore"):  # of what the errors here say better
        content = torch.load(path, map_location="cpu", weights_only=True)
    return [
        Stored(keys, tuple(tensor.shape), partial(_of_tensor, tensor))
        for keys, tensor in _tensors(content, (), set())
    ]


def _tensors(
    content: Any, keys: tuple[str, ...], seen: set[int]
) -> "Iterator[tuple[tuple[str, ...], Tensor]]":
    """Walk through dictionaries and lists; what is there twice is found once."""
    import torch

    if id(content) in seen:
        return
    if torch.is_tensor(content):
        seen.add(id(content))
        yield keys, content
    elif isinstance(content, Mapping | list | tuple):
        seen.add(id(content))
        items = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in items:
            yield from _tensors(value, (*keys, str(key)), seen)


def _of_tensor(tensor: "Tensor") -> NDArray[Any]:
    import torch

    if tensor.is_meta:
        raise ValueError("holds a shape without numbers (a meta tensor); save it once it has some")
    if tensor.is_complex():
        raise ValueError("holds complex numbers; edges need real ones")
    if tensor.is_quantized or tensor.layout != torch.strided:
        raise ValueError(
            "holds a quantized or sparse tensor; save dequantize() or to_dense() of it"
        )
    try:
        return tensor.detach().double().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise ValueError(f"holds numbers of the kind {tensor.dtype}; save it as float32") from error
