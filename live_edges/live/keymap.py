"""The keys: one list that the program obeys, the on-screen help shows and the README prints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

from live_edges.live.pointer import zoomed
from live_edges.pipeline.compare import is_right_pointed_at
from live_edges.settings import (
    GAIN_STEP,
    HUDS,
    LINE_COLORS,
    MAX_GAIN,
    MIN_GAIN,
    SIGMAS,
    THRESHOLD_STEP,
    VIEWS,
    WHOLE,
    Settings,
)

Action = Literal["quit", "escape", "step", "snapshot", "record", "virtual camera", "save"]
Group = Literal["filters", "picture", "look closer", "record", "window"]
Change = Callable[[Settings], Settings]
T = TypeVar("T")

ZOOM_STEP = 1.5
NET = "boundary"  # the one learned filter with a key of its own


@dataclass(frozen=True, slots=True)
class Binding:
    """What a key does.

    Attributes:
        keys: names as `live_edges.display.window.key_name` gives them; several keys may do the
            same.
        label: the keys as a person reads them.
        help: what happens, in a few words.
        does: a change of the settings, or the name of an action of the app.
        group: what it is good for; the help has a block for each.
    """

    keys: tuple[str, ...]
    label: str
    help: str
    does: Change | Action
    group: Group


def bindings(filters: Sequence[str], initial: Settings = Settings()) -> list[Binding]:  # noqa: B008 -- a frozen value
    """Every key there is.

    Args:
        filters: names in the order of the catalog; the digits pick the first nine.
        initial: what Backspace goes back to.
    """
    return [
        *_filter_keys(filters),
        *_picture_keys(),
        *_look_closer_keys(initial.against),
        *_record_keys(),
        *_window_keys(initial),
    ]


def _filter_keys(filters: Sequence[str]) -> list[Binding]:
    digits = [
        Binding((str(n),), str(n), name, partial(_show_filter, name=name), "filters")
        for n, name in enumerate(filters[:9], start=1)
    ]
    objects = [_key("o", NET, "filters", partial(_show_filter, name=NET))] if NET in filters else []
    return [
        *digits,
        *objects,
        _key("n", "next filter", "filters", lambda s: _show_next_filter(s, filters)),
        _key("[", "less gain", "filters", lambda s: _scale_gain(s, 1 / GAIN_STEP)),
        _key("]", "more gain", "filters", lambda s: _scale_gain(s, GAIN_STEP)),
        _key("a", "auto gain on and off", "filters", lambda s: _flip(s, "auto_gain")),
        _key("-", "lower threshold", "filters", lambda s: _move_threshold(s, -THRESHOLD_STEP)),
        Binding(
            ("=", "+"),
            "=",
            "higher threshold",
            lambda s: _move_threshold(s, THRESHOLD_STEP),
            "filters",
        ),
        _key("b", "next blur radius", "filters", lambda s: replace(s, sigma=_next_sigma(s.sigma))),
    ]


def _picture_keys() -> list[Binding]:
    return [
        _key("0", "original picture", "picture", lambda s: replace(s, view="original")),
        _key(
            "v",
            f"next view: {', '.join(VIEWS)}",
            "picture",
            lambda s: replace(s, view=_next(VIEWS, s.view)),
        ),
        _key(
            "c",
            "next line colour",
            "picture",
            lambda s: replace(s, line_color=_next(tuple(LINE_COLORS), s.line_color)),
        ),
        _key("t", "less flicker where nothing moves", "picture", lambda s: _flip(s, "is_smooth")),
        _key("m", "mirror", "picture", lambda s: _flip(s, "is_mirrored")),
    ]


def _look_closer_keys(against: str | None) -> list[Binding]:
    return [
        _key("e", "enlarge where the mouse is", "look closer", lambda s: zoomed(s, ZOOM_STEP)),
        _key("w", "see more around it", "look closer", lambda s: zoomed(s, 1 / ZOOM_STEP)),
        _key("z", "whole picture again", "look closer", lambda s: replace(s, region=WHOLE)),
        _key(
            "x",
            "compare with another filter, and stop",
            "look closer",
            lambda s: _compare(s, against),
        ),
        _key(
            "k",
            "kernels, worked out at the mouse",
            "look closer",
            lambda s: _flip(s, "show_kernel"),
        ),
        _key("l", "thin lines on and off", "look closer", lambda s: _flip(s, "is_thin")),
        Binding(
            ("space",), "space", "pause and go on", lambda s: _flip(s, "is_paused"), "look closer"
        ),
        _key(".", "one frame further, then pause", "look closer", "step"),
    ]


def _record_keys() -> list[Binding]:
    return [
        _key("s", "snapshot: view, edges and original as PNG", "record", "snapshot"),
        _key("r", "record what is shown, and stop", "record", "record"),
        _key("u", "virtual camera on and off", "record", "virtual camera"),
        _key("p", "save as the preset saved", "record", "save"),
    ]


def _window_keys(initial: Settings) -> list[Binding]:
    return [
        _key("f", "fullscreen and back", "window", lambda s: _flip(s, "is_fullscreen")),
        _key("i", "more or less text", "window", lambda s: replace(s, hud=_next(HUDS, s.hud))),
        Binding(("h", "?"), "h ?", "this help", lambda s: _flip(s, "show_help"), "window"),
        Binding(
            ("backspace",), "Backspace", "everything as at the start", lambda _s: initial, "window"
        ),
        Binding(("esc",), "Esc", "leave fullscreen, then quit", "escape", "window"),
        _key("q", "quit", "window", "quit"),
    ]


def _key(name: str, help: str, group: Group, does: Change | Action) -> Binding:
    return Binding((name,), name, help, does, group)


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
    if is_right_pointed_at(settings):
        return replace(settings, against=name, view=view)
    return replace(settings, filter=name, view=view)


def _show_next_filter(settings: Settings, filters: Sequence[str]) -> Settings:
    is_right = is_right_pointed_at(settings)
    shown = settings.against if is_right and settings.against else settings.filter
    return _show_filter(settings, name=_next(filters, shown))


def _compare(settings: Settings, against: str | None) -> Settings:
    if settings.against is not None:
        return replace(settings, against=None)
    against = against or ("canny" if settings.filter == "sobel" else "sobel")
    view = "overlay" if settings.view == "original" else settings.view
    return replace(settings, against=against, view=view)


def _flip(settings: Settings, name: str) -> Settings:
    opposite: dict[str, Any] = {name: not getattr(settings, name)}
    return replace(settings, **opposite)


def _scale_gain(settings: Settings, factor: float) -> Settings:
    gain = min(max(settings.gain * factor, MIN_GAIN), MAX_GAIN)
    return replace(settings, gain=gain, auto_gain=False)


def _move_threshold(settings: Settings, step: float) -> Settings:
    return replace(settings, threshold=round(min(max(settings.threshold + step, 0.0), 1.0), 2))
