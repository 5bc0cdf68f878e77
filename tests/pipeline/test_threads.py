"""One pipeline, or several, used by many threads at once: every picture gets its own edges."""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda
from fakes import compute_on

from live_edges import EdgePipeline
from live_edges.filters.filter import Job
from live_edges.pipeline import cpu_engine, torch_compiling
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import SLOTS, DirectTransfer, StreamedTransfer
from live_edges.settings import LINE_COLORS

THREADS, CALLS = 4, 200
SIZES = [(64, 48), (64, 48), (31, 57), (64, 48)]  # most of one size, so that memory is reused


def pictures(count=8):
    generator = np.random.default_rng(0)
    return [
        generator.integers(0, 256, (*SIZES[number % len(SIZES)], 3), dtype=np.uint8)
        for number in range(count)
    ]


def in_threads(work):
    """Call ``work(number)`` in as many threads at once; returns what each of them returned."""
    barrier = Barrier(THREADS)

    def start_together(number):
        barrier.wait(10)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start_together, range(THREADS)))


@pytest.fixture(params=["direct", "streamed"])
def pipeline(request):
    """A pipeline with either transfer."""
    pipeline = EdgePipeline(device="cpu", engine="torch")
    cpu = torch.device("cpu")
    streamed = request.param == "streamed"
    cuda = FakeCuda(can_record=False)
    compute_on(
        pipeline, StreamedTransfer(cpu, in_flight=2, cuda=cuda) if streamed else DirectTransfer(cpu)
    )
    return pipeline


@pytest.mark.parametrize("name", ["sobel", "canny", "blur-difference-rgb"])
def test_a_pipeline_shared_by_threads_gives_each_its_own_edges(name):
    pipeline, images = EdgePipeline(name, device="cpu", engine="torch"), pictures()
    expected = [pipeline(image) for image in images]

    def wrong(number):
        order = random.Random(number).choices(range(len(images)), k=CALLS)
        return sum(not np.array_equal(pipeline(images[i]), expected[i]) for i in order)

    assert in_threads(wrong) == [0] * THREADS


def test_submitted_pictures_of_several_threads_are_not_mixed_up(pipeline):
    images = pictures()
    expected = [pipeline(image) for image in images]

    def wrong(number):
        order = random.Random(number).choices(range(len(images)), k=CALLS)
        pending = [(i, pipeline.submit(images[i])) for i in order[:SLOTS]]
        failures = 0
        for i in order[SLOTS:]:
            j, oldest = pending.pop(0)
            failures += not np.array_equal(oldest.result(), expected[j])
            pending.append((i, pipeline.submit(images[i])))
        return failures + sum(not np.array_equal(e.result(), expected[i]) for i, e in pending)

    assert in_threads(wrong) == [0] * THREADS


def test_edges_that_were_submitted_by_one_thread_can_be_waited_for_by_all(pipeline):
    images = pictures()
    expected = [pipeline(image) for image in images]

    for image, edges in zip(images * 5, expected * 5, strict=True):
        pending = pipeline.submit(image)

        results = in_threads(lambda _, pending=pending: pending.result())

        assert all(result is results[0] for result in results)
        np.testing.assert_array_equal(results[0], edges)


def test_two_pipelines_in_one_process_do_not_disturb_each_other():
    images = pictures()
    pipelines = [
        EdgePipeline(name, device="cpu", gain=gain, engine="torch")
        for name, gain in [("sobel", 1.0), ("log", 3.0)]
    ]
    expected = [[pipeline(image) for image in images] for pipeline in pipelines]

    def wrong(number):
        which = number % 2
        return sum(
            not np.array_equal(pipelines[which](images[i % 8]), expected[which][i % 8])
            for i in range(CALLS)
        )

    assert in_threads(wrong) == [0] * THREADS


def test_a_call_uses_the_filter_gain_and_threshold_that_it_began_with():
    ways = [("sobel", 1.0, 0.0), ("blur-difference-rgb", 4.0, 0.5), ("log", 2.0, 0.3)]
    image = pictures(1)[0]
    pipeline = EdgePipeline(device="cpu", engine="torch")
    possible = set()
    for name in {name for name, _, _ in ways}:
        for gain in {gain for _, gain, _ in ways}:
            for threshold in {threshold for _, _, threshold in ways}:
                pipeline.select(name)
                pipeline.gain, pipeline.threshold = gain, threshold
                possible.add(pipeline(image).tobytes())

    def wrong(number):
        failures = 0
        for turn in range(CALLS):
            if number % 2:
                name, gain, threshold = ways[turn % len(ways)]
                pipeline.select(name)
                pipeline.gain, pipeline.threshold = gain, threshold
            else:
                failures += pipeline(image).tobytes() not in possible
        return failures

    assert in_threads(wrong) == [0] * THREADS


def test_no_change_by_one_thread_undoes_that_of_another():
    pipeline = EdgePipeline(device="cpu", engine="torch")

    def lost(number):
        values = [1 + turn for turn in range(CALLS)]
        failures = 0
        for before, after in pairwise(values):
            if number == 0:
                pipeline.gain = after
                failures += pipeline.gain != after
            elif number == 1:
                pipeline.threshold = after / CALLS
                failures += pipeline.threshold != after / CALLS
            elif number == 2:
                name = ("sobel", "log")[before % 2]
                pipeline.select(name)
                failures += pipeline.entry.name != name
        return failures

    assert in_threads(lost) == [0] * THREADS


def test_overlays_of_several_threads_have_their_own_colours():
    pipeline = EdgePipeline(device="cpu", engine="torch")
    cases = [
        (image, image[..., 0].copy(), color)
        for image in pictures(4)
        for color in LINE_COLORS.values()
    ]
    expected = [pipeline.overlay(*case) for case in cases]

    def wrong(number):
        order = random.Random(number).choices(range(len(cases)), k=CALLS)
        return sum(not np.array_equal(pipeline.overlay(*cases[i]), expected[i]) for i in order)

    assert in_threads(wrong) == [0] * THREADS


def test_threads_compile_each_loop_once_and_leave_no_compiler_behind(monkeypatch):
    made, compile_now = [], cpu_engine._compiled
    count = lambda shape, *on: made.append(shape) or compile_now(shape, *on)  # noqa: E731
    monkeypatch.setattr(cpu_engine, "_compiled", count)
    images = pictures()
    plain = EdgePipeline("sobel", device="cpu", engine="torch")
    expected = [plain(image).astype(int) for image in images]
    pipeline = EdgePipeline("sobel", device="cpu")

    def wrong(number):
        failures = 0
        for turn in range(CALLS):
            i = (number + turn) % len(images)
            edges = pipeline(images[i])
            pipeline.overlay(images[i], edges, (1, 2, 3))
            failures += np.abs(edges - expected[i]).max() > 1
        return failures

    assert in_threads(wrong) == [0] * THREADS
    pipeline.close()
    assert pipeline.execution == "numba"
    assert len(made) == len(set(made))


def test_torch_compile_works_for_one_pipeline_at_a_time(monkeypatch):
    at_once, most = [], []

    def compile_now(job):
        at_once.append(job)
        most.append(len(at_once))
        at_once.pop()
        return job.function

    monkeypatch.setattr(torch_compiling, "_compile", compile_now)
    compilers = [TorchCompiler(is_on=True), TorchCompiler(is_on=True)]
    compilers[0].waits = True
    job = Job(torch.add, torch.zeros(2, 4, 9, dtype=torch.uint8))

    in_threads(lambda number: [compilers[number % 2](job) for _ in range(CALLS)])
    for compiler in compilers:
        compiler.close()

    assert max(most) == 1
    assert all(compiler.is_compiled(torch.add, ()) for compiler in compilers)
    assert not torch_compiling._TRACING.locked()
