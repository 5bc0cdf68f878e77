"""The live loop: frames in, pictures out, keys in between, until somebody ends it."""

import logging
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from live_edges.display.screen import Screen
from live_edges.filters.catalog import Entry
from live_edges.frame import Frame, Image
from live_edges.live.controls import Controls
from live_edges.live.focus import FocusMeter
from live_edges.live.hud import HeadUpDisplay, Status
from live_edges.live.in_flight import InFlight
from live_edges.live.keymap import Change, bindings, by_key
from live_edges.live.limits import NO_LIMITS, Limits
from live_edges.live.looking import look
from live_edges.live.stats import Meter, Summary
from live_edges.recording.session import RecordingSession
from live_edges.recording.virtual_camera import VirtualCamera
from live_edges.settings import Settings
from live_edges.sizing import Size, comfortable_size, fitted, in_fractions, size_of
from live_edges.sources.capture import Capture
from live_edges.timing import Clock, Pace

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

POLL_S = 0.02  # how long a frame, or a key, is waited for before the other is looked at again
MAX_FIRST_AGE_S = 0.5  # how old the first frame of a live source may be when it is shown
REFRESH_S = 0.25  # how old the text on the screen may get while no frame comes

log = logging.getLogger(__name__)


class App:
    """Runs a source through the pipeline onto a screen.

    Args:
        capture: reads the source, in a thread that `run` starts and ends.
        screen: where they go.
        pipeline: comes when torch is loaded; until then a live picture is shown as it is.
        entries: the filters by name, in the order of the keys.
        settings: what to start with.
        limits: when to end.
        recordings: makes the recordings; ended with the run.
        virtual_camera: shows the view to other programs; ended with the run.
        folder: where snapshots go.
        clock: seconds, monotonic.

    Attributes:
        in_flight: the frames between source and screen.
    """

    def __init__(
        self,
        capture: Capture,
        screen: Screen,
        *,
        pipeline: "Future[EdgePipeline]",
        entries: dict[str, Entry],
        settings: Settings,
        limits: Limits = NO_LIMITS,
        recordings: RecordingSession | None = None,
        virtual_camera: VirtualCamera | None = None,
        folder: Path = Path(),
        clock: Clock = time.monotonic,
    ) -> None:
        self._capture, self._screen, self._pipeline = capture, screen, pipeline
        self._is_live = capture.source.is_live
        self._limits, self._clock = limits, clock
        listed = bindings(list(entries), settings)
        self._hud = HeadUpDisplay(listed, entries, source=capture.source.name, clock=clock)
        self._meter, self._pace, self._focus = Meter(clock), Pace(clock), FocusMeter()
        self._recordings = recordings or RecordingSession()
        self._virtual_camera = virtual_camera or VirtualCamera()
        self.in_flight = InFlight(self._meter.stages)
        self._controls = Controls(
            settings,
            screen,
            self._hud,
            self.in_flight,
            self._recordings,
            self._virtual_camera,
            keys=by_key(listed),
            folder=folder,
            has_ended=lambda: capture.ended,
        )
        self._shown_size: Size | None = None
        self._refreshed_at = 0.0

    @property
    def settings(self) -> Settings:
        """What holds at the moment."""
        return self._controls.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._controls.settings = settings

    def stop(self) -> None:
        """End the run after the current frame; safe to call from a signal handler."""
        self._controls.is_stopping = True

    def request(self, change: Change) -> None:
        """Change the settings soon, as a key would; safe to call from any thread.

        Args:
            change: makes the new settings of those that hold then.
        """
        self._controls.requests.put(change)

    @property
    def source_name(self) -> str:
        """What the source is called."""
        return self._capture.source.name

    def run(self) -> None:
        """Run until the source ends, a limit is reached, the user quits, or `stop` is called.

        Raises:
            SourceError: the source failed.
            LiveEdgesError: the pipeline could not be made.
        """
        with self._recordings, self._virtual_camera, self._capture:
            self._screen.set_fullscreen(self.settings.is_fullscreen)
            if self._screen.is_headless:
                self._wait_for_pipeline()
            while not self._is_over():
                self._take_pipeline()
                if frame := self._next_frame():
                    self.in_flight.send(frame, self.settings)
                is_next = self.in_flight.is_full or (frame is None and bool(self.in_flight))
                if is_next and not (self._is_held or self._is_quitting):
                    self._show_next()
                elif frame is None:
                    self._wait_for_key()

    def _wait_for_pipeline(self) -> None:
        """Let a live source's frames go by where nobody would see them unfiltered."""
        while not (self._pipeline.done() or self._is_quitting or self._capture.ended):
            if not self._is_live:
                time.sleep(POLL_S)
            elif frame := self._capture.read(POLL_S):
                self._record(frame, None)

    def _is_over(self) -> bool:
        is_watched = not self._screen.is_headless
        is_kept = is_watched and (self._capture.source.is_still or self.settings.is_paused)
        return self._is_quitting or (self._capture.ended and not self.in_flight and not is_kept)

    @property
    def _is_quitting(self) -> bool:
        """Whether the user or a limit ends the run, however many frames there still are."""
        is_limited = self._limits.are_reached(self._meter.shown, self._clock())
        return self._controls.is_stopping or is_limited or not self._screen.is_open

    @property
    def _is_held(self) -> bool:
        """Whether a pause keeps the picture that is on the screen."""
        return self.settings.is_paused and not self._controls.wants_step

    def _take_pipeline(self) -> None:
        if self.in_flight.pipeline is None and self._pipeline.done():
            pipeline = self._pipeline.result()
            log.info("device: %s (%s)", pipeline.device, pipeline.device_reason)
            self.in_flight.use(pipeline)
            # A key may have picked another one meanwhile, whose weights nobody has read yet.
            known = replace(self.settings, filter=pipeline.entry.name, against=None)
            self._controls.check_filter(known)

    def _next_frame(self) -> Frame | None:
        """Wait a moment for a frame; None when none came or none is wanted now."""
        is_wanted = self._is_live or self.in_flight.pipeline is not None
        if self._is_held and self._is_live:
            self._capture.discard(self.in_flight.clear())  # they would be old after the pause
        if self._is_held or self._capture.ended or not is_wanted:
            self._pace.restart()
            return None
        if self.in_flight.is_full or (self._controls.wants_step and self.in_flight):
            return None  # a pause has held them back; they come first
        with self._meter.stages("capture wait"):
            frame = self._capture.read(0 if self.in_flight else POLL_S)
        if frame is None:
            return None
        is_first = self._meter.shown.count == 0 and not self.in_flight
        if is_first and self._is_live and self._clock() - frame.timestamp > MAX_FIRST_AGE_S:
            self._capture.discard(1)  # it waited in the driver while the program started
            return None
        region = in_fractions(self.settings.region, size_of(frame.image))
        self.settings = replace(self.settings, region=region)
        self._wait_until_due(frame)
        return frame

    def _wait_until_due(self, frame: Frame) -> None:
        """Play a file at its own speed where somebody watches; keys are obeyed meanwhile."""
        is_sent = self._virtual_camera.is_on or self._recordings.is_sending
        if self._is_live or (self._screen.is_headless and not is_sent) or self._controls.wants_step:
            return
        while (remaining_s := self._pace.remaining_s(frame.pts)) > 0:
            self._wait_for_key(min(remaining_s, POLL_S))
            if self._screen.is_headless:  # it does not wait for keys
                time.sleep(min(remaining_s, POLL_S))
            if self.settings.is_paused or self._is_quitting:
                return

    def _wait_for_key(self, timeout_s: float = POLL_S) -> None:
        if self._clock() - self._refreshed_at > REFRESH_S:
            self._refresh()
            if self._is_live:  # a picture that stands still stands still in the recording
                self._record_shown(held_s=self._clock() - self._meter.shown.last)
        self._obey(self._screen.poll(timeout_s))

    def _show_next(self) -> None:
        self._controls.wants_step = False
        frame, self.settings = self.in_flight.receive(self.settings)
        with self._meter.stages("show"):
            self._refresh()
            key = self._screen.poll(0)
        pipeline = self.in_flight.pipeline if self.in_flight.is_filtered else None
        self._meter.count(frame.timestamp, pipeline.execution if pipeline else "unfiltered")
        self._record_shown()
        self._obey(key)

    def _refresh(self) -> None:
        """Put what was rendered last on the screen, with the text that belongs to it."""
        self._refreshed_at = self._clock()
        if (rendered := self.in_flight.rendered) is None:
            return
        view = rendered.view
        if self.in_flight.is_filtered and (problem := self._virtual_camera.send(view)):
            self._hud.toast(problem)
        if self._screen.is_headless:
            self._screen.status(self._hud.one_line(self.settings, self.status()))
        else:  # scaled first: sharp text, and no more to draw on than the screen can show
            view = fitted(view, self._screen.size or comfortable_size(view))
            self._focus.follow(rendered.original, self.settings, self._refreshed_at)
            self._hud.draw(view, self.settings, self._looked_at())
            self._shown_size = size_of(view)
        self._screen.show(view)

    def _record_shown(self, *, held_s: float = 0.0) -> None:
        """Record what is on the screen, with the time of its frame and how long it was held."""
        frame, rendered = self.in_flight.frame, self.in_flight.rendered
        if not (self._recordings.is_recording and frame and rendered):
            return
        view = rendered.view if self.in_flight.is_filtered else None
        if self._recordings.with_hud and view is not None:
            view = view.copy()
            self._hud.draw(view, self.settings, self._looked_at())
        self._record(frame, view, held_s)

    def _record(self, frame: Frame, view: Image | None, held_s: float = 0.0) -> None:
        at = (frame.timestamp if self._is_live else frame.pts) + held_s
        if problem := self._recordings.write(view, frame.image, at, duration_s=frame.duration_s):
            self._hud.toast(problem)

    def _obey(self, key: str | None) -> None:
        if self._controls.obey(key, self._shown_size):
            self._refresh()

    def status(self) -> Status:
        """How the run goes at the moment."""
        pipeline = self.in_flight.pipeline
        return Status(
            device=str(pipeline.device) if pipeline else "",
            execution=pipeline.execution if pipeline else "",
            camera_fps=self._capture.fps,
            fps=self._meter.fps,
            dropped=self._capture.dropped,
            latency=self._meter.latency,
            stages=self._meter.stages,
            zoom=1 / max(self.settings.region[2:]),
            outage_s=self._capture.outage_s,
            recording=self._recordings.status,
            problem=pipeline.problem if pipeline else "",
            focus=self._focus,
        )

    def _looked_at(self) -> Status:
        """The status with what is drawn alone, because looking at a pixel takes milliseconds."""
        return replace(self.status(), look=look(self.in_flight, self.settings))

    def summary(self) -> Summary:
        """What the run amounted to so far."""
        status, mode = self.status(), self._capture.source.mode
        return Summary(
            source=self.source_name,
            mode={"size": [mode.width, mode.height], "fps": mode.fps, "fourcc": mode.fourcc},
            device=status.device,
            filter=self.settings.filter,
            view=self.settings.view,
            execution=status.execution,
            frames_recorded=self._recordings.frames,
            frames_record_dropped=self._recordings.dropped,
            **self._capture.figures(),
            **self._meter.figures(),
        )
