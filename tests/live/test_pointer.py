from dataclasses import replace

import numpy as np
import pytest

from live_edges.display.screen import MouseEvent
from live_edges.live.pointer import DIVIDER_GAP, MAX_ZOOM, steered, zoomed
from live_edges.pipeline.compare import is_right_pointed_at
from live_edges.settings import WHOLE, Settings
from live_edges.sizing import cut, edges_of, in_fractions

FRAME = (640, 360)
SIZES = {"view": FRAME, "area": (1280, 720)}


def wheel(steps, x=640, y=360):
    return MouseEvent("zoom", x, y, factor=1.25**steps)


def steer(*events, start=Settings(), **sizes):  # noqa: B008 -- a frozen value
    for event in events:
        start = steered(start, event, **(SIZES | sizes))
    return start


def test_the_wheel_zooms_into_the_middle_and_back_to_the_whole():
    inside = steer(wheel(2))

    assert inside.region == pytest.approx((0.18, 0.18, 0.64, 0.64), abs=1e-3)
    assert steer(wheel(-2), start=inside).region == WHOLE


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1279, 719), (200, 600)])
def test_what_is_under_the_mouse_stays_there(x, y):
    left, top, width, height = steer(wheel(3, x, y)).region

    assert left + (x + 0.5) / 1280 * width == pytest.approx((x + 0.5) / 1280)
    assert top + (y + 0.5) / 720 * height == pytest.approx((y + 0.5) / 720)


def test_the_zoom_ends_where_a_handful_of_pixels_is_left():
    left, top, right, bottom = edges_of(steer(wheel(100)).region, FRAME)

    assert (right - left, bottom - top) == (FRAME[0] / MAX_ZOOM, round(FRAME[1] / MAX_ZOOM))


def test_the_right_button_moves_the_picture_with_the_mouse_up_to_its_border():
    start = steer(wheel(np.log(2) / np.log(1.25)))
    moved = steer(MouseEvent("drag", 0, 0, dx=-128, dy=72), start=start)

    assert start.region == pytest.approx((0.25, 0.25, 0.5, 0.5), abs=1e-3)
    assert moved.region == pytest.approx((0.3, 0.2, 0.5, 0.5), abs=1e-3)
    assert steer(MouseEvent("drag", 0, 0, dx=9999, dy=0), start=start).region[0] == 0


def test_the_bars_beside_the_picture_are_outside():
    square = {"view": (360, 360)}

    assert steer(MouseEvent("move", 640, 360), **square).pointer == pytest.approx(
        (0.5, 0.5), abs=0.01
    )
    assert steer(MouseEvent("move", 100, 360), **square).pointer is None
    assert steer(wheel(3, 100, 360), **square).region == WHOLE


def test_the_divider_follows_the_mouse_and_stays_where_that_leaves():
    right = steer(MouseEvent("move", 960, 360))
    left = steer(MouseEvent("move", 320, 360), start=right)
    outside = steer(MouseEvent("move", 320, -1), start=left)

    assert Settings().divider == 0.5
    assert right.divider == pytest.approx(0.75 - DIVIDER_GAP, abs=1e-3)
    assert left.divider == pytest.approx(0.25 + DIVIDER_GAP, abs=1e-3)
    assert (outside.divider, outside.pointer) == (left.divider, None)


def test_the_mouse_is_on_the_side_to_which_it_pulled_the_divider():
    start = Settings(against="canny")
    right = steer(MouseEvent("move", 960, 360), start=start)
    a_bit_back = steer(MouseEvent("move", 950, 360), start=right)

    assert is_right_pointed_at(right)
    assert is_right_pointed_at(a_bit_back)
    assert not is_right_pointed_at(steer(MouseEvent("move", 300, 360), start=right))


@pytest.mark.parametrize("panes", [(2, 1), (2, 2), (3, 3)])
def test_each_pane_of_a_view_is_the_picture(panes):
    size = (1280 * panes[0], 720 * panes[1])
    start, sizes = Settings(panes=panes), {"view": size, "area": size}
    expected = steer(wheel(3, 320, 180)).region
    for column in range(panes[0]):
        for row in range(panes[1]):
            event = wheel(3, 320 + 1280 * column, 180 + 720 * row)

            assert steer(event, start=start, **sizes).region == pytest.approx(expected)


def test_the_right_button_moves_as_far_in_a_pane_as_its_picture():
    start, drag = steer(wheel(3)), MouseEvent("drag", 0, 0, dx=-128, dy=72)
    expected = steer(drag, start=start).region
    sizes = {"view": (2560, 1440), "area": (2560, 1440)}

    actual = steer(drag, start=replace(start, panes=(2, 2)), **sizes).region

    assert actual == pytest.approx(expected)


def test_a_region_in_pixels_becomes_fractions():
    assert in_fractions((160, 90, 320, 180), FRAME) == (0.25, 0.25, 0.5, 0.5)
    assert in_fractions((0.1, 0, 0.5, 1), FRAME) == (0.1, 0, 0.5, 1)


def test_without_a_pointer_the_middle_is_enlarged():
    assert zoomed(Settings(), 2).region == (0.25, 0.25, 0.5, 0.5)


@pytest.mark.parametrize(
    ("region", "shape"),
    [
        (WHOLE, (37, 53)),
        ((0.5, 0, 0.5, 1), (37, 27)),
        ((10, 5, 20, 8), (8, 20)),
        ((50, 30, 99, 99), (7, 3)),
        ((999, 999, 5, 5), (1, 1)),
        ((0.999, 0.999, 0.001, 0.001), (1, 1)),
    ],
)
def test_a_region_is_cut_out_as_far_as_it_lies_in_the_picture(region, shape):
    assert cut(np.zeros((37, 53, 3), np.uint8), region).shape[:2] == shape
