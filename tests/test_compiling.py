"""The compiled twin of the pixel function: the same picture, or no twin at all."""

import logging
import shutil
import threading

import numpy as np
import pytest
import torch

from live_edges import EdgePipeline, compiling, packages
from live_edges.catalog import catalog
from live_edges.compiling import STEADY_CALLS, Job
from live_edges.filters import make_filter
from live_edges.fused import blend
from live_edges.packages import load_package, package_path, start_packing
from live_edges.views import overlay

COMPILED = ["sobel", "blur-difference", "blur-difference-rgb"]  # whole, separated, three planes
SIZES = [(1, 1), (3, 5), (37, 53), (479, 641)]
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))), reason="needs a C++ compiler"
)


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def _packages_made():
    """Makes what the tests compile side by side, in half the time; a second run finds it there."""
    wanted = {}

    def remember(job):
        of = job.function, job.pictures, job.taps
        wanted[package_path(*of)] = of
        return job.plainly()

    for name in COMPILED:
        edge_filter = make_filter(catalog()[name])
        padded = torch.zeros(1, edge_filter.weight.shape[1], 40, 50, dtype=torch.uint8)
        edge_filter.edges(remember, padded, torch.tensor(1.0), torch.tensor(0.0))
    children = [start_packing(*of, path) for path, of in wanted.items() if not path.is_file()]
    for child in children:
        child.communicate()


@needs_compiler
@pytest.mark.usefixtures("_packages_made")
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_and_eager_agree_at_every_size_and_gain(name, monkeypatch):
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: True)  # at 37x53 it may not be
    compiled = EdgePipeline(name, device="cpu", compile="wait")
    eager = EdgePipeline(name, device="cpu", compile="off")
    compiled(picture((37, 53)))

    for gain, threshold in ((1.0, 0.0), (3.7, 0.25)):
        for pipeline in (compiled, eager):
            pipeline.gain, pipeline.threshold = gain, threshold
        for seed, size in enumerate(SIZES):
            image = picture(size, seed)
            one, other = compiled(image).astype(int), eager(image)
            # sums taken in another order may fall on the other side of the threshold
            is_at_threshold = np.abs(np.maximum(one, other) - 255 * threshold) < 1
            assert (np.abs(one - other) * ~(is_at_threshold & (threshold > 0))).max() <= 1, size

    assert (compiled.execution, eager.execution) == ("compiled", "eager")


@pytest.mark.slow
@needs_compiler
def test_a_package_paints_the_overlay_and_serves_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: True)
    color = (10, 200, 90)

    for size in [(37, 53), *SIZES]:
        pipeline = EdgePipeline("sobel", device="cpu", compile="wait")  # compiles at the first
        image, edges = picture(size), picture(size, 1)[..., 0].copy()
        image.flags.writeable = False
        painted = pipeline.overlay(image, edges, color)

        assert np.abs(painted - overlay(image, edges, color).astype(int)).max() <= 1, size
        monkeypatch.setattr(compiling, "start_packing", lambda *_: pytest.fail("compiled again"))

    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_a_damaged_package_is_removed(tmp_path):
    package = tmp_path / "package.so"
    package.write_bytes(b"no library")

    with pytest.raises(OSError, match=r"package\.so"):
        load_package(package)

    assert not package.exists()


@pytest.fixture
def instant(monkeypatch):
    """A compiler that takes no time: the twin is the function itself, in a wrapper."""
    compiled = []

    def package(_self, job):
        compiled.append((job.function.__name__, *(tuple(each.shape) for each in job.taps)))
        return job.function

    monkeypatch.setattr(compiling.Compiler, "_package", package)
    monkeypatch.setattr(compiling, "load_package", lambda function: lambda *on: function(*on))
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: True)
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
    np.testing.assert_allclose(pipeline(image), first.astype(int), atol=1)


def test_filters_of_one_shape_are_compiled_once(instant):
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")
    for name in ("sobel", "scharr", "prewitt", "roberts"):
        pipeline.select(name)
        pipeline(picture((37, 53)))

    assert instant == [
        ("edge_picture", (2, 1, 3, 3)),
        ("edge_picture", (2, 1, 2, 2)),
    ]


def test_a_twin_that_is_slower_is_not_used(instant, monkeypatch):
    monkeypatch.setattr(compiling, "_is_faster", lambda *_: False)
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    pipeline(picture((37, 53)))

    assert pipeline.execution == "eager"


def test_a_twin_that_differs_is_not_used(instant, monkeypatch):
    wrong = lambda function: lambda *on: 255 - function(*on)  # noqa: E731
    monkeypatch.setattr(compiling, "load_package", wrong)
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    pipeline(picture((37, 53)))

    assert pipeline.execution == "eager"


def test_a_compiler_that_fails_is_told_in_one_line_and_the_run_goes_on(monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no C++ compiler was found\nand a long trace")

    monkeypatch.setattr(compiling.Compiler, "_package", fail)
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")

    with caplog.at_level(logging.INFO):
        edges = [pipeline(picture((37, 53))) for _ in range(3)]

    assert edges[0].max() > 0
    assert caplog.messages == ["not compiled, running eagerly: no C++ compiler was found"]


def test_a_twin_that_fails_later_is_not_called_again(instant, monkeypatch, caplog):
    pipeline = EdgePipeline("sobel", device="cpu", compile="wait")
    expected = pipeline(picture((37, 53)))

    def fail(_job, _twin):
        raise RuntimeError("a guard failed\nand a long trace")

    monkeypatch.setattr(Job, "by", fail)
    with caplog.at_level(logging.INFO):
        edges = [pipeline(picture((37, 53))) for _ in range(3)]

    assert pipeline.execution == "eager"
    assert caplog.messages == ["not compiled, running eagerly: a guard failed"]
    np.testing.assert_allclose(edges[0], expected.astype(int), atol=1)


@pytest.mark.slow
def test_a_child_that_fails_is_quoted_in_one_line(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(packages.platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setenv("CXX", "/no/such/compiler")
    below, opacity = torch.zeros(2, 4, 9, dtype=torch.uint8)
    job = Job(blend, (below, opacity, torch.full((9,), 7.0)))

    with caplog.at_level(logging.INFO):
        painted = compiling.Compiler("wait")(job)

    assert not painted.any()

    [message] = caplog.messages
    assert message.startswith("not compiled, running eagerly: ")
    assert not list(tmp_path.iterdir())


def test_a_one_off_call_compiles_nothing(instant):
    EdgePipeline("sobel", device="cpu")(picture((37, 53)))

    assert instant == []


def test_canny_is_compiled_in_two_parts_on_a_gpu(instant):
    edge_filter, compiler = make_filter(catalog()["canny"]), compiling.Compiler("wait")
    padded = torch.zeros(1, 1, 20, 30, dtype=torch.uint8)

    edge_filter.edges(compiler, padded, torch.tensor(1.0), torch.tensor(0.0))

    assert [name for name, *_ in instant] == ["gradient", "crests"]


def test_canny_leaves_nothing_to_compile_on_a_cpu(instant):
    pipeline = EdgePipeline("canny", device="cpu", compile="wait")

    pipeline(picture((37, 53)))

    assert instant == []
    assert pipeline.execution == "eager"


def test_closing_kills_the_child_that_compiles(monkeypatch, tmp_path, caplog):
    started = threading.Event()

    class Child:
        def __init__(self, *_args, **_options):
            self.is_killed = threading.Event()
            started.set()

        returncode = -9

        def kill(self):
            self.is_killed.set()

        def communicate(self):
            self.is_killed.wait()
            return "", ""

    monkeypatch.setattr(compiling, "start_packing", Child)
    monkeypatch.setattr(packages.platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    pipeline = EdgePipeline("sobel", device="cpu")
    for _ in range(STEADY_CALLS):
        pipeline(picture((37, 53)))
    started.wait()
    assert pipeline.execution == "compiling"

    pipeline.close()

    assert pipeline.execution == "eager"
    assert not caplog.messages
