"""What a client may ask for: changes of the settings, checked field by field."""

import math
from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any

from live_edges.display.screen import MouseEvent
from live_edges.filters.ranges import MAX_SIGMA, MIN_SIGMA
from live_edges.settings import HUDS, LINE_COLORS, MAX_GAIN, MIN_GAIN, VIEWS, Settings

MAX_COORDINATE = 1 << 14
MAX_FACTOR = 64.0

Check = Callable[[Any], Any]  # returns the value, or raises ValueError


def changed(settings: Settings, changes: Any, *, filters: Collection[str]) -> Settings:
    """Apply changes that came as JSON.

    Args:
        settings: what holds now.
        changes: values by the names of the settings.
        filters: that there are.

    Raises:
        ValueError: something is not a setting, or out of range; the message says what.
    """
    if not isinstance(changes, dict):
        raise ValueError('changes of the settings are an object such as {"filter": "canny"}')
    checks = _checks(filters)
    for name, value in changes.items():
        if name not in checks:
            raise ValueError(
                f"there is no setting {str(name)[:40]!r}; there are {', '.join(checks)}"
            )
        try:
            checked = checks[name](value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name} cannot be {str(value)[:40]!r}: {error}") from error
        settings = replace(settings, **{name: checked})
    return settings


def mouse_event(asked: Any) -> MouseEvent:
    """Read a mouse event that came as JSON.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(asked, dict) or asked.get("kind") not in ("move", "drag", "zoom"):
        raise ValueError("a mouse event has a kind: move, drag or zoom")
    x, y, dx, dy = (
        int(_number(-MAX_COORDINATE, MAX_COORDINATE)(asked.get(name, 0)))
        for name in ("x", "y", "dx", "dy")
    )
    factor = _number(1 / MAX_FACTOR, MAX_FACTOR)(asked.get("factor", 1.0))
    return MouseEvent(asked["kind"], x, y, factor=factor, dx=dx, dy=dy)


def _checks(filters: Collection[str]) -> dict[str, Check]:
    """The check for each setting that a client may change."""
    chosen: dict[str, Check] = {
        "filter": _one_of(filters),
        "view": _one_of(VIEWS),
        "line_color": _one_of(LINE_COLORS),
        "hud": _one_of(HUDS),
        "gain": _number(MIN_GAIN, MAX_GAIN),
        "threshold": _number(0, 1),
        "sigma": _number(MIN_SIGMA, MAX_SIGMA),
        "region": _region,
        "against": lambda value: None if value is None else _one_of(filters)(value),
    }
    flags = {field.name: _flag for field in fields(Settings) if field.type is bool}
    flags.pop("is_fullscreen")
    return chosen | flags


def _one_of(choices: Collection[str]) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"there are {', '.join(choices)}")
        return value

    return check


def _number(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"it is a number from {low:g} to {high:g}")
        return float(value)

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is true or false")
    return value


def _region(value: Any) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("it is [left, top, width, height] in fractions of the picture")
    left, top, width, height = map(_number(0, 1), value)
    if min(width, height) < 1 / 1024 or left + width > 1.001 or top + height > 1.001:
        raise ValueError("it lies inside the picture")
    return left, top, width, height
