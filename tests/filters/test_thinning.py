"""Thin lines: laws that hold whatever filter made the edges, and lines drawn by every filter."""

import cv2
import numpy as np
import pytest
import torch

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.filters.thinning import thin
from live_edges.pipeline.thinning import STRIP_PIXELS, thinned

FILTERS = catalog().items()
THICK = [name for name, entry in FILTERS if not (entry.is_binary or entry.net)]
LINES_OF_STEPS = [name for name in THICK if name != "log"]  # which answers on both sides of a step
ROW, COLUMN = np.mgrid[:120, :160]
SHAPES = {
    "step": COLUMN >= 80,
    "diagonal": COLUMN + ROW > 140,
    "falling diagonal": COLUMN - ROW > 20,
    "tilted": COLUMN + 0.1 * ROW > 90,
    "corner": (COLUMN > 60) & (ROW > 40),
    "circle": (COLUMN - 80) ** 2 + (ROW - 60) ** 2 <= 45**2,
}


def edges_of(name, shape, **options):
    image = np.where(SHAPES[shape], 200, 30).astype(np.uint8)
    return EdgePipeline(name, device="cpu", engine="torch", **options)(image)


def components(mask, connectivity=8):
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)[0] - 1


def noise(*size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def row(*levels):
    return np.array([levels], np.uint8)


@pytest.mark.parametrize("name", THICK)
def test_the_step_of_every_filter_becomes_one_column(name):
    ridges = edges_of(name, "step", is_thin=True)

    assert ((ridges > 100).sum(axis=1) == 1).all()
    assert (np.ptp(ridges, axis=0) == 0).all()


def test_of_the_two_equal_columns_of_sobel_the_left_one_stays():
    thick, ridges = (edges_of("sobel", "step", is_thin=is_thin) for is_thin in (False, True))

    assert thick[0].nonzero()[0].tolist() == [79, 80]
    assert ridges[0].nonzero()[0].tolist() == [79]
    assert (ridges[:, 79] == thick[:, 79]).all()


def test_of_two_equal_rows_the_upper_one_stays():
    assert thinned(edges_of("sobel", "step").T.copy())[:, 0].nonzero()[0].tolist() == [79]


@pytest.mark.parametrize("name", LINES_OF_STEPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_one_unbroken_line(name, shape):
    thick, ridges = (edges_of(name, shape, is_thin=is_thin) > 60 for is_thin in (False, True))

    assert components(ridges) == components(thick) == 1
    if shape != "corner":  # around which a wide kernel's line may have a hole
        assert components(~ridges, connectivity=4) == 2


@pytest.mark.parametrize("shape", SHAPES)
def test_of_the_map_of_a_net_the_ridges_are_kept(shape):
    thick, ridges = (edges_of("boundary", shape, is_thin=is_thin) for is_thin in (False, True))

    np.testing.assert_array_equal(ridges, thinned(thick))
    assert 0 < (ridges > 60).sum() < (thick > 60).sum() / 2


@pytest.mark.parametrize("name", THICK)
def test_no_line_is_two_pixels_wide(name):
    ridges = edges_of(name, "circle", is_thin=True) > 60
    blocks = ridges[1:, 1:] & ridges[1:, :-1] & ridges[:-1, 1:] & ridges[:-1, :-1]

    assert blocks.sum() <= (8 if name == "log" else 0)  # whose two lines touch in places


@pytest.mark.parametrize(
    ("levels", "at"),
    [
        ((0, 0, 0, 9, 0, 0, 0, 0), [3]),
        ((0, 0, 0, 255, 255, 0, 0, 0), [3]),
        ((0, 0, 255, 255, 255, 0, 0, 0), [3]),
        ((0, 0, 255, 255, 255, 255, 0, 0), [3]),
        ((0, 0, 3, 5, 4, 1, 0, 0), [3]),
        ((0, 0, 0, 7, 0, 7, 0, 0), [3, 5]),
        ((5, 5, 5, 5, 5, 5, 5, 5), []),
        ((1, 2, 3, 4, 5, 6, 7, 8), []),
        ((8, 7, 6, 5, 4, 3, 2, 1), []),
        ((0, 0, 0, 0, 0, 0, 0, 0), []),
    ],
)
def test_a_row_and_a_column_keep_their_ridges(levels, at):
    along = row(*levels)

    for ridges in (thinned(along)[0], thinned(along.T.copy())[:, 0]):
        assert ridges.nonzero()[0].tolist() == at
        assert (ridges[at] == along[0, at]).all()


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 3), (37, 53)])
def test_what_is_the_same_all_over_has_no_ridge_and_no_frame(size, level):
    assert not thinned(np.full(size, level, np.uint8)).any()


def test_slopes_have_no_ridge_and_no_frame():
    for slope in (ROW, COLUMN, ROW[::-1], COLUMN[:, ::-1], (ROW + COLUMN)[:100, :150]):
        assert not thinned(slope.astype(np.uint8)).any()


def test_a_line_goes_on_up_to_the_border():
    assert (thinned(edges_of("sobel", "tilted")).any(axis=1)).all()


def test_a_ridge_is_as_strong_as_it_was():
    edges = noise(37, 53)
    ridges = thinned(edges)

    assert set(np.unique(ridges[ridges != edges])) == {0}
    assert 0.05 < (ridges > 0).mean() < 0.3


def test_twice_as_strong_edges_have_the_same_ridges():
    edges = noise(37, 53) // 5

    np.testing.assert_array_equal(thinned(5 * edges), 5 * thinned(edges))


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose])
def test_a_turned_picture_has_the_turned_ridges_but_for_ties(turn):
    edges = noise(137, 153)

    differing = thinned(turn(edges).copy()) != turn(thinned(edges))

    assert differing.mean() < 0.002


def test_a_shifted_picture_has_the_shifted_ridges_away_from_the_border():
    edges = noise(60, 70)

    np.testing.assert_array_equal(thinned(edges[7:, 5:])[4:, 4:], thinned(edges)[11:, 9:])


def test_strips_are_as_good_as_the_whole_and_a_batch_as_its_pictures():
    both = noise(2, 3 * STRIP_PIXELS // 400, 400)

    whole = thin(torch.from_numpy(both)[:, None])

    for edges, ridges in zip(both, whole, strict=True):
        np.testing.assert_array_equal(thinned(edges), ridges[0])
