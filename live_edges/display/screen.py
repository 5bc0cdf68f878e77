"""What the live loop asks of a screen, so that a window, a status line or a test can be one."""

from typing import Protocol

from live_edges.frame import Image
from live_edges.sizing import Size


class Screen(Protocol):
    """Where pictures go and keys come from: a window, a status line, or a test."""

    @property
    def is_headless(self) -> bool:
        """True where nobody looks and nobody presses keys."""

    @property
    def is_open(self) -> bool:
        """False once the user has closed it."""

    @property
    def size(self) -> Size | None:
        """Pixels that a picture has on it; None where nobody looks, or not yet."""

    def show(self, image: Image) -> None:
        """Show one picture."""

    def status(self, text: str) -> None:
        """Tell the state in one line, where pictures cannot be seen."""

    def poll(self, timeout_s: float) -> str | None:
        """Wait up to ``timeout_s`` for a key and return its name."""

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """Fill the screen, or go back."""
