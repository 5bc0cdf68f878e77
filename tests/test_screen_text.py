import numpy as np
import pytest

from live_edges import screen_text

SIZES = [(720, 1280), (1, 1), (37, 53), (240, 240), (240, 320), (2160, 3840)]
LINES = [["sobel", "overlay"], ["camera 30.0 fps", "pipeline 30.0 fps", "dropped 0"]]


@pytest.mark.parametrize("size", SIZES)
def test_text_stays_inside_pictures_of_any_size(size):
    canvas = np.full((*size, 3), 200, np.uint8)

    screen_text.draw_lines(canvas, LINES, swatch=(0, 255, 0))
    screen_text.draw_toast(canvas, "saved live-edges-20260101-120000-edges.png")
    screen_text.draw_recording(canvas, "0:12")

    assert canvas.shape == (*size, 3)


@pytest.mark.parametrize("size", [size for size in SIZES if min(size) > 100])
def test_lines_leave_the_lower_two_thirds_free(size):
    canvas = np.zeros((*size, 3), np.uint8)

    height = screen_text.draw_lines(canvas, LINES * 20)

    assert 0 < np.flatnonzero(canvas.any(axis=(1, 2))).max() < height <= 0.36 * size[0]


def test_lines_are_not_drawn_where_there_is_no_room():
    canvas = np.full((240, 320, 3), 200, np.uint8)

    assert screen_text.draw_lines(canvas, LINES, avoid=(0, 20, 320, 240)) == 0
    assert (canvas == 200).all()


def test_a_line_that_is_too_long_goes_on_below():
    font = screen_text.Font(0.5)

    rows = font.wrapped(["one", "frame", "then", "pause"], font.width("then pause"))

    assert rows == ["one frame", "then pause"]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_text_stands_out_from_every_background(level):
    canvas = np.full((480, 640, 3), level, np.uint8)

    screen_text.draw_toast(canvas, "saved")

    box = canvas[-16:, 310:330]
    assert box.max() > 200
    assert box[-2:].max() < 70


def test_text_grows_with_the_picture():
    small, normal, large = (
        screen_text.font_for(np.zeros((height, height * 16 // 9, 3), np.uint8)).line
        for height in (240, 720, 2160)
    )

    assert 14 < small < normal
    assert large > 2.5 * normal


def test_a_toast_lies_at_the_lower_edge_in_the_middle():
    canvas = np.zeros((720, 1280, 3), np.uint8)

    screen_text.draw_toast(canvas, "saved")

    y, x = np.argwhere(canvas.any(axis=2)).mean(axis=0)
    assert y > 640
    assert abs(x - 640) < 20
