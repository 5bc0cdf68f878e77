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
class Conversion:
    """One file to convert, and the file to make of it."""

    source: Path
    target: Path
    is_image: bool


def plan_conversions(inputs: Iterable[str], out: str) -> list[Conversion]:
    """Decide which files to convert, and the name of each result.

    Args:
        inputs: files, pipes (``-`` is standard input), folders (their videos and pictures, not
            those in folders below) and globs.
        out: the file to make, for one input file; else a folder, which need not exist.

    Raises:
        LiveEdgesError: an input does not exist, or the files cannot be named as asked.
    """
    sources = list(dict.fromkeys(found for text in inputs for found in _expand(text)))
    path = Path(out).expanduser()
    is_folder_wanted = is_folder(path) or out.endswith(("/", os.sep)) or not path.suffix
    if not is_folder_wanted and len(sources) > 1:
        raise LiveEdgesError(
            f"{len(sources)} files do not fit into one, {out}; give a folder as OUT"
        )
    if is_folder_wanted and (pipe := next(filter(is_pipe, sources), None)):
        raise LiveEdgesError(f"{pipe} is a pipe; give a file as OUT, as in edges.mp4")
    plan = [_conversion(source, path, is_folder_wanted=is_folder_wanted) for source in sources]
    _check_names(plan)
    return plan


def _expand(text: str) -> list[Path]:
    if is_address(text):
        raise LiveEdgesError(
            f"{public_address(text)} is not a file; process converts files, `live-edges run` shows "
            "streams"
        )
    if text == str(STDIN):
        return [STDIN]
    return find_files(text, _is_known, what="video and no image")


def _is_known(path: Path) -> bool:
    return is_regular_file(path) and (path.suffix.lower() in VIDEO_SUFFIXES or is_image_file(path))


def _conversion(source: Path, out: Path, *, is_folder_wanted: bool) -> Conversion:
    is_image = is_still(source)
    endings = IMAGE_ENDINGS if is_image else tuple(MUXERS)
    if is_folder_wanted:  # an ending that cannot be written becomes one that holds everything
        is_kept = source.suffix.lower() in endings
        ending = source.suffix if is_kept else ".png" if is_image else ".mkv"
        out = out / f"{source.stem}{ending}"
    elif out.suffix.lower() not in endings:
        kind = "an image" if is_image else "a video"
        raise LiveEdgesError(
            f"{out} cannot hold {kind} such as {source.name}; "
            f"choose an OUT that ends in {', '.join(endings)}"
        )
    return Conversion(source, out, is_image)


def _check_names(plan: list[Conversion]) -> None:
    sources: dict[Path, Path] = {}
    for each in plan:
        target = each.target.resolve()
        if target == each.source.resolve():
            raise LiveEdgesError(
                f"{each.source} would be replaced by its edges; choose another OUT"
            )
        if target in sources:
            raise LiveEdgesError(
                f"{sources[target]} and {each.source} would both become {each.target}; "
                "convert them one after the other"
            )
        sources[target] = each.source
