"""GPUs that nobody can be asked to have: an Apple one and an Intel one, by stand-ins."""

import threading

import cv2
import numpy as np
import pytest
import torch

from live_edges import EdgePipeline
from live_edges.pipeline import cpu_engine
from live_edges.pipeline.compiling import STEADY_CALLS
from live_edges.pipeline.gpu_engine import GpuEngine
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import DirectTransfer

CPU = torch.device("cpu")


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture(params=["mps", "xpu"])
def gpu(request, monkeypatch):
    """The pipeline finds such a device; nothing can be computed there."""
    device = torch.device(request.param)
    monkeypatch.setattr(
        "live_edges.pipeline.edge_pipeline.choose_device", lambda _name: (device, "a stand-in")
    )
    return device


@pytest.fixture
def apple_gpu(monkeypatch):
    """The pipeline finds an Apple GPU, whose work the CPU does."""
    device = torch.device("mps")
    monkeypatch.setattr(
        "live_edges.pipeline.edge_pipeline.choose_device", lambda _name: (device, "a stand-in")
    )
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled"))
    monkeypatch.setattr(cpu_engine, "_compiled", lambda *_: pytest.fail("compiled"))


def on_apple_gpu(**options):
    pipeline = EdgePipeline(device="mps", **options)
    gpu = GpuEngine(torch.device("mps"), lambda: DirectTransfer(CPU), TorchCompiler(is_on=False))
    gpu._device = CPU
    pipeline._engine._ways = [gpu]
    return pipeline


def test_canny_is_opencvs_on_everything_but_cuda(gpu, image, monkeypatch):
    calls, by_opencv = [], cv2.Canny
    monkeypatch.setattr(cv2, "Canny", lambda *a, **k: calls.append(a) or by_opencv(*a, **k))
    beside_gpu = EdgePipeline("canny", gain=0.5, threshold=0.2, engine="auto")
    monkeypatch.setattr(
        "live_edges.pipeline.edge_pipeline.choose_device", lambda _name: (CPU, "as asked")
    )
    on_cpu = EdgePipeline("canny", gain=0.5, threshold=0.2, engine="torch")

    np.testing.assert_array_equal(beside_gpu(image), on_cpu(image))
    assert len(calls) == 2
    assert beside_gpu.device == gpu
    assert beside_gpu.execution == "opencv"


@pytest.mark.usefixtures("gpu")
def test_making_a_pipeline_and_choosing_a_filter_touches_no_gpu():
    pipeline = EdgePipeline("sobel")  # a tensor there would be an error on this machine

    pipeline.select("log", sigma=2.0)
    pipeline.gain, pipeline.threshold = 2.0, 0.5

    assert pipeline.entry.name == "log"


@pytest.mark.usefixtures("apple_gpu")
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_no_filter_is_compiled_beside_an_apple_gpu(engine, image):
    pipeline, before = on_apple_gpu(engine=engine), threading.enumerate()

    pipeline.prepare(image)
    for _ in range(2 * STEADY_CALLS):
        pipeline(image)
        assert threading.enumerate() == before

    assert pipeline.execution == "torch"
    assert pipeline.device.type == "mps"


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

    for pipeline, start in ((one, find("one", True)), (other, find("other", False))):
        [gpu] = pipeline._engine._ways
        gpu.transfer.start, gpu.is_checked = start, True
    threads = [threading.Thread(target=each.submit, args=(image,)) for each in (one, other)]
    threads[0].start()
    started.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    may_end.set()
    for thread in threads:
        thread.join(10)

    assert order == ["one begins", "one ends", "other begins", "other ends"]
