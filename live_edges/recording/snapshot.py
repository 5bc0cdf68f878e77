"""Saves pictures as PNG files under names that never overwrite anything."""

from datetime import datetime
from pathlib import Path

import cv2

from live_edges.errors import LiveEdgesError
from live_edges.frame import Image
from live_edges.recording.files import dated_stem, unused_paths


def save_snapshot(pictures: dict[str, Image], *, folder: Path, at: datetime) -> list[Path]:
    """Write pictures as PNG files ``live-edges-DATE-TIME-NAME.png``.

    Args:
        pictures: uint8 images by the last part of their file's name.
        folder: where to save them.
        at: the date and time in the names; if a name is taken, a number follows.

    Returns:
        The files, in the order of ``pictures``; all share one stem.

    Raises:
        LiveEdgesError: the folder does not exist or cannot be written to.
    """
    paths = unused_paths(folder, dated_stem(at), *(f"-{name}.png" for name in pictures))
    for path, image in zip(paths, pictures.values(), strict=True):
        _, png = cv2.imencode(".png", image)
        try:
            with path.open("xb") as file:
                file.write(png.tobytes())
        except OSError as error:
            raise LiveEdgesError(
                f"{path.name} could not be saved in {folder.resolve()} ({error.strerror}); "
                "start live-edges in a folder you may write to"
            ) from error
    return paths
