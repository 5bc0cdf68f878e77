"""Recording in the live loop, by key and by flag."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import FakeCapture, FakeClock, FakeScreen, FakeSource, Loading, Stall, make_frames
from media import mjpeg_parts, serve

from live_edges import EdgePipeline, screen_text
from live_edges.cli import main
from live_edges.errors import RecordingError, SourceError
from live_edges.filters.catalog import catalog
from live_edges.lifecycle import stopped_by_signals
from live_edges.live.app import App
from live_edges.live.limits import Limits
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources.capture import Capture

TIMEOUT_S = 20.0  # bounds a failure only
ORIGINAL = Settings(view="original", hud="off")


def make_app(
    source, screen, recordings, *, settings=ORIGINAL, pipeline=None, capture=None, **options
):
    if pipeline is None:
        pipeline = Future()
        pipeline.set_result(EdgePipeline(device="cpu", engine="torch"))
    clock = screen.clock or FakeClock()
    return App(
        capture or Capture(source, clock=clock),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=settings,
        clock=clock,
        recordings=recordings,
        **options,
    )


def started(path: Path, **options) -> RecordingSession:
    recordings = RecordingSession(RecordingOptions(path=path, waits=True, **options))
    recordings.start()
    return recordings


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def times_of(path: Path) -> list[float]:
    return [frame.time for frame in frames_of(path)]


def test_a_whole_file_is_recorded_at_its_own_times(tmp_path):
    source = FakeSource(make_frames(30, fps=10))
    app = make_app(source, FakeScreen(is_headless=True), started(tmp_path / "take.mp4"))

    app.run()

    assert times_of(tmp_path / "take.mp4") == pytest.approx([i / 10 for i in range(30)], abs=1e-4)
    summary = app.summary()
    assert (summary.frames_recorded, summary.frames_record_dropped) == (30, 0)
    assert ", 30 recorded" in str(summary)


def test_r_starts_and_stops(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    screen = FakeScreen([None, "r", None, None, "r"], clock=FakeClock(), patience=1000)
    app = make_app(
        FakeSource(make_frames(20, fps=100)), screen, RecordingSession(RecordingOptions(waits=True))
    )

    app.run()

    [path] = tmp_path.glob("live-edges-*.mp4")
    count = app.summary().frames_recorded
    assert 1 <= count < 20
    assert len(frames_of(path)) == count


def test_every_recording_of_a_named_file_gets_its_own(tmp_path):
    recordings = RecordingSession(RecordingOptions(path=tmp_path / "take.mkv"))

    for _ in range(3):
        recordings.toggle()
        recordings.write(np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint8), 0.0)
        recordings.toggle()

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"take.mkv", "take-2.mkv", "take-3.mkv"}
    assert recordings.frames == 3


def test_the_original_is_recorded_beside_it_at_the_same_times(tmp_path):
    recordings = started(tmp_path / "take.mp4", with_original=True)
    app = make_app(
        FakeSource(make_frames(12, fps=10)),
        FakeScreen(is_headless=True),
        recordings,
        settings=Settings(view="edges", auto_gain=False, is_mirrored=True),
    )

    app.run()

    view, original = frames_of(tmp_path / "take.mp4"), frames_of(tmp_path / "take-original.mp4")
    assert [frame.time for frame in view] == [frame.time for frame in original]
    assert original[-1].to_ndarray(format="bgr24").mean() == pytest.approx(11, abs=4)
    assert view[-1].to_ndarray(format="bgr24").max() <= 2


@pytest.mark.parametrize("is_headless", [False, True])
def test_a_recording_begins_with_the_first_filtered_frame_and_the_original_with_the_first(
    tmp_path, is_headless
):
    clock = FakeClock()
    source = FakeSource(make_frames(40), is_live=True)
    screen = FakeScreen(clock=clock, is_headless=is_headless, patience=10_000)
    recordings = started(tmp_path / "take.mp4", with_original=True)
    pipeline = Loading(EdgePipeline(device="cpu", engine="torch"), after=12, clock=clock)
    settings = Settings(view="edges", auto_gain=False, hud="off")
    app = make_app(
        source,
        screen,
        recordings,
        settings=settings,
        pipeline=pipeline,
        capture=FakeCapture(source, clock),
    )

    app.run()

    view, original = frames_of(tmp_path / "take.mp4"), frames_of(tmp_path / "take-original.mp4")
    levels = [round(frame.to_ndarray(format="bgr24").mean()) for frame in original]
    assert view[0].time == original[0].time == 0
    assert levels[0] == pytest.approx(0, abs=2)
    assert 5 < len(view) < len(original) == app.summary().frames_in
    assert max(frame.to_ndarray(format="gray").max() for frame in view) <= 2  # edges of flat ones


@pytest.mark.parametrize("with_hud", [False, True])
def test_text_is_recorded_only_where_asked_for(tmp_path, with_hud):
    app = make_app(
        FakeSource(make_frames(3, size=(320, 240))),
        FakeScreen(clock=FakeClock(), patience=50),
        started(tmp_path / "take.mp4", with_hud=with_hud),
        settings=Settings(view="original", hud="short"),
    )

    app.run()

    brightest = frames_of(tmp_path / "take.mp4")[-1].to_ndarray(format="gray").max()
    assert bool(brightest > 150) is with_hud


@pytest.mark.slow
def test_a_pause_holds_the_picture_while_live_time_runs_on(tmp_path):
    stall = Stall()
    source = FakeSource([*make_frames(1), stall], is_live=True)
    clock = FakeClock()
    screen = FakeScreen(clock=clock, patience=100)  # two seconds of polls
    app = make_app(source, screen, started(tmp_path / "take.mp4"))

    app.run()

    times = times_of(tmp_path / "take.mp4")
    assert len(times) > 4
    assert times[0] == 0
    assert times[-1] == pytest.approx(clock.now, abs=0.6)


@pytest.mark.parametrize("event", ["failing source", "closed window", "error in the loop", "q"])
def test_however_the_run_ends_the_file_is_whole(tmp_path, event):
    frames = make_frames(10, fps=100)
    screen = FakeScreen(clock=FakeClock(), patience=1000)
    errors: tuple = ()
    if event == "failing source":
        source, errors = FakeSource([*frames, SourceError("unplugged")]), (SourceError,)
    else:
        source = FakeSource(frames)
    if event == "q":
        screen._keys = [None] * 6 + ["q"]
    show = screen.show

    def show_until_it_fails(image):
        if len(screen.shown) == 6 and event == "closed window":
            screen.is_open = False
        if len(screen.shown) == 6 and event == "error in the loop":
            raise ZeroDivisionError
        show(image)

    screen.show = show_until_it_fails
    app = make_app(source, screen, started(tmp_path / "take.mp4"))

    with pytest.raises((*errors, ZeroDivisionError)) if errors or "loop" in event else _nothing():
        app.run()

    times = times_of(tmp_path / "take.mp4")
    assert len(times) == app.summary().frames_recorded >= 5
    assert times == pytest.approx([i / 100 for i in range(len(times))], abs=1e-4)


class _nothing:  # noqa: N801 -- as contextlib.nullcontext
    def __enter__(self):
        return self

    def __exit__(self, *_args):
        return False


def test_a_full_disk_ends_the_recording_and_not_the_run(tmp_path, monkeypatch, caplog):
    written = []
    real = os.write

    def write(handle, content):
        written.append(len(content))
        if len(written) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, content)

    monkeypatch.setattr(os, "write", write)
    frames = make_frames(60, fps=10)
    recordings = started(tmp_path / "take.mp4")
    app = make_app(FakeSource(frames), FakeScreen(is_headless=True), recordings)

    app.run()

    monkeypatch.undo()
    assert app.summary().frames_shown == 60
    assert not recordings.is_recording
    [told] = caplog.messages
    count = len(times_of(tmp_path / "take.mp4"))
    assert "take.mp4 stopped (no space left on device)" in told
    assert f"its first {count} pictures are kept" in told
    assert app.summary().frames_recorded == count >= 10


def test_a_disk_that_is_full_at_the_very_end_is_reported(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    recordings = started(tmp_path / "take.mp4")
    image = np.zeros((48, 64, 3), np.uint8)
    for index in range(5):
        recordings.write(image, image, index / 10)

    def write(_handle, _content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    recordings.close()

    [told] = [message for message in caplog.messages if "take.mp4" in message]
    assert "stopped (no space left on device); nothing is kept" in told
    assert recordings.frames == 0
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_cannot_start_is_reported_and_the_run_goes_on(tmp_path):
    path = tmp_path / "take.mp4"
    path.write_bytes(b"precious")
    recordings = RecordingSession(RecordingOptions(path=path))

    assert "exists already" in recordings.toggle()
    assert not recordings.is_recording
    with pytest.raises(RecordingError, match="exists already"):
        recordings.start()


def test_where_the_original_cannot_be_made_no_recording_starts(tmp_path):
    (tmp_path / "take-original.mp4").write_bytes(b"precious")
    recordings = RecordingSession(RecordingOptions(path=tmp_path / "take.mp4", with_original=True))

    assert "take-original.mp4 exists already" in recordings.toggle()

    assert not recordings.is_recording
    assert not (tmp_path / "take.mp4").exists()


def test_the_status_shows_time_and_losses():
    recordings = RecordingSession()
    assert recordings.status == ""

    class Fake:
        duration_s, dropped, frames = 75.2, 3, 9

    recordings._recorders.append(Fake())
    assert recordings.status == "1:15  3 dropped"


def test_the_recording_dot_is_red_and_in_the_corner():
    canvas = np.full((240, 320, 3), 100, np.uint8)

    screen_text.draw_recording(canvas, "0:07")

    rows, columns = np.nonzero((canvas[..., 2] > 200) & (canvas[..., 0] < 100))
    assert rows.max() < 60
    assert columns.min() > 160


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--record", "taken.mp4"], "exists already"),
        (["--record", "take.xyz"], "is not a known video format"),
        (["--record", "gone/take.mp4"], "folder gone does not exist"),
    ],
)
def test_a_recording_that_cannot_begin_ends_the_command(
    tmp_path, monkeypatch, capsys, options, message
):
    monkeypatch.chdir(tmp_path)
    Path("taken.mp4").touch()

    assert main(["run", "demo", "--headless", "--frames", "3", "--device", "cpu", *options]) == 1

    assert message in capsys.readouterr().err


def test_limits_end_a_recording(tmp_path):
    app = make_app(
        FakeSource(make_frames(30)),
        FakeScreen(is_headless=True),
        started(tmp_path / "take.mp4"),
        limits=Limits(frames=7),
    )

    app.run()

    assert len(frames_of(tmp_path / "take.mp4")) == 7


class Stoppable:
    stops = 0

    def stop(self):
        self.stops += 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_the_run_in_order_and_are_given_back(name):
    number, app = getattr(signal, name), Stoppable()
    found = signal.signal(number, signal.default_int_handler)  # under nohup, one is ignored
    try:
        with stopped_by_signals(app.stop):
            signal.raise_signal(number)

            assert app.stops == 1
            is_ctrl_c = name == "SIGINT"
            second = signal.default_int_handler if is_ctrl_c else signal.SIG_DFL
            assert signal.getsignal(number) == second
        assert signal.getsignal(number) == signal.default_int_handler
    finally:
        signal.signal(number, found)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_signal_that_is_ignored_stays_ignored():
    app = Stoppable()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals(app.stop):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert app.stops == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_sigterm_finalises_the_recording(tmp_path):
    path = tmp_path / "take.mp4"
    arguments = ["run", "demo", "--headless", "--size", "160x120", "--engine", "torch"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "live_edges", *arguments, "--record", str(path)]
    command += ["--duration", "60"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as child:
        while child.poll() is None and not (path.exists() and path.stat().st_size > 2000):
            time.sleep(0.02)  # until its first second is on disk
        child.send_signal(signal.SIGTERM)
        told = child.stderr.read().decode()

    assert child.returncode == 0, told
    assert "Traceback" not in told
    assert f"saved {path}" in told
    frames = len(frames_of(path))
    assert f"{frames} recorded" in told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_sigterm_ends_a_run_whose_stream_has_stalled(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    path = tmp_path / "take.mp4"
    arguments = ["run", "--headless", "--engine", "torch", "--view", "original"]
    with serve(*mjpeg_parts(10), stays_open=True) as url:
        command = [sys.executable, "-m", "live_edges", *arguments, "--record", str(path), url]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as child:
            for line in child.stderr:
                if b"device:" in line:  # torch is there, and the stream silent for long
                    break
            sent_at = time.monotonic()
            child.send_signal(signal.SIGTERM)
            told = child.stderr.read().decode()
            code = child.wait(TIMEOUT_S)
            took_s = time.monotonic() - sent_at

    assert code == 0, told
    assert "frames shown" in told
    assert took_s < 10  # and not until the stream speaks again
