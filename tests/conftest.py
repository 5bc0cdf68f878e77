"""Rules every test is held to: no thread outlives it, and nothing is logged as an error."""

import logging
import os
import threading

import pytest
import torch
from tqdm import tqdm

# They belong to torch's compiler for CUDA, which keeps its child processes for the next function.
OF_TORCH = {"InductorSubproc", "subproc_worker_timer"}

torch.set_num_threads(2)
tqdm.monitor_interval = 0  # its thread would outlive the test that shows the first bar


@pytest.fixture(autouse=True)
def _no_thread_outlives_the_test():
    before = set(threading.enumerate())

    yield

    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not left - OF_TORCH, f"threads still running: {left}"


@pytest.fixture(autouse=True)
def _no_error_is_logged(caplog):
    yield

    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture(autouse=True)
def _one_process_converts(monkeypatch):
    """Convert files in this process on every machine, unless a test gives --jobs."""
    monkeypatch.setattr("live_edges.process.side_by_side.core_count", lambda: 1)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request):
    return request.param


def pytest_runtest_setup(item):
    if item.get_closest_marker("cluster") and os.environ.get("LIVE_EDGES_REQUIRE") != "cluster":
        pytest.skip("a cluster is only started with LIVE_EDGES_REQUIRE=cluster")
    if item.get_closest_marker("cuda") and not torch.cuda.is_available():
        if os.environ.get("LIVE_EDGES_REQUIRE") == "cuda":
            pytest.fail("LIVE_EDGES_REQUIRE=cuda, but torch sees no CUDA device")
        pytest.skip("no CUDA device")
