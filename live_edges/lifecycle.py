"""Closing: what is opened with a device, a file or a thread is closed by `with`."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Something that is open from its construction until it is closed, or its `with` ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened; safe to call twice."""

    def __enter__(self) -> Self:
        """Return what is open."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it, whatever happened."""
        self.close()
