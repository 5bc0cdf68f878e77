"""The mouse: what it does to the settings. It zooms, moves the region, and points."""

from dataclasses import replace

from live_edges.display.screen import MouseEvent
from live_edges.settings import WHOLE, Region, Settings
from live_edges.sizing import Size, placed

MAX_ZOOM = 64.0
DIVIDER_GAP = 0.02  # of the width; the mouse is on the side to which it has pulled the divider


def steered(settings: Settings, event: MouseEvent, *, view: Size, area: Size) -> Settings:
    """Change the settings as the mouse asks.

    Args:
        settings: what holds now; its region in fractions.
        event: in pixels of the area.
        view: width and height of the picture that is shown, before it was scaled to the area.
        area: of what is on the screen.
    """
    left, top, width, height = placed(view, area)
    x, y = (event.x + 0.5 - left) / width, (event.y + 0.5 - top) / height
    if event.kind == "drag":
        right, down = event.dx * settings.panes[0] / width, event.dy * settings.panes[1] / height
        return replace(settings, region=_moved(settings.region, right, down))
    if 0 <= x < 1 and 0 <= y < 1:
        divider = min(max(settings.divider, x - DIVIDER_GAP), x + DIVIDER_GAP)
        settings = replace(settings, pointer=(x, y), divider=divider)
    else:
        settings = replace(settings, pointer=None)
    is_zoom = event.kind == "zoom" and settings.pointer is not None
    return zoomed(settings, event.factor) if is_zoom else settings


def zoomed(settings: Settings, factor: float) -> Settings:
    """Enlarge what is shown around the pointer, or the middle; that point stays where it is."""
    x, y = settings.pointer or (0.5, 0.5)
    left, top, width, height = settings.region
    largest = max(width, height)
    factor = min(max(factor, largest), MAX_ZOOM * largest)
    new_width, new_height = width / factor, height / factor
    if max(new_width, new_height) >= 1:
        return replace(settings, region=WHOLE)
    left += x * settings.panes[0] % 1 * (width - new_width)
    top += y * settings.panes[1] % 1 * (height - new_height)
    return replace(settings, region=_moved((left, top, new_width, new_height), 0.0, 0.0))


def pixel_under(settings: Settings, picture: Size) -> tuple[int, int] | None:
    """Return x and y of the pixel under the mouse, in a picture of that size; None outside."""
    if settings.pointer is None:
        return None
    x, y = (
        int(fraction * panes % 1 * size)
        for fraction, panes, size in zip(settings.pointer, settings.panes, picture, strict=True)
    )
    return x, y


def _moved(region: Region, right: float, down: float) -> Region:
    """Move the picture under the mouse, in widths and heights of the region, up to its border."""
    left, top, width, height = region
    left = min(max(left - right * width, 0.0), 1.0 - width)
    return left, min(max(top - down * height, 0.0), 1.0 - height), width, height
