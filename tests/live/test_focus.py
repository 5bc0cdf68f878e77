"""The focus number on the screen: its peak, and when its curve begins anew."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from live_edges.live.focus import CURVE_S, FocusMeter
from live_edges.settings import LINE_COLORS, Settings

PEAKING = Settings(view="peaking")
NOTHING = (0, 0, 0, 0)


def picture(sigma):
    steps = np.kron(np.random.default_rng(0).integers(40, 200, (6, 8)), np.ones((16, 16)))
    gray = steps.astype(np.uint8)
    return cv2.cvtColor(cv2.GaussianBlur(gray, (0, 0), sigma), cv2.COLOR_GRAY2BGR)


def racked(meter, sigmas, settings=PEAKING, *, step_s=1.0, start=0.0):
    for index, sigma in enumerate(sigmas):
        meter.follow(picture(sigma), settings, start + index * step_s)
    return meter


def test_the_peak_is_held_when_the_focus_has_passed():
    meter = racked(FocusMeter(), [3, 1, 0.3, 1, 3])

    assert meter.peak > 4 * meter.number
    assert meter.peak == racked(FocusMeter(), [0.3]).number


def test_the_peak_is_forgotten_when_it_has_left_the_curve():
    meter = racked(FocusMeter(), [0.3, 3, 3], step_s=0.6 * CURVE_S)

    assert meter.peak == meter.number


@pytest.mark.parametrize("change", [{"region": (0.2, 0.2, 0.5, 0.5)}, {"is_mirrored": True}])
def test_another_region_begins_a_new_curve(change):
    meter = racked(FocusMeter(), [0.3])

    racked(meter, [3], replace(PEAKING, **change), start=1)

    assert meter.peak == meter.number


@pytest.mark.parametrize("change", [{"view": "overlay"}, {"hud": "off"}])
def test_nothing_is_measured_where_nothing_is_shown(change):
    meter = racked(FocusMeter(), [0.3])

    racked(meter, [0.3], replace(PEAKING, **change))

    assert meter.number is None
    assert meter.peak == 0


def test_a_picture_that_stays_is_measured_once(monkeypatch):
    calls = []
    monkeypatch.setattr("live_edges.live.focus.focus_number", lambda _image: calls.append(1) or 7.0)
    meter, image = FocusMeter(), picture(1)

    for now in range(3):
        meter.follow(image, PEAKING, now)

    assert len(calls) == 1


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720), (3840, 2160)])
def test_the_curve_lies_in_the_lower_right_corner(size):
    canvas = np.full((size[1], size[0], 3), 200, np.uint8)
    meter = racked(FocusMeter(), [3, 2, 1, 0.3, 1])

    meter.draw(canvas, PEAKING, bottom=size[1] - 20, avoid=NOTHING)

    is_drawn = (canvas != 200).any(axis=2)
    assert is_drawn.any()
    assert not is_drawn[: size[1] // 2].any()
    assert not is_drawn[:, : size[0] // 2].any()
    assert not is_drawn[size[1] - 20 :].any()
    assert (canvas == LINE_COLORS["green"]).all(axis=2).any()


@pytest.mark.parametrize(
    ("size", "avoid"), [((90, 50), NOTHING), ((640, 480), (400, 100, 640, 420))]
)
def test_where_there_is_no_room_nothing_is_drawn(size, avoid):
    canvas = np.full((size[1], size[0], 3), 200, np.uint8)

    racked(FocusMeter(), [1]).draw(canvas, PEAKING, bottom=size[1], avoid=avoid)

    assert (canvas == 200).all()
