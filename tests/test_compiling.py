"""The compiled twin of the pixel function: the same picture, or no twin at all."""

import logging
import shutil
import threading

import numpy as np
import pytest

from live_edges import EdgePipeline, compiling
from live_edges.compiling import STEADY_CALLS
from live_edges.fused import edge_picture

SIZES = [(1, 1), (3, 5), (37, 53), (479, 641)]
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))), reason="needs a C++ compiler"
)


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@needs_compiler
@pytest.mark.filterwarnings("default")  # the compiler's own, which differ from torch to torch
@pytest.mark.parametrize("name", ["sobel", "roberts", "log", "blur-difference-rgb"])
def test_compiled_and_eager_agree_at_every_size_and_gain(name, monkeypatch):
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: True)  # at 37x53 it may not be
    compiled = EdgePipeline(name, device="cpu", compile="wait")
    eager = EdgePipeline(name, device="cpu", compile="off")

    for gain, threshold in ((1.0, 0.0), (3.7, 0.25)):
        for pipeline in (compiled, eager):
            pipeline.gain, pipeline.threshold = gain, threshold
        for seed, size in enumerate(SIZES):
            image = picture(size, seed)
            difference = np.abs(compiled(image).astype(int) - eager(image))
            assert difference.max() <= 1, size

    assert (compiled.execution, eager.execution) == ("compiled", "eager")


@pytest.fixture
def instant(monkeypatch):
    """A compiler that takes no time: the twin is the function itself, in a wrapper."""
    compiled = []

    def compile_picture(arguments):
        compiled.append(compiling.shapes_of(arguments[3:]))
        return lambda *given: edge_picture(*given)

    monkeypatch.setattr(compiling, "compile_picture", compile_picture)
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: True)
    monkeypatch.setattr(compiling.Compiler, "_fill_cache", lambda *_: None)
    return compiled


def test_a_filter_in_steady_use_is_compiled_behind_the_scenes(instant):
    pipeline = EdgePipeline("sobel", device="cpu")
    image = picture((37, 53))
    first = pipeline(image)

    for _ in range(STEADY_CALLS - 1):
        assert pipeline.execution == "eager"
        pipeline(image)
    pipeline.close()

    assert pipeline.execution == "compiled"
    np.testing.assert_array_equal(pipeline(image), first)


def test_filters_of_one_shape_are_compiled_once(instant):
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")
    for name in ("sobel", "scharr", "prewitt", "roberts"):
        pipeline.select(name)
        pipeline(picture((37, 53)))

    assert instant == [((2, 1, 1, 3), (2, 1, 3)), ((2, 1, 2, 2),)]


def test_a_twin_that_is_slower_is_not_used(instant, monkeypatch):
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: False)
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    pipeline(picture((37, 53)))

    assert pipeline.execution == "eager"


def test_a_twin_that_differs_is_not_used(instant, monkeypatch):
    monkeypatch.setattr(compiling, "compile_picture", lambda _: lambda *a: 255 - edge_picture(*a))
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    pipeline(picture((37, 53)))

    assert pipeline.execution == "eager"


def test_a_compiler_that_fails_is_told_in_one_line_and_the_run_goes_on(monkeypatch, caplog):
    def fail(_):
        raise RuntimeError("no C++ compiler was found\nand a long trace")

    monkeypatch.setattr(compiling, "compile_picture", fail)
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    with caplog.at_level(logging.INFO):
        edges = [pipeline(picture((37, 53))) for _ in range(3)]

    assert edges[0].max() > 0
    assert caplog.messages == ["not compiled, running eagerly: no C++ compiler was found"]


def test_canny_and_one_off_calls_compile_nothing(instant):
    once = EdgePipeline("sobel", device="cpu")
    canny = EdgePipeline("canny", device="cpu", compile="wait")

    once(picture((37, 53)))
    canny(picture((37, 53)))

    assert instant == []
    assert canny.execution == "eager"


def test_closing_kills_the_child_that_compiles(monkeypatch):
    started = threading.Event()

    class Child:
        def __init__(self, *_args, **_options):
            self.is_killed = threading.Event()
            started.set()

        def kill(self):
            self.is_killed.set()

        def wait(self):
            self.is_killed.wait()

    monkeypatch.setattr(compiling.subprocess, "Popen", Child)
    pipeline = EdgePipeline("sobel", device="cpu")
    for _ in range(STEADY_CALLS):
        pipeline(picture((37, 53)))
    started.wait()
    assert pipeline.execution == "compiling"

    pipeline.close()

    assert pipeline.execution == "eager"
