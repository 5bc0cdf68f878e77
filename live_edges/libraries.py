"""Compiled functions in shared libraries, called without holding Python's lock.

torch can load them too, but takes a second to import for it, and its runner keeps every other
thread of Python waiting while pixels are computed. The libraries offer a small interface in C, and
`ctypes` lets go of the lock for each call.

Source:
    ``torch/csrc/inductor/aoti_runtime/interface.h``, which comes with torch.
"""

import ctypes
from ctypes import byref, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# Not attributes of ctypes.pythonapi, whose types the whole process would share.
_as_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_as_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, ctypes.c_char_p, c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)


class Library:
    """A function that torch's AOTInductor compiled for the CPU.

    Args:
        path: the shared library; it stays loaded until the process ends.

    Raises:
        OSError: it is no library for this machine.
        AttributeError: it is a library of something else.
        RuntimeError: it can not be set up.
    """

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        self._run = library.AOTInductorModelContainerRun
        self._model = c_void_p()
        _check(
            library.AOTInductorModelContainerCreateWithDevice(
                byref(self._model), c_size_t(1), b"cpu", None
            )
        )
        count = c_size_t()
        _check(library.AOTInductorModelContainerGetNumOutputs(self._model, byref(count)))
        self._outputs = c_void_p * count.value

    def __call__(self, *arguments: Tensor) -> Any:
        """Run the function: a tensor, or a tuple of several."""
        given = torch._C._aoti.unsafe_alloc_void_ptrs_from_tensors(list(arguments))
        inputs = (c_void_p * len(given))(*(_as_pointer(each, None) for each in given))
        outputs = self._outputs()
        status = self._run(  # it owns its inputs, we own what it makes
            self._model, inputs, c_size_t(len(inputs)), outputs, c_size_t(len(outputs)), None, None
        )
        _check(status)
        capsules = [_as_capsule(each, None, None) for each in outputs]
        made = torch._C._aoti.alloc_tensors_by_stealing_from_void_ptrs(capsules)
        return made[0] if len(made) == 1 else tuple(made)


def _check(status: int) -> None:
    if status:
        raise RuntimeError("the compiled function failed")
