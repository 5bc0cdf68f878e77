"""The CPU engine: its compiled loops make the picture that the definition makes, or none at all."""

import logging
import os
import signal
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.filters.filter import LinearFilter, make_filter
from live_edges.pipeline import compiling, cpu_engine, cpu_loops, views
from live_edges.pipeline.bands import Bands
from live_edges.pipeline.compiling import STEADY_CALLS, Compiler
from live_edges.pipeline.plan import loop_for
from live_edges.settings import Settings

LINEAR = [name for name, entry in catalog().items() if not entry.is_binary and not entry.net]
SIZES = [(1, 1), (1, 9), (9, 1), (3, 5), (37, 53), (641, 479), (1, 4096)]
IMAGE = np.random.default_rng(7).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def assert_same(compiled, defined, threshold=0.0):
    """Within a gray level, where a rounding does not decide on which side of the threshold."""
    difference = np.abs(compiled.astype(int) - defined)
    brighter = np.maximum(compiled, defined).astype(int)
    is_at_threshold = (threshold > 0) & (np.abs(brighter - 255 * threshold) < 1)
    assert difference[~is_at_threshold].max(initial=0) <= 1


@pytest.fixture
def mine(tmp_path):
    """Save a bank of noise, and return the path of its file."""

    def save(*shape):
        weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)) / shape[-1]
        save_file({"weight": weight}, tmp_path / "mine.safetensors")
        return tmp_path / "mine.safetensors"

    return save


@pytest.mark.parametrize("name", LINEAR)
def test_the_loops_make_what_the_definition_makes_of_any_size(name):
    compiled, defined = (EdgePipeline(name, engine=engine) for engine in ("numba", "torch"))

    for gain, threshold in ((1.0, 0.0), (3.7, 0.25), (1e300, 0.5)):
        for pipeline in (compiled, defined):
            pipeline.gain, pipeline.threshold = gain, threshold
        for seed, size in enumerate(SIZES if gain < 9 else SIZES[:2]):
            image = picture(size, seed)
            for each in (image, image[..., 1]):
                assert_same(compiled(each), defined(each), threshold)

    assert (compiled.execution, defined.execution) == ("numba", "torch")
    compiled.close()


@pytest.mark.parametrize("color", [(10, 200, 90), (255, 255, 255), (0, 0, 0)])
def test_the_overlay_is_painted_as_opencv_paints_it(color):
    pipeline = EdgePipeline(engine="numba")

    for size in SIZES:
        image, edges = picture(size), picture(size, 1)[..., 2]
        image.flags.writeable = False

        assert_same(pipeline.overlay(image, edges, color), views.overlay(image, edges, color))

    pipeline.close()


@pytest.mark.parametrize("name", ["sobel", "blur-difference"])
@pytest.mark.parametrize("view", views.VIEWS)
def test_every_view_is_the_same_by_either_engine(view, name):
    pipelines = [EdgePipeline(name, engine=engine) for engine in ("torch", "numba")]
    for size in SIZES:
        image, settings = picture(size), Settings(view=view, gain=2.0)
        edges = pipelines[0](image)

        shown = [
            views.VIEWS[view].paint(views.Picture(image, edges, settings, pipeline))
            for pipeline in pipelines
        ]

        assert_same(*shown)
    pipelines[1].close()


@pytest.mark.parametrize("shape", [(8, 3, 15, 15), (1, 1, 1, 15), (3, 1, 4, 7), (1, 3, 2, 1)])
def test_any_bank_of_noise_is_slid_as_the_definition_slides_it(shape, mine):
    compiled, defined = (EdgePipeline(mine(*shape), engine=e) for e in ("numba", "torch"))

    assert_same(compiled(IMAGE), defined(IMAGE))
    assert compiled.execution == "numba"


@pytest.mark.parametrize(
    ("name", "loop"),
    [
        ("sobel", "whole_numbers"),
        ("scharr", "whole_numbers"),
        ("prewitt", "whole_numbers"),
        ("roberts", "whole_numbers"),
        ("laplacian", "whole_numbers"),
        ("log", "separable"),
        ("blur-difference", "separable"),
        ("blur-difference-rgb", "separable"),
    ],
)
def test_each_filter_has_the_loop_of_the_fewest_products(name, loop):
    assert loop_for(make_filter(catalog()[name])).name == loop


def test_a_bank_that_costs_more_in_parts_stays_whole():
    noise = np.random.default_rng(0).normal(size=(1, 1, 7, 7))

    def name(bank):
        return loop_for(LinearFilter(torch.from_numpy(bank))).name

    assert name(noise) == "general"
    assert name(np.array([[[[1.0, -1.0]]]]) / 3) == "whole_numbers"
    assert name(np.array([[[[1.0, -np.pi]]]])) == "general"


def test_another_sigma_compiles_nothing_new():
    pipeline = EdgePipeline("gaussian-gradient", sigma=1.4, engine="numba")
    pipeline(IMAGE)
    made = dict(pipeline._engine.cpu._compiler._made)

    for sigma in (1.5, 1.7, 2.0):
        pipeline.select("gaussian-gradient", sigma=sigma)
        defined = EdgePipeline("gaussian-gradient", sigma=sigma, engine="torch")
        assert_same(pipeline(IMAGE), defined(IMAGE))

    assert pipeline._engine.cpu._compiler._made == made


@pytest.fixture
def instant(monkeypatch):
    """A compiler that takes no time; returns which loops it was asked for."""
    made = []

    def compiled(shape, *_):
        made.append(shape)
        return getattr(cpu_loops, shape[0])(*shape[1:])

    monkeypatch.setattr(cpu_engine, "_compiled", compiled)
    return made


def test_a_filter_in_steady_use_is_compiled_behind_the_running_pictures(instant):
    pipeline = EdgePipeline("sobel")
    first = pipeline(IMAGE)

    for _ in range(STEADY_CALLS - 1):
        assert pipeline.execution == "torch"
        pipeline(IMAGE)
    pipeline._engine.cpu._compiler._worker.join()

    assert pipeline.execution == "numba"
    assert_same(pipeline(IMAGE), first)
    assert [shape[:2] for shape in instant] == [("whole_numbers", 3)]


def test_a_one_off_call_compiles_nothing(instant):
    EdgePipeline("sobel")(IMAGE)

    assert instant == []


def test_the_lessons_own_code_does_the_work_where_it_is_asked_for(instant):
    pipeline = EdgePipeline("sobel", engine="torch")

    for _ in range(STEADY_CALLS + 1):
        pipeline.overlay(IMAGE, pipeline(IMAGE), (1, 2, 3))

    assert instant == []
    assert pipeline.execution == "torch"


def test_what_is_prepared_is_compiled_before_the_first_picture(instant):
    pipeline = EdgePipeline("sobel")

    pipeline.prepare(IMAGE)

    assert pipeline.execution == "numba"


def test_without_numba_one_line_says_what_is_missing_and_the_run_goes_on(monkeypatch, caplog):
    monkeypatch.delitem(sys.modules, "live_edges.pipeline.cpu_loops", raising=False)
    monkeypatch.delattr("live_edges.pipeline.cpu_loops", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    pipeline = EdgePipeline("sobel", engine="numba")

    with caplog.at_level(logging.INFO):
        edges = [pipeline(IMAGE) for _ in range(3)]
        pipeline.overlay(IMAGE, edges[0], (1, 2, 3))

    assert edges[0].any()
    [message] = caplog.messages
    assert "numba is missing; run: pip install numba" in message


def test_a_compiler_that_fails_is_told_in_one_line_and_the_run_goes_on(monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no space left\nand a long trace")

    monkeypatch.setattr(cpu_engine, "_compiled", fail)
    pipeline = EdgePipeline("sobel", engine="numba")

    with caplog.at_level(logging.INFO):
        edges = [pipeline(IMAGE) for _ in range(3)]

    assert edges[0].any()
    assert caplog.messages == ["not compiled, torch finds the edges: no space left"]


def test_a_loop_that_fails_later_is_not_called_again(monkeypatch, caplog):
    calls = []

    def loop(*_):
        calls.append(1)
        raise RuntimeError("broken")

    monkeypatch.setattr(cpu_engine, "_compiled", lambda *_: loop)
    pipeline, defined = (EdgePipeline("sobel", engine=engine) for engine in ("numba", "torch"))

    with caplog.at_level(logging.INFO):
        edges = [pipeline(IMAGE) for _ in range(3)]

    assert (len(calls), pipeline.execution) == (1, "torch")
    assert caplog.messages == ["not compiled, torch finds the edges: broken"]
    np.testing.assert_array_equal(edges[0], defined(IMAGE))


def test_loops_are_compiled_without_a_cache_where_no_folder_can_be_written(monkeypatch, caplog):
    njit = cpu_loops.numba.njit

    def without_cache(**options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function 'find': no locator available")
        return njit(**options)

    monkeypatch.setattr(cpu_loops.numba, "njit", without_cache)

    with caplog.at_level(logging.INFO):
        double = cpu_loops.compiled(lambda x: x + x)

    assert double(2) == 4
    assert "set NUMBA_CACHE_DIR to a folder" in caplog.messages[0]


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(cv2, "getNumThreads", lambda: 3)  # one on two cores, after any command


def test_bands_are_all_rows_each_once(three_threads):
    bands, rows = Bands(), np.zeros(997, int)

    def count(first, last):
        rows[first:last] += 1

    with bands:
        bands.run(count, (997, 4096))

    np.testing.assert_array_equal(rows, 1)


def test_an_error_in_a_band_is_the_callers(three_threads):
    def fail(first, _last):
        if first > 0:
            raise RuntimeError("a band failed")

    with Bands() as bands, pytest.raises(RuntimeError, match="a band failed"):
        bands.run(fail, (997, 4096))


def test_a_closed_engine_still_finds_edges_and_has_no_thread():
    before = threading.active_count()
    pipeline = EdgePipeline("sobel", engine="numba")
    image = picture((480, 640))
    expected = pipeline(image)

    pipeline.close()

    np.testing.assert_array_equal(pipeline(image), expected)
    assert threading.active_count() == before


def test_a_function_is_made_once_whoever_asks():
    compiler, made = Compiler(), []
    begin = lambda: lambda: made.append(1) or abs  # noqa: E731

    for _ in range(3 * STEADY_CALLS):
        compiler.get("key", begin)
        if compiler._worker:
            compiler._worker.join()

    assert compiler.get("key", begin) is abs
    assert made == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_ctrl_c_ends_the_wait_for_a_function_and_closing_waits_until_it_is_made():
    compiler, may_end = Compiler(), threading.Event()

    def make():
        os.kill(os.getpid(), signal.SIGINT)
        may_end.wait(10)
        return abs

    with pytest.raises(KeyboardInterrupt):
        compiler.make_on_thread("key", make)

    assert compiler.is_at_work
    may_end.set()
    compiler.close()
    assert compiler.is_made("key")


def test_closing_waits_for_a_function_however_long_it_takes(monkeypatch):
    monkeypatch.setattr(compiling, "JOIN_S", 0.0)
    compiler = Compiler()
    for _ in range(STEADY_CALLS):
        compiler.get("slow", lambda: lambda: time.sleep(0.2) or abs)
    compiler.close()

    assert compiler.is_made("slow")


def test_a_closed_compiler_makes_nothing_new():
    compiler = Compiler()
    compiler.close()

    for _ in range(2 * STEADY_CALLS):
        assert compiler.get("key", lambda: pytest.fail("made")) is None
