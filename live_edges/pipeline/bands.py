"""Bands: the rows of a picture shared out to a few threads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

import cv2
import torch

from live_edges.lifecycle import Closing

BANDS_PER_THREAD = 4  # so that a thread which lost its core to another program holds up few rows
MIN_PIXELS = 1 << 15  # of a band: some 20 microseconds of work, about what handing it over takes


class Bands(Closing):
    """Runs a loop over the rows of a picture in as many threads as both torch and OpenCV use.

    The caller is one of them; the others are started when the first large picture comes.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="bands")
        self._is_closed = False

    def run(self, loop: Callable[[int, int], object], size: tuple[int, ...]) -> None:
        """Call ``loop(first, last)`` for all rows; returns when they are done.

        Args:
            loop: does the rows from ``first`` to before ``last``.
            size: height and width of the picture.

        Raises:
            Exception: what the loop raises.
        """
        height, width = size
        allowed = min(torch.get_num_threads(), cv2.getNumThreads())
        threads = 1 if self._is_closed else allowed
        count = min(threads * BANDS_PER_THREAD, height, height * width // MIN_PIXELS)
        if threads == 1 or count <= 1:
            loop(0, height)
            return
        # A list's iterator gives each band to one thread, whichever asks first.
        bands = iter(list(pairwise(height * number // count for number in range(count + 1))))

        def work() -> None:
            for first, last in bands:
                loop(first, last)

        others = [self._pool.submit(work) for _ in range(threads - 1)]
        try:
            work()
        finally:
            started = [other for other in others if not other.cancel()]
            wait(started)  # one that has not even started has nothing left to do
        for other in started:
            other.result()

    def close(self) -> None:
        """End the threads; from now on the caller does all rows."""
        self._is_closed = True
        self._pool.shutdown()
