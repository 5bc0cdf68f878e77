"""The kernel view: the bank as heat-maps in a corner, and the arithmetic of one pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from live_edges.frame import Image
from live_edges.live.arithmetic import Kernels
from live_edges.live.kernel_maps import Map, Rows, longest_numbers, rows_of, steps
from live_edges.live.looking import Look
from live_edges.screen_text import ACCENT, FAINT, TEXT, Box, Color, Font, fill, font_for, shade
from live_edges.sizing import Size, placed, size_of

MAX_NUMBERED = 7  # rows or columns of a kernel that is shown with numbers
BLACK = (0, 0, 0)
STYLES = (0, 5, 3)  # lines of text that a map without numbers is as high as; 0 with numbers
SHADE = 0.15
MAX_CHOSEN = 8  # sizes of text that are remembered
LIMITS = ((0.5, 0.8, 0.36), (1.0, 0.6, 0.28))  # shares of the picture, and the smallest text


@dataclass(slots=True, eq=False)
class Panel:
    """The kernel view laid out: maps and words with their left end and top in pixels."""

    font: Font
    cell: Size
    style: int
    maps: list[tuple[Map, int, int]]
    words: list[tuple[str, int, int, Color]]
    width: int = 0
    height: int = 0


def laid_out(look: Look, kernels: Kernels, rows: Rows, font: Font, *, style: int) -> Panel:
    """Arrange the kernel view in a text of this size, in one of `STYLES`."""
    height, width = kernels.size
    line, pad = font.line, font.pad
    side = max(2, round(style * line / max(height, width)))
    cell = side, side
    if not style:
        longest = max(map(font.width, longest_numbers(kernels)))
        cell = max(longest + max(3, pad // 2), line), line
    panel = Panel(font, cell, style, [], [])
    indent = pad + max(font.width(label) for label, _ in rows)
    indent += pad if indent > pad else 0
    title = f"{kernels.name}   {height}x{width}"
    left_out = kernels.taps.shape[0] * kernels.taps.shape[1] - len(rows)
    panel.words.append((title + (f"   and {left_out} more" if left_out else ""), pad, pad, ACCENT))
    y = pad + line
    for number, (label, maps) in enumerate(rows):
        y = _add_row(panel, maps, indent, y, is_first=number == 0)
        middle = y - line - (height * cell[1] + line) // 2
        panel.words.append((label, pad, middle, ACCENT))
    _add_steps(panel, look, kernels, y)
    return panel


def _add_row(panel: Panel, maps: Sequence[Map], x: int, y: int, *, is_first: bool) -> int:
    """Put maps side by side; returns where the next row begins."""
    font, line, pad = panel.font, panel.font.line, panel.font.pad
    if is_first:
        y += line
    columns, rows = maps[0].colors.shape[1], maps[0].colors.shape[0]
    width, height = columns * panel.cell[0], int(rows * panel.cell[1])
    for each in maps:
        panel.maps.append((each, x, y))
        if is_first:
            panel.words.append((each.title, x, y - line, FAINT))
        panel.words.append((each.caption, x, y + height, TEXT))
        needed = max(font.width(each.caption), font.width(each.title) if is_first else 0)
        x += max(width, needed)
        if each.sign:
            panel.words.append((each.sign, x + pad, y + (height - line) // 2, TEXT))
            x += font.width(each.sign) + 2 * pad
    panel.width = max(panel.width, x + pad)
    return y + height + line + pad


def _add_steps(panel: Panel, look: Look, kernels: Kernels, y: int) -> None:
    """Put the last steps of the arithmetic, or what to do to see it, below the maps."""
    font, pad = panel.font, panel.font.pad
    texts = steps(kernels, look.arithmetic) if look.arithmetic else ["point at a pixel"]
    title = panel.words[0][0]
    panel.width = max(panel.width, *(font.width(text) + 2 * pad for text in (title, texts[-1])))
    for text in texts:
        color = ACCENT if text is texts[-1] else TEXT
        for row in font.wrapped(text.split(" "), panel.width - 2 * pad):
            panel.words.append((row, pad, y, color))
            y += font.line
    panel.height = y + pad


class KernelView:
    """Draws the kernel view, and remembers which size of text suits a picture."""

    def __init__(self) -> None:
        self._chosen: dict[object, tuple[Font, int]] = {}

    def draw(self, canvas: Image, look: Look, kernels: Kernels, *, bottom: int) -> Box:
        """Draw into a corner away from the pixels in question, in place.

        Args:
            canvas: ``(H, W, 3)`` uint8 BGR, a copy that belongs to the caller.
            look: what the mouse points at.
            kernels: the bank.
            bottom: the row of pixels below which there is other text.

        Returns:
            Where it is.
        """
        rows = list(rows_of(kernels, look.arithmetic))
        key = (canvas.shape, bottom, kernels.name, kernels.taps.tobytes(), look.at is None)
        if key not in self._chosen:
            if len(self._chosen) >= MAX_CHOSEN:
                self._chosen.clear()
            self._chosen[key] = _fitting(canvas, look, kernels, rows, bottom)
        font, style = self._chosen[key]
        panel = laid_out(look, kernels, rows, font, style=style)
        box = _outlined(canvas, look, kernels)
        left, top = _corner(panel, box, canvas.shape[1], bottom)
        shade(canvas, (left, top, left + panel.width, top + panel.height), strength=SHADE)
        for each, x, y in panel.maps:
            _draw_map(canvas, panel, each, left + x, top + y)
        for text, x, y, color in panel.words:
            font.write(canvas, text, (left + x, top + y), color)
        return left, top, left + panel.width, top + panel.height


def _fitting(
    canvas: Image, look: Look, kernels: Kernels, rows: Rows, bottom: int
) -> tuple[Font, int]:
    """The largest text that leaves enough of the picture, with numbers if they can be read."""
    is_small = max(kernels.size) <= MAX_NUMBERED
    for style in STYLES if is_small else STYLES[1:]:
        for wide, high, smallest in LIMITS:
            font = font_for(canvas)
            while font.scale >= smallest:
                panel = laid_out(look, kernels, rows, font, style=style)
                room = canvas.shape[1] * wide, min(canvas.shape[0] * high, bottom)
                if panel.width <= room[0] and panel.height <= room[1]:
                    return font, style
                font = font.smaller()
    return font, style


def _corner(panel: Panel, box: Box | None, width: int, height: int) -> tuple[int, int]:
    """The left and top of the panel in the first corner where it does not cover the box."""
    right, low = max(0, width - panel.width), max(0, height - panel.height)
    corners = [(right, low), (0, low), (right, 0)]
    return next((corner for corner in corners if not _overlap(box, corner, panel)), corners[0])


def _outlined(canvas: Image, look: Look, kernels: Kernels) -> Box | None:
    """Draw a frame around the pixels beneath the kernels; returns its left, top, right, bottom."""
    if look.at is None:
        return None
    left, top, *whole = placed(look.view, size_of(canvas))
    box = []
    for start, length, side in ((left, whole[0], 0), (top, whole[1], 1)):
        pane = length / look.panes[side]
        scale = pane / look.picture[side]
        taps = kernels.size[1 - side]
        first = start + look.pane[side] * pane + (look.at[side] - taps // 2) * scale
        box.append((round(first), round(first + taps * scale)))
    (left, right), (top, bottom) = box
    thick = max(1, canvas.shape[0] // 360)
    for beyond, color in ((2 * thick, BLACK), (thick, ACCENT)):
        x, y, end_x, end_y = left - beyond, top - beyond, right + beyond, bottom + beyond
        for bar in ((x, y, end_x, y + thick), (x, end_y - thick, end_x, end_y),
                     (x, y, x + thick, end_y), (end_x - thick, y, end_x, end_y)):  # fmt: skip
            fill(canvas, bar, color)
    return left, top, right, bottom


def _overlap(box: Box | None, corner: tuple[int, int], panel: Panel) -> bool:
    if box is None:
        return False
    left, top = corner
    is_beside = box[2] < left or box[0] > left + panel.width
    return not (is_beside or box[3] < top or box[1] > top + panel.height)


def _draw_map(canvas: Image, panel: Panel, each: Map, left: int, top: int) -> None:
    rows, columns = each.colors.shape[:2]
    cell_width, cell_height = panel.cell
    size = columns * cell_width, rows * cell_height
    shown = cv2.resize(each.colors, size, interpolation=cv2.INTER_NEAREST_EXACT)
    target = canvas[top : top + size[1], left : left + size[0]]
    target[...] = shown[: target.shape[0], : target.shape[1]]
    if not panel.style:
        _write_numbers(canvas, panel, each, left, top)
    if each.is_picture:
        x, y = left + columns // 2 * cell_width, top + rows // 2 * cell_height
        cv2.rectangle(canvas, (x, y), (x + cell_width - 1, y + cell_height - 1), ACCENT, 1)


def _write_numbers(canvas: Image, panel: Panel, each: Map, left: int, top: int) -> None:
    font, (cell_width, cell_height) = panel.font, panel.cell
    brightness = cv2.cvtColor(each.colors, cv2.COLOR_BGR2GRAY)
    for row, texts in enumerate(each.numbers):
        for column, text in enumerate(texts):
            x = left + (column + 1) * cell_width - font.width(text) - max(2, font.pad // 4)
            color = (0, 0, 0) if brightness[row, column] > 110 else TEXT
            font.write(canvas, text, (x, top + row * cell_height), color)
