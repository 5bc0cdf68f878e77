import numpy as np
import pytest

from live_edges import text

SIZES = [(720, 1280), (1, 1), (37, 53), (240, 240), (2160, 3840)]


@pytest.mark.parametrize("size", SIZES)
def test_text_stays_inside_pictures_of_any_size(size):
    canvas = np.full((*size, 3), 200, np.uint8)

    text.draw_lines(canvas, ["sobel   overlay", "camera 30 fps"], swatch=(0, 255, 0))
    text.draw_table(canvas, [("q", "quit")] * 30)
    text.draw_toast(canvas, "saved")

    assert canvas.shape == (*size, 3)


def test_the_whole_table_fits_into_its_box():
    canvas = np.zeros((480, 640, 3), np.uint8)

    height = text.draw_table(canvas, [(str(n), "what this key does") for n in range(30)])

    rows = np.flatnonzero(canvas.any(axis=(1, 2)))
    assert rows.min() > 0
    assert rows.max() < height <= 480


def test_text_grows_with_the_picture():
    small, large = np.zeros((360, 640, 3), np.uint8), np.zeros((1440, 2560, 3), np.uint8)

    heights = [text.draw_table(canvas, [("q", "quit")]) for canvas in (small, large)]

    assert heights[1] > 2 * heights[0]


def test_a_toast_lies_at_the_lower_edge_in_the_middle():
    canvas = np.zeros((720, 1280, 3), np.uint8)

    text.draw_toast(canvas, "saved")

    y, x = np.argwhere(canvas.any(axis=2)).mean(axis=0)
    assert y > 640
    assert abs(x - 640) < 20
