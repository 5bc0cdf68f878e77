"""Reads a source in a thread: the newest frame of a live one, every frame of a file."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from live_edges.errors import SourceError
from live_edges.frame import Frame
from live_edges.lifecycle import Closing
from live_edges.sources.base import Source
from live_edges.sources.outages import STALL_S, Outages, RepeatDetector, SlowDetector
from live_edges.timing import STALE_S, Clock, Rate

_LOG = logging.getLogger(__name__)

QUEUE_SIZE = 4  # frames of a file that are decoded ahead
JOIN_S = 2.0  # how long closing waits for the reader
HANG_S = 10.0  # a read that takes this long will not return, so another thread opens the source
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 5.0  # between two attempts to open a lost source, doubled


class Capture(Closing):
    """Returns the frames that a thread reads from ``source``, and closes it in the end.

    Drop policy: a live source has one slot that the newest frame overwrites, and overwritten frames
    are counted; any other source waits for room in a short queue and loses nothing.

    A live source that fails, ends, or delivers nothing new is opened again until it works, if it
    ``can_return``. Only the thread that reads a source closes it, between two reads. A thread that
    hangs in a read is therefore left behind with its source, and a new one opens it again.

    Args:
        source: an open source, which the capture closes.
        stall_s: how long a live source may deliver nothing new before it is opened again.
        give_up_s: how many seconds to wait for it then; 0 to end at once, None to wait forever.
        retry_s: how long to wait before the first attempt to open it again; then twice as long.
        queue_size: how many frames to read ahead of a source that is not live.
        join_s: how long `close` waits for a read to return.
        clock: measures how old the newest frame is.

    Attributes:
        source: the source that is being read.
        give_up_s: as above; may be changed at any time.
        outages: counts when a live source delivered nothing.
        frames_in: frames read from the source.
        dropped: frames of a live source that a newer one replaced, or that were too old to show.
    """

    def __init__(
        self,
        source: Source,
        *,
        stall_s: float = STALL_S,
        give_up_s: float | None = None,
        retry_s: float = FIRST_RETRY_S,
        queue_size: int = QUEUE_SIZE,
        join_s: float = JOIN_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self.source = source
        self._is_watched = source.is_live and source.can_return
        self._stall_s = max(stall_s, source.patience_s) if self._is_watched else math.inf
        self.give_up_s = give_up_s
        self._first_retry_s = self._retry_s = retry_s
        self._queue_size, self._join_s = queue_size, join_s
        self._clock = clock
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._rate = Rate()
        self._error: Exception | None = None
        self._has_ended = self._is_closed = self._is_interrupted = False
        self._repeats, self._slow = RepeatDetector(), SlowDetector(source.mode.fps, clock=clock)
        self._moved_at, self._hang_s = clock(), self._stall_s + HANG_S
        self._thread = self._reader(self._run)
        self.outages = Outages(self._stall_s, clock=clock)
        self.frames_in = 0
        self.dropped = 0

    def __enter__(self) -> Self:
        """Start reading."""
        self._thread.start()
        return self

    def read(self, timeout: float) -> Frame | None:
        """Return the next frame, each one once; None if none came within ``timeout`` seconds.

        Raises:
            Exception: what the source raised, after the frames before it were returned.
            SourceError: a lost source did not come back within ``give_up_s``.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._has_ended, timeout)
            if self._frames:
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            self._watch()
            if self._error is not None:
                raise self._error
            return None

    def discard(self, count: int) -> None:
        """Count frames that were returned, but too old to show."""
        with self._changed:
            self.dropped += count

    @property
    def ended(self) -> bool:
        """True once the source has ended without an error, and every frame was returned."""
        with self._changed:
            return self._has_ended and not self._frames and self._error is None

    @property
    def outage_s(self) -> float:
        """Seconds since the newest frame of a live source that is lost; 0 while it delivers."""
        with self._changed:
            return 0.0 if self._has_ended else self.outages.current_s

    @property
    def fps(self) -> float:
        """New frames per second that the source delivers, or delivered until it ended."""
        with self._changed:
            is_stale = self.outages.age_s > STALE_S and not self._has_ended
            return 0.0 if is_stale else self._rate.per_second

    def figures(self) -> dict[str, Any]:
        """Return the part of a `Summary` that is about the source."""
        return {
            "frames_in": self.frames_in,
            "frames_dropped": self.dropped,
            "camera_fps": round(self.fps, 2),
            "outages": self.outages.count,
            "outage_s": round(self.outages.total_s, 3),
        }

    def close(self) -> None:
        """Stop the reader, which closes the source; safe to call twice."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify_all()
        if self._thread.ident is None:
            self.source.close()
            return
        self.source.interrupt()
        self._thread.join(self._join_s)
        if self._thread.is_alive():
            _LOG.warning("%s does not respond; its thread is left behind", self.source.name)

    def _watch(self) -> None:
        """Interrupt a live source that has stalled; replace its thread if it does not react."""
        outage_s, still_s = self.outages.current_s, self._clock() - self._moved_at
        if not self._is_watched or self._has_ended:
            return
        if self.give_up_s is not None and outage_s > self.give_up_s > 0:
            self._end(
                SourceError(
                    f"{self.source.name} did not come back within {self.give_up_s:g} s; "
                    "check its cable or network (--give-up: how long to wait)"
                )
            )
        elif still_s > self._stall_s and not self._is_interrupted:
            self._is_interrupted = True
            self.source.interrupt()
        elif outage_s > 0 and still_s > self._hang_s:
            _LOG.warning("%s hangs; trying to open it again in another thread", self.source.name)
            self._moved_at, self._hang_s = self._clock(), 2 * self._hang_s
            self._thread = self._reader(self._run_again)
            self._thread.start()

    def _reader(self, work: Callable[[Source], None]) -> threading.Thread:
        return threading.Thread(target=work, args=(self.source,), name="capture", daemon=True)

    @property
    def _is_in_charge(self) -> bool:
        """True if this thread is the one that reads, and the capture is open."""
        return threading.current_thread() is self._thread and not self._is_closed

    def _run(self, source: Source) -> None:
        """Read a source until it ends, and again whenever it was lost and could be reopened."""
        reading: Source | None = source
        while reading is not None:
            error = self._read_all(reading)
            reading.close()
            reading = self._found_again(reading) if self._is_lost(reading, error) else None

    def _run_again(self, source: Source) -> None:
        """Replace a thread that hangs in ``source``."""
        if (found := self._found_again(source)) is not None:
            self._run(found)

    def _read_all(self, source: Source) -> Exception | None:
        """Read until the source ends; returns the error that ended it."""
        try:
            while self._is_in_charge and (frame := source.read()) is not None:
                self._put(frame)
        except Exception as error:  # raised by `read`
            return error
        return None

    def _is_lost(self, source: Source, error: Exception | None) -> bool:
        """Return True if a source that has ended is to be reopened; if not, end the capture."""
        with self._changed:
            if not self._is_in_charge:
                return False
            if error is None and self._is_watched:
                error = SourceError(f"{source.name} stopped delivering")
            if not (self._is_watched and isinstance(error, SourceError)) or self.give_up_s == 0:
                self._end(error)
                return False
            self.outages.begin()
        _LOG.warning("%s; trying to open it again", error)
        return True

    def _found_again(self, source: Source) -> Source | None:
        """Try to open a lost source until that works; None once it is no longer needed."""
        told: set[str] = set()
        while self._waits(self._retry_s):
            self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)
            try:
                found = source.reopened()
            except SourceError as error:
                if str(error) not in told:  # each reason is logged once
                    told.add(str(error))
                    _LOG.warning("%s", error)
                continue
            except Exception as error:  # raised by `read`
                self._end(error)
                return None
            with self._changed:
                if self._is_in_charge:
                    self.source, self._is_interrupted = found, False
                    self._moved_at = self._clock()  # the time limit for its first frame starts now
                    self._repeats.expect_repeat()
                    return found
            found.close()
        return None

    def _waits(self, seconds: float) -> bool:
        """Wait; returns False, at once, if this thread is no longer in charge."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_in_charge, seconds)
            if self._is_in_charge:
                self._moved_at = self._clock()
            return self._is_in_charge

    def _end(self, error: Exception | None) -> None:
        with self._changed:
            self._error, self._has_ended = error, True
            self._changed.notify_all()

    def _put(self, frame: Frame) -> None:
        with self._changed:
            if not self._is_in_charge or self._is_repeat(frame):
                return
            if self.outages.is_on:
                _LOG.info("%s is back after %.1f s", self.source.name, self.outages.current_s)
                self._rate = Rate()
                self._slow.restart()
            self.outages.end()
            self._retry_s, self._moved_at = self._first_retry_s, self._clock()
            self._rate.tick(frame.timestamp)
            if self.source.is_camera and self._slow.detects(self._rate.per_second):
                _LOG.warning("%s %s", self.source.name, self._slow)
            if self.source.is_live:
                if frame.index != self.frames_in:  # it was reopened, and counts from 0
                    frame = replace(frame, index=self.frames_in)
                self.dropped += len(self._frames)
                self._frames.clear()
            else:
                self._changed.wait_for(
                    lambda: len(self._frames) < self._queue_size or self._is_closed
                )
            self.frames_in += 1
            self._frames.append(frame)
            self._changed.notify_all()

    def _is_repeat(self, frame: Frame) -> bool:
        """Return True if a stuck driver has delivered the same picture again."""
        if not (self.source.is_camera and self._repeats.detects(frame.image)):
            return False
        if self.outages.is_on:
            raise SourceError(f"{self.source.name} repeats one picture")
        return True
