"""Folders: whether a file can be made there, found out before the work that it is to hold."""

from pathlib import Path
from tempfile import TemporaryFile

from live_edges.errors import LiveEdgesError


def check_folder(file: Path, flag: str) -> None:
    """Find out whether a file can be made in its folder, which ``flag`` names.

    Raises:
        LiveEdgesError: the folder is not there, or nothing can be written in it.
    """
    folder = file if file.is_dir() else file.parent
    if not folder.is_dir():
        raise LiveEdgesError(f"folder {folder} does not exist; make it, or choose another {flag}")
    if file.exists() and not (file.is_dir() or file.is_file()):
        return  # a device such as /dev/null
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LiveEdgesError(
            f"nothing can be written to {folder} ({error.strerror}); choose another {flag}"
        ) from error
