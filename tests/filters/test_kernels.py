import numpy as np
import pytest

from live_edges.filters import kernels
from live_edges.filters.kernels import step_response, unit_scaled

BANKS = {
    **{name: make() for name, make in kernels.FIXED.items()},
    **{
        f"{name}-{s}": make(s) for name, make in kernels.WITH_SIGMA.items() for s in (0.5, 1.0, 2.3)
    },
}


@pytest.mark.parametrize("bank", BANKS.values(), ids=BANKS)
def test_every_bank_answers_a_unit_step_with_1(bank):
    assert step_response(bank) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("bank", BANKS.values(), ids=BANKS)
def test_every_kernel_sums_to_0(bank):
    np.testing.assert_allclose(bank.sum(axis=(1, 2, 3)), 0, atol=1e-12)


def test_step_response_of_sobels_integers_is_4():
    gx = np.outer([1, 2, 1], [-1, 0, 1])

    assert step_response(np.array([gx, gx.T])[:, None]) == 4


def test_step_response_adds_up_the_colours():
    third = np.full((1, 3, 1, 2), [-1 / 3, 1 / 3])

    assert step_response(third) == pytest.approx(1)


@pytest.mark.parametrize("bank", [np.zeros((1, 1, 3, 3)), np.array([[[[1, -1], [-1, 1]]]])])
def test_kernels_without_an_answer_to_a_step_have_no_scale(bank):
    with pytest.raises(ValueError, match="no step edge"):
        unit_scaled(bank)


@pytest.mark.parametrize("sigma", [0.3, 1, 5])
def test_gaussian_sums_to_1_and_has_the_width_it_was_asked_for(sigma):
    taps = kernels.gaussian(sigma)
    x = np.arange(len(taps)) - len(taps) // 2

    assert taps.sum() == pytest.approx(1)
    assert np.sqrt((taps * x**2).sum()) == pytest.approx(sigma, rel=0.05, abs=0.25)


@pytest.mark.parametrize("sigma", [0, 0.29, 5.1, float("nan")])
def test_gaussian_refuses_a_sigma_that_makes_no_sense(sigma):
    with pytest.raises(ValueError, match=r"choose one from 0\.3 to 5"):
        kernels.gaussian(sigma)


@pytest.mark.parametrize(
    ("bank", "rank"),
    [
        (kernels.sobel(), 1),
        (kernels.gaussian_gradient(2.0), 1),
        (kernels.blur_difference(1.0), 2),
        (kernels.laplacian_of_gaussian(1.0), 3),
        (np.concatenate([kernels.blur_difference(1.0)] * 3, axis=1), 2),
        (kernels.sobel()[:1, :, :2], 1),
        (kernels.blur_difference(1.0)[..., :5], 2),
    ],
)
def test_the_factors_of_a_bank_are_the_same_bank(bank, rank):
    columns, rows = kernels.rank_factors(bank)

    assert columns.shape == (len(bank), rank, bank.shape[1], bank.shape[2])
    assert rows.shape == (len(bank), rank, bank.shape[3])
    again = np.einsum("orci,orj->ocij", columns, rows)
    np.testing.assert_allclose(again, bank, atol=kernels.SEPARATION_ERROR)


def test_the_factors_of_sobel_are_exact_in_single_precision():
    columns, rows = kernels.rank_factors(kernels.sobel())

    again = np.einsum("orci,orj->ocij", columns.astype(np.float32), rows.astype(np.float32))
    np.testing.assert_array_equal(again, kernels.sobel())


@pytest.mark.parametrize(
    ("bank", "rank"),
    [
        (kernels.blur_difference(1.0), 1),  # with the tap in the middle set apart
        (np.concatenate([kernels.blur_difference(2.0)] * 3, axis=1), 1),
        (kernels.gaussian_gradient(2.0), 1),
        (kernels.laplacian(), 2),
        (kernels.roberts(), 2),
        (kernels.sobel()[:1, :, :1], 1),
    ],
)
def test_a_separated_bank_is_the_same_bank(bank, rank):
    columns, rows, middle = kernels.separate(bank)

    assert columns.shape[1] == rank
    again = np.einsum("orci,orj->ocij", columns, rows)
    again[..., bank.shape[2] // 2, bank.shape[3] // 2] += middle
    np.testing.assert_allclose(again, bank, atol=kernels.SEPARATION_ERROR)


@pytest.mark.parametrize("name", kernels.FIXED)
def test_the_classic_kernels_are_whole_numbers(name):
    bank = kernels.FIXED[name]()

    taps, scale = kernels.whole_numbers(bank)

    np.testing.assert_allclose(taps * scale, bank, atol=1e-12)
    assert np.abs(taps).max() <= 10


def test_taps_that_are_no_small_whole_numbers_are_told_from_those():
    assert kernels.whole_numbers(kernels.blur_difference(1.0)) is None
    assert kernels.whole_numbers(np.array([[[[1.0, -200.0]]]])) is None  # times 255: over 16 bits


def test_kernels_of_any_size_of_number_are_scaled_to_one():
    for factor in (1e-300, 1e300):
        np.testing.assert_allclose(kernels.unit_scaled(kernels.sobel() * factor), kernels.sobel())
