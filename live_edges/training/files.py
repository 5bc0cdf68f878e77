"""Files of the trainer: written whole or not at all, and checked before torch is imported."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from live_edges.errors import TrainingError
from live_edges.sources.address import public_address


def check_there(checkpoint: Path) -> None:
    """Raise TrainingError unless there is such a checkpoint."""
    if not checkpoint.is_file():
        raise TrainingError(
            f"checkpoint {checkpoint} does not exist; check the path given to --resume"
        )


def check_data(data: Sequence[str]) -> None:
    """Raise TrainingError for the first path to learn from that is not there."""
    for text in data:
        is_plain = not (text.isdecimal() or re.search(r"[*?[]", text))
        if is_plain and not Path(text).expanduser().exists():
            raise TrainingError(
                f"{public_address(text)} does not exist to learn from; DATA is images, folders, "
                "globs, videos or a camera"
            )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what was there before stays until then.

    Raises:
        TrainingError: the folder is missing or not writable, or the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if part.is_file():
            part.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> TrainingError:
    kept = "; the file that was there is unchanged" if path.is_file() else ""
    return TrainingError(f"{path} could not be written: {error.strerror}{kept}")


def check_writable(path: Path) -> None:
    """Find out before training whether ``path`` can be written.

    Raises:
        TrainingError: it cannot.
    """
    if not path.parent.is_dir():
        raise TrainingError(
            f"folder {path.parent} does not exist; make it, or choose another --out"
        )
    if path.is_dir() or path.suffix != ".safetensors":
        raise TrainingError(f"--out {path} should be a file that ends in .safetensors")
    probe = path.with_name(f".{path.name}.probe")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _not_written(path, error) from error
