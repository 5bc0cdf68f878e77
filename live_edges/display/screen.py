"""What the live loop asks of a screen, so that a window, a status line or a test can be one."""

from dataclasses import dataclass
from typing import Literal, Protocol

from live_edges.frame import Image
from live_edges.sizing import Size


@dataclass(frozen=True, slots=True)
class MouseEvent:
    """What the mouse did over the picture on the screen.

    Attributes:
        kind: ``move``; ``drag``, moved with the right button held; ``zoom``, by the wheel or a
            double click.
        x: pixels of the picture that is shown, from the left.
        y: likewise, from the top.
        factor: how many times larger things are to be shown.
        dx: how far it was dragged since the last such event, in the same pixels.
        dy: likewise.
    """

    kind: Literal["move", "drag", "zoom"]
    x: int
    y: int
    factor: float = 1.0
    dx: int = 0
    dy: int = 0


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

    def mouse_events(self) -> list[MouseEvent]:
        """Return what the mouse did since the last call, in order."""

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """Fill the screen, or go back."""
