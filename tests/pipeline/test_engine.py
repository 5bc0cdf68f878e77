"""The way down from a GPU that does not do what it must: one line each, and no picture lost."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from live_edges import EdgePipeline
from live_edges.errors import DeviceError
from live_edges.pipeline import engine
from live_edges.pipeline.cpu_engine import by_definition
from live_edges.pipeline.transfer import Pending


def pictures(count):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (37, 53, 3), dtype=np.uint8) for _ in range(count)]


class Gpu:
    """Finds edges right until something happens."""

    def __init__(self, *, fails_at=None, fails_late=False, error=0, in_flight=2):
        self.transfer = SimpleNamespace(in_flight=in_flight)
        self.is_checked = False
        self.calls = 0
        self._fails_at, self._fails_late, self._error = fails_at, fails_late, error

    def start(self, plan, image, _stages):
        self.calls += 1
        is_broken = self._fails_at is not None and self.calls > self._fails_at
        if is_broken and not self._fails_late:
            raise RuntimeError("device-side assert\nand a long trace")

        def collect():
            if is_broken:
                raise RuntimeError("an illegal memory access")
            edges = by_definition(plan, image)
            return np.where(edges > 100, edges - np.uint8(self._error), edges)

        return Pending(collect)

    def execution(self, _plan):
        return "torch"


@pytest.fixture
def pipeline_on(monkeypatch):
    """Make a pipeline on CUDA, as far as it can see, whose ways there are the ones given."""

    def make(*gpus, device="auto", filter="sobel"):
        chosen = torch.device("cuda", 0), "the first of cuda, cpu"
        if device != "auto":
            chosen = chosen[0], engine.AS_ASKED
        monkeypatch.setattr("live_edges.pipeline.edge_pipeline.choose_device", lambda _name: chosen)
        monkeypatch.setattr(engine, "_transfers", lambda *_: gpus)
        monkeypatch.setattr(engine, "GpuEngine", lambda _device, gpu, _compiler: gpu)
        return EdgePipeline(filter, device=device, engine="torch")

    return make


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_gpu_that_does_what_it_must_is_kept(pipeline_on, caplog):
    gpu = Gpu()
    pipeline = pipeline_on(gpu)

    for image in pictures(3):
        pipeline(image)

    assert (str(pipeline.device), gpu.calls) == ("cuda:0", 4)  # one of them to compare
    assert not caplog.messages


def test_a_gpu_whose_first_edges_are_wrong_is_left_with_one_line(pipeline_on, caplog):
    on_cpu, pipeline = EdgePipeline(device="cpu", engine="torch"), pipeline_on(Gpu(error=2), Gpu())
    [image] = pictures(1)

    edges = pipeline(image)

    np.testing.assert_array_equal(edges, on_cpu(image))
    [line] = warnings(caplog)
    assert line.startswith("cuda:0 fails (its edges differ from the CPU's at ")
    assert line.endswith("of pixels); going on with cuda:0 without streams")
    assert str(pipeline.device) == "cuda:0"


def test_a_rounding_is_no_difference(pipeline_on, caplog):
    pipeline = pipeline_on(Gpu(error=1))

    pipeline(pictures(1)[0])

    assert str(pipeline.device) == "cuda:0"
    assert not caplog.messages


@pytest.mark.parametrize("fails_late", [False, True], ids=["at once", "when it is waited for"])
@pytest.mark.parametrize("fails_at", range(5))
def test_every_picture_has_its_edges_once_wherever_a_gpu_fails(
    pipeline_on, caplog, fails_at, fails_late
):
    images, on_cpu = pictures(9), EdgePipeline(device="cpu", engine="torch")
    expected = [on_cpu(image) for image in images]
    pipeline = pipeline_on(Gpu(fails_at=fails_at, fails_late=fails_late), Gpu(fails_at=3))

    pending = [pipeline.submit(image) for image in images]

    for edges, each in zip(expected, pending, strict=True):
        np.testing.assert_array_equal(each.result(), edges)
    lines = warnings(caplog)
    assert [line.rpartition("; ")[2] for line in lines] == [
        "going on with cuda:0 without streams",
        "going on with the CPU",
    ]
    assert (str(pipeline.device), pipeline.in_flight) == ("cpu", 0)
    assert pipeline.device_reason == "cuda:0 fails (device-side assert)"


def test_a_device_that_was_asked_for_by_name_is_told_to_fail(pipeline_on, caplog):
    pipeline = pipeline_on(Gpu(fails_at=0), device="cuda:0")

    pipeline(pictures(1)[0])

    assert warnings(caplog) == [
        "cuda:0, the device that was asked for, fails (device-side assert); going on with the CPU"
    ]


def test_an_interrupt_is_no_failure_of_the_gpu(pipeline_on, monkeypatch):
    gpu = Gpu()
    pipeline = pipeline_on(gpu)
    monkeypatch.setattr(gpu, "start", interrupted)

    with pytest.raises(KeyboardInterrupt):
        pipeline(pictures(1)[0])

    assert str(pipeline.device) == "cuda:0"


def interrupted(*_):
    raise KeyboardInterrupt


def test_extreme_settings_are_not_taken_for_a_fault(pipeline_on, caplog):
    pipeline = pipeline_on(Gpu(error=1))
    pipeline.gain, pipeline.threshold = 1000.0, 0.5

    pipeline(pictures(1)[0])

    assert not caplog.messages


def test_numba_computes_on_the_cpu():
    assert EdgePipeline(engine="numba").device.type == "cpu"
    with pytest.raises(DeviceError, match="Numba computes on the CPU, not on cuda"):
        EdgePipeline(engine="numba", device="cuda")
