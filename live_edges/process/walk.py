"""Converts the files of a run one after another, with a bar for each."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from tqdm import tqdm

from live_edges.process.file_plan import Conversion
from live_edges.process.waiting import Waiting
from live_edges.process.worker import Outcome, Recipe, Worker

log = logging.getLogger(__name__)


def convert_in_turn(
    todo: Sequence[Conversion], recipe: Recipe, report: Callable[[Outcome], object]
) -> None:
    """Convert every file in this process.

    Args:
        todo: the files.
        recipe: how to convert them.
        report: called with each outcome.

    Raises:
        LiveEdgesError: the pipeline cannot be opened.
    """
    with Worker(recipe) as worker:
        log.info("device: %s", worker.device)
        waiting, numbers = Waiting(todo), {job: number for number, job in enumerate(todo, 1)}
        while job := waiting.next():
            of_all = f"{numbers[job]}/{len(todo)} " if len(todo) > 1 else ""
            label = f"{of_all}{job.source.name}"
            with ExitStack() as shown:
                outcome = worker.convert(job, partial(_bar, shown, label))
            if not waiting.puts_off(job, outcome):
                report(outcome)


def _bar(shown: ExitStack, label: str, total: int | None) -> Callable[[], object]:
    """Show a bar; returns what moves it on by one picture."""
    # disable=None hides the bar if the output is no terminal
    bar = tqdm(desc=label, total=total, unit=" frames", disable=None, dynamic_ncols=True)
    return partial(shown.enter_context(bar).update, 1)
