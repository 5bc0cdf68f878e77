"""`live-edges bench`: the pipeline against named alternatives, in turn, on the same picture."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version

import cv2
import numpy as np
import torch
from tqdm import tqdm

from live_edges.compiling import Mode
from live_edges.errors import LiveEdgesError
from live_edges.frame import Image
from live_edges.pipeline import EdgePipeline
from live_edges.sources.scene import Scene

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
        differing: share of pixels that differ by more than a rounding.
    """

    name: str
    median_ms: float
    spread_ms: float
    to_copy: float
    to_opencv: float | None
    differs: int | None
    differing: float


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, and write the figures where asked; returns the exit code."""
    if args.threads:
        torch.set_num_threads(args.threads)
        cv2.setNumThreads(args.threads)
    contenders = _contenders(args.filter, args.device, compile=args.compile)
    image = Scene(args.size).at(40, 1.3)
    rows = measure(contenders, image, rounds=args.rounds)
    lines = _markdown(rows) if args.markdown else _plain(rows)
    title = f"{args.filter} at {args.size[0]}x{args.size[1]}, BGR in, edge image out; {_machine()}"
    sys.stdout.write("\n".join([title, "", *lines]) + "\n")
    if args.json:
        figures = {"title": title, "rows": [asdict(row) for row in rows]}
        try:
            args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise LiveEdgesError(
                f"figures could not be written to {args.json} ({error.strerror})"
            ) from error
    return 0


def measure(contenders: dict[str, Contender], image: Image, *, rounds: int) -> list[Row]:
    """Time every contender once a round, so that a slow moment of the machine hits all alike.

    Args:
        contenders: by name; ``copy`` is the floor, ``ours, eager`` the picture to agree with.
        image: ``(H, W, 3)`` uint8 BGR.
        rounds: timings of each, after a warm-up.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in tqdm(range(WARM_UP_ROUNDS + rounds), unit=" rounds", leave=False, disable=None):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender(image)
            if number >= WARM_UP_ROUNDS:
                seconds[name].append(time.perf_counter() - start)
    medians = {name: float(np.median(times)) * 1e3 for name, times in seconds.items()}
    opencv = next((medians[name] for name in medians if name.startswith("OpenCV")), None)
    ours = contenders["ours, eager"](image).astype(int)
    rows = []
    for name, times in seconds.items():
        low, high = np.percentile(times, (10, 90)) * 1e3
        difference = None if name == "copy" else np.abs(contenders[name](image) - ours)
        rows.append(
            Row(
                name=name,
                median_ms=round(medians[name], 3),
                spread_ms=round(float(high - low), 3),
                to_copy=round(medians[name] / medians["copy"], 1),
                to_opencv=round(opencv / medians[name], 2) if opencv else None,
                differs=None if difference is None else int(difference.max()),
                differing=0.0
                if difference is None
                else round(float((difference > MAX_DIFFERENCE).mean()), 6),
            )
        )
    return rows


def _contenders(name: str, device: str, *, compile: Mode) -> dict[str, Contender]:
    eager = EdgePipeline(name, device=device, compile="off")
    compiled = EdgePipeline(name, device=device, compile=compile)
    found: dict[str, Contender] = {"copy": np.copy, "ours, eager": eager}
    compiled(np.zeros((480, 640, 3), np.uint8))
    if compiled.execution == "compiled":
        found["ours, compiled"] = compiled
    if name == "sobel":
        found["OpenCV spatialGradient"] = _opencv_sobel
        found |= _installed_sobels()
    elif not eager.entry.is_binary and eager.reads_luma:
        found["OpenCV filter2D"] = _opencv_bank(eager.entry.bank(1.0)[:, 0])
    return found


def _opencv_sobel(image: Image) -> Image:
    """OpenCV's fastest exact Sobel magnitude: both derivatives in one pass over 16-bit integers."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    gx, gy = cv2.spatialGradient(gray, borderType=cv2.BORDER_REPLICATE)
    strength = cv2.magnitude(gx.astype(np.float32), gy.astype(np.float32))
    return np.asarray(cv2.convertScaleAbs(strength, alpha=0.25), np.uint8)


def _opencv_bank(bank: np.ndarray) -> Contender:
    kernels = [kernel.astype(np.float32) for kernel in bank]

    def filter2d(image: Image) -> Image:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        border = cv2.BORDER_REPLICATE
        responses = [cv2.filter2D(gray, cv2.CV_32F, k, borderType=border) for k in kernels]
        strength = cv2.magnitude(*responses) if len(responses) == 2 else responses[0]
        return np.asarray(cv2.convertScaleAbs(strength), np.uint8)

    return filter2d


def _installed_sobels() -> dict[str, Contender]:
    """The alternatives of the extra ``bench``, where they are installed."""
    found: dict[str, Contender] = {}
    try:
        import kornia

        def by_kornia(image: Image) -> Image:
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            x = torch.from_numpy(gray)[None, None].float()
            gradient = kornia.filters.spatial_gradient(x, normalized=True)[0, 0]
            strength = torch.hypot(gradient[0], gradient[1]) * 2
            return np.asarray(strength.round().clamp(max=255).byte().numpy())

        found["kornia"] = by_kornia
    except ImportError:
        pass
    try:
        from skimage.filters import sobel

        def by_skimage(image: Image) -> Image:
            gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
            strength = sobel(gray, mode="nearest") * 2**0.5
            return np.asarray(np.clip(np.rint(strength), 0, 255), np.uint8)

        found["scikit-image"] = by_skimage
    except ImportError:
        pass
    return found


def _plain(rows: list[Row]) -> list[str]:
    width = max(len(row.name) for row in rows)
    return [
        f"{row.name:{width}}  {row.median_ms:8.2f} ms  (spread {row.spread_ms:.2f})  "
        f"{1e3 / row.median_ms:7.0f} fps  {row.to_copy:6.1f} x copy"
        + (f"  {row.to_opencv:5.2f} x OpenCV's speed" if row.to_opencv else "")
        + ("" if row.differs is None else f"  {_agreement(row)}")
        for row in rows
    ]


def _markdown(rows: list[Row]) -> list[str]:
    lines = [
        "| | median ms | spread ms | fps | times the copy | times OpenCV's speed | picture |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        speed = "" if row.to_opencv is None else f"{row.to_opencv:.2f}"
        agreement = "" if row.differs is None else _agreement(row)
        lines.append(
            f"| {row.name} | {row.median_ms:.2f} | {row.spread_ms:.2f} | {1e3 / row.median_ms:.0f} "
            f"| {row.to_copy:.1f} | {speed} | {agreement} |"
        )
    return lines


def _agreement(row: Row) -> str:
    if not row.differing:
        return f"same within {row.differs} level{'s' if row.differs != 1 else ''}"
    return f"{row.differing:.2%} of pixels differ, by up to {row.differs} levels"


def _machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    return (
        f"{platform.machine()}, {torch.get_num_threads()} threads, {platform.system()}, "
        f"{packages}, OpenCV {cv2.__version__}"
    )
