"""A live source that is lost and comes back: who opens it again, when, and what is told."""

import dataclasses
import logging
import threading
import time
from concurrent.futures import Future
from itertools import pairwise

import av
import numpy as np
import pytest
from fakes import FakeClock, FakeScreen, FakeSource, Stall, make_frames
from media import MjpegServer, serve, write_video
from test_app import make_app

from live_edges import EdgePipeline
from live_edges.cli import parse
from live_edges.errors import SourceError
from live_edges.filters.catalog import catalog
from live_edges.live.app import App
from live_edges.live.hud import HeadUpDisplay, Status
from live_edges.live.limits import Limits
from live_edges.live.stats import Meter
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources.capture import HANG_S, Capture
from live_edges.sources.outages import STALL_S, Outages, SlowDetector
from live_edges.sources.stream import NetworkStream
from live_edges.timing import Durations, Stages

TIMEOUT_S = 5.0  # bounds a failure only
LOST = SourceError("the cable is out")


def back(*script):
    return FakeSource(script, is_live=True)


def live(*script, comebacks):
    return FakeSource(script, is_live=True, comebacks=comebacks)


def watched(source, clock=None, **options):
    return Capture(source, clock=clock or FakeClock(), retry_s=0.001, join_s=TIMEOUT_S, **options)


def read_frames(capture, count, frames=()):
    """Read until so many frames have come."""
    frames = list(frames)
    end = time.monotonic() + TIMEOUT_S
    while len(frames) < count:
        assert time.monotonic() < end, f"only {len(frames)} of {count} frames"
        if (frame := capture.read(0.01)) is not None:
            frames.append(frame)
    return frames


def until(is_true):
    end = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_command_line_and_the_capture_agree_on_what_a_stall_is():
    assert parse(["run"]).stall_timeout == STALL_S


def test_an_outage_lasts_from_the_newest_frame_to_the_next():
    clock = FakeClock(100.0)
    outages = Outages(2.0, clock=clock)

    clock.advance(1.9)
    before = outages.current_s
    clock.advance(0.2)
    during = (outages.current_s, outages.count, outages.total_s)
    outages.end()
    clock.advance(0.5)
    outages.begin()  # known to be lost, though the newest frame is young
    clock.advance(0.5)

    assert before == 0
    assert during == pytest.approx((2.1, 1, 2.1))
    assert (outages.current_s, outages.count, outages.total_s) == pytest.approx((1.0, 2, 3.1))


@pytest.mark.parametrize("how", [LOST, None])
def test_a_source_that_fails_or_ends_is_opened_again_until_it_is_back(how, caplog):
    gate, stall = Stall(), Stall()
    again = back(*make_frames(1), stall)
    broken = [how] if how else []
    source = live(*make_frames(1), gate, *broken, comebacks=[LOST, LOST, again])

    with caplog.at_level(logging.INFO), watched(source) as capture:
        received = read_frames(capture, 1)
        gate.released.set()
        received += read_frames(capture, 1)
        assert stall.reached.wait(TIMEOUT_S)

        assert [frame.index for frame in received] == [0, 1]
        assert capture.source is again
        assert (source.closes, again.closes) == (1, 0)
    assert again.closes == 1
    assert "trying to open it again" in caplog.messages[0]
    assert caplog.messages[1] == "the cable is out"  # once, however often it is tried
    assert "is back after" in caplog.messages[2]
    assert len(caplog.messages) == 3


def test_a_source_that_stalls_is_woken_up_and_opened_again():
    clock, stall, end = FakeClock(), Stall(), Stall()
    source = live(*make_frames(1), stall, comebacks=[back(*make_frames(1), end)])

    with watched(source, clock) as capture:
        read_frames(capture, 1)
        assert stall.reached.wait(TIMEOUT_S)
        clock.advance(1.9)
        assert capture.read(0.0) is None
        is_left_alone = not source.is_interrupted
        clock.advance(0.2)
        during_s = capture.outage_s
        read_frames(capture, 1)

        assert is_left_alone
        assert during_s == pytest.approx(2.1)
        assert capture.outage_s == 0
        assert (capture.outages.count, capture.outages.total_s) == (1, pytest.approx(2.1))


def test_a_source_that_hangs_for_good_is_left_behind_and_closed_by_its_own_thread(caplog):
    clock, stall, end = FakeClock(), Stall(obeys=False), Stall()
    source = live(*make_frames(1), stall, comebacks=[back(*make_frames(1), end)])

    with watched(source, clock) as capture:
        read_frames(capture, 1)
        assert stall.reached.wait(TIMEOUT_S)
        hanging = capture._thread
        clock.advance(2.1)
        assert capture.read(0.0) is None
        clock.advance(HANG_S)
        read_frames(capture, 1)
        closes_in_read = source.closes
        stall.released.set()
        hanging.join(TIMEOUT_S)

        assert closes_in_read == 0
        assert source.closes == 1
        assert "hangs" in caplog.text


def test_a_driver_that_repeats_one_picture_is_noticed_and_opened_again():
    clock, end = FakeClock(), Stall()
    first, *others = make_frames(3)
    again = back(others[1], end)
    source = Repeating(first, clock, comebacks=[again])

    with watched(source, clock) as capture:
        until(lambda: capture.frames_in == 2)
        newest = read_frames(capture, 1)[-1]

        assert int(newest.image[0, 0, 0]) == 2
        assert capture.source is again
        assert capture.outages.count == 1


@pytest.mark.parametrize("who", ["the reader", "the watch"])
def test_a_camera_that_looks_at_something_that_stands_still_is_opened_again_once(who):
    clock = FakeClock()
    first = make_frames(1)[0]
    again = Repeating(first, clock)
    source = Repeating(first, clock, comebacks=[again])

    with watched(source, clock) as capture:
        received = read_frames(capture, 1)
        if who == "the watch":  # wakes it up before the reader has noticed
            clock.advance(2.1)
            assert capture.read(0.0) is None
        received += read_frames(capture, 49)

        assert capture.source is again
        assert capture.outages.count == 1
        assert [frame.index for frame in received] == sorted(frame.index for frame in received)


class Repeating(FakeSource):
    """A camera that delivers one picture again and again, ten times a second."""

    is_camera = True

    def __init__(self, frame, clock, *, comebacks=()):
        super().__init__([frame], is_live=True, comebacks=comebacks)
        self._frame, self._clock = frame, clock

    def read(self):
        if self.is_interrupted:
            return None
        self._clock.advance(0.1)
        time.sleep(0.0005)
        return dataclasses.replace(self._frame, timestamp=self._clock.now)


def test_an_outage_that_lasts_too_long_is_an_error():
    clock = FakeClock()
    source = live(*make_frames(1), LOST, comebacks=[LOST] * 100)

    with watched(source, clock, give_up_s=60) as capture:
        read_frames(capture, 1)
        until(lambda: capture.outage_s > 0 or clock.advance(1))
        clock.advance(61)
        with pytest.raises(SourceError, match=r"fake did not come back within 60 s; check its"):
            capture.read(0.001)


def test_who_gives_up_at_once_gets_the_error_itself():
    source = live(*make_frames(1), LOST, comebacks=[back()])

    with watched(source, give_up_s=0) as capture:
        read_frames(capture, 1)

        with pytest.raises(SourceError, match="the cable is out"):
            capture.read(TIMEOUT_S)


def test_an_error_of_the_program_is_no_outage():
    source = live(*make_frames(1), ZeroDivisionError(), comebacks=[back()])

    with watched(source) as capture:
        read_frames(capture, 1)

        with pytest.raises(ZeroDivisionError):
            capture.read(TIMEOUT_S)


def test_closing_ends_the_wait_for_a_lost_source_at_once():
    source = live(*make_frames(1), LOST, comebacks=[LOST])
    capture = Capture(source, retry_s=60, clock=FakeClock())

    with capture:
        read_frames(capture, 1)
        until(lambda: source.closes)
    begin = time.monotonic()
    capture._thread.join(TIMEOUT_S)

    assert time.monotonic() - begin < 1
    assert not capture._thread.is_alive()


def test_a_source_that_has_just_come_back_is_given_time_for_its_first_frame():
    clock, gate, end = FakeClock(), Stall(), Stall()
    again = back(gate, *make_frames(1), end)
    source = live(*make_frames(1), LOST, comebacks=[again])
    source.reopened = lambda: (clock.advance(30), FakeSource.reopened(source))[1]

    with watched(source, clock) as capture:
        read_frames(capture, 1)
        assert gate.reached.wait(TIMEOUT_S)
        assert capture.read(0.0) is None
        is_left_alone = not again.is_interrupted
        gate.released.set()
        read_frames(capture, 1)

    assert is_left_alone


def test_a_source_that_comes_back_while_the_capture_closes_is_closed_as_well():
    opening, go = threading.Event(), threading.Event()
    again = back(*make_frames(1))

    class Slow(FakeSource):
        def reopened(self):
            opening.set()
            assert go.wait(TIMEOUT_S)
            return again

    source = Slow([*make_frames(1), LOST], is_live=True, comebacks=[again])
    capture = Capture(source, retry_s=0.001, join_s=0.01, clock=FakeClock())
    with capture:
        read_frames(capture, 1)
        assert opening.wait(TIMEOUT_S)
    go.set()
    capture._thread.join(TIMEOUT_S)

    assert again.closes == 1
    assert again.reads == 0


def test_waits_between_attempts_get_longer_up_to_five_seconds(monkeypatch):
    waited = []
    capture = Capture(live(comebacks=[LOST] * 6), clock=FakeClock())
    monkeypatch.setattr(capture, "_waits", lambda s: waited.append(s) is None and len(waited) < 7)

    capture.source.close()
    capture._found_again(capture.source)

    assert waited == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    capture.close()


def delivering(fps, *, seconds, nominal_fps):
    """Read a camera of that mode for so long; returns what it logs at which second."""
    clock = FakeClock()
    slow = SlowDetector(nominal_fps, clock=clock)
    told = []
    while clock.now < seconds:
        clock.advance(1 / fps)
        if slow.detects(fps):
            told.append((round(clock.now), str(slow)))
    return told


def test_a_camera_far_slower_than_its_mode_is_told_once():
    [(second, sentence)] = delivering(12.5, seconds=60, nominal_fps=30)

    assert second == 5
    assert sentence.startswith("delivers only 12.5 frames a second: in dim light")


@pytest.mark.parametrize(("fps", "nominal_fps"), [(25, 30), (18.1, 30), (5, 0), (60, 30)])
def test_a_camera_that_is_about_as_fast_as_its_mode_is_not(fps, nominal_fps):
    assert delivering(fps, seconds=60, nominal_fps=nominal_fps) == []


def test_a_camera_that_has_just_come_back_is_not_called_slow(caplog):
    clock, end = FakeClock(), Stall()

    class Ticking(FakeSource):
        is_camera = True

        def read(self):
            clock.advance(1 / 30)
            time.sleep(0.0005)
            frame = super().read()
            return frame and dataclasses.replace(frame, timestamp=clock.now)

    again = Ticking([*make_frames(100), end], is_live=True)
    source = Ticking([*make_frames(300), LOST], is_live=True, comebacks=[LOST, again])
    source.reopened = lambda: (clock.advance(20), FakeSource.reopened(source))[1]
    again.mode = source.mode

    with watched(source, clock):
        assert end.reached.wait(TIMEOUT_S)

    assert not [text for text in caplog.messages if "delivers only" in text]


def test_the_run_tells_of_a_slow_camera(caplog):
    clock, end = FakeClock(), Stall()
    frames = [dataclasses.replace(f, timestamp=f.index / 10) for f in make_frames(90)]

    class Slow(FakeSource):
        is_camera = True

        def read(self):
            frame = super().read()
            clock.now = frame.timestamp if frame else clock.now
            return frame

    source = Slow([*frames, end], is_live=True)
    source.name = "Desk cam"

    with watched(source, clock):
        assert end.reached.wait(TIMEOUT_S)

    assert [text for text in caplog.messages if "Desk cam delivers only 10.0 frames" in text]
    assert len(caplog.messages) == 1


STATUS = Status("cpu", "torch", 30.0, 30.0, 0, Durations(), Stages())


def test_the_picture_of_a_lost_source_is_dimmed_and_says_so():
    hud = HeadUpDisplay([], {}, source="Desk cam", clock=FakeClock(9.0))
    view = np.full((360, 640, 3), 200, np.uint8)
    settings = Settings(hud="off")

    lost = dataclasses.replace(STATUS, outage_s=12.3)
    untouched = view.copy()
    hud.draw(untouched, settings, STATUS)
    hud.draw(view, settings, lost)

    assert (view[100, 100] == 80).all()
    assert view[-60:].max() > 200  # the words
    assert "lost, reconnecting (12 s)" in hud.one_line(settings, lost)
    assert (untouched == 200).all()


def test_no_frames_per_second_are_shown_during_an_outage():
    clock = FakeClock()
    meter = Meter(clock)
    for _ in range(10):
        clock.advance(0.1)
        meter.count(clock.now, "torch")
    before = meter.fps
    clock.advance(2.1)

    assert before == pytest.approx(10)
    assert meter.fps == 0


def test_keys_pause_and_quitting_work_during_an_outage():
    clock = FakeClock()
    source = live(*make_frames(1), LOST, comebacks=[LOST] * 1000)
    screen = FakeScreen([None, "v", "space", "space", None, "q"], clock=clock, patience=10_000)
    capture = watched(source, clock)
    app = make_app(source, screen, capture=capture, settings=Settings(view="edges"))

    app.run()

    assert app.settings.view == "overlay"
    assert not app.settings.is_paused
    assert app.summary().outages == 1
    assert app.summary().outage_s > 0
    assert "1 outages" in str(app.summary())


@pytest.mark.slow
def test_without_a_window_a_lost_source_ends_the_run_in_the_end_but_not_its_statistics():
    clock = FakeClock()
    source = live(*make_frames(3), LOST, comebacks=[LOST] * 1000)
    screen = FakeScreen(clock=clock, is_headless=True)
    screen.poll = lambda timeout_s: clock.advance(0.5)
    capture = watched(source, clock, give_up_s=60)
    app = make_app(source, screen, capture=capture, limits=Limits(duration_s=1000))

    with pytest.raises(SourceError, match="did not come back within 60 s"):
        app.run()

    assert app.summary().outages == 1
    assert 60 < app.summary().outage_s < 70
    assert "lost, reconnecting (59 s)" in screen.statuses


@pytest.fixture
def camera_server():
    server = MjpegServer()
    server.switch_on()
    yield server
    server.mood = "hang up"
    server.switch_off()


def watched_stream(server):
    source = NetworkStream(server.url, timeout_s=0.4)
    return Capture(source, stall_s=0.4, retry_s=0.05)


def test_a_network_camera_that_is_switched_off_and_on_comes_back(camera_server):
    with watched_stream(camera_server) as capture:
        read_frames(capture, 3)
        camera_server.switch_off()
        until(lambda: capture.outage_s)
        camera_server.switch_on()
        read_frames(capture, 3)

        assert capture.outages.count == 1
        assert capture.outage_s == 0


@pytest.mark.parametrize("mood", ["silence", "garbage", "hang up"])
def test_a_network_camera_that_sends_no_pictures_for_a_while_comes_back(camera_server, mood):
    with watched_stream(camera_server) as capture:
        read_frames(capture, 3)
        camera_server.mood = mood
        until(lambda: capture.outage_s)
        camera_server.mood = "pictures"
        while capture.outage_s:
            capture.read(0.05)
        read_frames(capture, 3)

        assert capture.outages.count >= 1


@pytest.mark.slow
def test_a_tcp_stream_that_is_cut_off_comes_back(tmp_path):
    content = write_video(tmp_path / "clip.ts", 20).read_bytes()

    with serve(
        content[: len(content) // 2], is_asked=False
    ) as url:  # cut off in mid-picture, each time anew
        source = NetworkStream(url.replace("http", "tcp").removesuffix("/live"), timeout_s=1)
        with Capture(source, stall_s=0.4, retry_s=0.01) as capture:
            until(lambda: capture.outages.count == 0 and capture.frames_in)
            until(lambda: capture.outages.count >= 2)
            frames = read_frames(capture, 1)

    assert frames[0].image.shape == (48, 64, 3)


@pytest.mark.slow
def test_a_recording_goes_on_across_an_outage_with_true_times(camera_server, tmp_path):
    recordings = RecordingSession(RecordingOptions(path=tmp_path / "take.mp4"))
    recordings.start()
    begin = time.monotonic()

    class Switching(FakeScreen):
        """Switches the camera off after half a second, and on again after 1.2 s."""

        def poll(self, timeout_s):
            now = time.monotonic() - begin
            if self.next_at and now > self.next_at[0]:
                self.next_at.pop(0)
                (camera_server.switch_off if self.next_at else camera_server.switch_on)()
            time.sleep(min(timeout_s, 0.005))

    screen = Switching(is_headless=True)
    screen.next_at = [0.5, 1.2]
    pipeline = Future()
    pipeline.set_result(EdgePipeline(device="cpu", engine="torch"))
    app = App(
        watched_stream(camera_server),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=Settings(view="original"),
        limits=Limits(duration_s=2.5),
        recordings=recordings,
    )

    app.run()

    with av.open(str(tmp_path / "take.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert app.summary().outages == 1
    assert app.summary().outage_s == pytest.approx(0.8, abs=0.5)
    assert times[-1] == pytest.approx(2.5, abs=0.3)
    assert max(b - a for a, b in pairwise(times)) < 0.6  # the picture is held meanwhile
