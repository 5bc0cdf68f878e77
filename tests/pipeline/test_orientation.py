"""Orientation: hue tells which way the picture gets brighter, whatever the filter."""

import colorsys

import numpy as np
import pytest
from test_direction import WITH_DIRECTION

from live_edges import EdgePipeline
from live_edges.pipeline.direction import turn_in
from live_edges.pipeline.orientation import axes, hued
from live_edges.pipeline.views import VIEWS, Picture
from live_edges.screen_text import text_height
from live_edges.settings import Settings
from live_edges.sources.scene import Scene

STEP = np.zeros((300, 300, 3), np.uint8)
STEP[:, 150:] = 200


def shown(name, image, edges=None):
    pipeline = EdgePipeline(name, device="cpu", engine="torch")
    edges = pipeline(image) if edges is None else edges
    return VIEWS["orientation"].paint(Picture(image, edges, Settings(filter=name), pipeline)), edges


@pytest.mark.parametrize(("turns", "degrees"), [(0, 0), (1, 270), (2, 180), (3, 90)])
@pytest.mark.parametrize("name", sorted(WITH_DIRECTION))
def test_the_hue_is_the_direction_in_which_it_gets_brighter(name, turns, degrees):
    step = np.rot90(STEP, turns)

    picture, edges = shown(name, step)

    x, y = (150, 150) if turns % 2 == 0 else (150, 149)
    y, x = np.unravel_index(np.argmax(edges[100:200, 100:200]), (100, 100))
    red, green, blue = colorsys.hsv_to_rgb(degrees / 360, 1, edges[y + 100, x + 100] / 255)
    expected = np.array((blue, green, red)) * 255
    assert np.abs(picture[y + 100, x + 100] - expected).max() <= (12 if "learned" in name else 2)


def test_no_colour_is_brighter_than_the_edge_and_flat_areas_are_black():
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 256, (37, 53), dtype=np.uint8)
    responses = rng.normal(size=(2, 37, 53)).astype(np.float32)

    picture = hued(responses, edges, axes())

    np.testing.assert_array_equal(picture.max(axis=2) <= edges, True)
    assert not hued(responses * 0, edges * 0, axes()).any()
    assert (picture.max(axis=2) >= 0.86 * edges.astype(float) - 1).all()


@pytest.mark.parametrize("name", ["sobel", "gaussian-gradient", "roberts"])
def test_the_loops_paint_what_is_defined_in_every_band_of_a_picture(name):
    image = Scene((641, 479)).at(40, 1.3)
    fast = EdgePipeline(name, device="cpu", engine="numba", gain=3.0)
    edges = fast(image)
    weights = axes() @ turn_in(fast)

    painted = fast.painted_responses("orientation", image, edges, weights)

    expected = hued(fast.responses(image), edges, weights)
    assert np.abs(painted.astype(int) - expected).max() <= 1
    fast.close()


def test_the_wheel_in_the_corner_has_the_hue_of_its_directions():
    picture, _ = shown("sobel", np.zeros((300, 300, 3), np.uint8))
    top = text_height(picture)
    key = picture[top : top + 37, -44:-7]  # an eighth of the height
    middle = len(key) // 2

    np.testing.assert_array_equal(key[middle, -4], (0, 0, 255))
    np.testing.assert_array_equal(key[middle, 3], (255, 255, 0))
    assert key[-4, middle].argmax() == 1


def test_a_filter_without_direction_says_so_and_shows_its_edges():
    picture, edges = shown("log", STEP)

    np.testing.assert_array_equal(picture[:200], np.repeat(edges[:200, :, None], 3, axis=2))
    assert (picture[-30:, :200] > 200).any()  # the sentence


def test_a_picture_without_room_has_no_wheel():
    picture, _ = shown("sobel", np.zeros((60, 90, 3), np.uint8))

    assert not picture.any()
