"""The keys: one list that the program obeys, the on-screen help shows and the README prints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from live_edges.settings import (
    GAIN_STEP,
    HUDS,
    LINE_COLORS,
    MAX_GAIN,
    MIN_GAIN,
    SIGMAS,
    THRESHOLD_STEP,
    VIEWS,
    Settings,
)

Action = Literal["quit", "escape", "step", "snapshot", "record"]
Change = Callable[[Settings], Settings]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a key does.

    Attributes:
        keys: names as `live_edges.display.window.key_name` gives them; several keys may do the
            same.
        label: the keys as a person reads them.
        help: what happens, in a few words.
        does: a change of the settings, or the name of an action of the app.
    """

    keys: tuple[str, ...]
    label: str
    help: str
    does: Change | Action


def bindings(filters: Sequence[str], initial: Settings = Settings()) -> list[Binding]:  # noqa: B008 -- a frozen value
    """Every key there is.

    Args:
        filters: names in the order of the catalog; the digits pick the first nine.
        initial: what Backspace goes back to.
    """
    digits = [
        Binding((str(n),), str(n), name, partial(_show_filter, name=name))
        for n, name in enumerate(filters[:9], start=1)
    ]
    return [
        Binding(("q",), "q", "quit", "quit"),
        Binding(("esc",), "Esc", "leave fullscreen, then quit", "escape"),
        Binding(("space",), "space", "pause and go on", lambda s: _flip(s, "is_paused")),
        Binding((".",), ".", "one frame further, then pause", "step"),
        *digits,
        Binding(("0",), "0", "original picture", lambda s: replace(s, view="original")),
        Binding(
            ("n",), "n", "next filter", lambda s: _show_filter(s, name=_next(filters, s.filter))
        ),
        Binding(
            ("v",),
            "v",
            f"next view: {', '.join(VIEWS)}",
            lambda s: replace(s, view=_next(VIEWS, s.view)),
        ),
        Binding(
            ("c",),
            "c",
            "next line colour",
            lambda s: replace(s, line_color=_next(tuple(LINE_COLORS), s.line_color)),
        ),
        Binding(("[",), "[", "less gain", lambda s: _scale_gain(s, 1 / GAIN_STEP)),
        Binding(("]",), "]", "more gain", lambda s: _scale_gain(s, GAIN_STEP)),
        Binding(("-",), "-", "lower threshold", lambda s: _move_threshold(s, -THRESHOLD_STEP)),
        Binding(("=", "+"), "=", "higher threshold", lambda s: _move_threshold(s, THRESHOLD_STEP)),
        Binding(("a",), "a", "auto gain on and off", lambda s: _flip(s, "auto_gain")),
        Binding(("b",), "b", "next blur radius", lambda s: replace(s, sigma=_next_sigma(s.sigma))),
        Binding(("m",), "m", "mirror", lambda s: _flip(s, "is_mirrored")),
        Binding(("s",), "s", "snapshot: edges and original as PNG", "snapshot"),
        Binding(("r",), "r", "record what is shown, and stop", "record"),
        Binding(("f",), "f", "fullscreen and back", lambda s: _flip(s, "is_fullscreen")),
        Binding(("i",), "i", "more or less text", lambda s: replace(s, hud=_next(HUDS, s.hud))),
        Binding(("h", "?"), "h ?", "this help", lambda s: _flip(s, "show_help")),
        Binding(("backspace",), "Backspace", "everything as at the start", lambda _s: initial),
    ]


def by_key(listed: Sequence[Binding]) -> dict[str, Binding]:
    """The bindings by the name of each of their keys."""
    return {key: binding for binding in listed for key in binding.keys}


def _next(values: Sequence[T], current: T) -> T:
    position = values.index(current) if current in values else -1
    return values[(position + 1) % len(values)]


def _next_sigma(sigma: float) -> float:
    return next((larger for larger in SIGMAS if larger > sigma), SIGMAS[0])


def _show_filter(settings: Settings, *, name: str) -> Settings:
    view = "overlay" if settings.view == "original" else settings.view
    return replace(settings, filter=name, view=view)


def _flip(settings: Settings, name: str) -> Settings:
    opposite: dict[str, Any] = {name: not getattr(settings, name)}
    return replace(settings, **opposite)


def _scale_gain(settings: Settings, factor: float) -> Settings:
    gain = min(max(settings.gain * factor, MIN_GAIN), MAX_GAIN)
    return replace(settings, gain=gain, auto_gain=False)


def _move_threshold(settings: Settings, step: float) -> Settings:
    return replace(settings, threshold=round(min(max(settings.threshold + step, 0.0), 1.0), 2))
