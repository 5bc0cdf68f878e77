"""Tables that read well in a terminal and in a Markdown page."""

from collections.abc import Iterable, Sequence


def as_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table with aligned columns.

    Example:
        >>> for line in as_table(["who", "ms"], [["copy", "0.31"]]):
        ...     print(line)
        | who  | ms   |
        | ---- | ---- |
        | copy | 0.31 |
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    text = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return [f"| {' | '.join(line)} |" for line in text]
