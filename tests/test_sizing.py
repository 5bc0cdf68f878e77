import numpy as np
import pytest

from live_edges.sizing import comfortable_size, fitted, placed, size_of

SIZES = [(1280, 720), (960, 540), (1100, 619), (700, 394), (427, 240)]  # of a 1920x1080 picture


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 1), (240, 240)), ((3, 5), (400, 240)), ((37, 53), (371, 259)), ((2, 1000), (1000, 2)),
     ((480, 640), (640, 480)), ((2160, 3840), (1280, 720)), ((1920, 1080), (405, 720))],
)  # fmt: skip
def test_a_new_window_fits_a_laptop_and_shows_the_pixels_of_tiny_pictures(shape, expected):
    assert comfortable_size(np.zeros((*shape, 3), np.uint8)) == expected


@pytest.mark.parametrize("shape", [(1, 1), (37, 53), (1080, 1920), (1000, 10), (10, 1000)])
@pytest.mark.parametrize("size", [(1, 1), (64, 48), (1281, 719), (301, 900)])
def test_every_picture_fits_into_every_area(shape, size):
    image = picture(*shape)
    image.flags.writeable = False

    canvas = fitted(image, size)

    left, top, width, height = placed(size_of(image), size)
    assert canvas.shape == (size[1], size[0], 3)
    assert min(left, top, width - 1, height - 1) >= 0
    assert left + width <= size[0]
    assert top + height <= size[1]


def test_a_picture_of_the_right_size_is_copied():
    image = picture(37, 53)

    canvas = fitted(image, (53, 37))

    np.testing.assert_array_equal(canvas, image)
    assert not np.shares_memory(canvas, image)


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 200), (50, 0, 300, 200)), ((300, 400), (0, 100, 300, 200))]
)
def test_what_a_picture_leaves_free_is_black(size, expected):
    image = np.full((400, 600, 3), 255, np.uint8)

    canvas = fitted(image, size)

    left, top, width, height = placed(size_of(image), size)
    assert (left, top, width, height) == expected
    assert (canvas[top : top + height, left : left + width] == 255).all()
    assert canvas.sum() == 255 * 3 * width * height


@pytest.mark.parametrize("factor", [1, 2, 7])
def test_an_enlarged_pixel_is_a_square_of_its_own_color(factor):
    image = picture(38, 54)

    canvas = fitted(image, (round(54 * factor), round(38 * factor)))

    rows, columns = (((np.arange(n * factor) + 0.5) / factor).astype(int) for n in (38, 54))
    np.testing.assert_array_equal(canvas, image[rows][:, columns])


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 2.4])
def test_a_fine_pattern_becomes_gray(factor):
    checkerboard = np.indices((720, 960)).sum(axis=0) % 2 * 255
    image = np.repeat(checkerboard[..., None], 3, axis=2).astype(np.uint8)

    canvas = fitted(image, (round(960 / factor), round(720 / factor)))

    assert np.abs(canvas.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_a_reduced_picture_is_as_bright(size):
    image = picture(1080, 1920)

    canvas = fitted(image, size)

    assert canvas.mean() == pytest.approx(image.mean(), abs=1)


@pytest.mark.parametrize("size", SIZES)
def test_a_line_of_one_pixel_stays_wherever_it_lies(size):
    image = np.zeros((1080, 1920, 3), np.uint8)
    weights = []
    for x in range(900, 930):
        image[:, x] = 255
        weights.append(fitted(image, size)[5].sum(axis=0)[0] / 255)
        image[:, x] = 0

    factor = 1920 / size[0]
    assert min(weights) > 0.7 / factor
    assert max(weights) < 1.5 / factor  # of bilinear weights the largest is 3/4, not 1/2
