"""What the user does: keys, the mouse and requests change the settings, or act."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import assert_never

from live_edges.display.screen import Screen
from live_edges.errors import LiveEdgesError
from live_edges.live.hud import HeadUpDisplay, describe_changes
from live_edges.live.in_flight import InFlight
from live_edges.live.keymap import Action, Binding, Change
from live_edges.live.pointer import steered
from live_edges.live.presets import SAVED, save_preset
from live_edges.recording.session import RecordingSession
from live_edges.recording.snapshot import save_snapshot
from live_edges.recording.virtual_camera import VirtualCamera
from live_edges.settings import Settings
from live_edges.sizing import Size, size_of

log = logging.getLogger(__name__)


class Controls:
    """Obeys the user.

    Args:
        settings: what to start with.
        screen: where the mouse is.
        hud: tells what has changed.
        in_flight: the frames whose pictures the settings make.
        recordings: what the key r starts and stops.
        virtual_camera: what the key u switches on and off.
        keys: what each key does.
        folder: where snapshots go.
        has_ended: returns True if no frame will come any more.

    Attributes:
        settings: what holds at the moment.
        is_stopping: True if the run is to end.
        wants_step: True if one more frame is wanted during a pause.
        requests: changes of the settings that other threads have asked for.
    """

    def __init__(
        self,
        settings: Settings,
        screen: Screen,
        hud: HeadUpDisplay,
        in_flight: InFlight,
        recordings: RecordingSession,
        virtual_camera: VirtualCamera,
        *,
        keys: dict[str, Binding],
        folder: Path,
        has_ended: Callable[[], bool],
    ) -> None:
        self.settings = settings
        self.is_stopping = self.wants_step = False
        self.requests: SimpleQueue[Change] = SimpleQueue()
        self._screen, self._hud, self._in_flight = screen, hud, in_flight
        self._recordings, self._virtual_camera = recordings, virtual_camera
        self._keys, self._folder, self._has_ended = keys, folder, has_ended

    def obey(self, key: str | None, area: Size | None) -> bool:
        """Do what the user wants since the last call.

        Args:
            key: that was pressed; None for none.
            area: width and height of what is on the screen; None before there is something.

        Returns:
            True if the screen has to be drawn anew.
        """
        is_changed = self._follow_mouse(area)
        if key:
            self._hud.key_pressed()
        while not self.requests.empty():
            self._change(self.requests.get())
            is_changed = True
        binding = self._keys.get(key) if key else None
        if binding is not None:
            self._change(binding.does, binding.help)
        return is_changed or binding is not None

    def _change(self, does: Change | Action, help: str = "") -> None:
        before = self.settings
        if callable(does):
            self.settings = does(before)
        else:
            self._act(does)
        self.check_filter(before)
        if self.settings != before:
            if self.settings.show_help == before.show_help:  # the help speaks for itself
                self._hud.toast(describe_changes(before, self.settings) or help)
            self._screen.set_fullscreen(self.settings.is_fullscreen)
            self._renew_if_still()

    def _follow_mouse(self, area: Size | None) -> bool:
        before, shown = self.settings, self._in_flight.rendered
        for event in self._screen.mouse_events():
            if area and shown:
                self.settings = steered(self.settings, event, view=size_of(shown.view), area=area)
        if self.settings.region != before.region:
            self._hud.toast(describe_changes(before, self.settings))
        return self.settings != before and self._renew_if_still()

    def _renew_if_still(self) -> bool:
        """Make the picture again by the new settings where no new frame will."""
        is_still = self.settings.is_paused or self._has_ended()
        if is_still:
            self.settings = self._in_flight.renew(self.settings)
        return is_still

    def _act(self, action: Action) -> None:
        if action == "quit" or (action == "escape" and not self.settings.is_fullscreen):
            self.is_stopping = True
        elif action == "escape":
            self.settings = replace(self.settings, is_fullscreen=False)
        elif action == "step":
            self.settings = replace(self.settings, is_paused=True)
            self.wants_step = True
        elif action == "record":
            self._hud.toast(self._recordings.toggle())
        elif action == "virtual camera":
            self._hud.toast(self._virtual_camera.toggle())
        elif action == "save":
            self._save_preset()
        elif action == "snapshot":
            self._save_snapshot()
        else:
            assert_never(action)

    def _save_preset(self) -> None:
        try:
            path = save_preset(self.settings)
        except LiveEdgesError as error:
            self._report(error)
        else:
            log.info("saved as the preset %s in %s", SAVED, path)
            self._hud.toast(f"saved: --preset {SAVED}")

    def check_filter(self, before: Settings) -> None:
        """Keep the old filter where the new one's weights file cannot be used."""
        try:
            self._in_flight.select(self.settings)
        except LiveEdgesError as error:
            self.settings = before
            self._report(error)

    def _save_snapshot(self) -> None:
        pictures = self._in_flight.snapshot(self.settings)
        if not pictures:
            return
        try:
            paths = save_snapshot(pictures, folder=self._folder, at=datetime.now().astimezone())
        except LiveEdgesError as error:
            self._report(error)
            return
        log.info("saved %s", " and ".join(str(path) for path in paths))
        self._hud.toast(f"saved {paths[0].name}")

    def _report(self, error: LiveEdgesError) -> None:
        log.warning("%s", error)
        self._hud.toast(str(error))
