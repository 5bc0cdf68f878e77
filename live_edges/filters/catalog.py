"""The catalog: every filter there is, by name, as data that needs no torch to be listed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from live_edges.errors import LiveEdgesError
from live_edges.filters import kernels
from live_edges.filters.nets import architecture_of
from live_edges.filters.weights import check_exists, filter_name, load_weights, shipped_weights

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
        rule: ``strength``, the length of the vector of responses, or ``canny``, its thin lines.
    """

    name: str
    bank: Callable[[float], kernels.Bank]
    origin: str
    has_sigma: bool = False
    rule: Rule = "strength"
    path: Path | None = None

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
    """Look a filter up by name.

    Raises:
        LiveEdgesError: there is none of that name; the message lists those there are.
    """
    if name not in entries:
        raise LiveEdgesError(f"there is no filter '{name}'; choose one of: {', '.join(entries)}")
    return entries[name]


def _fixed(name: str) -> Entry:
    make = kernels.FIXED[name]
    return Entry(name, lambda _sigma: make(), _first_line(make))


def _with_sigma(name: str) -> Entry:
    make = kernels.WITH_SIGMA[name]
    return Entry(name, make, _first_line(make), has_sigma=True)


def _load_bank(path: Path, _sigma: float) -> kernels.Bank:
    return load_weights(path)


def _first_line(make: Callable[..., kernels.Bank]) -> str:
    return (make.__doc__ or "").strip().splitlines()[0].rstrip(".")
