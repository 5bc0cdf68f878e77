import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.pipeline import views
from live_edges.pipeline.views import Picture, overlay, without_weak
from live_edges.settings import LINE_COLORS, VIEWS, Settings


def painted(view, image, edges):
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")
    return views.VIEWS[view].paint(Picture(image, edges, Settings(view=view), pipeline))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture
def edges():
    return np.random.default_rng(1).integers(0, 256, (37, 53), dtype=np.uint8)


@pytest.mark.parametrize("color", LINE_COLORS.values(), ids=LINE_COLORS)
def test_overlay_blends_by_the_strength_of_the_edge(image, edges, color):
    opacity = edges[..., None] / 255
    expected = image + (np.array(color) - image) * opacity

    assert np.abs(overlay(image, edges, color) - expected).max() <= 1


def test_side_puts_the_picture_left_and_the_edges_right(image, edges):
    both = painted("side", image, edges)

    np.testing.assert_array_equal(both[:, :53], image)
    np.testing.assert_array_equal(both[:, 53:, 1], edges)


def test_edges_are_white_on_black(image, edges):
    np.testing.assert_array_equal(
        painted("edges", image, edges), np.repeat(edges[..., None], 3, axis=2)
    )


def test_mask_shows_the_picture_where_its_edges_are(image, edges):
    expected = image * (edges[..., None] / 255)

    assert np.abs(painted("mask", image, edges) - expected).max() <= 1


def test_the_table_of_views_is_the_list_of_their_names():
    assert tuple(views.VIEWS) == VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_writes_to_the_picture(view, image, edges):
    image.flags.writeable = edges.flags.writeable = False

    assert painted(view, image, edges).dtype == np.uint8


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("inf"), float("nan"), None])
def test_a_threshold_out_of_range_is_a_value_error(threshold):
    with pytest.raises(ValueError, match=r"threshold is .* from 0 to 1"):
        without_weak(np.zeros((3, 5), np.uint8), threshold)
