"""GPUs that nobody can be asked to have: an Apple one and an Intel one, by stand-ins."""

import threading

import cv2
import numpy as np
import pytest
import torch

from live_edges import EdgePipeline, compiling
from live_edges.carriers import Direct
from live_edges.compiling import STEADY_CALLS

CPU = torch.device("cpu")


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture(params=["mps", "xpu"])
def gpu(request, monkeypatch):
    """The pipeline finds such a device; nothing can be computed there."""
    device = torch.device(request.param)
    monkeypatch.setattr("live_edges.pipeline.choose_device", lambda _name: (device, "a stand-in"))
    return device


@pytest.fixture
def apple_gpu(monkeypatch):
    """The pipeline finds an Apple GPU, whose work the CPU does."""
    device = torch.device("mps")
    monkeypatch.setattr("live_edges.pipeline.choose_device", lambda _name: (device, "a stand-in"))
    monkeypatch.setattr(compiling, "start_packing", lambda *_: pytest.fail("compiled"))
    monkeypatch.setattr(compiling, "load_package", lambda *_: pytest.fail("compiled"))
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled"))


def on_apple_gpu(**options):
    pipeline = EdgePipeline(device="mps", **options)
    pipeline._engine._device, pipeline._engine.carrier = CPU, Direct(CPU)
    return pipeline


def test_canny_is_opencvs_on_everything_but_cuda(gpu, image, monkeypatch):
    calls, by_opencv = [], cv2.Canny
    monkeypatch.setattr(cv2, "Canny", lambda *a, **k: calls.append(a) or by_opencv(*a, **k))
    beside_gpu = EdgePipeline("canny", gain=0.5, threshold=0.2, compile="wait")
    monkeypatch.setattr("live_edges.pipeline.choose_device", lambda _name: (CPU, "as asked"))
    on_cpu = EdgePipeline("canny", gain=0.5, threshold=0.2, compile="off")

    np.testing.assert_array_equal(beside_gpu(image), on_cpu(image))
    assert len(calls) == 2
    assert beside_gpu.device == gpu
    assert beside_gpu.execution == "eager"


@pytest.mark.usefixtures("gpu")
def test_making_a_pipeline_and_choosing_a_filter_touches_no_gpu():
    pipeline = EdgePipeline("sobel")  # a tensor there would be an error on this machine

    pipeline.select("log", sigma=2.0)
    pipeline.gain, pipeline.threshold = 2.0, 0.5

    assert pipeline.entry.name == "log"


@pytest.mark.usefixtures("apple_gpu")
@pytest.mark.parametrize("compile", ["auto", "wait", "off"])
def test_nothing_is_compiled_beside_an_apple_gpu(compile, image):
    pipeline, before = on_apple_gpu(compile=compile), threading.enumerate()

    for _ in range(2 * STEADY_CALLS):
        pipeline.overlay(image, pipeline(image), (1, 2, 3))
        assert threading.enumerate() == before

    assert pipeline.execution == "eager"


@pytest.mark.usefixtures("apple_gpu")
def test_two_pipelines_never_compute_on_an_apple_gpu_at_once(image):
    one, other = on_apple_gpu(), on_apple_gpu()
    started, may_end, order = threading.Event(), threading.Event(), []

    def find(name, wait):
        def start(*_args, **_options):
            order.append(f"{name} begins")
            if wait:
                started.set()
                may_end.wait(10)
            order.append(f"{name} ends")

        return start

    one._engine.carrier.start, other._engine.carrier.start = find("one", True), find("other", False)
    threads = [threading.Thread(target=each.submit, args=(image,)) for each in (one, other)]
    threads[0].start()
    started.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    may_end.set()
    for thread in threads:
        thread.join(10)

    assert order == ["one begins", "one ends", "other begins", "other ends"]
