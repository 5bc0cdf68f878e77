"""A table of what became of the files of a run, one row for each, that a spreadsheet can read."""

import csv
import json
from pathlib import Path
from typing import IO, Any

from live_edges.errors import LiveEdgesError, reason
from live_edges.lifecycle import Closing
from live_edges.process.worker import Outcome

ENDINGS = (".csv", ".jsonl")
COLUMNS = (
    *("source", "target", "status", "frames", "seconds", "fps"),
    *("notes", "error", "worker"),
)


class ReportFile(Closing):
    """A file with a row for each outcome, written at once, so that a killed run keeps its rows.

    A run that goes on with another one's files appends to its report.

    Args:
        path: its ending says how a row is written: ``.csv``, with a line that names the columns,
            or ``.jsonl``, each row an object of its own.

    Raises:
        LiveEdgesError: it cannot be written, or has another ending.
    """

    def __init__(self, path: Path) -> None:
        check_ending(path)
        self._path = path
        self._is_csv = path.suffix.lower() == ".csv"
        try:
            # The csv module ends lines by itself; a name that is no UTF-8 has \udcXX in it.
            self._file: IO[str] = path.open(
                "a", encoding="utf-8", errors="backslashreplace", newline=""
            )
        except OSError as error:
            raise self._problem(error) from error
        if self._is_csv and self._file.tell() == 0:
            self._append(COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Append a row.

        Raises:
            LiveEdgesError: it cannot be written.
        """
        row = row_of(outcome)
        if self._is_csv:
            self._append(
                ["\n".join(row["notes"]) if key == "notes" else row[key] for key in COLUMNS]
            )
        else:
            self._append(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, row: Any) -> None:
        try:
            if self._is_csv:
                csv.writer(self._file).writerow(row)
            else:
                self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> LiveEdgesError:
        return LiveEdgesError(
            f"{self._path} cannot be written ({reason(error)}); choose another --report"
        )


def check_ending(path: Path) -> None:
    """Raise LiveEdgesError unless a report can have this name."""
    if path.suffix.lower() not in ENDINGS:
        raise LiveEdgesError(f"--report {path} must end in {' or '.join(ENDINGS)}")


def row_of(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values, under the names of `COLUMNS`."""
    return {
        "source": str(outcome.source),
        "target": str(outcome.target),
        "status": outcome.status,
        "frames": outcome.frames,
        "seconds": round(outcome.seconds, 3),
        "fps": round(outcome.fps, 2),
        "notes": list(outcome.notes),
        "error": outcome.error,
        "worker": outcome.worker,
    }
