"""Ctrl-C during training: ends it after a step, so that it can be gone on with."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupt:
    """Lets Ctrl-C end the training after the step it came in; a second one ends it at once."""

    def __init__(self) -> None:
        self.came = False
        self._before: Any = None

    def __enter__(self) -> Self:
        """Take Ctrl-C over; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Give Ctrl-C back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
