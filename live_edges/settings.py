"""Settings: everything a key or a flag can change while the program runs, as one value."""

from dataclasses import dataclass
from typing import Literal, get_args

ViewName = Literal[
    "edges",
    "overlay",
    "side",
    "mask",
    "neon",
    "orientation",
    "maps",
    "peaking",
    "original",
]
Hud = Literal["off", "short", "full"]

VIEWS: tuple[ViewName, ...] = get_args(ViewName)
HUDS: tuple[Hud, ...] = get_args(Hud)
SIGMAS = (0.5, 1.0, 1.5, 2.0, 3.0)  # pixels; what the blur key steps through
LINE_COLORS: dict[str, tuple[int, int, int]] = {  # BGR; the focus-peaking colours of cameras
    "green": (80, 255, 80),
    "red": (60, 60, 255),
    "yellow": (0, 235, 255),
    "cyan": (255, 230, 0),
    "magenta": (255, 80, 255),
    "white": (255, 255, 255),
}
MIN_GAIN, MAX_GAIN = 1 / 16, 64.0
GAIN_STEP = 2**0.25
THRESHOLD_STEP = 0.02

Region = tuple[float, float, float, float]  # left, top, width, height; pixels if one is above 1
WHOLE: Region = (0.0, 0.0, 1.0, 1.0)  # as fractions of the picture


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen; a key press makes a new value.

    Attributes:
        filter: name of a filter as ``live-edges filters`` lists it.
        against: name of the filter that it is compared with; None to show one alone.
        divider: where that one begins, as a fraction of the view's width; follows the pointer.
        view: which picture is shown.
        gain: factor on the edge strength before it is shown; used when ``auto_gain`` is False.
        auto_gain: choose the gain from the picture.
        threshold: edges shown darker than this are hidden, 0 to 1 where 1 is white; for
            ``canny`` the strength a line must reach, 0 meaning its default.
        sigma: radius of the blur in pixels, for filters that have one.
        line_color: name of the overlay's colour, one of `LINE_COLORS`.
        is_thin: keep only the ridges of the edges, one pixel wide, before the threshold.
        is_smooth: average over time what does not move, before filtering.
        is_mirrored: flip left and right before filtering.
        region: the part of the picture that is filtered and shown, as it is seen when mirrored.
        pointer: where the mouse is, as fractions of the view's width and height; None outside.
        panes: how often the picture is in the view, side by side and below each other; told by
            the renderer.
        is_paused: keep the picture that is on the screen.
        is_fullscreen: fill the screen.
        hud: how much text lies over the picture.
        show_help: list the keys over the picture.
        show_kernel: show the kernels, and their arithmetic at the pixel under the mouse.
    """

    filter: str = "sobel"
    against: str | None = None
    divider: float = 0.5
    view: ViewName = "overlay"
    gain: float = 1.0
    auto_gain: bool = True
    threshold: float = 0.0
    sigma: float = 1.0
    line_color: str = "green"
    is_thin: bool = False
    is_smooth: bool = False
    is_mirrored: bool = False
    region: Region = WHOLE
    pointer: tuple[float, float] | None = None
    panes: tuple[int, int] = (1, 1)
    is_paused: bool = False
    is_fullscreen: bool = False
    hud: Hud = "short"
    show_help: bool = False
    show_kernel: bool = False
