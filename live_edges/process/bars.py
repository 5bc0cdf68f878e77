"""Bars for files that are converted side by side: one for all, and a line for each at work."""

from typing import Any

from tqdm import tqdm

from live_edges.lifecycle import Closing


class Bars(Closing):
    """One bar for all files, and below it one for each slot; hidden if there is no terminal.

    Args:
        files: how many there are.
        slots: how many are converted at the same time.
    """

    def __init__(self, files: int, slots: int) -> None:
        # disable=None hides a bar if the output is no terminal
        common: dict[str, Any] = {"disable": None, "dynamic_ncols": True}
        self._all = tqdm(total=files, desc="all", unit=" files", **common)
        self._slots = [
            tqdm(desc="starting", position=slot + 1, leave=False, unit=" frames", **common)
            for slot in range(slots)
        ]

    def start(self, slot: int, label: str, total: int | None) -> None:
        """Show that a slot begins with a file, of so many pictures if that is known."""
        self._slots[slot].set_description(label, refresh=False)
        self._slots[slot].reset(total)

    def advance(self, slot: int, frames: int) -> None:
        """Show that a slot did so many more pictures."""
        self._slots[slot].update(frames)

    def end(self, slot: int) -> None:
        """Remove the line of a slot that has nothing left to do."""
        self._slots[slot].close()

    def finish(self) -> None:
        """Show that one more file is done."""
        self._all.update()

    def close(self) -> None:
        """Remove the lines, and leave the bar for all."""
        for bar in (*self._slots, self._all):
            bar.close()
