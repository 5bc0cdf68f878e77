"""The screen where there is none: a status line in the terminal instead of a window."""

from tqdm import tqdm

from live_edges.display.screen import MouseEvent
from live_edges.frame import Image
from live_edges.lifecycle import Closing


class StatusLine(Closing):
    """Takes the place of `live_edges.display.window.Window` and shows how the run goes.

    Args:
        total: frames to come; None where nobody knows.
    """

    is_headless = True
    is_open = True
    size = None

    def __init__(self, total: int | None = None) -> None:
        # disable=None: no line where the output is no terminal
        self._bar = tqdm(total=total, unit=" frames", disable=None, dynamic_ncols=True)

    def show(self, image: Image) -> None:
        """Count one picture."""
        self._bar.update()

    def status(self, text: str) -> None:
        """Show a few words behind the count."""
        self._bar.set_postfix_str(text, refresh=False)

    def poll(self, timeout_s: float) -> str | None:
        """There are no keys."""
        return None

    def mouse_events(self) -> list[MouseEvent]:
        """There is no mouse."""
        return []

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """There is nothing to fill."""

    def close(self) -> None:
        """Leave the line as it stands."""
        self._bar.close()
