import contextlib
from collections import deque

import pytest
from fakes import FakeClock

from live_edges.timing import Durations, Pace, Rate, Stages, Tally


def test_n_events_span_n_minus_1_intervals():
    rate, tally = Rate(), Tally()
    for tick in range(4):
        rate.tick(tick * 0.5)
        tally.tick(tick * 0.5)

    assert rate.per_second == tally.per_second == pytest.approx(2)


@pytest.mark.parametrize("ticks", [[], [1.0], [1.0, 1.0]])
def test_no_rate_without_an_interval(ticks):
    rate, tally = Rate(), Tally()
    for tick in ticks:
        rate.tick(tick)
        tally.tick(tick)

    assert rate.per_second == tally.per_second == 0


def test_a_rate_forgets_what_lies_outside_its_window():
    rate = Rate(window_s=1.0)
    for tick in [0, 0.5, 10, 10.1, 10.2]:
        rate.tick(tick)

    assert rate.per_second == pytest.approx(10)


def test_percentiles_are_in_milliseconds():
    durations = Durations()
    for ms in range(101):
        durations.add(ms / 1e3)

    assert durations.percentiles_ms() == {"p50": 50, "p95": 95, "p99": 99}
    assert durations.recent_ms(3) == pytest.approx(99)


@pytest.mark.parametrize(("count", "ms"), [(1, 9), (2, 8.5), (3, 8), (60, 4.5)])
def test_the_recent_duration_is_the_median_of_the_last_ones(count, ms):
    durations = Durations()
    for each in (100, 100, *range(10)) if count < 60 else range(10):
        durations.add(each / 1e3)

    assert durations.recent_ms(count) == pytest.approx(ms)


def test_the_recent_duration_costs_the_same_however_many_there_were():
    class Counting(deque):
        read = 0

        def __iter__(self):
            raise AssertionError("all of them are read")

        def __reversed__(self):
            for each in super().__reversed__():
                self.read += 1
                yield each

    durations = Durations()
    durations._seconds = Counting([0.001] * 10_000)

    assert durations.recent_ms(60) == pytest.approx(1)
    assert durations._seconds.read <= 61


def test_nothing_measured_is_0():
    assert Durations().percentiles_ms() == {"p50": 0, "p95": 0, "p99": 0}
    assert Durations().recent_ms() == 0


def test_a_stage_is_timed_even_when_it_fails():
    clock = FakeClock()
    stages = Stages(clock)

    with contextlib.suppress(ZeroDivisionError), stages("filter"):
        clock.advance(0.25)
        raise ZeroDivisionError

    assert stages.percentiles_ms()["filter"]["p50"] == 250


def test_a_file_plays_at_its_own_speed():
    clock = FakeClock(100.0)
    pace = Pace(clock)

    assert pace.remaining_s(0.0) == 0
    clock.advance(0.01)
    assert pace.remaining_s(0.04) == pytest.approx(0.03)


def test_a_late_frame_moves_all_that_follow():
    clock = FakeClock()
    pace = Pace(clock)
    pace.remaining_s(0.0)
    clock.advance(5)

    assert pace.remaining_s(0.04) == 0
    assert pace.remaining_s(0.08) == pytest.approx(0.04)


def test_after_a_pause_the_next_frame_is_due_at_once():
    clock = FakeClock()
    pace = Pace(clock)
    pace.remaining_s(0.0)

    pace.restart()

    assert pace.remaining_s(7.0) == 0
