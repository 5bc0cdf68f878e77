"""A program of its own: sends what it reads from standard input to an address, by FFmpeg.

FFmpeg connects while it keeps Python's lock, for as long as a server is silent: in the program
that shows the view, the view would stand still.
"""

import faulthandler
import json
import os
import signal
import sys
from typing import IO

READY, FAILED, UNKNOWN = "ready", "failed", "unknown"  # how the lines that it prints begin
CHUNK = 1 << 16  # bytes


def main() -> int:
    """Read one line of JSON with address and time limit, then what to send, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the program that started this one
    import av

    task = json.loads(sys.stdin.buffer.readline())
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- it is no path
            relay(task["address"], task["timeout_s"], nowhere)
    except (av.FFmpegError, OSError) as error:
        is_unknown = isinstance(error, av.error.ProtocolNotFoundError)
        print(UNKNOWN if is_unknown else FAILED, error.strerror, flush=True)
        return 1
    return 0


def relay(address: str, timeout_s: float, nowhere: IO[str]) -> None:
    """Connect, say so, and send all of standard input; ends the process after a time limit."""
    import av

    def limit() -> None:  # only this works while FFmpeg keeps Python's lock
        faulthandler.dump_traceback_later(timeout_s, exit=True, file=nowhere)

    limit()
    container = av.open(address, "w", format="data")  # which adds nothing to the bytes
    stream = container.add_data_stream()
    container.start_encoding()
    faulthandler.cancel_dump_traceback_later()
    print(READY, flush=True)
    count = 0
    while content := os.read(sys.stdin.fileno(), CHUNK):
        packet = av.Packet(content)
        packet.stream, packet.pts, packet.dts = stream, count, count
        count += 1
        limit()
        container.mux_one(packet)
        faulthandler.cancel_dump_traceback_later()
    limit()
    container.close()


if __name__ == "__main__":
    sys.exit(main())
