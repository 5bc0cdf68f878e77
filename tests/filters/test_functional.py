import cv2
import numpy as np
import pytest
import torch
from torch import nn

from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.filters.filter import LinearFilter


def random_batch(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("planes", [1, 3])
def test_correlate_is_what_conv2d_computes(size, planes):
    weight = random_batch(4, planes, size, size, seed=1)
    x = random_batch(2, planes, 13, 17)

    torch.testing.assert_close(F.correlate(x, weight), nn.functional.conv2d(x, weight))


@pytest.mark.parametrize(("size", "before", "after"), [(1, 0, 0), (2, 1, 0), (3, 1, 1), (6, 3, 2)])
def test_padding_repeats_the_border_and_leans_as_opencvs_anchor(size, before, after):
    image = random_batch(1, 1, 5, 7)
    expected = cv2.copyMakeBorder(
        image[0, 0].numpy(), before, after, before, after, cv2.BORDER_REPLICATE
    )

    actual = F.pad_replicate(image, (size, size))[0, 0].numpy()

    np.testing.assert_array_equal(actual, expected)


def test_luma_is_opencvs_within_one_level():
    bgr = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    rgb = torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None].double()

    gray = F.rgb_to_gray(rgb)[0, 0].round().numpy()

    assert np.abs(gray - cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)).max() <= 1


def test_magnitude_of_one_response_is_its_absolute_value():
    x = random_batch(2, 1, 3, 5) - 0.5

    torch.testing.assert_close(F.magnitude(x), x.abs())


def test_magnitude_of_flat_areas_is_exactly_0():
    assert F.magnitude(torch.zeros(1, 2, 3, 3)).max() == 0


def test_gray_levels_round_and_saturate():
    strength = torch.tensor([0.0, 0.499 / 255, 0.501 / 255, 1.0, 7.0])

    assert F.to_gray_levels(strength, 1.0, 0.0).tolist() == [0, 0, 1, 255, 255]


def test_threshold_hides_what_is_darker_after_the_gain():
    strength = torch.tensor([0.19, 0.21, 0.4])

    assert F.to_gray_levels(strength, 0.5, 0.1).tolist() == [0, 27, 51]


def test_a_wrong_batch_is_refused_with_what_to_do():
    weight = torch.from_numpy(kernels.sobel())

    with pytest.raises(ValueError, match="convert colour with rgb_to_gray first"):
        F.edge_strength(torch.zeros(1, 3, 5, 5), weight)
    with pytest.raises(ValueError, match="colour batch"):
        F.rgb_to_gray(torch.zeros(1, 1, 5, 5))


def test_colours_that_cancel_in_luma_are_seen_by_a_bank_of_three_planes():
    gx = np.outer([1, 2, 1], [-1, 0, 1])
    colour = LinearFilter(
        torch.from_numpy(kernels.unit_scaled(np.stack([gx, 0 * gx, 0 * gx])[None]))
    )
    x = torch.zeros(1, 3, 5, 6, dtype=torch.float64)
    x[:, 0, :, 3:] = 1  # red begins
    x[:, 1, :, :3] = F.LUMA_RGB[0] / F.LUMA_RGB[1]  # where green of the same luma ends

    assert F.edge_strength(F.rgb_to_gray(x), torch.from_numpy(kernels.sobel())).max() < 1e-12
    assert colour(x).max() == pytest.approx(1)


def test_padding_of_a_kernel_that_is_not_square_is_opencvs():
    image = random_batch(1, 1, 5, 7)
    expected = cv2.copyMakeBorder(image[0, 0].numpy(), 1, 0, 3, 2, cv2.BORDER_REPLICATE)

    actual = F.pad_replicate(image, (2, 6))[0, 0].numpy()

    np.testing.assert_array_equal(actual, expected)
