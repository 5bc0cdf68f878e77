"""Where frames come from: cameras, files, streams, pictures and the built-in demo."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from live_edges.sources.base import Mode, Source
    from live_edges.sources.open import SOURCES, open_source

__all__ = ["SOURCES", "Mode", "Source", "open_source"]


def __getattr__(name: str) -> Any:
    """Import NumPy only when a source is asked for: the doctor runs without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from live_edges.sources import base
    from live_edges.sources import open as choose

    return getattr(base if name in ("Mode", "Source") else choose, name)
