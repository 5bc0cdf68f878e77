"""Where frames come from: cameras, files, streams, pictures and the built-in demo."""

from live_edges.sources.base import Mode, Source
from live_edges.sources.choose import SOURCES, open_source

__all__ = ["SOURCES", "Mode", "Source", "open_source"]
