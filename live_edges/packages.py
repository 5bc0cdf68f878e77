"""Compiled functions as files: made once by a child process, loaded by whoever needs them next.

Compiling takes seconds of a core and of Python's lock, which a live loop can not spare. A child
process spares it: it exports the function, lets torch's AOTInductor write a library, and ends.
"""

import hashlib
import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import platformdirs
import torch
from torch import Tensor, nn

from live_edges import functional, fused
from live_edges.libraries import Library

LIBRARY_ENDINGS = (
    ".so",
    ".dylib",
    ".dll",
    ".pyd",
)  # that torch gives them on Linux, macOS, Windows

Function = Callable[..., Any]  # pure, of tensors, at the top level of a module
Pictures = Sequence[Tensor]  # may have any size from 2x2 on; scalars as well
Taps = Sequence[Tensor]  # of the shapes they have now


def package_path(function: Function, pictures: Pictures, taps: Taps) -> Path:
    """Where the package of a function lies, for this version of everything that makes it up."""
    source = sys.modules[function.__module__].__file__
    what = [
        *(Path(file or "").read_bytes().hex() for file in (__file__, source)),
        *(Path(file or "").read_bytes().hex() for file in (functional.__file__, fused.__file__)),
        torch.__version__,
        platform.node(),  # compiled for this very processor
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        [[each.ndim, str(each.dtype)] for each in pictures],
        [each.shape for each in taps],
    ]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
    name = f"{function.__name__}-{digest}.so"  # whatever the system, its loader takes any name
    return platformdirs.user_cache_path("live-edges", appauthor=False) / name


def start_packing(
    function: Function, pictures: Pictures, taps: Taps, path: Path
) -> "subprocess.Popen[str]":
    """Start a child process of low priority that writes the package to ``path``."""
    kinds = [[each.shape, str(each.dtype).removeprefix("torch.")] for each in pictures]
    shapes = [each.shape for each in taps]
    what = [str(path), function.__module__, function.__name__, str(torch.get_num_threads())]
    return subprocess.Popen(
        [sys.executable, "-m", __name__, *what, json.dumps(kinds), json.dumps(shapes)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def load_package(path: Path) -> Function:
    """Load what `start_packing` made.

    Raises:
        Exception: what `Library` raises where the file is damaged; it is removed then.
    """
    try:
        return Library(path)
    except Exception:
        path.unlink(missing_ok=True)
        raise


class _Module(nn.Module):
    """A function as the module that torch exports."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Tensor) -> Any:
        return self.function(*arguments)


def _pack(function: Function, pictures: Pictures, taps: Taps, path: Path) -> None:
    """Compile for pictures of any size and taps of these shapes."""
    from torch._inductor import aoti_compile_and_package
    from torch._inductor import config as inductor

    if hasattr(inductor.cpp, "enable_floating_point_contract_flag"):
        inductor.cpp.enable_floating_point_contract_flag = "fast"  # a product and its sum in one
    inductor.compile_threads = 1  # one loop to compile; a pool of processes would only wait
    sizes = [
        dict.fromkeys(range(max(0, each.ndim - 2), each.ndim), torch.export.Dim.AUTO)
        for each in pictures
    ]
    with torch.inference_mode():
        exported = torch.export.export(
            _Module(function),
            (*pictures, *taps),
            dynamic_shapes=((*sizes, *({} for _ in taps)),),
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{os.getpid()}-{path.name}")
    try:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            package = Path(folder) / "package.pt2"
            aoti_compile_and_package(exported, package_path=str(package))
            with ZipFile(package) as files:
                [library] = (each for each in files.namelist() if each.endswith(LIBRARY_ENDINGS))
                part.write_bytes(files.read(library))
        Library(part)(*pictures, *taps)  # what crashes shall crash here, and is never used then
        _settle(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _settle(file: Path) -> None:
    """Wait until a file is on the disk: half a library would end the process that loads it."""
    with file.open("rb+") as open_file:
        os.fsync(open_file.fileno())


def _main(path: str, module: str, name: str, threads: str, kinds: str, shapes: str) -> None:
    """What the child process does."""
    if hasattr(os, "nice"):
        os.nice(10)
    torch.set_num_threads(int(threads))
    pictures = [torch.zeros(size, dtype=getattr(torch, kind)) for size, kind in json.loads(kinds)]
    taps = [torch.ones(shape) for shape in json.loads(shapes)]
    _pack(getattr(importlib.import_module(module), name), pictures, taps, Path(path))


if __name__ == "__main__":
    _main(*sys.argv[1:])
