"""What OpenCV makes of a bank, held against the functions of torch that define it."""

import cv2
import numpy as np
import pytest
import torch

from live_edges import fused
from live_edges.catalog import catalog
from live_edges.filters import make_filter
from live_edges.opencv_filters import OpenCVBank, edge_picture
from live_edges.sources.scene import Scene

ENTRIES = catalog()
LINEAR = [name for name, entry in ENTRIES.items() if not entry.is_binary]


def plainly(job):
    return job.plainly()


def padded_noise(planes, size, window, seed=0):
    generator = torch.Generator().manual_seed(seed)
    height, width = size[0] + window[0] - 1, size[1] + window[1] - 1
    return torch.randint(0, 256, (1, planes, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (37, 53), (479, 641)])
@pytest.mark.parametrize(("gain", "threshold"), [(1.0, 0.0), (3.7, 0.0), (0.5, 0.2)])
def test_a_filter_is_the_same_by_opencv_within_one_gray_level(name, size, gain, threshold):
    edge_filter = make_filter(ENTRIES[name])
    padded = padded_noise(edge_filter.weight.shape[1], size, edge_filter.window)
    scalars = torch.tensor(gain), torch.tensor(threshold)

    by_torch = edge_filter.edges(plainly, padded, *scalars)
    by_opencv = edge_filter.edges_on_cpu(plainly, padded, *scalars)

    brighter = torch.maximum(by_torch, by_opencv).float()
    is_at_threshold = (brighter - threshold * 255).abs() < 1  # may fall on either side of it
    difference = (by_torch.int() - by_opencv.int()).abs()[~is_at_threshold | (threshold == 0)]
    assert (by_opencv.shape, by_opencv.dtype) == (by_torch.shape, by_torch.dtype)
    assert difference.max() <= 1


SIZES = [(1, 1), (2, 2), (4, 4), (7, 7), (11, 11), (15, 15)]
SIZES += [(1, 2), (2, 1), (1, 15), (15, 2), (3, 4), (5, 13), (15, 1)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("kernels", "planes"), [(1, 1), (3, 1), (8, 3)])
def test_any_bank_of_noise_is_the_same_by_opencv(size, kernels, planes):
    bank = np.random.default_rng(size).normal(size=(kernels, planes, *size)) / max(size)
    padded = padded_noise(planes, (21, 34), size)
    one, weight = torch.tensor(1.0), torch.from_numpy(bank).float()

    by_torch = fused.edge_picture(padded, one * 0.3, one * 0, weight)[0, 0].int().numpy()
    by_opencv = edge_picture(OpenCVBank(bank), padded[0].numpy(), 0.3, 0.0)

    assert np.abs(by_torch - by_opencv).max() <= 1


def test_what_lies_on_the_threshold_is_shown():
    step = np.zeros((1, 5, 8), np.uint8)
    step[..., 4:] = 128
    bank = OpenCVBank(ENTRIES["sobel"].bank(1.0))

    assert edge_picture(bank, step, 1.0, 128 / 255).max() == 128
    assert edge_picture(bank, step, 1.0, 129 / 255).max() == 0


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_cannys_lines_are_the_same_by_opencv_but_for_ties(sigma):
    gray = cv2.cvtColor(Scene((320, 240)).at(40, 1.3), cv2.COLOR_BGR2GRAY)
    edge_filter = make_filter(ENTRIES["canny"], sigma=sigma)
    around = edge_filter.window[0] // 2
    padded = cv2.copyMakeBorder(gray, *[around] * 4, cv2.BORDER_REPLICATE)
    pictures = torch.from_numpy(padded)[None, None], torch.tensor(1.0), torch.tensor(0.0)

    by_torch = edge_filter.edges(plainly, *pictures)
    by_opencv = edge_filter.edges_on_cpu(plainly, *pictures)

    assert by_torch.gt(0).float().mean() > 0.01
    assert (by_torch != by_opencv).float().mean() < 1e-3


@pytest.mark.parametrize(("gain", "level"), [(0.25, 64), (1.0, 255), (9.0, 255)])
def test_cannys_lines_are_as_bright_as_the_gain(gain, level):
    edge_filter = make_filter(ENTRIES["canny"])
    step = torch.zeros(1, 1, 20, 30, dtype=torch.uint8)
    step[..., 15:] = 255
    scalars = torch.tensor(gain), torch.tensor(0.99)

    for edges in (edge_filter.edges, edge_filter.edges_on_cpu):
        assert edges(plainly, step, *scalars).unique().tolist() == [0, level]
