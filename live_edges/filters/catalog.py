"""The catalog: every filter there is, by name, as data that needs no torch to be listed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from live_edges.errors import LiveEdgesError
from live_edges.filters import kernels
from live_edges.filters.nets import architecture_of
from live_edges.filters.weights import check_exists, filter_name, load_weights, shipped_weights

GROUP = "live_edges.filters"  # entry points by which a package offers filters

Rule = Literal["strength", "canny"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A filter as data: where its kernels come from and what is made of their responses.

    Attributes:
        name: what the user types.
        bank: makes the kernels for a blur radius sigma in pixels.
        origin: one line on where the filter comes from.
        has_sigma: whether ``bank`` depends on sigma.
        path: its weights file, if it has one.
        code: a function of the user's own, ``mine.py:edges``, that finds the edges.
        rule: ``strength``, the length of the vector of responses, or ``canny``, its thin lines.
    """

    name: str
    bank: Callable[[float], kernels.Bank]
    origin: str
    has_sigma: bool = False
    rule: Rule = "strength"
    path: Path | None = None
    code: str | None = None

    @property
    def net(self) -> Path | None:
        """The weights file, if it holds a net and not one bank of kernels."""
        return self.path if self.path and architecture_of(self.path) else None

    @property
    def is_binary(self) -> bool:
        """Whether the picture is lines or nothing, so that gain makes no edge clearer."""
        return self.rule == "canny"


def catalog(weights: Iterable[str | Path] = ()) -> dict[str, Entry]:
    """Every filter by name: the analytic ones, then the learned ones.

    Args:
        weights: more weights files, beside those that came with the program; each becomes a
            filter named like its file, ``mine.ckpt#conv1`` like it and the
            convolution in it. They are read when the filter is first used.

    Raises:
        LiveEdgesError: a weights file is named like a built-in filter.
    """
    entries = [_fixed(name) for name in kernels.FIXED]
    entries += [_with_sigma(name) for name in kernels.WITH_SIGMA]
    entries.append(
        Entry(
            "canny", kernels.gaussian_gradient, "Canny 1986: thin, connected lines", True, "canny"
        )
    )
    analytic = {entry.name for entry in entries}
    for path in map(Path, (*shipped_weights(), *weights)):
        name = filter_name(path)
        if name in analytic:
            raise LiveEdgesError(
                f"{path.name} has the name of a built-in filter; give the file another name"
            )
        entries.append(Entry(name, partial(_load_bank, path), f"learned, {path.name}", path=path))
    entries += [_own(code, name) for name, code in _offered()]
    return {entry.name: entry for entry in entries}


def choose(
    name: str | None, weights: Sequence[str | Path], *, against: str | None = None
) -> tuple[dict[str, Entry], Entry]:
    """Return the catalog, and the filter in it that a command line asks for.

    What is wrong is told before torch is imported, as far as that is possible.

    Args:
        name: of the filter; None for the first weights file, or else Sobel.
        weights: weights files.
        against: name of the filter to compare it with.

    Raises:
        LiveEdgesError: there is no such filter or weights file.
    """
    for path in weights:
        check_exists(path)
    entries = catalog(weights)
    if against is not None:
        find(entries, against)
    return entries, find(entries, name or (filter_name(weights[0]) if weights else "sobel"))


def find(entries: dict[str, Entry], name: str) -> Entry:
    """Look a filter up by name; a function of the user's own, ``mine.py:edges``, is added.

    Raises:
        LiveEdgesError: there is none of that name; the message lists those there are.
    """
    if name not in entries and is_code(name):
        entries[name] = _own(name, name)
    if name not in entries:
        raise LiveEdgesError(f"there is no filter '{name}'; choose one of: {', '.join(entries)}")
    return entries[name]


def _fixed(name: str) -> Entry:
    make = kernels.FIXED[name]
    return Entry(name, lambda _sigma: make(), _first_line(make))


def _with_sigma(name: str) -> Entry:
    make = kernels.WITH_SIGMA[name]
    return Entry(name, make, _first_line(make), has_sigma=True)


@cache
def _offered() -> list[tuple[str, str]]:
    """The functions that installed packages offer: name and code; looking takes a while."""
    return [(each.name, each.value) for each in entry_points(group=GROUP)]


def _own(code: str, name: str) -> Entry:
    return Entry(name, partial(_no_bank, name), f"your own, {code}", code=code)


def _no_bank(name: str, _sigma: float) -> kernels.Bank:
    raise LiveEdgesError(f"{name} is a function and has no kernels")


def is_code(name: str) -> bool:
    """Whether the name of a filter means a function: ``mine.py:edges``."""
    file, _, function = str(name).rpartition(":")
    return file.endswith(".py") and function.isidentifier()


def _load_bank(path: Path, _sigma: float) -> kernels.Bank:
    return load_weights(path)


def _first_line(make: Callable[..., kernels.Bank]) -> str:
    return (make.__doc__ or "").strip().splitlines()[0].rstrip(".")
