"""Draws text on a picture: font, sizes, colours, boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2

from live_edges.frame import Image

Color = tuple[int, int, int]  # BGR
Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels

TEXT, FAINT = (245, 245, 245), (185, 185, 185)  # what matters, and headings
ACCENT = (90, 220, 255)  # keys, messages, results
RECORDING = (50, 50, 235)
SMALLEST_SCALE = 0.24  # below, letters run together

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_REFERENCE_AREA = 1280 * 720  # pixels of a picture whose text has its normal size
_TEXT_SCALE = 0.55
_READABLE_SCALE = 0.4  # small pictures have text as large as this
_LEADING, _TIGHT_LEADING = 1.75, 1.35  # distance of two lines in heights of a letter
_TIGHT_SCALE = 0.36  # below, there is little room
_SHADE = 0.25  # how much of the picture shines through behind text
_TOAST_SHADE = 0.1  # less, because there may be other text behind a message
_MOST_LINES = 1 / 3  # of the picture's height, so that its middle stays free
_TOAST_WIDTH = 0.9  # of the picture
LINES_BELOW_NAMES = 5  # of the two filters compared: room for a message and the keys


@dataclass(frozen=True, slots=True)
class Font:
    """The one font there is, at a size.

    Attributes:
        scale: OpenCV's factor on its size.
        is_close: True to move lines together, as where text is small.
    """

    scale: float
    is_close: bool = False

    @property
    def is_tight(self) -> bool:
        """Whether lines are close together, because there is little room."""
        return self.scale < _TIGHT_SCALE

    @property
    def line(self) -> int:
        """Distance of two lines in pixels."""
        leading = _TIGHT_LEADING if self.is_tight or self.is_close else _LEADING
        return round(leading * _measured("Ag", self.scale)[1])

    @property
    def pad(self) -> int:
        """Space between text and the border of its box in pixels."""
        return max(2, self.line // 3)

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return _measured(self._spaced(text), self.scale)[0] if text else 0

    def _spaced(self, text: str) -> str:
        return text.replace(" ", "  ") if self.is_tight else text  # one would be a pixel wide

    def smaller(self, factor: float = 0.92) -> "Font":
        """The font at a smaller size."""
        return replace(self, scale=self.scale * factor)

    def write(self, canvas: Image, text: str, at: tuple[int, int], color: Color = TEXT) -> None:
        """Write one line, in place; ``at`` is the left end and the top of its line."""
        if text:
            line = self.line
            where = at[0], at[1] + line - line // 4
            thickness = _thickness(self.scale)
            text = self._spaced(text)
            cv2.putText(canvas, text, where, _FONT, self.scale, color, thickness, cv2.LINE_AA)

    def wrapped(self, words: Sequence[str], width: int, gap: str = " ") -> list[str]:
        """Join words to lines that are no wider than ``width``, unless one word alone is.

        Args:
            words: never divided.
            width: pixels.
            gap: stands between two words of a line.
        """
        lines: list[str] = []
        for word in words:
            if lines and self.width(lines[-1] + gap + word) <= width:
                lines[-1] += gap + word
            else:
                lines.append(word)
        return lines


@lru_cache(maxsize=4096)
def _measured(text: str, scale: float) -> tuple[int, int]:
    width, height = cv2.getTextSize(text, _FONT, scale, _thickness(scale))[0]
    return int(width), int(height)


def _thickness(scale: float) -> int:
    return max(1, round(1.6 * scale))


def font_for(canvas: Image) -> Font:
    """Return the font at the size that suits a picture."""
    relative = (canvas.shape[0] * canvas.shape[1] / _REFERENCE_AREA) ** 0.5
    return Font(max(_READABLE_SCALE, _TEXT_SCALE * relative))


def fill(canvas: Image, box: Box, color: Color) -> None:
    """Paint a box, in place, as far as it lies in the picture."""
    _part(canvas, box)[...] = color


def _part(canvas: Image, box: Box) -> Image:
    left, top, right, bottom = (max(0, side) for side in box)
    return canvas[top:bottom, left:right]


def shade(canvas: Image, box: Box, *, strength: float = _SHADE) -> None:
    """Darken a box, in place, as far as it lies in the picture."""
    part = _part(canvas, box)
    if part.size:
        part[...] = cv2.convertScaleAbs(part, alpha=strength)


def draw_lines(
    canvas: Image,
    lines: Sequence[Sequence[str]],
    *,
    swatch: Color | None = None,
    avoid: Box | None = None,
) -> int:
    """Write text into the top left corner, in place.

    Args:
        canvas: ``(H, W, 3)`` uint8 BGR, a copy that belongs to the caller.
        lines: the parts of each line, the most important ones first. A line that is too long goes
            on below, and what the upper third of the picture has no room for is left out.
        swatch: BGR of a stripe beside the text; None for none.
        avoid: where there is other text, which these lines must not touch.

    Returns:
        The height of the box in pixels; 0 where there was no room.
    """
    font = font_for(canvas)
    width = canvas.shape[1]
    while font.width("camera 30.0 fps") > width and font.scale > SMALLEST_SCALE:
        font = font.smaller()
    line, pad = font.line, font.pad
    left = 2 * pad
    shown = [row for parts in lines for row in font.wrapped(parts, width - left - pad, "   ")]
    shown = shown[: max(1, int(canvas.shape[0] * _MOST_LINES) // line)]
    bottom: int = min(canvas.shape[0], len(shown) * line + pad)
    right = left + max(map(font.width, shown)) + pad
    if avoid and right > avoid[0] and bottom > avoid[1]:
        return 0
    shade(canvas, (0, 0, right, bottom))
    for number, text in enumerate(shown):
        font.write(canvas, text, (left, number * line + pad // 2))
    if swatch:
        canvas[:bottom, : max(2, pad // 2)] = swatch
    return bottom


def text_height(canvas: Image) -> int:
    """Return how many rows of pixels a box with one line of text takes."""
    font = font_for(canvas)
    return font.line + font.pad


def draw_toast(canvas: Image, text: str, *, bottom: int | None = None) -> None:
    """Write a short message in the middle above a row of the picture, in place.

    Args:
        canvas: as for `draw_lines`.
        text: a long one goes on below.
        bottom: the row; None for the lower edge.
    """
    height, width = canvas.shape[:2]
    font = font_for(canvas)
    rows = font.wrapped(text.split(), int(width * _TOAST_WIDTH) - 2 * font.pad)
    longest = max(map(font.width, rows), default=0)
    line, pad = font.line, font.pad
    bottom = height if bottom is None else bottom
    top = max(0, bottom - len(rows) * line - pad)
    left = (width - longest) // 2
    shade(canvas, (left - pad, top, left + longest + pad, bottom), strength=_TOAST_SHADE)
    for number, row in enumerate(rows):
        x = (width - font.width(row)) // 2
        font.write(canvas, row, (x, top + pad // 2 + number * line), ACCENT)


def draw_names(canvas: Image, names: tuple[str, str], x: int, *, chosen: int | None = None) -> None:
    """Write two names near the lower edge, one on each side of a column, in place.

    Args:
        canvas: as for `draw_lines`.
        names: left and right of the column.
        x: the column; near the border of the picture the names keep clear of that instead.
        chosen: which of the two stands out, 0 or 1; None for neither.
    """
    height, width = canvas.shape[:2]
    font = font_for(canvas)
    while sum(map(font.width, names)) + 4 * font.pad > width and font.scale > SMALLEST_SCALE:
        font = font.smaller()
    line, pad = font.line, font.pad
    left, right = (font.width(name) + 2 * pad for name in names)
    x = max(min(x, width - right), left)
    top = max(0, height - LINES_BELOW_NAMES * line)
    shade(canvas, (x - left, top, x + right, top + line + pad))
    for number, begin in enumerate((x - left + pad, x + pad)):
        color = ACCENT if number == chosen else TEXT
        font.write(canvas, names[number], (begin, top + pad // 2), color)


def draw_label(canvas: Image, text: str, *, whole: Image | None = None) -> None:
    """Write one line into the lower left corner, in place, smaller where it would be too wide.

    Args:
        canvas: as for `draw_lines`.
        text: what the picture is.
        whole: the picture that ``canvas`` is part of, and whose size the text suits; None if it
            is none.
    """
    font = font_for(canvas if whole is None else whole)
    while font.width(text) + 2 * font.pad > canvas.shape[1] and font.scale > SMALLEST_SCALE:
        font = font.smaller()
    height = canvas.shape[0]
    top = max(0, height - font.line - font.pad)
    shade(canvas, (0, top, font.width(text) + 2 * font.pad, height))
    font.write(canvas, text, (font.pad, top + font.pad // 2))


def draw_recording(canvas: Image, text: str) -> None:
    """Draw a red dot with the time beside it into the top right corner, in place."""
    font = font_for(canvas)
    line, pad = font.line, font.pad
    left = max(0, canvas.shape[1] - font.width(text) - line - 3 * pad)
    shade(canvas, (left, 0, canvas.shape[1], line + pad))
    center = left + pad + line // 2, (line + pad) // 2
    cv2.circle(canvas, center, max(1, line // 3), RECORDING, -1, cv2.LINE_AA)
    font.write(canvas, text, (left + 2 * pad + line, pad // 2))
