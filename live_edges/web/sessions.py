"""Makes sessions: one of the source on the command line, and one for each browser's own camera."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from live_edges.filters.catalog import Entry
from live_edges.lifecycle import Closing
from live_edges.live.app import App
from live_edges.options import pipeline_of, settings_of
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.sources.base import Source
from live_edges.sources.capture import Capture
from live_edges.web.screen import BrowserScreen
from live_edges.web.session import Session


class Sessions(Closing):
    """Makes sessions as the command line asks, each with a pipeline of its own.

    Args:
        args: of the command line.
        filter: name of the filter to start with.
        entries: the filters by name.
    """

    def __init__(self, args: argparse.Namespace, filter: str, entries: dict[str, Entry]) -> None:
        self._args, self._filter, self._entries = args, filter, entries
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="torch-loader")
        self._sessions: list[Session] = []
        self._recordings: list[RecordingSession] = []

    def of(self, source: Source) -> Session:
        """Make a session of a source, which it closes at its end."""
        args = self._args
        pipeline = self._loader.submit(pipeline_of, args, self._filter)
        recordings = RecordingSession(RecordingOptions(path=Path(), waits=not source.is_live))
        self._recordings.append(recordings)
        screen = BrowserScreen()
        app = App(
            Capture(source, stall_s=args.stall_timeout, give_up_s=args.give_up),
            screen,
            pipeline=pipeline,
            entries=self._entries,
            settings=replace(settings_of(args, self._filter), hud="off"),
            recordings=recordings,
        )
        session = Session(app, screen, pipeline)
        self._sessions = [each for each in self._sessions if each.screen.is_open] + [session]
        return session

    def recorded(self) -> list[Path]:
        """The files recorded so far, in all sessions."""
        return [path for each in self._recordings for path in each.saved]

    def close(self) -> None:
        """End every session."""
        for session in self._sessions:
            session.close()
        self._loader.shutdown()
