"""Lets FFmpeg read a pipe: standard input, a FIFO, or ``<(...)`` of a shell."""

import os
import stat
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from live_edges.errors import SourceError
from live_edges.platforms import can_be_read

T = TypeVar("T")

STDIN = Path("-")
CHUNK = 1 << 16  # bytes, as many as a pipe holds on Linux
POLL_S = 0.05  # how soon a wait notices that it was interrupted
_EARLY_BOXES = frozenset({b"ftyp", b"styp", b"free", b"skip", b"wide", b"uuid"})


def is_pipe(path: Path) -> bool:
    """Return True for standard input or a FIFO, which cannot be opened twice."""
    if path == STDIN:
        return True
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


class Pipe:
    """A file for FFmpeg whose waits, for a writer and for what it writes, can be interrupted.

    FFmpeg itself would wait inside ``open`` and ``read``, where signals are not handled. A MOV or
    MP4 file whose index comes last is copied to a temporary file, because FFmpeg must seek in it.

    Args:
        path: a FIFO, or `STDIN`.

    Attributes:
        file: what FFmpeg reads.

    Raises:
        SourceError: nothing is piped into standard input, or the FIFO does not open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_ours = path != STDIN
        self._handle = -1 if self._is_ours else _standard_input()
        self._interrupted = threading.Event()
        self._head = bytearray()
        self._threads: list[threading.Thread] = []
        self.file: Pipe | IO[bytes] = self
        try:
            self.wait_for(self._begin)
        except BaseException:
            self.close()
            raise

    def wait_for(self, work: Callable[[], T]) -> T:
        """Do ``work``, which may read from the pipe, so that a signal interrupts it.

        Another thread does the work, because a signal that reaches the main thread while FFmpeg
        calls back into Python would be lost.
        """
        if threading.current_thread() is not threading.main_thread():
            return work()
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        thread = threading.Thread(target=run, name="pipe")
        # Python loses a signal that comes while it destroys a thread, so threads are kept until
        # the pipe is closed.
        self._threads.append(thread)
        try:
            thread.start()  # in the block, because a signal may come before it returns
            while not wait([future], POLL_S).done:
                pass
        except BaseException:
            self.interrupt()
            while thread.is_alive():
                self.interrupt()  # again, because it may only now wait for a writer
                thread.join(POLL_S)
            raise
        thread.join()
        return future.result()

    def read(self, size: int) -> bytes:
        """Wait until there is something, and return up to ``size`` bytes; nothing at the end."""
        if self._head:
            content = bytes(self._head[:size])
            del self._head[:size]
            return content
        while not self._interrupted.is_set():
            if can_be_read(self._handle, POLL_S):
                return os.read(self._handle, size)
        return b""

    def interrupt(self) -> None:
        """End the current read; any thread may call this."""
        self._interrupted.set()
        if self._handle < 0:  # a reader that waits for a writer needs one to return
            with suppress(OSError):
                os.close(os.open(self._path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)))

    def close(self) -> None:
        """Close the FIFO; safe to call twice. Standard input stays open."""
        self._interrupted.set()
        if self.file is not self:
            self.file.close()
        if self._is_ours and self._handle >= 0:
            self._is_ours = False
            os.close(self._handle)

    def _begin(self) -> None:
        if self._handle < 0:
            if self._interrupted.is_set():
                raise SourceError(f"{self._path} was closed before it was open")
            try:
                self._handle = os.open(self._path, os.O_RDONLY)
            except OSError as error:
                raise SourceError(f"{self._path} cannot be opened: {error.strerror}") from error
        if stat.S_ISREG(os.fstat(self._handle).st_mode):
            self.file = open(self._handle, "rb", closefd=False)  # noqa: SIM115 -- closed by close
        elif self._has_late_index():
            self.file = self._kept()

    def _has_late_index(self) -> bool:
        """Return True for a MOV or MP4 file with its pictures (mdat) before its index (moov).

        Source:
            ISO/IEC 14496-12, 4.2: a box begins with its size and kind.
        """
        at = 0
        while len(header := self._peek(at, 16)) == 16:
            size, kind = struct.unpack(">I4s", header[:8])
            if kind not in _EARLY_BOXES:
                return bool(kind == b"mdat")
            at += struct.unpack(">Q", header[8:])[0] if size == 1 else max(size, 8)
        return False

    def _peek(self, at: int, size: int) -> bytes:
        head, self._head = self._head, bytearray()
        while len(head) < at + size and (content := self.read(CHUNK)):
            head += content
        self._head = head
        return bytes(head[at : at + size])

    def _kept(self) -> IO[bytes]:
        kept = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by close
        while content := self.read(CHUNK):
            kept.write(content)
        kept.seek(0)
        return kept


def _standard_input() -> int:
    try:
        handle = sys.__stdin__.fileno() if sys.__stdin__ else -1
        os.fstat(handle)
    except (OSError, ValueError) as error:
        raise SourceError("- means standard input, which is closed here") from error
    if os.isatty(handle):
        raise SourceError("- means standard input; pipe a video into it")
    return handle
