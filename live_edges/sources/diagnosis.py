"""Finds out why a camera does not open or delivers no pictures, and what to do about it."""

import errno
import os
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from live_edges.platforms import has_v4l2

# From linux/videodev2.h; the numbers are the same on x86 and ARM.
_VIDIOC_REQBUFS = 0xC0145608
_VIDIOC_STREAMON = 0x40045612
_VIDEO_CAPTURE, _MEMORY_MMAP = 1, 1
_BUFFERS = struct.pack("5I", 2, _VIDEO_CAPTURE, _MEMORY_MMAP, 0, 0)  # struct v4l2_requestbuffers


def explanation(number: int, node: str, users: Sequence[str] = ()) -> str | None:
    """Say what an error number of a camera means and what to do; None if the number is unknown.

    Args:
        number: as in `errno`.
        node: the camera's device node.
        users: the programs that have it open, as far as this user may see them.

    Example:
        >>> explanation(errno.EBUSY, "/dev/video0", ["cheese (process 42)"])
        'it is in use by cheese (process 42); close that program'
    """
    if number == errno.EBUSY and users:
        return f"it is in use by {', '.join(users)}; close that program"
    return {
        errno.EBUSY: "it is in use by another program; close that one "
        f"(`sudo fuser -v {node}` names it)",
        errno.EACCES: f"you may not use {node}; join the group video "
        "(`sudo usermod -aG video $USER`), then log in again",
        errno.EPERM: f"this process may not use {node}; a container needs it handed in "
        f"(`--device {node}`)",
        errno.ENOSPC: "not enough USB bandwidth is left for it; ask for a smaller --size or for "
        "--fourcc MJPG, or plug it into another USB port, not into the same hub",
    }.get(number)


def diagnose(where: int | str) -> str | None:
    """Ask the driver why a camera refuses; None if it does not, or for no known reason.

    No handle of ours may be open: the camera is opened and its stream is started once more.
    """
    node = _node(where)
    number = _refusal(node) if node and has_v4l2() else None
    if node is None or number is None:
        return None
    return explanation(number, node, list(_users(node)) if number == errno.EBUSY else ())


def _node(where: int | str) -> str | None:
    """Return the device node of a camera, also of a link to it; None for anything else."""
    node = f"/dev/video{where}" if isinstance(where, int) else os.path.realpath(where)
    return node if re.fullmatch(r"/dev/video\d+", node) else None


def _refusal(node: str) -> int | None:
    """Open a camera and start its stream; returns the error number, None if there was none."""
    import fcntl  # not on Windows

    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return error.errno
    try:
        fcntl.ioctl(handle, _VIDIOC_REQBUFS, _BUFFERS)
        fcntl.ioctl(handle, _VIDIOC_STREAMON, struct.pack("i", _VIDEO_CAPTURE))
    except OSError as error:
        return error.errno
    finally:
        os.close(handle)  # ends the stream and frees the buffers too
    return None


def _users(node: str) -> Iterator[str]:
    """Yield the processes that have a file open, as far as this user may see them."""
    for process in sorted(Path("/proc").glob("[0-9]*")):
        with suppress(OSError):  # another user's process, or one that has just ended
            if any(_is_open_as(handle, node) for handle in (process / "fd").iterdir()):
                yield f"{(process / 'comm').read_text().strip()} (process {process.name})"


def _is_open_as(handle: Path, node: str) -> bool:
    with suppress(OSError):  # closed meanwhile
        return str(handle.readlink()) == node
    return False
