"""Choosing the kernels of one convolution among the tensors of a file."""

from live_edges.errors import WeightsError
from live_edges.filters.tensor_files import Stored

MOST_NAMED = 8  # in an error; a network may have hundreds of tensors
_OF_OPTIMIZERS = "optim"  # in a key: what lies below has the shapes of kernels and is none


def choose_kernels(tensors: list[Stored], file: str, choice: str | None) -> Stored:
    """Return the one tensor with four dimensions, or the one that is chosen by name.

    Args:
        tensors: all there are.
        file: its name, for the errors.
        choice: name of a convolution, with or without the keys around it and ``.weight``.

    Raises:
        WeightsError: there is none, or there are several to choose from; they are named.
    """
    kernels = _convolutions(tensors)
    if not kernels:
        raise WeightsError(
            f"weights file {file} holds no kernels (out, 1 or 3, h, w), {_content(tensors)}; "
            "save the state_dict of an nn.Conv2d"
        )
    if choice is None:
        if len(kernels) == 1:
            return kernels[0]
        raise WeightsError(
            f"weights file {file} holds {len(kernels)} convolutions; choose one: "
            + _choices(kernels, file)
        )
    found = _called(choice, kernels)
    if len(found) != 1:
        which = "no convolution" if not found else f"{len(found)} convolutions"
        raise WeightsError(
            f"weights file {file} holds {which} called {choice}; choose one: "
            + _choices(found or kernels, file)
        )
    return found[0]


def has_bias(kernels: Stored, tensors: list[Stored]) -> bool:
    """Whether the convolution that the kernels belong to has a bias as well."""
    bias = kernels.path.removesuffix("weight") + "bias"
    return any(each.path == bias for each in tensors)


def _convolutions(tensors: list[Stored]) -> list[Stored]:
    """What may be kernels; where some are called so, as in every nn.Conv2d, only those."""
    kernels = [
        each
        for each in tensors
        if len(each.shape) == 4 and not any(_OF_OPTIMIZERS in key.lower() for key in each.keys)
    ]
    weights = [each for each in kernels if each.path.split(".")[-1] == "weight"]
    return weights or kernels


def _called(choice: str, kernels: list[Stored]) -> list[Stored]:
    wanted = _without_weight(choice)
    exact = [each for each in kernels if wanted in (_full(each), _short(each))]
    full = [each for each in exact if wanted == _full(each)]
    return full or exact or [each for each in kernels if _full(each).endswith(f".{wanted}")]


def _choices(kernels: list[Stored], file: str) -> str:
    """Name them as they may be typed; those alone that fit a filter, where some do."""
    usable = [each for each in kernels if each.shape[1] in (1, 3)] or kernels
    short = [_short(each) for each in kernels]
    names = [
        _short(each) if short.count(_short(each)) == 1 else _full(each)
        for each in usable[:MOST_NAMED]
    ]
    more = f" and {len(usable) - MOST_NAMED} more" if len(usable) > MOST_NAMED else ""
    return ", ".join(f"{file}#{name}" for name in names) + more


def _content(tensors: list[Stored]) -> str:
    named = [f"{each.path or 'a tensor'} {each.shape}" for each in tensors[:MOST_NAMED]]
    more = f" and {len(tensors) - MOST_NAMED} more" if len(tensors) > MOST_NAMED else ""
    return f"only {', '.join(named)}{more}" if named else "and no tensor at all"


def _short(kernels: Stored) -> str:
    """Its name in the innermost dictionary, which is the network's ``state_dict``."""
    return _without_weight(kernels.keys[-1] if kernels.keys else "")


def _full(kernels: Stored) -> str:
    return _without_weight(kernels.path)


def _without_weight(name: str) -> str:
    return name.removesuffix(".weight")
