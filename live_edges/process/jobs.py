"""Plans a conversion: which files there are, and what each one becomes."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from live_edges.errors import LiveEdgesError
from live_edges.recording.storage import MUXERS
from live_edges.sources.address import is_address, public_address
from live_edges.sources.images import is_image_file, natural_key

VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")  # that are written


@dataclass(frozen=True, slots=True)
class Job:
    """One file to convert."""

    source: Path
    target: Path
    is_image: bool


def plan(inputs: Iterable[str], out: str) -> list[Job]:
    """Say what shall be made of what.

    Args:
        inputs: files, folders (their videos and pictures, not those in folders below) and globs.
        out: the file to make, for one input file; else a folder, made if it is not there.

    Raises:
        LiveEdgesError: an input is not there, or the files can not be named as asked.
    """
    sources = [found for text in inputs for found in _expand(text)]
    sources = list(dict.fromkeys(sources))
    path = Path(out).expanduser()
    is_folder = path.is_dir() or out.endswith(("/", os.sep)) or not path.suffix
    if not is_folder and len(sources) > 1:
        raise LiveEdgesError(
            f"{len(sources)} files do not fit into one, {out}; give a folder as OUT"
        )
    jobs = [
        _job(source, _target_in(path, source, is_image_file(source)) if is_folder else path)
        for source in sources
    ]
    _check_names(jobs)
    return jobs


def _expand(text: str) -> list[Path]:
    if is_address(text):
        raise LiveEdgesError(
            f"{public_address(text)} is no file; process converts files, `live-edges run` shows "
            "streams"
        )
    path = Path(text).expanduser()
    if path.is_dir():
        found = [entry for entry in path.iterdir() if _is_known(entry)]
    elif path.exists():
        return [path]
    elif re.search(r"[*?[]", text):
        first = next(i for i, part in enumerate(path.parts) if re.search(r"[*?[]", part))
        pattern = str(Path(*path.parts[first:]))
        found = [entry for entry in Path(*path.parts[:first]).glob(pattern) if _is_known(entry)]
    else:
        raise LiveEdgesError(f"{public_address(text)} does not exist; check the path")
    if not found:
        raise LiveEdgesError(f"{public_address(text)} holds no video and no image")
    return sorted(found, key=lambda entry: natural_key(str(entry)))


def _is_known(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() in VIDEO_SUFFIXES or is_image_file(path))


def _target_in(folder: Path, source: Path, is_image: bool) -> Path:
    """Keep the name; an ending that can not be written becomes one that holds everything."""
    writable: Iterable[str] = IMAGE_ENDINGS if is_image else MUXERS
    if source.suffix.lower() in writable:
        return folder / source.name
    return folder / f"{source.stem}{'.png' if is_image else '.mkv'}"


def _job(source: Path, target: Path) -> Job:
    is_image = is_image_file(source)
    endings: Iterable[str] = IMAGE_ENDINGS if is_image else MUXERS
    if target.suffix.lower() not in endings:
        kind = "an image" if is_image else "a video"
        raise LiveEdgesError(
            f"{target} can not hold {kind} such as {source.name}; "
            f"choose an OUT that ends in {', '.join(endings)}"
        )
    return Job(source, target, is_image)


def _check_names(jobs: list[Job]) -> None:
    sources: dict[Path, Path] = {}
    for job in jobs:
        target = job.target.resolve()
        if target == job.source.resolve():
            raise LiveEdgesError(f"{job.source} would be replaced by its edges; choose another OUT")
        if target in sources:
            raise LiveEdgesError(
                f"{sources[target]} and {job.source} would both become {job.target}; "
                "convert them one after the other"
            )
        sources[target] = job.source
