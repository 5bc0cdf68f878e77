"""The help: a sheet with every key along the lower edge, and a bar with the few that matter most.

Both lie below the picture's middle, so that what a key does is seen while its name is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, groupby, pairwise

from live_edges.frame import Image
from live_edges.live.keymap import Binding
from live_edges.screen_text import ACCENT, FAINT, SMALLEST_SCALE, TEXT, Color, Font, font_for, shade
from live_edges.sizing import Size, size_of

BAR = {
    "h": "help",
    "v": "view",
    "n": "filter",
    "e": "zoom",
    "space": "pause",
    "s": "snapshot",
    "r": "record",
    "f": "fullscreen",
    "q": "quit",
    "x": "compare",
    "k": "kernels",
}  # keys and what they do in a word; the last ones are left out where there is no room

Row = tuple[str, str]  # the key, and what it does
Group = tuple[str, tuple[Row, ...]]  # what the keys are good for, and the keys


def grouped(bindings: Sequence[Binding]) -> tuple[Group, ...]:
    """Put the keys of one purpose together, the digits in one row."""
    return tuple(
        (name, tuple(_rows(list(those)))) for name, those in groupby(bindings, lambda b: b.group)
    )


def _rows(bindings: list[Binding]) -> Iterator[Row]:
    digits = [b for b in bindings if b.label in "123456789"]
    if digits:
        label = f"{digits[0].label}-{digits[-1].label}" if len(digits) > 1 else digits[0].label
        yield label, ", ".join(binding.help for binding in digits)
    rest = [(b.label, b.help) for b in bindings if b not in digits]
    while rest:
        first, *others = rest
        pair = _pair(first, others[0]) if others else None
        yield pair or first
        rest = others[1:] if pair else others


def _pair(first: Row, second: Row) -> Row | None:
    """Two keys in one row where they do more and less of the same thing.

    Example:
        >>> _pair(("[", "less gain"), ("]", "more gain"))
        ('[ ]', 'less, more gain')
    """
    less, more = first[1].split(), second[1].split()
    if len(less) == len(more) == 2 and less[1] == more[1]:
        return f"{first[0]} {second[0]}", f"{less[0]}, {second[1]}"
    return None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The help laid out for a size of picture.

    Attributes:
        font: of all text.
        top: first row of pixels that it takes; negative where it does not fit.
        words: text, its left end, its top and its colour.
    """

    font: Font
    top: int
    words: tuple[tuple[str, int, int, Color], ...]


def draw_sheet(canvas: Image, groups: tuple[Group, ...]) -> int:
    """Draw the help along the lower edge, in place; returns the row of pixels it begins at."""
    sheet = laid_out(groups, size_of(canvas), font_for(canvas))
    shade(canvas, (0, sheet.top, *size_of(canvas)))
    for text, x, y, color in sheet.words:
        sheet.font.write(canvas, text, (x, y), color)
    return sheet.top


@lru_cache(maxsize=8)
def laid_out(groups: tuple[Group, ...], size: Size, font: Font) -> Sheet:
    """Arrange the groups in the columns that leave most of the picture free.

    Lines move together where they would cover more than half of it. Where even so nothing fits,
    the text becomes smaller, and long lists are shortened.
    """
    best = _lowest(groups, size, font)
    if best.top < size[1] / 2:
        font = replace(font, is_close=True)
        best = _lowest(groups, size, font)
    while best.top < 0 and font.scale > SMALLEST_SCALE:
        font = font.smaller()
        if font.is_tight:
            groups = tuple((name, tuple(map(_shortened, rows))) for name, rows in groups)
        best = _lowest(groups, size, font)
    return best


def _shortened(row: Row) -> Row:
    """Leave out the middle of a list.

    Example:
        >>> _shortened(("v", "next view: edges, overlay, side, original"))
        ('v', 'next view: edges ... original')
    """
    parts = row[1].split(", ")
    return (row[0], f"{parts[0]} ... {parts[-1]}") if len(parts) > 2 else row


def _lowest(groups: tuple[Group, ...], size: Size, font: Font) -> Sheet:
    """The arrangement in columns that begins at the lowest row of pixels."""
    sheets = [
        _arranged([groups[a:b] for a, b in pairwise((0, *inner, len(groups)))], size, font)
        for count in range(len(groups))
        for inner in combinations(range(1, len(groups)), count)
    ]
    return max(sheets, key=lambda sheet: sheet.top)


def _arranged(columns: Sequence[Sequence[Group]], size: Size, font: Font) -> Sheet:
    """Lay out these columns side by side."""
    pad, line = font.pad, font.line
    width = (size[0] - pad) // len(columns)
    lines = [_lines(groups, font, width - pad) for groups in columns]
    if any(font.width(text) > room for each in lines for text, room in _rooms(each, width - pad)):
        return Sheet(font, -size[1], ())
    top = size[1] - max(map(len, lines)) * line - 2 * pad
    words = [
        (text, pad + number * width + x, top + pad + row * line, color)
        for number, column in enumerate(lines)
        for row, parts in enumerate(column)
        for text, x, color in parts
    ]
    return Sheet(font, top, tuple(words))


Part = tuple[str, int, Color]  # text, its left end and its colour


def _lines(groups: Sequence[Group], font: Font, width: int) -> list[list[Part]]:
    """The lines of a column, in pixels from its left end; a line without parts is empty."""
    indent = 2 * font.pad + max(font.width(label) for _, rows in groups for label, _ in rows)
    lines: list[list[Part]] = []
    for title, rows in groups:
        lines += [[]] if lines and not font.is_tight else []
        lines.append([(title, 0, FAINT)])
        for label, help in rows:
            wrapped = font.wrapped(help.split(), width - indent)
            lines.append([(label, 0, ACCENT), (wrapped[0], indent, TEXT)])
            lines += [[(text, indent, TEXT)] for text in wrapped[1:]]
    return lines


def _rooms(lines: list[list[Part]], width: int) -> Iterator[tuple[str, int]]:
    """Each text with the width that there is for it."""
    return ((text, width - x) for parts in lines for text, x, _ in parts)


def draw_bar(canvas: Image, labels: dict[str, str]) -> int:
    """Draw the most useful keys along the lower edge, in place.

    Args:
        canvas: as for `live_edges.screen_text.draw_lines`.
        labels: keys as a person reads them, and what each does in a word.

    Returns:
        The row of pixels that the bar begins at.
    """
    font = font_for(canvas)
    height, width = canvas.shape[:2]
    gap, pad = 4 * font.pad, font.pad
    lengths = [font.width(f"{key} {word}") + gap for key, word in labels.items()]
    while lengths and sum(lengths) > width:
        lengths.pop()
    top: int = max(0, height - font.line - 2 * pad)
    shade(canvas, (0, top, width, height))
    x = (width - sum(lengths) + gap) // 2
    for (key, word), length in zip(labels.items(), lengths, strict=False):
        font.write(canvas, key, (x, top + pad), ACCENT)
        font.write(canvas, word, (x + font.width(f"{key} "), top + pad))
        x += length
    return top
