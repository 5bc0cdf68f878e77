"""A session: the live loop in a thread of its own, with browsers for its screen."""

import logging
import threading
from dataclasses import asdict
from typing import Any

from live_edges.lifecycle import Closing
from live_edges.live.app import App
from live_edges.web.screen import BrowserScreen

JOIN_S = 5.0

log = logging.getLogger(__name__)


class Session(Closing):
    """Runs an app until it ends or is closed.

    Args:
        app: shows its pictures on ``screen``.
        screen: what browsers see.

    Attributes:
        app, screen: as above.
        error: why the app has ended; None if nothing failed.
    """

    def __init__(self, app: App, screen: BrowserScreen) -> None:
        self.app, self.screen = app, screen
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

    def close(self) -> None:
        """End the app, and wait for it."""
        self.app.stop()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
