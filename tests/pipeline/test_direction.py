import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.filters import kernels
from live_edges.filters.catalog import catalog
from live_edges.pipeline.direction import turn_of

WITH_DIRECTION = {
    "sobel", "scharr", "prewitt", "roberts", "gaussian-gradient", "canny", "learned-sobel"
}  # fmt: skip
NOISE = np.random.default_rng(0).normal(size=(2, 1, 5, 5))


def test_the_gradient_filters_have_a_direction_and_the_others_none():
    found = {
        name for name in catalog() if turn_of(EdgePipeline(name, device="cpu").bank) is not None
    }

    assert found == WITH_DIRECTION


@pytest.mark.parametrize("degrees", [0, 30, 90, 200])
def test_kernels_that_look_elsewhere_are_turned_back(degrees):
    angle = np.radians(degrees)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    bank = np.einsum("ok,kihw->oihw", turned, kernels.gaussian_gradient(1.0))

    np.testing.assert_allclose(turn_of(bank) @ turned, np.eye(2), atol=1e-6)


@pytest.mark.parametrize(
    "bank",
    [
        NOISE,
        np.zeros((2, 1, 3, 3)),
        kernels.sobel()[:1],
        kernels.sobel()[[0, 0]],  # twice the same
        kernels.sobel() * np.array([1, 3])[:, None, None, None],
        np.concatenate((kernels.sobel(), kernels.laplacian())),
        np.concatenate((kernels.laplacian(), kernels.sobel()[:1])),
    ],
    ids=["noise", "zeros", "one", "same", "unequal", "three", "second derivative"],
)
def test_a_bank_that_is_no_gradient_has_no_direction(bank):
    assert turn_of(bank) is None
