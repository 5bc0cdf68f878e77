"""A connection to an address, over which a recording is sent by a program of its own."""

import contextlib
import json
import subprocess
import sys

from live_edges.errors import RecordingError
from live_edges.lifecycle import Closing
from live_edges.recording import relay
from live_edges.recording.destination import as_sent, public_destination, scheme_of

TIMEOUT_S = 5.0  # for the server to answer, and for it to take what is sent


class Connection(Closing):
    """A file to write to, whose content goes to an address; `relay` has the reasons.

    Args:
        address: where to; it is not seen in the list of processes.
        timeout_s: how long the server may take.

    Attributes:
        error: what has broken the connection; None before that. PyAV hides what `write` raises.
    """

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address, self._timeout_s = address, timeout_s
        self.error: Exception | None = None
        self._process = subprocess.Popen(
            # -P: the modules beside it must not hide those of the library.
            [sys.executable, "-P", relay.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # a closed terminal ends the program that shows the view
        )

    def wait_until_ready(self) -> None:
        """Wait for the server.

        Raises:
            OSError: it does not answer, or refuses; says why.
            RecordingError: FFmpeg does not know the protocol.
        """
        task = {"address": as_sent(self._address), "timeout_s": self._timeout_s}
        self.write(json.dumps(task).encode() + b"\n")
        if not (line := self._told()).startswith(relay.READY):
            self.error = self._failure(line)
            raise self.error

    def write(self, content: bytes) -> int:
        """Send all of ``content``.

        Raises:
            OSError: the connection is broken; says why.
        """
        assert self._process.stdin is not None
        if self.error is not None:
            raise self.error
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._process.stdin.write(rest) or 0 :]
        except OSError:
            self.error = self._failure(self._told())
            raise self.error from None
        return len(content)

    def kill(self) -> None:
        """Break the connection; safe to call from another thread."""
        self._process.kill()

    def close(self) -> None:
        """End the connection when all is sent; safe to call twice."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()  # not for long, because it has a time limit itself
        self._process.stdout.close()

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode(errors="replace").strip()

    def _failure(self, line: str) -> Exception:
        what, _, why = line.partition(" ")
        if what == relay.UNKNOWN:
            scheme = scheme_of(self._address)
            return RecordingError(
                f"nothing can be sent to {public_destination(self._address)}: PyAV's FFmpeg was "
                f"built without {scheme}; choose another protocol, or build PyAV with your own "
                "FFmpeg (pip install --force-reinstall --no-binary av av)"
            )
        if what == relay.FAILED and why:
            return OSError(why)
        return OSError(f"no answer for {self._timeout_s:g} s")
