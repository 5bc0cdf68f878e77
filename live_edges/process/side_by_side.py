"""Converts the files of a run side by side, in processes that may die."""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import wait

from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import Closing
from live_edges.platforms import core_count
from live_edges.process.bars import Bars
from live_edges.process.child import Progress, Ready, Refused, Started
from live_edges.process.file_plan import Conversion
from live_edges.process.slots import Slot
from live_edges.process.waiting import Waiting
from live_edges.process.worker import Outcome, Recipe, failed

TRIES = 2  # of a file whose process dies
STARTS = 3  # of processes in a row that die before they are ready
MOST = 60 if sys.platform == "win32" else 1024  # Windows waits for 63 things at once

log = logging.getLogger(__name__)


def jobs_that_pay() -> int:
    """Return how many files to convert at the same time where the user does not say.

    One job keeps nearly two cores busy, by decoding, filtering and encoding in threads of its own;
    on two cores two pay all the same: see docs/usage.md for what was measured.
    """
    cores = core_count()
    return min(max(cores // 2, min(2, cores)), MOST)


def shared_out(recipe: Recipe, jobs: int) -> Recipe:
    """Return the recipe of one of several processes: the threads of the filter are shared out.

    Decoders and encoders keep theirs, because an encoder's pictures depend on their number.
    """
    threads = recipe.pipeline.threads or max(1, core_count() // 2 // jobs)
    return replace(recipe, pipeline=replace(recipe.pipeline, threads=threads))


class SideBySide(Closing):
    """The processes of a run, and which file each of them has.

    Args:
        todo: the files.
        recipe: how to convert them.
        jobs: how many are converted at the same time.
        report: called with each outcome, as they come.
    """

    def __init__(
        self,
        todo: Sequence[Conversion],
        recipe: Recipe,
        *,
        jobs: int,
        report: Callable[[Outcome], object],
    ) -> None:
        self._report = report
        self._waiting = Waiting(todo)
        self._deaths: Counter[Conversion] = Counter()
        self._failed_starts = 0
        self._said: set[str] = set()
        self._count = min(jobs, len(todo), MOST)
        self._recipe = shared_out(recipe, self._count)
        self._bars = Bars(len(todo), self._count)
        self._slots: dict[object, Slot] = {}  # by the connection that brings their news

    def run(self) -> None:
        """Convert every file.

        Raises:
            LiveEdgesError: the pipeline cannot be opened, or no process begins.
        """
        for number in range(self._count):
            self._open(number)
        while self._slots:
            for news in wait([slot.news for slot in self._slots.values()]):
                self._listen(self._slots[news])

    def close(self) -> None:
        """Stop what still runs, and remove the bars."""
        with ExitStack() as closing:
            closing.callback(self._bars.close)
            for slot in self._slots.values():
                slot.cut()  # all first, so that they stop at the same time
                closing.callback(slot.close)

    def _open(self, number: int) -> None:
        slot = Slot(number, self._recipe)
        self._slots[slot.news] = slot

    def _listen(self, slot: Slot) -> None:
        """Take one message of a process, or notice its end."""
        try:
            message = slot.news.recv()
        except (EOFError, OSError):
            self._end(slot)
            return
        match message:
            case Ready():
                slot.is_ready, self._failed_starts = True, 0
                self._say(f"device: {message.device}, {self._count} files at a time")
                self._give(slot)
            case Refused():
                raise LiveEdgesError(message.why)
            case Started():
                assert slot.job is not None
                self._bars.start(slot.number, slot.job.source.name, message.total)
            case Progress():
                self._bars.advance(slot.number, message.frames)
            case Outcome():
                if slot.job is None or not self._waiting.puts_off(slot.job, message):
                    self._finish(message)
                self._give(slot)
            case logging.LogRecord():
                if message.msg not in self._said:  # each process says it
                    self._said.add(message.msg)
                    logging.getLogger(message.name).handle(message)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.info("%s", text)

    def _give(self, slot: Slot) -> None:
        """Let a process begin with the next file, or end."""
        job = self._waiting.next()
        if job is None:
            self._bars.end(slot.number)
            slot.give(None)
            return
        self._bars.start(slot.number, job.source.name, None)
        slot.give(job)

    def _finish(self, outcome: Outcome) -> None:
        self._bars.finish()
        self._report(outcome)

    def _end(self, slot: Slot) -> None:
        """Take leave of a process, and start another one if there is something left to do."""
        del self._slots[slot.news]
        slot.close()
        if slot.job is not None:
            self._on_death(slot, slot.job)
        elif not slot.is_ready:
            self._failed_starts += 1
            if self._failed_starts == STARTS:
                raise LiveEdgesError(
                    f"the processes that should convert end before they begin ({slot.reason()}); "
                    "try --jobs 1"
                )
        if self._waiting:
            self._open(slot.number)

    def _on_death(self, slot: Slot, job: Conversion) -> None:
        self._deaths[job] += 1
        if self._deaths[job] < TRIES:
            log.info(
                "%s: the process that converts it died (%s); another one tries",
                job.source,
                slot.reason(),
            )
            self._waiting.try_again(job)
            return
        self._finish(
            failed(
                job,
                f"{job.source} cannot be converted: the process that does it died "
                f"({slot.reason()}), twice; if memory ran out, choose fewer --jobs",
                worker=slot.worker,
            )
        )
