"""How well a map finds the boundaries that people drew in photographs: ODS, an F-measure."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from live_edges.errors import TrainingError
from live_edges.filters.boundary import BoundaryFilter
from live_edges.filters.boundary_net import BoundaryNet
from live_edges.filters.functional import to_gray_levels
from live_edges.frame import Image
from live_edges.pipeline.thinning import thinned
from live_edges.sources.images import is_image_file
from live_edges.sources.pixels import read_image

PHOTOGRAPHS, DRAWINGS = "images", "groundTruth"  # folders, as in BSDS500
REACH = 0.0075  # of the diagonal: how far a boundary may lie from that of a person
LEVELS = range(4, 256, 8)  # thresholds that are tried

Lines = NDArray[np.bool_]  # (H, W)


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """A picture, ``(H, W, 3)`` BGR, and what one person or more drew on it, ``(N, H, W)``."""

    image: Image
    drawn: Lines


def read_photographs(folder: Path) -> list[Photograph]:
    """Read ``images/NAME.jpg`` and what is drawn on them, ``groundTruth/NAME.mat`` or ``.png``.

    A ``.mat`` file is one of BSDS500 and holds the drawings of several people; in a ``.png`` file
    boundaries are not black.

    Raises:
        TrainingError: a folder or a drawing is missing, damaged, or of another size.
    """
    if not (folder / PHOTOGRAPHS).is_dir() or not (folder / DRAWINGS).is_dir():
        raise TrainingError(
            f"--validate {folder} lacks a folder {PHOTOGRAPHS} or {DRAWINGS}; it takes "
            "photographs and what is drawn on them, laid out as in BSDS500"
        )
    paths = sorted(filter(is_image_file, (folder / PHOTOGRAPHS).iterdir()))
    if not paths:
        raise TrainingError(f"{folder / PHOTOGRAPHS} holds no photograph; check --validate")
    return [_read(path, folder / DRAWINGS / path.stem) for path in paths]


def _read(path: Path, stem: Path) -> Photograph:
    image = read_image(path)
    found = [each for each in (stem.with_suffix(".mat"), stem.with_suffix(".png")) if each.exists()]
    if image is None or not found:
        what = f"{stem}.mat or .png does not exist" if image is not None else f"{path} is damaged"
        raise TrainingError(f"{what}; check the files in --validate")
    drawn = _from_mat(found[0]) if found[0].suffix == ".mat" else _from_png(found[0])
    if drawn.shape[1:] != image.shape[:2]:
        raise TrainingError(
            f"{found[0]} is {drawn.shape[2]} x {drawn.shape[1]} pixels, and {path} is "
            f"{image.shape[1]} x {image.shape[0]}; they must have the same size"
        )
    return Photograph(image, drawn)


def _from_png(path: Path) -> Lines:
    image = read_image(path)
    if image is None:
        raise TrainingError(f"{path} is damaged; check the files in --validate")
    return np.asarray(np.any(image.reshape(1, *image.shape[:2], -1), axis=3))


def _from_mat(path: Path) -> Lines:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise TrainingError(
            f"{path} is read by SciPy, which is not installed; run: pip install scipy"
        ) from error
    try:
        people = loadmat(path)["groundTruth"].flatten()
        return np.stack([each["Boundaries"][0, 0].astype(bool) for each in people])
    except Exception as error:  # a broken file makes its reader fail in any way
        raise TrainingError(
            f"{path} holds no groundTruth as in BSDS500; check --validate"
        ) from error


def fault_on(photographs: list[Photograph]) -> Callable[[BoundaryNet], float]:
    """Judge nets by what their `ods` lacks of 1."""

    def judge(net: BoundaryNet) -> float:
        folded = copy.deepcopy(net).eval()
        folded.fold()
        bar = tqdm(photographs, "validating", leave=False)
        return 1 - ods(lines_of(BoundaryFilter(folded)), bar)

    return judge


def lines_of(edge_filter: BoundaryFilter) -> Callable[[Image], Image]:
    """Return what maps a picture, ``(H, W, 3)`` BGR, to the ridges of the filter's map."""
    device = next(edge_filter.parameters()).device

    @torch.inference_mode()
    def find(image: Image) -> Image:
        colours = torch.from_numpy(image[..., ::-1].copy()).to(device)
        likely = edge_filter(colours.permute(2, 0, 1)[None])[0, 0]
        return thinned(to_gray_levels(likely, 1.0, 0.0).cpu().numpy())

    return find


def ods(find: Callable[[Image], Image], photographs: Iterable[Photograph]) -> float:
    """Return the F-measure with the one threshold that is best for all photographs.

    Args:
        find: maps a picture, ``(H, W, 3)`` BGR, to thin lines, ``(H, W)`` uint8.
        photographs: what to find.

    Returns:
        Harmonic mean of precision and recall, 0 to 1. A boundary counts as found, and a find as
        right, if there is one of the other within `REACH` of the diagonal. Pixels are not paired
        one to one as in the benchmark, so the measure is a little higher.

    Source:
        Martin, Fowlkes & Malik, "Learning to detect natural image boundaries using local
        brightness, color, and texture cues", 2004: optimal dataset scale.
    """
    counts = [_counts(find(each.image), each.drawn) for each in photographs]
    right, found, recalled, drawn = np.sum(counts, axis=0).T
    precision, recall = right / np.maximum(found, 1), recalled / np.maximum(drawn, 1)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max())


def _counts(lines: Image, drawn: Lines) -> NDArray[np.int64]:
    """Count for each level: finds that are right, all finds, boundaries recalled, all of them."""
    reach = REACH * np.hypot(*lines.shape)
    is_right = _is_near(np.asarray(drawn.any(axis=0)), reach)
    rows = []
    for level in LEVELS:
        found = lines >= level
        recalled = (drawn & _is_near(found, reach)).sum()
        rows.append([(found & is_right).sum(), found.sum(), recalled, drawn.sum()])
    return np.array(rows)


def _is_near(lines: Lines, reach: float) -> Lines:
    away: NDArray[Any] = (~lines).astype(np.uint8)
    if away.all():  # OpenCV measures the distance to nothing as 0 at some places
        return np.zeros_like(lines)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, 5) <= reach)
