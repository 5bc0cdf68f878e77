"""Ours while other processes keep every core busy, beside ours without them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from live_edges.bench.measuring import Contender, Row, median_and_spread_ms, time_in_turn
from live_edges.frame import Image

# How often more is timed than without load: a core changes hands after several milliseconds, so
# that 30 pictures in a row had medians from 1.6 to 14 ms, but 600 of them 5.6 to 8.0.
MORE_ROUNDS = 20

# The end of its standard input ends it, so that it does not outlive us, however we end.
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(flush=True)
while True:
    pass
"""


def measure_under_load(ours: Contender, image: Image, *, rounds: int) -> Row:
    """Time our filter beside a busy process for every core, and without them before and after."""

    def time_ours(rounds: int) -> list[float]:
        return time_in_turn({"ours": ours}, image, rounds)["ours"]

    before = time_ours(rounds)
    with busy_cores():
        loaded = time_ours(MORE_ROUNDS * rounds)
    quiet_ms, _ = median_and_spread_ms(before + time_ours(rounds))
    median_ms, spread_ms = median_and_spread_ms(loaded)
    return Row("ours under load", median_ms, spread_ms, to_quiet=median_ms / quiet_ms)


@contextmanager
def busy_cores() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Keep every core busy with a process of its own while the block runs."""
    with ExitStack() as stack:
        busy = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", BUSY],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            )
            for _ in range(os.cpu_count() or 1)
        ]
        for process in busy:
            assert process.stdout is not None
            process.stdout.readline()  # it has started
        yield busy
