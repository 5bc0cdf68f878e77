"""Plans a conversion: which files there are, and what each one becomes."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from live_edges.errors import LiveEdgesError
from live_edges.recording.storage import MUXERS
from live_edges.sources.address import is_address, public_address
from live_edges.sources.images import is_image_file, is_still
from live_edges.sources.paths import find_files, is_folder, is_regular_file
from live_edges.sources.pipes import STDIN, is_pipe

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
    """Say what is to be made of what.

    Args:
        inputs: files, pipes (``-`` is standard input), folders (their videos and pictures, not
            those in folders below) and globs.
        out: the file to make, for one input file; else a folder, made if it is not there.

    Raises:
        LiveEdgesError: an input is not there, or the files cannot be named as asked.
    """
    sources = [found for text in inputs for found in _expand(text)]
    sources = list(dict.fromkeys(sources))
    path = Path(out).expanduser()
    goes_into_folder = is_folder(path) or out.endswith(("/", os.sep)) or not path.suffix
    if not goes_into_folder and len(sources) > 1:
        raise LiveEdgesError(
            f"{len(sources)} files do not fit into one, {out}; give a folder as OUT"
        )
    if goes_into_folder and (pipe := next(filter(is_pipe, sources), None)):
        raise LiveEdgesError(f"{pipe} is a pipe; give a file as OUT, as in edges.mp4")
    jobs = [
        _job(source, _target_in(path, source, is_still(source)) if goes_into_folder else path)
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
    if text == str(STDIN):
        return [STDIN]
    return find_files(text, _is_known, what="video and no image")


def _is_known(path: Path) -> bool:
    return is_regular_file(path) and (path.suffix.lower() in VIDEO_SUFFIXES or is_image_file(path))


def _target_in(folder: Path, source: Path, is_image: bool) -> Path:
    """Keep the name; an ending that cannot be written becomes one that holds everything."""
    writable: Iterable[str] = IMAGE_ENDINGS if is_image else MUXERS
    if source.suffix.lower() in writable:
        return folder / source.name
    return folder / f"{source.stem}{'.png' if is_image else '.mkv'}"


def _job(source: Path, target: Path) -> Job:
    is_image = is_still(source)
    endings: Iterable[str] = IMAGE_ENDINGS if is_image else MUXERS
    if target.suffix.lower() not in endings:
        kind = "an image" if is_image else "a video"
        raise LiveEdgesError(
            f"{target} cannot hold {kind} such as {source.name}; "
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
