"""The way to the device and back: with a stand-in for CUDA everywhere, with CUDA where it is."""

import logging
import time

import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda

from live_edges import EdgePipeline
from live_edges.filters.filter import Job
from live_edges.pipeline import torch_compiling
from live_edges.pipeline.compiling import STEADY_CALLS
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import SLOTS, DirectTransfer, StreamedTransfer, _Slot
from live_edges.timing import Stages

CPU = torch.device("cpu")


def send(transfer, value, *, size=(5, 9), key=None, find=lambda padded: padded + 1, stages=None):
    """Send a picture that is ``value`` all over."""
    return transfer.start(
        (1, *size), lambda room: room.fill(value), find, key=key, stages=stages or Stages()
    )


def streamed(**options):
    return StreamedTransfer(CPU, in_flight=2, cuda=FakeCuda(**options))


@pytest.mark.parametrize("transfer", [DirectTransfer(CPU), streamed()], ids=["direct", "streamed"])
def test_every_pending_picture_is_good_for_its_own_picture(transfer):
    pending = [send(transfer, value) for value in range(4 * SLOTS)]  # more than there are slots

    for value, each in enumerate(pending):
        np.testing.assert_array_equal(each.result(), np.full((5, 9), value + 1))
        assert each.result() is each.result()


def test_the_result_belongs_to_the_caller():
    transfer = streamed()
    kept = send(transfer, 7).result()

    for value in range(SLOTS):
        send(transfer, value).result()

    assert kept.flags.writeable
    assert (kept == 8).all()


def test_nobody_waits_for_the_device_before_the_result_is_asked_for():
    transfer = streamed()
    pending = [send(transfer, value) for value in range(SLOTS)]
    assert "synchronize" not in transfer._cuda.noted

    pending[0].result()

    assert transfer._cuda.noted.count("synchronize") == 2  # computed, and down


def test_a_result_whose_wait_was_interrupted_is_still_good():
    transfer = streamed()
    pending = send(transfer, 7)
    synchronize, transfer._cuda.Event.synchronize = transfer._cuda.Event.synchronize, interrupt

    with pytest.raises(KeyboardInterrupt):
        pending.result()
    transfer._cuda.Event.synchronize = synchronize
    for value in range(SLOTS):
        send(transfer, value)

    assert (pending.result() == 8).all()


def interrupt(_event):
    raise KeyboardInterrupt


def test_a_change_of_size_is_followed_while_pictures_are_on_their_way():
    transfer = streamed()
    sizes = [(5, 9), (5, 9), (3, 4), (5, 9), (3, 4), (3, 4), (1, 1)]

    pending = [send(transfer, number, size=size) for number, size in enumerate(sizes)]

    for number, (each, size) in enumerate(zip(pending, sizes, strict=True)):
        np.testing.assert_array_equal(each.result(), np.full(size, number + 1))


@pytest.mark.parametrize("fastest", [0, 1, 2], ids=["up", "work", "down"])
def test_no_stream_overtakes_what_it_needs(fastest):
    transfer = streamed()
    sizes = [(5, 9)] * 2 * SLOTS + [(3, 4), (7, 8)] * SLOTS
    pending = []

    for number, size in enumerate(sizes):
        pending.append(send(transfer, number, size=size))
        transfer._cuda.streams[fastest].run()  # as far as its waits let it

    for number, (each, size) in enumerate(zip(pending, sizes, strict=True)):
        np.testing.assert_array_equal(each.result(), np.full(size, number + 1))


@pytest.mark.parametrize("fastest", [0, 1, 2], ids=["up", "work", "down"])
def test_each_picture_has_the_filter_and_the_gain_that_held_when_it_was_sent(fastest):
    transfer, gain = streamed(), torch.ones((), dtype=torch.uint8)
    filters = {"same": lambda x: x * gain, "brighter": lambda x: (x + 9) * gain}
    wishes = [(name, level) for level in (1, 2, 3) for name in [*filters] * SLOTS]
    wishes += [("same", 2)] * 3 * SLOTS + [("same", 3)] * SLOTS  # recorded before the gain changes
    pending = []

    for number, (name, level) in enumerate(wishes):
        with transfer.at_work():
            gain.fill_(level)
        pending.append(send(transfer, number, key=name, find=filters[name]))
        transfer._cuda.streams[fastest].run()

    found = [int(each.result().max()) for each in pending]
    assert found == [
        (number + 9 * (name == "brighter")) * level for number, (name, level) in enumerate(wishes)
    ]
    assert transfer._cuda.graphs


def test_a_picture_that_fails_takes_no_other_with_it():
    transfer, pending = streamed(), {}

    def fail(_padded):
        raise RuntimeError("out of memory")

    for number in range(5 * SLOTS):
        if number % 4 == 1:
            with pytest.raises(RuntimeError, match="out of memory"):
                send(transfer, number, key="fails", find=fail)
        else:
            pending[number] = send(transfer, number, key="sobel")

    assert {number: each.result().max() - 1 for number, each in pending.items()} == {
        number: number for number in pending
    }


def test_what_failed_at_its_first_launch_is_not_recorded_at_its_second():
    transfer = streamed()
    answers = iter([*[RuntimeError("out of memory")] * SLOTS, *[1] * SLOTS])

    def find(padded):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return padded + answer

    for number in range(SLOTS):
        with pytest.raises(RuntimeError):
            send(transfer, number, key="sobel", find=find)
    for number in range(SLOTS):
        send(transfer, number, key="sobel", find=find)

    assert transfer._cuda.graphs == []


class OnCuda(torch.Tensor):
    """A tensor that says that it is on a GPU."""

    is_cuda = True


def test_the_compiler_is_given_a_picture_that_has_arrived(monkeypatch):
    cuda, given = FakeCuda(), []
    stream = cuda.Stream(CPU)
    monkeypatch.setattr(torch.cuda, "current_stream", cuda.current_stream)
    look = lambda job: given.append(job.pictures[0].max())  # noqa: E731
    monkeypatch.setattr(torch_compiling, "_compile", look)
    compiler = TorchCompiler(is_on=True)

    with cuda.stream(stream):
        padded = torch.zeros(1, 1, 5, 9, dtype=torch.uint8).as_subclass(OnCuda).fill_(7)
        for _ in range(STEADY_CALLS):
            compiler(Job(brighten, (padded,)))
    compiler.close()

    assert given == [7]


def test_memory_is_made_once(monkeypatch):
    made = []
    allocate = _Slot.allocate
    monkeypatch.setattr(_Slot, "allocate", lambda *a: made.append(a) or allocate(*a))
    transfer = streamed()
    made.clear()

    for value in range(5 * SLOTS):
        send(transfer, value).result()

    assert len(made) == SLOTS


def test_what_is_launched_again_is_recorded_and_replayed():
    transfer, launches = streamed(), []

    def find(padded):
        launches.append(padded)
        return padded

    for value in range(4 * SLOTS):
        send(transfer, value, key="sobel", find=find)

    assert len(launches) == 2 * SLOTS  # once as a try, once for the recording
    assert [graph.replays for graph in transfer._cuda.graphs] == [3] * SLOTS


@pytest.mark.parametrize("keys", [[None] * 9, list(range(9))], ids=["none", "another each time"])
def test_what_may_differ_is_not_recorded(keys):
    transfer = streamed()

    for key in keys:
        send(transfer, 1, key=key)

    assert transfer._cuda.graphs == []


def test_another_filter_is_not_what_was_recorded():
    transfer = streamed()
    for key in ["sobel"] * 3 * SLOTS + ["scharr"] * SLOTS:
        add = 1 if key == "sobel" else 2
        pending = send(transfer, 10, key=key, find=lambda padded, add=add: padded + add)

    assert pending.result().max() == 12


def test_what_can_not_be_recorded_is_launched_as_ever():
    transfer = streamed(can_record=False)

    pending = [send(transfer, value, key="sobel") for value in range(4 * SLOTS)]

    assert [each.result().max() for each in pending] == list(range(1, 4 * SLOTS + 1))
    assert transfer._cuda.noted.count("synchronize stream") == SLOTS  # tried once in each slot


def brighten(padded):
    return padded + 1


def test_a_compiled_function_that_cannot_be_recorded_stays_in_use(monkeypatch):
    transfer, compiler, eager = streamed(), TorchCompiler(is_on=True), []
    compiler.waits = True

    def compiled(padded):
        if transfer._cuda.is_capturing:
            raise TypeError("not while a graph is captured")
        return padded + 1

    monkeypatch.setattr(torch_compiling, "_compile", lambda _: compiled)
    monkeypatch.setattr(torch_compiling, "_is_recording", lambda: transfer._cuda.is_capturing)
    monkeypatch.setattr(Job, "plainly", eager.append)

    for value in range(4 * SLOTS):
        pending = send(
            transfer, value, key="sobel", find=lambda padded: compiler(Job(brighten, (padded,)))
        )

    assert pending.result().max() == 4 * SLOTS
    assert compiler.is_compiled(brighten, ())
    assert eager == []


@pytest.mark.parametrize("transfer", [DirectTransfer(CPU), streamed()], ids=["direct", "streamed"])
def test_each_stage_is_timed_once_for_a_picture(transfer):
    stages = Stages()
    for value in range(3):
        send(transfer, value, stages=stages).result()

    counts = {name: len(durations._seconds) for name, durations in stages.durations.items()}
    assert counts == {"upload": 3, "filter": 3, "download": 3}


def random_pictures(count, size=(97, 131)):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]


# torch's compiler uses what Python and its own packages deprecate, and says so.
COMPILES = pytest.mark.filterwarnings("ignore")


def prepared(caplog, *names, engine):
    """A pipeline on CUDA whose filters are compiled, where that is asked for."""
    caplog.set_level(logging.INFO)
    pipeline = EdgePipeline(device="cuda", engine=engine, latency="throughput")
    for name in names:
        pipeline.select(name)
        pipeline.prepare(random_pictures(1)[0])
        assert pipeline.execution == {"auto": "compiled"}.get(engine, "torch")
    assert not caplog.messages
    return pipeline


@COMPILES
@pytest.mark.cuda
@pytest.mark.parametrize("name", ["sobel", "blur-difference", "blur-difference-rgb", "canny"])
@pytest.mark.parametrize("engine", ["torch", "auto"])
def test_cuda_with_pictures_in_flight_makes_the_same(name, engine, caplog):
    pictures = random_pictures(12)
    expected = [EdgePipeline(name, device="cpu", engine="torch")(each) for each in pictures]
    pipeline = prepared(caplog, name, engine=engine)

    pending = [pipeline.submit(each) for each in pictures]

    for each, edges in zip(pending, expected, strict=True):
        differs = np.abs(each.result().astype(int) - edges) > 1
        assert differs.mean() < (2e-3 if name == "canny" else 1e-9)


@COMPILES
@pytest.mark.cuda
def test_cuda_runs_on_while_filters_are_compiled_behind_it_and_compiles_each_once(
    caplog, monkeypatch
):
    names = ["sobel", "canny", "roberts", "log", "blur-difference", "blur-difference-rgb"]
    made, compile_now = [], torch_compiling._compile
    count = lambda job: made.append(job.key) or compile_now(job)  # noqa: E731
    monkeypatch.setattr(torch_compiling, "_compile", count)
    caplog.set_level(logging.INFO)
    pipeline = EdgePipeline(device="cuda", latency="throughput")

    for name in names:
        pipeline.select(name)
        deadline = time.monotonic() + 100
        while pipeline.execution != "compiled" and time.monotonic() < deadline:
            pipeline(random_pictures(1)[0])
        assert pipeline.execution == "compiled"
    for name in names * 3:
        pipeline.select(name)
        for picture in random_pictures(7):
            pipeline(picture)

    pipeline.close()
    assert len(made) == len(set(made))
    assert not caplog.messages


@pytest.mark.cuda
def test_cuda_follows_gain_and_filter_after_recording():
    [picture] = random_pictures(1)
    on_cuda = EdgePipeline("sobel", device="cuda", engine="torch")
    on_cpu = EdgePipeline("sobel", device="cpu", engine="torch")
    wishes = [("sobel", 1.0)] * 7 + [("sobel", 0.3)] * 7 + [("scharr", 0.3), ("scharr", 2.0)] * 7

    for name, gain in wishes:
        for pipeline in (on_cuda, on_cpu):
            pipeline.select(name)
            pipeline.gain = gain
        assert np.abs(on_cuda(picture).astype(int) - on_cpu(picture)).max() <= 1


@COMPILES
@pytest.mark.cuda
@pytest.mark.parametrize("engine", ["torch", "auto"])
def test_cuda_allocates_nothing_for_a_picture_after_the_first_few(engine, caplog):
    pipeline = prepared(caplog, "sobel", engine=engine)
    pictures = random_pictures(3)
    for picture in pictures * 4:
        pipeline(picture)
    before = torch.cuda.memory_stats()["allocation.all.allocated"]

    for picture in pictures * 4:
        pipeline(picture)

    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before
