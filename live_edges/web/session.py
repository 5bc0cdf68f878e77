"""A session: the live loop in a thread of its own, with browsers for its screen."""

import logging
import threading
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from live_edges.lifecycle import Closing
from live_edges.live.app import App
from live_edges.live.run import close_loaded
from live_edges.settings import Settings
from live_edges.web.requests import changed
from live_edges.web.screen import BrowserScreen

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

JOIN_S = 5.0

log = logging.getLogger(__name__)


class Session(Closing):
    """Runs an app until it ends or is closed.

    Args:
        app: shows its pictures on ``screen``.
        screen: what browsers see.
        pipeline: of the app; closed with the session.

    Attributes:
        app, screen: as above.
        error: why the app has ended; None if nothing failed.
    """

    def __init__(self, app: App, screen: BrowserScreen, pipeline: "Future[EdgePipeline]") -> None:
        self.app, self.screen, self._pipeline = app, screen, pipeline
        screen.frame = lambda: app.in_flight.frame
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="session")

    def start(self) -> "Session":
        """Begin."""
        self._thread.start()
        return self

    def _run(self) -> None:
        try:
            self.app.run()
        except Exception as error:  # raised again where the session is waited for
            self.error = error
        finally:
            self.screen.close()

    @property
    def is_running(self) -> bool:
        """True until the app has ended."""
        return self._thread.is_alive()

    def state(self) -> dict[str, Any]:
        """What the page shows beside the picture."""
        status, settings = self.app.status(), asdict(self.app.settings)
        return {
            "settings": settings,
            "fps": round(status.fps, 1),
            "camera_fps": round(status.camera_fps, 1),
            "latency_ms": round(status.latency.recent_ms(), 1),
            "dropped": status.dropped,
            "device": status.device,
            "execution": status.execution,
            "outage_s": round(status.outage_s, 1),
            "recording": status.recording,
        }

    def change(self, changes: Any, filters: Collection[str]) -> Settings:
        """Change the settings soon; returns them as they will be, see `changed`, and raises so."""
        after = changed(self.app.settings, changes, filters=filters)
        self.app.request(lambda settings: changed(settings, changes, filters=filters))
        return after

    def close(self) -> None:
        """End the app, and wait for it."""
        self.app.stop()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        close_loaded(self._pipeline)
