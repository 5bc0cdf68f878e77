"""Converts the files of a run as tasks of a Ray cluster."""

import logging
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

import live_edges
from live_edges.errors import LiveEdgesError, first_line
from live_edges.process.file_plan import Conversion
from live_edges.process.ray_cluster import joined
from live_edges.process.waiting import Waiting
from live_edges.process.worker import GIVE_UP_S, Outcome, Recipe, failed
from live_edges.recording.partials import unfinished
from live_edges.sources.pipes import is_pipe

CPUS = 2.0  # what a file keeps busy with one thread of the filter, see `jobs_that_pay`
RETRIES = 1  # of a file whose process or machine dies
AHEAD = 2  # tasks for each that can run: enough that none waits, and that a cluster may grow
COUNT_S = 5.0  # between two looks at how large the cluster is
SWEEP_S = 60.0  # for machines to look for what is left; each starts a process for it

log = logging.getLogger(__name__)


def convert_on_ray(
    todo: Sequence[Conversion],
    recipe: Recipe,
    report: Callable[[Outcome], object],
    *,
    address: str,
    gpus: float = 0.0,
) -> None:
    """Convert every file on a cluster.

    Args:
        todo: the files.
        recipe: how to convert them; its threads are the CPUs of a file, two by default.
        report: called with each outcome, as they come.
        address: see `joined`.
        gpus: the share of a GPU that each file gets.

    Raises:
        LiveEdgesError: no cluster answers, or it cannot run this program.
    """
    if pipe := next((job.source for job in todo if is_pipe(job.source)), None):
        raise LiveEdgesError(f"{pipe} is a pipe, which no other machine can read; leave out --ray")
    # disable=None hides the bar if the output is no terminal
    bar = tqdm(total=len(todo), desc="all", unit=" files", disable=None, dynamic_ncols=True)
    with bar, joined(address) as ray, closing(_Run(ray, recipe, gpus)) as run:
        for outcome in run.outcomes(todo):
            report(outcome)
            bar.update()
        if removed := run.sweep(job.target.absolute() for job in todo):
            log.info("%d partial files of processes that died are removed", removed)


class _Run:
    """The tasks of a run that have no outcome yet.

    Args:
        ray: the module, joined to a cluster.
        recipe: how to convert the files.
        gpus: the share of a GPU that each file gets.
    """

    def __init__(self, ray: Any, recipe: Recipe, gpus: float) -> None:
        self._ray, self._recipe = ray, _on_cluster(recipe, gpus)
        self._needs = {"CPU": float(recipe.pipeline.threads or CPUS), "GPU": gpus}
        self._folder = Path.cwd()
        self._convert = ray.remote(_task(live_edges.__version__, "convert")).options(
            name="convert", num_cpus=self._needs["CPU"], num_gpus=gpus, max_retries=RETRIES
        )
        self._running: dict[Any, Conversion] = {}  # by the reference to its outcome
        self._room = 0  # how many tasks may be there
        self._counted_at = -COUNT_S

    def outcomes(self, todo: Iterable[Conversion]) -> Iterator[Outcome]:
        """Convert files, with no more tasks at a time than keep the cluster busy."""
        waiting = Waiting(todo)
        while True:
            self._count()
            while len(self._running) < self._room and (job := waiting.next()):
                self._start(job)
            if not self._running:
                return
            for reference in self._done():
                job = self._running.pop(reference)
                outcome = self._outcome(reference, job)
                if not waiting.puts_off(job, outcome):
                    yield outcome

    def sweep(self, targets: Iterable[Path]) -> int:
        """Let each machine remove what its processes left that died; returns how many files.

        Only the machine itself knows which of its processes are alive.
        """
        left = unfinished(targets)
        if not left:
            return 0
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

        task = self._ray.remote(_task(live_edges.__version__, "sweep"))
        references = [
            task.options(
                name="sweep", num_cpus=0, scheduling_strategy=On(node["NodeID"], soft=False)
            ).remote(pickle.dumps(left))
            for node in self._alive()
        ]
        done, _ = self._ray.wait(references, num_returns=len(references), timeout=SWEEP_S)
        removed = 0
        for reference in done:
            with suppress(self._ray.exceptions.RayError):  # it has just left the cluster
                found = self._ray.get(reference)
                removed += found if isinstance(found, int) else 0
        return removed

    def close(self) -> None:
        """Stop what still runs; each removes what it has written."""
        for reference in self._running:
            self._ray.cancel(reference)
        if self._running:
            left = list(self._running)
            self._ray.wait(left, num_returns=len(left), timeout=GIVE_UP_S)

    def _start(self, job: Conversion) -> None:
        sent = replace(job, source=job.source.absolute(), target=job.target.absolute())
        content = pickle.dumps((self._recipe, sent, self._folder))
        self._running[self._convert.remote(content)] = job

    def _done(self) -> list[Any]:
        running = list(self._running)
        first, _ = self._ray.wait(running, timeout=COUNT_S)
        if not first:
            return []
        done, _ = self._ray.wait(running, num_returns=len(running), timeout=0)
        return list(done)

    def _outcome(self, reference: Any, job: Conversion) -> Outcome:
        try:
            outcome: Outcome | str = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise LiveEdgesError(
                f"the cluster cannot convert: {first_line(error.cause)}"
            ) from error
        except self._ray.exceptions.RayError as error:
            return failed(
                job,
                f"{job.source} cannot be converted: the process that does it died "
                f"({type(error).__name__}), {RETRIES + 1} times; if memory ran out, give each "
                "file more CPUs, with --threads",
                worker="unknown",
            )
        if isinstance(outcome, str):
            raise LiveEdgesError(outcome)
        return replace(outcome, source=job.source, target=job.target)

    def _count(self) -> None:
        """Look how many tasks can run at the same time, because machines come and go."""
        if time.monotonic() - self._counted_at < COUNT_S:
            return
        is_first, self._counted_at = self._room == 0, time.monotonic()
        alive = self._alive()
        slots = sum(self._slots(node["Resources"]) for node in alive)
        self._room = AHEAD * max(slots, 1)
        if is_first:
            log.info("Ray: %d machines, %d files at a time", len(alive), slots)
        if is_first and slots == 0:
            needs = " and ".join(
                f"{value:g} {name}" for name, value in self._needs.items() if value
            )
            log.warning(
                "no machine of the cluster has %s for a file; waiting for one "
                "(--threads 1 asks for one CPU)",
                needs,
            )

    def _alive(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]

    def _slots(self, resources: dict[str, float]) -> int:
        """How many files a machine can have at work."""
        needs = {name: value for name, value in self._needs.items() if value}
        return min(int(resources.get(name, 0.0) / value) for name, value in needs.items())


def _on_cluster(recipe: Recipe, gpus: float) -> Recipe:
    """Return a recipe that means the same on other machines, with one thread if none are chosen."""
    choice = recipe.pipeline
    return replace(
        recipe,
        pipeline=replace(
            choice,
            weights=tuple(path.absolute() for path in choice.weights),
            # A GPU that no task has asked for would be used by all.
            device="cpu" if choice.device == "auto" and not gpus else choice.device,
            threads=choice.threads or 1,
        ),
    )


def _task(version: str, name: str) -> Callable[[bytes], Any]:
    """Return what a task runs: a function of `ray_task`, or else why it cannot.

    It is a function in a function, because Ray sends the code of such a one. One of a module would
    have to be imported, with no chance to say what is wrong with the machine.
    """

    def run(sent: bytes) -> Any:
        import platform

        try:
            import live_edges

            if live_edges.__version__ != version:
                return (
                    f"{platform.node()} has live-edges {live_edges.__version__}, and this machine "
                    f"{version}; install the same version on both"
                )
            from live_edges.platforms import prepare_libraries

            prepare_libraries()
            from live_edges.process import ray_task
        except ImportError as error:
            return f"live-edges cannot run on {platform.node()} ({error}); install it there"
        return getattr(ray_task, name)(sent)

    return run
