"""The head-up display: text over a copy of the picture, never in the picture itself."""

from collections.abc import Sequence

import cv2

from live_edges.frame import Image

Row = tuple[str, str]  # what stands in the left and in the right column of a table

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_REFERENCE_SIZE = (1280, 720)  # pixels at which the text has its normal size
_TEXT_SCALE = 0.55
_WHITE = (245, 245, 245)
_YELLOW = (90, 220, 255)
_RED = (50, 50, 235)
_SHADE = 0.45  # how much of the picture shines through behind text


def draw_lines(
    canvas: Image, lines: Sequence[str], *, swatch: tuple[int, int, int] | None = None
) -> None:
    """Write lines of text into the top left corner of ``canvas``, in place.

    Args:
        canvas: ``(H, W, 3)`` uint8 BGR, a copy that belongs to the caller.
        lines: one line of text each.
        swatch: BGR of a stripe beside the text; None for none.
    """
    height = draw_table(canvas, [(line, "") for line in lines])
    if swatch:
        canvas[:height, : max(2, canvas.shape[0] // 180)] = swatch


def draw_table(canvas: Image, rows: Sequence[Row]) -> int:
    """Write a table of two columns on a shaded box in the top left corner, in place.

    Returns:
        The height of the box in pixels.
    """
    scale, (left, right, line) = _fitting(canvas, rows)
    pad = line // 2
    width = min(canvas.shape[1], left + right + 2 * pad + (pad if right else 0))
    height: int = min(canvas.shape[0], len(rows) * line + pad)
    box = canvas[:height, :width]
    box[...] = cv2.convertScaleAbs(box, alpha=_SHADE)
    for number, (first, second) in enumerate(rows, start=1):
        baseline = number * line - line // 8
        _write(canvas, first, (pad, baseline), scale, _YELLOW if second else _WHITE)
        _write(canvas, second, (2 * pad + left, baseline), scale, _WHITE)
    return height


def draw_toast(canvas: Image, text: str) -> None:
    """Write one short message at the middle of the lower edge, in place."""
    scale, (width, _, line) = _fitting(canvas, [(text, "")])
    x = max(0, (canvas.shape[1] - width) // 2)
    top = max(0, canvas.shape[0] - 2 * line)
    box = canvas[top : top + line + line // 2, max(0, x - line // 2) : x + width + line // 2]
    box[...] = cv2.convertScaleAbs(box, alpha=_SHADE)
    _write(canvas, text, (x, top + line), scale, _YELLOW)


def draw_recording(canvas: Image, text: str) -> None:
    """Draw a red dot with the time beside it into the top right corner, in place."""
    scale, (width, _, line) = _fitting(canvas, [(text, "")])
    left = max(0, canvas.shape[1] - width - 2 * line)
    box = canvas[: line + line // 2, left:]
    box[...] = cv2.convertScaleAbs(box, alpha=_SHADE)
    cv2.circle(canvas, (left + line * 3 // 4, line * 3 // 4), line // 3, _RED, -1, cv2.LINE_AA)
    _write(canvas, text, (left + line * 3 // 2, line), scale, _WHITE)


def _fitting(canvas: Image, rows: Sequence[Row]) -> tuple[float, tuple[int, int, int]]:
    """The largest text scale at which the rows fit, with column widths and line height."""
    height, width = canvas.shape[:2]
    relative = max(width / _REFERENCE_SIZE[0], height / _REFERENCE_SIZE[1])
    scale = _TEXT_SCALE * max(0.6, relative)
    while True:
        left = max(_width(first, scale) for first, _ in rows)
        right = max(_width(second, scale) for _, second in rows)
        line = round(1.75 * _height(scale))
        fits = left + right + 2 * line < width and (len(rows) + 1) * line < height
        if fits or scale < 0.2:
            return scale, (left, right, line)
        scale *= 0.9


def _width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, _FONT, scale, _thickness(scale))[0][0]) if text else 0


def _height(scale: float) -> int:
    return int(cv2.getTextSize("Ag", _FONT, scale, _thickness(scale))[0][1])


def _thickness(scale: float) -> int:
    return max(1, round(1.6 * scale))


def _write(
    canvas: Image, text: str, at: tuple[int, int], scale: float, color: tuple[int, int, int]
) -> None:
    if text:
        cv2.putText(canvas, text, at, _FONT, scale, color, _thickness(scale), cv2.LINE_AA)
