"""Engine, device or filter change in mid-run: no picture is lost, and none comes twice."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import groupby

import av
import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda
from fakes import FakeCapture, FakeClock, FakeScreen, FakeSource, make_frames
from media import write_video

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.live.app import App
from live_edges.pipeline import compiling, cpu_engine, cpu_loops
from live_edges.pipeline.gpu_engine import GpuEngine
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import DirectTransfer, Pending, StreamedTransfer
from live_edges.pipeline.views import VIEWS, Picture
from live_edges.process.conversion import convert_video
from live_edges.process.planes import luma_of, stretched
from live_edges.process.reading import Span, VideoReader
from live_edges.process.video_renderer import VideoRenderer
from live_edges.recording.encoding import Encoding
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources.capture import Capture

CPU = torch.device("cpu")
COUNT = 48
SIZE = (40, 24)  # width and height
PLAIN = Settings(view="edges", auto_gain=False, hud="off")
FRAMES = [
    replace(frame, image=np.random.default_rng(frame.index).integers(0, 256, (24, 40, 3), np.uint8))
    for frame in make_frames(COUNT, size=SIZE)
]
IN_ORDER = list(range(COUNT))
KEY_AT = 10  # the frame at which a key is pressed
HEADLESS = pytest.mark.parametrize("is_headless", [True, False], ids=["headless", "window"])
LATE = pytest.mark.parametrize("is_late", [False, True], ids=["at once", "when it is waited for"])


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """On a busy machine two would wait for each other longer than so small pictures take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def recognised():
    """Tell the number of the frame that a picture belongs to, by its edges as they are defined."""
    known = {}

    def defined(filter, sigma, view):
        pipeline = EdgePipeline(filter, sigma=sigma, device="cpu", engine="torch")
        pictures = [
            Picture(frame.image, pipeline(frame.image), PLAIN, pipeline) for frame in FRAMES
        ]
        return np.stack([VIEWS[view].paint(each) for each in pictures]).astype(int)

    def number(picture, filter="sobel", sigma=1.0, view="edges"):
        key = filter, sigma, view
        if key not in known:
            known[key] = defined(*key)
        numbers = np.flatnonzero(np.abs(known[key] - picture).max(axis=(1, 2, 3)) <= 1)
        return int(numbers[0]) if len(numbers) == 1 else None

    return number


class Seen(RecordingSession):
    """Keeps each picture that would be recorded."""

    is_recording = True

    def __init__(self):
        super().__init__()
        self.views = []

    @property
    def frames(self):
        return len(self.views)

    def write(self, view, original, time_s, *, duration_s=0.0):
        self.views.append(view.copy())
        return ""


class Gpu(GpuEngine):
    """A GPU, as far as the engine can see, that fails after so many pictures."""

    def __init__(self, transfer, *, after, is_late=False):
        super().__init__(CPU, lambda: transfer, TorchCompiler(is_on=False))
        self._left, self._is_late = after, is_late

    def start(self, plan, image, stages):
        self._left -= 1
        if self._left < 0 and not self._is_late:
            fail()
        pending = super().start(plan, image, stages)
        return pending if self._left >= 0 else Pending(fail)


def fail(*_):
    raise RuntimeError("the device is lost")


def on_gpus(*gpus, filter="sobel", engine="torch"):
    pipeline = EdgePipeline(filter, device="cpu", engine=engine)
    pipeline._engine._ways = list(gpus)
    return pipeline


def streamed():
    return StreamedTransfer(CPU, in_flight=2, cuda=FakeCuda(can_record=False))


def failing_gpus(after, *, is_late=False):
    """Both ways to a GPU, of which the second fails soon after the first."""
    return Gpu(streamed(), after=after, is_late=is_late), Gpu(
        DirectTransfer(CPU), after=5, is_late=is_late
    )


@dataclass
class Run:
    """A run of the program over all frames, and what it would have recorded."""

    app: App
    screen: FakeScreen
    views: list


def run(
    pipeline,
    keys=(),
    *,
    is_headless=True,
    is_live=False,
    settings=PLAIN,
    recordings=None,
    screen=None,
):
    screen = screen or FakeScreen(keys, clock=FakeClock(), is_headless=is_headless, patience=10_000)
    frames = [replace(frame, timestamp=0.0) for frame in FRAMES]  # where live, all are there
    source, recordings = FakeSource(frames, is_live=is_live), recordings or Seen()
    future = Future()
    future.set_result(pipeline)
    app = App(
        FakeCapture(source, screen.clock),
        screen,
        pipeline=future,
        entries=catalog(),
        settings=settings,
        recordings=recordings,
        clock=screen.clock,
    )
    app.run()
    return Run(app, screen, getattr(recordings, "views", []))


def assert_counts(outcome):
    summary = outcome.app.summary()
    counts = summary.frames_in, summary.frames_shown, summary.frames_recorded
    assert counts == (COUNT,) * 3
    assert (summary.frames_dropped, summary.frames_record_dropped) == (0, 0)


def on_screen(screen):
    """The pictures on the screen, without the pixels and the times by which they were repeated."""
    middles = []
    for picture in screen.shown:
        times = picture.shape[1] // SIZE[0]
        middles.append(picture[picture.shape[0] // 2, ::times, 0].tobytes())  # above the text
    return [row for row, _ in groupby(middles)]


@HEADLESS
@LATE
@pytest.mark.parametrize("after", [0, 1, 20])
def test_every_frame_is_shown_once_where_a_gpu_fails(
    recognised, caplog, after, is_late, is_headless
):
    outcome = run(on_gpus(*failing_gpus(after, is_late=is_late)), is_headless=is_headless)

    assert [recognised(view) for view in outcome.views] == IN_ORDER
    assert on_screen(outcome.screen) == [view[12, :, 0].tobytes() for view in outcome.views]
    assert [message.rpartition("; ")[2] for message in caplog.messages] == [
        "going on with cpu without streams",
        "going on with the CPU",
    ]
    assert_counts(outcome)


@pytest.fixture
def _compiled_at_the_20th_call(monkeypatch):
    monkeypatch.setattr(compiling, "STEADY_CALLS", 20)
    monkeypatch.setattr(compiling.Compiler, "_start", compiling.Compiler.make)


@HEADLESS
@pytest.mark.parametrize("view", ["edges", "overlay"])
@pytest.mark.usefixtures("_compiled_at_the_20th_call")
def test_every_frame_is_shown_once_where_numba_takes_over(recognised, view, is_headless):
    pipeline = EdgePipeline("sobel", device="cpu")

    outcome = run(pipeline, is_headless=is_headless, settings=replace(PLAIN, view=view))

    assert [recognised(picture, view=view) for picture in outcome.views] == IN_ORDER
    assert list(outcome.app.summary().first_shown) == ["torch", "numba"]
    assert_counts(outcome)


@LATE
@pytest.mark.usefixtures("_compiled_at_the_20th_call")
def test_every_frame_is_shown_once_on_the_way_from_a_gpu_to_numba(recognised, caplog, is_late):
    outcome = run(on_gpus(*failing_gpus(10, is_late=is_late), engine="auto"))

    assert [recognised(view) for view in outcome.views] == IN_ORDER
    assert caplog.messages[-1].endswith("going on with the CPU")
    assert list(outcome.app.summary().first_shown) == ["torch", "numba"]
    assert_counts(outcome)


def test_every_frame_is_shown_once_while_a_thread_compiles(recognised):
    pipeline = EdgePipeline("sobel", device="cpu")
    screen = FakeScreen(clock=FakeClock(), is_headless=True, patience=10_000)
    show = screen.show

    def show_and_join(image):
        show(image)
        if len(screen.shown) == 20:  # which compiles since the third
            pipeline._engine.cpu._compiler._worker.join()

    screen.show = show_and_join
    outcome = run(pipeline, screen=screen)

    assert [recognised(view) for view in outcome.views] == IN_ORDER
    assert list(outcome.app.summary().first_shown) == ["torch", "numba"]
    assert_counts(outcome)


def test_every_frame_is_shown_once_where_a_compiled_loop_fails(recognised, monkeypatch, caplog):
    calls = iter(range(COUNT))
    sobel = cpu_loops.whole_numbers

    def failing(*constants):
        loop = sobel(*constants)
        return lambda *arguments: fail() if next(calls) == 20 else loop(*arguments)

    monkeypatch.setattr(cpu_loops, "whole_numbers", failing)
    monkeypatch.setattr(
        cpu_engine, "_compiled", lambda shape, *_: getattr(cpu_loops, shape[0])(*shape[1:])
    )
    caplog.set_level("INFO")

    outcome = run(EdgePipeline("sobel", engine="numba"))

    assert [recognised(view) for view in outcome.views] == IN_ORDER
    assert list(outcome.app.summary().first_shown) == ["numba", "torch"]
    assert "not compiled, torch finds the edges: the device is lost" in caplog.messages
    assert_counts(outcome)


def assert_changed_by_key(recognised, outcome, before, after, at):
    """The frame at which the key was pressed is the last of the old filter."""
    chosen = [before] * (at + 1) + [after] * (COUNT - at - 1)
    numbers = [recognised(view, *each) for view, each in zip(outcome.views, chosen, strict=True)]
    assert numbers == IN_ORDER
    assert_counts(outcome)


@HEADLESS
@pytest.mark.parametrize("at", [KEY_AT, COUNT - 2])  # at the latter the source has ended
@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("4", ("sobel", 1.0), ("roberts", 1.0)),
        ("9", ("sobel", 1.0), ("canny", 1.0)),
        ("b", ("log", 1.0), ("log", 1.5)),
    ],
    ids=["filter", "to OpenCV", "sigma"],
)
def test_every_frame_is_shown_once_where_a_key_changes_the_filter(
    recognised, key, before, after, at, is_headless
):
    pipeline = on_gpus(Gpu(streamed(), after=10 * COUNT), filter=before[0])
    settings = replace(PLAIN, filter=before[0])

    outcome = run(pipeline, [*[None] * at, key], is_headless=is_headless, settings=settings)

    assert_changed_by_key(recognised, outcome, before, after, at)


@LATE
@pytest.mark.parametrize("after", range(KEY_AT, KEY_AT + 6))
def test_every_frame_is_shown_once_where_a_gpu_fails_as_a_key_changes_the_filter(
    recognised, caplog, after, is_late
):
    gpus = failing_gpus(after, is_late=is_late)

    outcome = run(on_gpus(*gpus), [*[None] * KEY_AT, "4"])

    assert_changed_by_key(recognised, outcome, ("sobel",), ("roberts",), KEY_AT)
    assert caplog.messages[-1].endswith("going on with the CPU")


@LATE
def test_every_frame_is_shown_once_where_a_gpu_fails_at_a_key_in_a_pause(recognised, is_late):
    gpus = failing_gpus(KEY_AT + 4, is_late=is_late)
    keys = [*[None] * KEY_AT, "space", "4", "space"]

    outcome = run(on_gpus(*gpus), keys, is_headless=False)

    assert_changed_by_key(recognised, outcome, ("sobel",), ("roberts",), KEY_AT)


@LATE
def test_the_live_frames_that_a_pause_drops_are_counted_where_a_gpu_fails(recognised, is_late):
    gpus = failing_gpus(KEY_AT + 4, is_late=is_late)
    keys = [*[None] * KEY_AT, "space", "4", "space"]

    outcome = run(on_gpus(*gpus), keys, is_headless=False, is_live=True)

    before, after = outcome.views[: KEY_AT + 1], outcome.views[KEY_AT + 1 :]
    shown = [recognised(view) for view in before]
    shown += [recognised(view, "roberts") for view in after]
    summary = outcome.app.summary()
    assert shown == [number for number in IN_ORDER if number - KEY_AT not in (1, 2)]
    assert (summary.frames_shown, summary.frames_dropped) == (COUNT - 2, 2)


def test_every_frame_is_recorded_once_whatever_changes(tmp_path):
    recordings = RecordingSession(
        RecordingOptions(path=tmp_path / "take.mp4", quality=1, waits=True)
    )
    recordings.start()

    outcome = run(
        on_gpus(*failing_gpus(20, is_late=True)), [*[None] * 20, "4"], recordings=recordings
    )

    with av.open(str(tmp_path / "take.mp4")) as container:
        recorded = list(container.decode(video=0))
    assert [frame.time for frame in recorded] == pytest.approx([f.pts for f in FRAMES], abs=1e-4)
    shown = [picture[..., 0] for picture in outcome.screen.shown]
    del shown[21]  # the key had the picture before it drawn again
    assert nearest([frame.to_ndarray(format="gray") for frame in recorded], shown) == IN_ORDER
    assert_counts(outcome)


def nearest(pictures, candidates):
    """Which of the candidates each picture is most like."""
    candidates = np.stack(candidates).astype(int)
    differences = [np.abs(candidates - picture).mean(axis=(1, 2)) for picture in pictures]
    return [int(each.argmin()) for each in differences]


class Paced(FakeSource):
    """A camera that has two more pictures whenever one was shown."""

    def __init__(self, frames):
        super().__init__(frames, is_live=True)
        self.wanted = threading.Semaphore(2)

    def read(self):
        self.wanted.acquire()
        return super().read()

    def interrupt(self):
        super().interrupt()
        self.wanted.release()


@LATE
def test_no_live_frame_is_shown_twice_and_each_lost_one_is_counted(recognised, is_late):
    source, recordings = Paced(FRAMES), Seen()
    keys = [*[None] * 5, "4", None, "space", "1", "space", None, "4"]
    screen = FakeScreen(keys, is_headless=True, patience=10_000)
    show = screen.show

    def show_and_go_on(image):
        show(image)
        source.wanted.release(2)

    screen.show = show_and_go_on
    pipeline = Future()
    pipeline.set_result(on_gpus(*failing_gpus(6, is_late=is_late)))
    app = App(
        Capture(source),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=PLAIN,
        recordings=recordings,
        clock=FakeClock(),
    )

    app.run()

    told = [{recognised(view), recognised(view, "roberts")} - {None} for view in recordings.views]
    shown = [number for [number] in told]
    summary = app.summary()
    assert shown == sorted(set(shown))
    assert summary.frames_shown == len(shown) >= COUNT // 4
    assert summary.frames_in == COUNT == summary.frames_shown + summary.frames_dropped


@LATE
def test_every_picture_of_a_file_is_converted_once_where_a_gpu_fails(tmp_path, caplog, is_late):
    movie, target = write_video(tmp_path / "a.mp4", 24), tmp_path / "b.mp4"
    pipeline = on_gpus(*failing_gpus(9, is_late=is_late))

    report = convert_video(
        movie,
        target,
        VideoRenderer(pipeline, PLAIN),
        encoding=Encoding(quality=1),
        span=Span(),
        on_start=lambda _count: lambda: None,
    )

    defined = EdgePipeline("sobel", device="cpu", engine="torch")
    expected = [defined.edges_of_luma(gray) for gray in grays_of(movie)]
    assert nearest(grays_of(target), expected) == list(range(24))
    assert report.frames == 24
    assert caplog.messages[-1].endswith("going on with the CPU")


def grays_of(path):
    with VideoReader(path) as reader:
        lumas = [luma_of(item.frame) for item in reader]
    return [luma if is_full else stretched(luma) for luma, is_full in lumas]
