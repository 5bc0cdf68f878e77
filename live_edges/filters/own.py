"""Filters of the user's own: a Python function, in a file or of a package that is installed.

    def edges(gray):  # (N, 1, H, W) float in [0, 1]; or rgb, (N, 3, H, W)
        return (gray - gray.roll(1, -1)).abs()  # (N, 1, H, W), 1 shown white

Such a filter is a program: whatever it does, it does with the rights of whoever runs it. Weights
files are not: no code is ever run from them.
"""

import importlib
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from live_edges.errors import LiveEdgesError
from live_edges.filters import functional as F
from live_edges.filters.catalog import is_code
from live_edges.filters.filter import LinearFilter, Run

GRAY = "gray"  # the name of the argument of a function that wants brightness

Edges = Callable[[Tensor], Tensor]

log = logging.getLogger(__name__)


class OwnFilter(LinearFilter):
    """Runs a function, and reads its file again when that was saved.

    An error in it is told, and the last function that worked goes on.

    Args:
        code: ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION``.

    Attributes:
        problem: what is wrong with the function at the moment; empty if nothing is.

    Raises:
        LiveEdgesError: there is no such function, or its file is no Python.
    """

    is_linear = False
    is_net = True

    def __init__(self, code: str) -> None:
        self._code = code
        self._path = path_of(code)
        self._read_at = 0
        self._read_at = self._saved_at()
        self._function = _load(code)
        self._good: Edges | None = None
        self.problem = ""
        first = next(iter(inspect.signature(self._function).parameters), "")
        super().__init__(torch.ones(1, 1 if first == GRAY else 3, 1, 1))

    def __deepcopy__(self, memo: object) -> "OwnFilter":
        """Return this one: what it remembers of its function belongs to every device."""
        return self

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As for a linear filter; ``padded`` is the picture itself, and ``run`` has no part."""
        return F.to_gray_levels(self.forward(padded.float() / 255), gain, threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 1 or 3, H, W)`` float in [0, 1] to ``(N, 1, H, W)``; 0 where nothing works."""
        self._read_again()
        problem = ""
        for function in (self._function, self._good):
            if function is None:
                continue
            try:
                strength = _checked(function(x.clone()), x)
            except Exception as error:  # whatever the user's code may raise
                problem = problem or f"{self._code}: {type(error).__name__}: {error}"
            else:
                self._good = function
                self._tell(problem)
                return strength
        self._tell(problem)
        return torch.zeros_like(x[:, :1])

    def _read_again(self) -> None:
        saved_at = self._saved_at()
        if saved_at == self._read_at:
            return
        self._read_at = saved_at
        try:
            self._function = _load(self._code)
        except LiveEdgesError as error:
            self._function = _failing(str(error))

    def _saved_at(self) -> int:
        try:
            return self._path.stat().st_mtime_ns if self._path else 0
        except OSError:  # an editor is about to write it
            return self._read_at

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem


def path_of(code: str) -> Path | None:
    """Return the file of a function; None for one of a package."""
    return Path(code.rpartition(":")[0]).expanduser() if is_code(code) else None


def _load(code: str) -> Edges:
    name, _, function = code.rpartition(":")
    try:
        module = _module(path_of(code)) if is_code(code) else importlib.import_module(name)
    except LiveEdgesError:
        raise
    except Exception as error:  # a module may do anything while it is imported
        raise LiveEdgesError(f"{name} does not run: {type(error).__name__}: {error}") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise LiveEdgesError(f"{name} has no function {function}")
    edges: Edges = found
    return edges


def _module(path: Path | None) -> ModuleType:
    if path is None or not path.is_file():
        raise LiveEdgesError(f"{path} does not exist; check the path")
    source = path.read_text(encoding="utf-8")  # compiled here, so that no cached form is taken
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def _failing(message: str) -> Edges:
    def fail(_: Tensor) -> Tensor:
        raise ValueError(message)

    return fail


def _checked(strength: Tensor, x: Tensor) -> Tensor:
    """Return what the function made; raises ValueError where that is no edge strength."""
    wanted = (x.shape[0], 1, *x.shape[2:])
    if not isinstance(strength, Tensor) or tuple(strength.shape) != wanted:
        shape = tuple(strength.shape) if isinstance(strength, Tensor) else type(strength).__name__
        raise ValueError(f"it has to return {wanted}, and not {shape}")
    return strength.to(x).nan_to_num(nan=0.0).clamp(min=0)
