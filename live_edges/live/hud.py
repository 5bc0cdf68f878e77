"""The head-up display: which text lies over the picture, and for how long."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2

from live_edges import screen_text
from live_edges.filters.catalog import Entry
from live_edges.frame import Image
from live_edges.live import help
from live_edges.live.focus import FocusMeter
from live_edges.live.kernel_view import KernelView
from live_edges.live.keymap import Binding
from live_edges.live.looking import Look
from live_edges.settings import LINE_COLORS, WHOLE, Settings
from live_edges.timing import Clock, Durations, Stages

TOAST_S = 2.0
BAR_S = 6.0  # how long the most useful keys are shown, if none is pressed
MAX_CHANGES_TOLD = 2  # in one message
OF_THE_MOUSE = ("pointer", "panes", "divider")  # settings that no key changes
DIMMED = 0.4  # how bright the last picture of a source is that is lost


@dataclass(frozen=True, slots=True)
class Status:
    """The numbers that the head-up display shows.

    Attributes:
        device: torch device; empty while torch is loading.
        execution: ``torch``, ``numba``, ``compiled`` or ``opencv``.
        camera_fps: frames per second the source delivers.
        fps: frames per second shown.
        dropped: frames a newer one replaced.
        latency: from grabbing a frame to having shown it.
        stages: how long each stage takes.
        zoom: how many times the region is enlarged; 1 for the whole picture.
        outage_s: seconds since the newest frame of a source that is lost; 0 where none is.
        problem: what is wrong with a filter of the user's own; empty if nothing is.
        recording: time of the running recording; empty where there is none.
        look: what the mouse points at, where that matters.
        focus: how sharp the region is.
    """

    device: str
    execution: str
    camera_fps: float
    fps: float
    dropped: int
    latency: Durations
    stages: Stages
    zoom: float = 1.0
    outage_s: float = 0.0
    recording: str = ""
    problem: str = ""
    look: Look | None = None
    focus: FocusMeter | None = None


class HeadUpDisplay:
    """Writes the head-up display, the help and short messages over a picture.

    Args:
        bindings: the keys, for the help.
        entries: the filters by name.
        source: what the source is called.
        clock: seconds, for how long a message stays.
    """

    def __init__(
        self,
        bindings: Sequence[Binding],
        entries: dict[str, Entry],
        *,
        source: str = "source",
        clock: Clock = time.monotonic,
    ) -> None:
        self._source = source
        self._help = help.grouped(bindings)
        self._entries = entries
        self._clock = clock
        self._kernel_view = KernelView()
        self._toast = ""
        self._toast_ends = 0.0
        self._bar_ends: float | None = None  # the first picture decides

    def toast(self, text: str) -> None:
        """Show a short message for two seconds."""
        self._toast = text
        self._toast_ends = self._clock() + TOAST_S

    def key_pressed(self) -> None:
        """The user knows keys: the bar with the most useful ones goes."""
        self._bar_ends = 0.0

    def draw(self, canvas: Image, settings: Settings, status: Status) -> None:
        """Write the text over ``canvas``, in place; the picture of a lost source is dimmed."""
        if status.outage_s > 0:
            canvas[...] = cv2.convertScaleAbs(canvas, alpha=DIMMED)
        height, width = canvas.shape[:2]
        bottom, top = height, 0
        if settings.show_help:
            bottom = help.draw_sheet(canvas, self._help)
        elif settings.hud != "off" and self._is_bar_shown():
            bottom = help.draw_bar(canvas, help.BAR)
        taken = 0, bottom, width, height
        if status.look and status.look.kernels and not settings.show_help:
            above = bottom - screen_text.text_height(canvas)
            kernels = status.look.kernels
            taken = self._kernel_view.draw(canvas, status.look, kernels, bottom=above)
        if settings.hud != "off":
            lines, swatch = self._lines(settings, status), _swatch(settings)
            top = screen_text.draw_lines(canvas, lines, swatch=swatch, avoid=taken)
            if status.recording and (top or not settings.show_help):
                screen_text.draw_recording(canvas, status.recording)
            if status.focus and not settings.show_help:
                status.focus.draw(canvas, settings, bottom=bottom, avoid=taken)
        if toast := self._current_toast(settings, status):
            screen_text.draw_toast(canvas, toast, bottom=bottom if bottom > 2 * top else None)

    def _is_bar_shown(self) -> bool:
        now = self._clock()
        if self._bar_ends is None:
            self._bar_ends = now + BAR_S
        return now < self._bar_ends

    def one_line(self, settings: Settings, status: Status) -> str:
        """The state in one line, for a terminal."""
        if status.outage_s > 0:
            return _lost(status)
        return (
            f"{settings.filter} on {status.device}, {status.fps:.1f} fps, "
            f"latency {status.latency.recent_ms():.0f} ms, dropped {status.dropped}"
        )

    def _current_toast(self, settings: Settings, status: Status) -> str:
        if self._clock() < self._toast_ends:
            return self._toast
        if status.outage_s > 0:
            return f"{self._source}: {_lost(status)}"
        if status.problem:
            return status.problem
        if settings.is_paused:
            return "paused - space goes on"
        if not status.device:
            return "loading torch ..."
        return ""

    def _lines(self, settings: Settings, status: Status) -> list[list[str]]:
        entry = self._entries.get(settings.filter)
        sigma = f" sigma {settings.sigma:g}" if entry and entry.has_sigma else ""
        zoom = [f"zoom {status.zoom:.1f}"] if settings.region != WHOLE else []
        lines = [
            [settings.filter + sigma, settings.view, *zoom, f"{status.device} {status.execution}"],
            [
                f"camera {status.camera_fps:.1f} fps",
                f"pipeline {status.fps:.1f} fps",
                f"latency {status.latency.recent_ms():.0f} ms",
                f"dropped {status.dropped}",
            ],
            [
                f"gain {settings.gain:.2f}{' auto' if settings.auto_gain else ''}",
                f"threshold {settings.threshold:.2f}",
                *(["thin"] if settings.is_thin else []),
                *(["smooth"] if settings.is_smooth else []),
            ],
        ]
        if status.look and status.look.pixel:
            lines.append(list(status.look.pixel))
        if settings.hud == "full":
            lines += [
                [f"{name} {durations.recent_ms():.1f} ms"]
                for name, durations in status.stages.durations.items()
            ]
        return lines


def _lost(status: Status) -> str:
    return f"lost, reconnecting ({status.outage_s:.0f} s)"


def _swatch(settings: Settings) -> tuple[int, int, int] | None:
    is_used = settings.view in ("overlay", "peaking")
    return LINE_COLORS[settings.line_color] if is_used else None


def describe_changes(before: Settings, after: Settings) -> str:
    """What a key changed, in words; empty if that would be too many."""
    names = [f.name for f in fields(after) if getattr(before, f.name) != getattr(after, f.name)]
    names = [name for name in names if name not in OF_THE_MOUSE]
    if names == ["region"]:
        return "zoom" if after.region != WHOLE else "the whole picture"
    parts = []
    for name in names if len(names) <= MAX_CHANGES_TOLD else ():
        value = getattr(after, name)
        word = name.removeprefix("is_").removeprefix("show_").replace("_", " ")
        word = word.replace("color", "colour")
        shown = ("on" if value else "off") if isinstance(value, bool) or value is None else value
        parts.append(f"{word}: {shown:.2f}" if isinstance(value, float) else f"{word}: {shown}")
    return ", ".join(parts)
