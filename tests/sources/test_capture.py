import logging

import pytest
from fakes import FakeClock, FakeSource, Stall, make_frames

from live_edges.errors import SourceError
from live_edges.sources.capture import Capture

TIMEOUT_S = 5.0  # never waited for, unless a test fails


def read_all(capture):
    frames = []
    while not capture.ended:
        frame = capture.read(TIMEOUT_S)
        if frame is not None:
            frames.append(frame)
    return frames


def test_a_file_loses_no_frame():
    frames = make_frames(50)

    with Capture(FakeSource(frames)) as capture:
        received = read_all(capture)

    assert received == frames
    assert capture.dropped == 0
    assert capture.frames_in == 50


def test_a_file_is_read_only_a_few_frames_ahead():
    source = FakeSource(make_frames(30))
    ahead = []

    with Capture(source, queue_size=3) as capture:
        for handed_out in range(30):
            assert capture.read(TIMEOUT_S) is not None
            ahead.append(source.reads - handed_out - 1)

    # Three wait in the queue, one in the reader's hand, and one may be on its way there.
    assert max(ahead) <= 5


def test_a_live_source_returns_the_newest_frame_and_counts_the_dropped():
    stall = Stall()
    source = FakeSource([*make_frames(5), stall], is_live=True)

    with Capture(source) as capture:
        assert stall.reached.wait(TIMEOUT_S)
        frame = capture.read(TIMEOUT_S)

    assert frame is not None
    assert frame.index == 4
    assert capture.dropped == 4
    assert capture.frames_in == 5


def test_a_live_source_never_returns_a_frame_twice():
    stall = Stall()
    source = FakeSource([*make_frames(1), stall], is_live=True)

    with Capture(source) as capture:
        assert capture.read(TIMEOUT_S) is not None
        assert stall.reached.wait(TIMEOUT_S)

        assert capture.read(0.0) is None
        assert not capture.ended


def test_a_frame_that_comes_later_is_waited_for():
    stall = Stall()
    frames = make_frames(2)
    source = FakeSource([frames[0], stall, frames[1]], is_live=True)

    with Capture(source) as capture:
        first = capture.read(TIMEOUT_S)
        stall.released.set()
        second = capture.read(TIMEOUT_S)

    assert (first, second) == tuple(frames)


@pytest.mark.parametrize("is_live", [True, False])
def test_an_error_is_raised_after_the_frames_before_it(is_live):
    error = SourceError("the cable is out")
    source = FakeSource([*make_frames(1), error], is_live=is_live)

    with Capture(source) as capture:
        frame = capture.read(TIMEOUT_S)
        with pytest.raises(SourceError, match="the cable is out"):
            capture.read(TIMEOUT_S)

    assert frame is not None
    assert not capture.ended


def test_the_end_is_reached_only_when_every_frame_was_returned():
    source = FakeSource(make_frames(2))

    with Capture(source) as capture:
        ended = [capture.ended]
        while capture.read(TIMEOUT_S) is not None:
            ended.append(capture.ended)

        assert ended[:2] == [False, False]
        assert capture.ended
        assert capture.read(0.0) is None


def test_the_rate_counts_the_intervals_between_new_frames():
    clock = FakeClock()

    with Capture(FakeSource(make_frames(4, fps=25.0)), clock=clock) as capture:
        read_all(capture)

        assert capture.fps == pytest.approx(25.0)


def test_the_rate_of_a_camera_that_has_stopped_is_zero():
    clock = FakeClock()
    stall = Stall()
    source = FakeSource([*make_frames(4), stall], is_live=True)

    with Capture(source, clock=clock) as capture:
        assert stall.reached.wait(TIMEOUT_S)
        before = capture.fps
        clock.advance(3.0)

        assert before > 0
        assert capture.fps == 0


def test_closing_interrupts_a_waiting_reader_and_closes_the_source_once():
    stall = Stall()
    source = FakeSource([stall])
    capture = Capture(source)

    with capture:
        assert stall.reached.wait(TIMEOUT_S)
    capture.close()

    assert source.is_interrupted
    assert source.closes == 1


def test_closing_frees_a_reader_that_waits_for_room():
    source = FakeSource(make_frames(100))

    with Capture(source, queue_size=1) as capture:
        assert capture.read(TIMEOUT_S) is not None

    assert source.closes == 1


def test_a_capture_that_was_never_started_closes_its_source():
    source = FakeSource([])

    Capture(source).close()

    assert source.closes == 1


def test_a_reader_that_hangs_is_left_behind_and_its_source_not_closed(caplog):
    stall = Stall(obeys=False)
    source = FakeSource([stall])

    with caplog.at_level(logging.WARNING), Capture(source, join_s=0.01) as capture:
        assert stall.reached.wait(TIMEOUT_S)
    closes = source.closes
    stall.released.set()
    capture._thread.join(TIMEOUT_S)  # so that it does not outlive the test

    assert closes == 0
    assert [record.getMessage() for record in caplog.records] == [
        "fake does not respond; its thread is left behind"
    ]
