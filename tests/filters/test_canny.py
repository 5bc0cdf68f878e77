import cv2
import numpy as np
import pytest
import torch

from live_edges.filters.canny import (
    STRONG,
    WEAK,
    canny,
    connected_components,
    crests,
    hysteresis,
)
from live_edges.filters.kernels import gaussian_gradient

WEIGHT = torch.from_numpy(gaussian_gradient(1.0)).float()


def disc(radius=12, size=41):
    y, x = np.mgrid[:size, :size] - size // 2
    return torch.from_numpy((np.hypot(x, y) < radius).astype(np.float32))[None, None]


@pytest.mark.parametrize("seed", range(3))
def test_components_are_those_opencv_finds(seed):
    noise = torch.rand(2, 1, 60, 71, generator=torch.Generator().manual_seed(seed))
    mask = (noise > 0.6).byte()
    nodes = mask.flatten().nonzero()[:, 0]

    component = connected_components(nodes, mask)

    for number, one in enumerate(mask):
        _, labels = cv2.connectedComponents(one[0].numpy(), connectivity=8)
        mine = component[nodes // one.numel() == number].numpy()
        theirs = labels[one[0].numpy() > 0]
        pairs = set(zip(mine.tolist(), theirs.tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_a_long_weak_line_is_kept_by_one_strong_pixel():
    found = torch.zeros(1, 1, 9, 200, dtype=torch.uint8)
    found[..., 4, :] = WEAK
    found[..., 0, :50] = WEAK  # not connected
    found[..., 4, 199] = STRONG

    line = hysteresis(found)

    assert line[0, 0, 4].all()
    assert line.sum() == 200


def test_hysteresis_keeps_the_components_that_opencv_finds_with_a_strong_pixel():
    generator = torch.Generator().manual_seed(0)
    found = torch.multinomial(torch.tensor([6.0, 3.9, 0.1]), 2 * 60 * 71, True, generator=generator)
    found = found.byte().view(2, 1, 60, 71)

    line = hysteresis(found)

    assert 0 < line.sum() < (found > 0).sum()
    for picture, drawn in zip(found[:, 0].numpy(), line[:, 0].numpy(), strict=True):
        _, labels = cv2.connectedComponents(picture, connectivity=8)
        np.testing.assert_array_equal(drawn, np.isin(labels, labels[picture == STRONG]))


def test_no_weak_pixel_is_no_line():
    assert not hysteresis(torch.zeros(1, 1, 5, 7, dtype=torch.uint8)).any()


def test_a_step_gives_one_line_of_one_pixel():
    step = torch.zeros(1, 1, 20, 30)
    step[..., 15:] = 1

    lines = canny(step, WEIGHT)

    assert lines.sum(dim=-1).unique().tolist() == [1]


def test_a_disc_gives_one_closed_curve():
    lines = canny(disc(), WEIGHT)[0, 0].numpy().astype(np.uint8)

    count, labels = cv2.connectedComponents(lines, connectivity=8)
    outside, _ = cv2.connectedComponents(1 - lines, connectivity=4)
    assert (count, outside) == (2, 3)  # background and curve; inside, outside and the curve
    assert np.hypot(*(np.argwhere(labels == 1).mean(axis=0) - 20)) < 0.5


def test_a_disc_agrees_with_opencvs_canny():
    picture = (disc() * 255).byte()[0, 0].numpy()
    theirs = cv2.Canny(cv2.GaussianBlur(picture, (7, 7), 1), 50, 100, L2gradient=True) > 0

    mine = canny(disc(), WEIGHT)[0, 0].numpy() > 0

    near = cv2.dilate(theirs.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert near[mine].all()
    assert abs(int(mine.sum()) - int(theirs.sum())) < 0.15 * theirs.sum()


def test_high_is_in_the_unit_of_the_step():
    step = torch.zeros(1, 1, 9, 20)
    step[..., 10:] = 0.5

    assert canny(step, WEIGHT, high=0.49).any()
    assert not canny(step, WEIGHT, high=0.51).any()


def test_suppression_keeps_crests_only():
    strength = torch.tensor([0.0, 1.0, 9.0, 4.0, 0.0]).expand(1, 1, 5, 5)
    points_across = torch.zeros_like(strength)

    found = crests(strength, points_across, torch.tensor(0.5), torch.tensor(2.0))

    assert found[0, 0, 1].tolist() == [0, STRONG, 0]
