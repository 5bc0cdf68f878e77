"""Copies titles, languages, other tags and chapters from one container to another."""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Stream

from live_edges.process.reading import Span
from live_edges.sources.decoding import open_input

# What a muxer states about itself, or a program counted in the packets of the source.
_OWN = re.compile(
    r"major_brand|minor_version|compatible_brands|encoder|rotate|vendor_id|handler_name"
    r"|duration.*|bps.*|number_of_.*|_statistics.*",
    re.IGNORECASE,
)
_IN_A_LANGUAGE = re.compile(r"-[a-z]{3}$")  # MP4 states each tag twice: title and title-eng
TICKS_PER_S = 1000  # of chapters


def tags_of(owner: "av.container.Container | Stream") -> dict[str, str]:
    """Return the tags that belong to the film, not to the program that wrote it."""
    tags = owner.metadata
    return {
        name: text
        for name, text in tags.items()
        if not _OWN.fullmatch(name) and not _is_repeated(name, tags)
    }


def copy_tags(source: Stream, target: Stream) -> None:
    """Copy language, title and other tags of a track, and its disposition."""
    target.metadata.update(tags_of(source))
    target.disposition = source.disposition


def lost_tags(source: av.container.InputContainer, path: Path) -> list[str]:
    """Return the names of the tags that a finished file does not hold."""
    with open_input(path) as container:
        held = {name.lower() for name in container.metadata}
    return [name for name in tags_of(source) if name.lower() not in held]


def copy_chapters(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    start_s: float,
    span: Span,
) -> None:
    """Copy chapters, cut to the span, into a container that is not written to yet.

    ``start_s`` is the time in the source that becomes 0.
    """
    moved = (_moved(chapter, start_s, span) for chapter in source.chapters())
    chapters = [chapter for chapter in moved if chapter is not None]
    if chapters:
        target.set_chapters(chapters)


def _moved(chapter: Any, start_s: float, span: Span) -> Any:
    """Return a chapter cut to the span; None if it lies outside."""
    length_s = span.end_s - span.start_s
    begin_s = max(float(chapter["start"] * chapter["time_base"]) - start_s, 0.0)
    end_s = min(float(chapter["end"] * chapter["time_base"]) - start_s, length_s)
    if end_s <= begin_s or not math.isfinite(end_s):
        return None
    ticks = {"start": round(begin_s * TICKS_PER_S), "end": round(end_s * TICKS_PER_S)}
    return {**chapter, **ticks, "time_base": Fraction(1, TICKS_PER_S)}


def _is_repeated(name: str, tags: dict[str, str]) -> bool:
    base = _IN_A_LANGUAGE.sub("", name)
    return base != name and base in tags
