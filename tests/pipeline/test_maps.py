import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from live_edges import EdgePipeline
from live_edges.pipeline import maps
from live_edges.pipeline.views import VIEWS, Picture
from live_edges.settings import Settings

WHITE = np.array((255, 255, 255))
BAR = np.zeros((360, 640, 3), np.uint8)
BAR[:, 240:400] = 255
TILE = (180, 320)


def shown(pipeline, image=BAR, gain=1.0, edges=None):
    edges = np.zeros(image.shape[:2], np.uint8) if edges is None else edges
    settings = Settings(view="maps", gain=gain)
    return VIEWS["maps"].paint(Picture(image, edges, settings, pipeline))


def tile(picture, row, column, size=TILE):
    height, width = size
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


@pytest.fixture
def bank_of(tmp_path):
    """Save a bank of noise of so many kernels, and return a pipeline that has it."""

    def make(count):
        weight = torch.randn((count, 1, 3, 3), generator=torch.Generator().manual_seed(0))
        save_file({"weight": weight}, tmp_path / "mine.safetensors")
        return EdgePipeline(tmp_path / "mine.safetensors", device="cpu", engine="torch")

    return make


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_the_sign_of_each_response_is_a_colour_and_the_length_is_white(engine):
    pipeline = EdgePipeline("sobel", device="cpu", engine=engine)
    picture = shown(pipeline)
    pipeline.close()

    original, gx, gy, length = (
        tile(picture, row, column)[90] for row in (0, 1) for column in (0, 1)
    )
    assert picture.shape == BAR.shape
    np.testing.assert_array_equal(original[80], (0, 0, 0))
    np.testing.assert_array_equal(original[160], WHITE)
    np.testing.assert_array_equal(gx[119:121].mean(axis=0), maps.POSITIVE)
    np.testing.assert_array_equal(gx[199:201].mean(axis=0), maps.NEGATIVE)
    np.testing.assert_array_equal(gx[160], WHITE)
    np.testing.assert_array_equal(gy[:310], 255)
    np.testing.assert_array_equal(length[[80, 119, 160, 199]][:, 0], (0, 255, 0, 255))


def test_half_a_step_is_half_way_to_white():
    picture = shown(EdgePipeline("sobel", device="cpu", engine="torch"), BAR // 2, gain=1.0)

    half = 255 - (255 - np.array(maps.POSITIVE)) * (127 / 255)
    assert np.abs(tile(picture, 0, 1)[90, 119] - half).max() <= 1


@pytest.mark.parametrize(("count", "side"), [(1, 2), (2, 2), (3, 2), (4, 3), (8, 3), (9, 4)])
def test_every_response_has_a_map(count, side, bank_of):
    pipeline = bank_of(count)
    image = np.random.default_rng(0).integers(0, 256, (361, 643, 3), dtype=np.uint8)
    responses = pipeline.responses(image)

    picture = shown(pipeline, image)

    assert VIEWS["maps"].panes(pipeline) == (side, side)
    height, width = 361 // side, 643 // side
    before = 1 if count + 1 < side * side else 0
    for number, response in enumerate(responses, start=before):
        row, column = number // side, number % side
        block = response[5 * side : 6 * side, 7 * side : 8 * side]
        strongest = block.flat[np.abs(block).argmax()]
        blue, green, red = tile(picture, row, column, (height, width))[5, 7].astype(int)
        assert green < 255
        assert (red > blue) == (strongest > 0)


def test_the_tiles_that_are_left_show_the_picture_and_its_overlay():
    edges = np.full(BAR.shape[:2], 255, np.uint8)
    picture = shown(EdgePipeline("log", device="cpu", engine="torch"), edges=edges)

    np.testing.assert_array_equal(tile(picture, 0, 0)[90, 160], WHITE)
    np.testing.assert_array_equal(tile(picture, 1, 1)[90, 160], (80, 255, 80))


def test_a_small_picture_is_enlarged_so_that_no_pixel_is_lost():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)

    picture = shown(EdgePipeline("sobel", device="cpu", engine="torch"), image)

    assert picture.shape == (440, 660, 3)
    distinct = np.unique(tile(picture, 0, 1, (220, 330))[2::11, 2::11].reshape(-1, 3), axis=0)
    assert len(distinct) > 100


@pytest.mark.parametrize(
    ("name", "names"),
    [("sobel", ["gx", "gy"]), ("roberts", ["k1", "k2"]), ("log", ["k1"]), ("canny", ["gx", "gy"])],
)
def test_the_maps_are_named(name, names):
    assert maps.names_of(EdgePipeline(name, device="cpu", engine="torch")) == names
