"""Checks that contenders make the same of a picture, and times them in turn on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from live_edges.bench.tables import as_table
from live_edges.frame import Image

WARM_UP_ROUNDS = 3
MAX_DIFFERENCE = 1  # gray levels that two contenders may differ by, for rounding

Contender = Callable[[Image], Image]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's figures.

    Attributes:
        name: who.
        median_ms: median time for a picture.
        spread_ms: from the 10th to the 90th percentile.
        to_copy: median as a multiple of the bare copy's, the floor.
        to_opencv: how many times faster than OpenCV; None where OpenCV has no equal.
        differs: largest difference to our eager picture in gray levels; None for the copy.
        differing: share of values that differ by more than a rounding.
        differing_inside: the same without the outermost pixels, where libraries have their ways.
    """

    name: str
    median_ms: float
    spread_ms: float
    to_copy: float
    to_opencv: float | None
    differs: int | None
    differing: float
    differing_inside: float


def measure(contenders: dict[str, Contender], image: Image, *, rounds: int) -> list[Row]:
    """Time every contender once a round, so that a slow moment of the machine hits all alike.

    Args:
        contenders: by name; ``copy`` is the floor, ``ours, eager`` the picture to agree with.
        image: ``(H, W, 3)`` uint8 BGR.
        rounds: timings of each, after a warm-up.
    """
    ours = contenders["ours, eager"](image).astype(int)
    differences = {
        name: np.abs(contender(image) - ours)
        for name, contender in contenders.items()
        if name != "copy"
    }
    seconds = _time_in_turn(contenders, image, rounds)
    medians = {name: float(np.median(times)) * 1e3 for name, times in seconds.items()}
    opencv = next((medians[name] for name in medians if name.startswith("OpenCV")), None)
    rows = []
    for name, times in seconds.items():
        low, high = np.percentile(times, (10, 90)) * 1e3
        difference = differences.get(name)
        rows.append(
            Row(
                name=name,
                median_ms=round(medians[name], 3),
                spread_ms=round(float(high - low), 3),
                to_copy=round(medians[name] / medians["copy"], 1),
                to_opencv=round(opencv / medians[name], 2) if opencv else None,
                differs=None if difference is None else int(difference.max()),
                differing=_share(difference),
                differing_inside=_share(None if difference is None else difference[1:-1, 1:-1]),
            )
        )
    return rows


def _time_in_turn(
    contenders: dict[str, Contender], image: Image, rounds: int
) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in tqdm(range(WARM_UP_ROUNDS + rounds), unit=" rounds", leave=False, disable=None):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender(image)
            if number >= WARM_UP_ROUNDS:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _share(difference: NDArray[np.int_] | None) -> float:
    """Return the share of values that differ by more than a rounding."""
    if difference is None or difference.size == 0:
        return 0.0
    return round(float((difference > MAX_DIFFERENCE).mean()), 6)


def as_lines(rows: list[Row]) -> list[str]:
    """Return the figures as a table."""
    header = ("", "median ms", "spread ms", "fps", "x copy", "x OpenCV's speed", "picture")
    return as_table(
        header,
        (
            (
                row.name,
                f"{row.median_ms:.2f}",
                f"{row.spread_ms:.2f}",
                f"{1e3 / row.median_ms:.0f}",
                f"{row.to_copy:.1f}",
                f"{row.to_opencv:.2f}" if row.to_opencv else "",
                "" if row.differs is None else _agreement(row),
            )
            for row in rows
        ),
    )


def _agreement(row: Row) -> str:
    if not row.differing:
        return f"same within {row.differs} level{'s' if row.differs != 1 else ''}"
    where = "" if row.differing_inside else ", at the border alone"
    return f"{row.differing:.2%} of values differ, by up to {row.differs} levels{where}"
