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
        differs: largest difference to our first picture in gray levels; None for the copy.
        differing: share of values that differ by more than a rounding.
        differing_inside: the same without the outermost pixels, where libraries have their ways.
        to_quiet: under load, median as a multiple of the median without it.
    """

    name: str
    median_ms: float
    spread_ms: float
    to_copy: float | None = None
    to_opencv: float | None = None
    differs: int | None = None
    differing: float = 0.0
    differing_inside: float = 0.0
    to_quiet: float | None = None


def measure(contenders: dict[str, Contender], image: Image, *, rounds: int) -> list[Row]:
    """Time every contender once a round, so that a slow moment of the machine hits all alike.

    Args:
        contenders: by name; ``copy`` is the floor, the first of ours the picture to agree with.
        image: ``(H, W, 3)`` uint8 BGR.
        rounds: timings of each, after a warm-up.
    """
    ours = next(find for name, find in contenders.items() if name.startswith("ours"))
    expected = ours(image).astype(int)
    differences = {
        name: np.abs(contender(image) - expected)
        for name, contender in contenders.items()
        if name != "copy"
    }
    times = {
        name: median_and_spread_ms(seconds)
        for name, seconds in time_in_turn(contenders, image, rounds).items()
    }
    opencv = next((times[name][0] for name in times if name.startswith("OpenCV")), None)
    rows = []
    for name, (median_ms, spread_ms) in times.items():
        difference = differences.get(name)
        rows.append(
            Row(
                name,
                median_ms,
                spread_ms,
                to_copy=median_ms / times["copy"][0],
                to_opencv=opencv / median_ms if opencv else None,
                differs=None if difference is None else int(difference.max()),
                differing=_share(difference),
                differing_inside=_share(None if difference is None else difference[1:-1, 1:-1]),
            )
        )
    return rows


def time_in_turn(
    contenders: dict[str, Contender], image: Image, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds that each contender took in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in tqdm(range(WARM_UP_ROUNDS + rounds), unit=" rounds", leave=False, disable=None):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender(image)
            if number >= WARM_UP_ROUNDS:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def median_and_spread_ms(seconds: list[float]) -> tuple[float, float]:
    """Return the median, and the way from the 10th to the 90th percentile."""
    low, median, high = np.percentile(seconds, (10, 50, 90)) * 1e3
    return float(median), float(high - low)


def _share(difference: NDArray[np.int_] | None) -> float:
    """Return the share of values that differ by more than a rounding."""
    if difference is None or difference.size == 0:
        return 0.0
    return float((difference > MAX_DIFFERENCE).mean())


def as_lines(rows: list[Row]) -> list[str]:
    """Return the figures as a table."""
    header = ("", "median ms", "spread ms", "fps", "x copy", "x OpenCV's speed", "note")
    return as_table(
        header,
        (
            (
                row.name,
                f"{row.median_ms:.2f}",
                f"{row.spread_ms:.2f}",
                f"{1e3 / row.median_ms:.0f}",
                f"{row.to_copy:.1f}" if row.to_copy else "",
                f"{row.to_opencv:.2f}" if row.to_opencv else "",
                _note(row),
            )
            for row in rows
        ),
    )


def _note(row: Row) -> str:
    if row.to_quiet:
        return f"{row.to_quiet:.2f} times its median without load"
    if row.differs is None:
        return ""
    if not row.differing:
        return f"same within {row.differs} level{'s' if row.differs != 1 else ''}"
    where = "" if row.differing_inside else ", at the border alone"
    return f"{row.differing:.2%} of values differ, by up to {row.differs} levels{where}"
