"""The contract every filter keeps, and references from outside for those that have one."""

import av
import cv2
import numpy as np
import pytest
import torch

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.filters.filter import make_filter

ENTRIES = catalog()
ANALYTIC = [name for name, entry in ENTRIES.items() if not entry.origin.startswith("learned")]
LINEAR = [name for name in ANALYTIC if not ENTRIES[name].is_binary]
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}  # CPU against CUDA: sums are taken in another order


@pytest.fixture(params=ENTRIES)
def entry(request):
    return ENTRIES[request.param]


@pytest.fixture
def edge_filter(entry, device):
    return make_filter(entry).to(device)


@pytest.fixture
def planes(entry):
    return make_filter(entry).weight.shape[1]


def random_batch(count, planes, height=37, width=53, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, planes, height, width, generator=generator)


def test_shape_dtype_and_device_are_kept(edge_filter, planes, device):
    x = random_batch(2, planes).to(device)

    strength = edge_filter(x)

    assert (strength.shape, strength.dtype, strength.device) == ((2, 1, 37, 53), x.dtype, x.device)


def test_the_input_is_not_written_to(edge_filter, planes, device):
    x = random_batch(1, planes).to(device)
    before = x.clone()

    edge_filter(x)

    assert torch.equal(x, before)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_flat_picture_has_no_edges(edge_filter, planes, device, level):
    strength = edge_filter(torch.full((1, planes, 37, 53), level, device=device))

    assert strength.max() <= 2e-6  # rounding of up to 169 float32 taps


def test_an_upright_unit_step_reads_1_at_most_and_somewhere(edge_filter, planes, device):
    if edge_filter.is_net:
        pytest.skip("a net answers with a likelihood")
    step = torch.zeros(1, planes, 41, 41, device=device)
    step[..., 20:] = 1

    strengths = [edge_filter(step.rot90(turns, (2, 3))).max().item() for turns in range(4)]

    assert max(strengths) == pytest.approx(1, abs=1e-5)
    assert min(strengths) > 0.95  # a learned kernel favours a direction, but not by much


def test_a_batch_equals_its_single_pictures(edge_filter, planes, device):
    x = random_batch(3, planes).to(device)

    torch.testing.assert_close(edge_filter(x), torch.cat([edge_filter(one[None]) for one in x]))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (1, 7)])
def test_tiny_pictures_work(edge_filter, planes, device, height, width):
    strength = edge_filter(random_batch(1, planes, height, width).to(device))

    assert strength.shape == (1, 1, height, width)
    assert torch.isfinite(strength).all()


@pytest.mark.cuda
def test_cuda_agrees_with_the_cpu(entry, planes):
    if entry.net:
        pytest.skip("a net computes in 32 bits or fewer; see test_boundary")
    x = random_batch(1, planes, 479, 641).double()  # in float32 torch convolves by TF32

    on_cpu, on_cuda = make_filter(entry)(x), make_filter(entry).cuda()(x.cuda()).cpu()

    if entry.is_binary:
        assert (on_cpu != on_cuda).float().mean() < 1e-4  # ties at the threshold
    else:
        torch.testing.assert_close(on_cuda, on_cpu, **TOLERANCE)


@pytest.mark.parametrize(
    "name", sorted(set(LINEAR) - {"roberts"})
)  # 2x2 has no middle to turn about
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_linear_filter_turns_with_the_picture(name, turns):
    edge_filter, x = make_filter(ENTRIES[name]), random_batch(2, 1, 17, 17)

    turned = edge_filter(x.rot90(turns, (2, 3)))

    torch.testing.assert_close(turned, edge_filter(x).rot90(turns, (2, 3)))


@pytest.mark.parametrize("name", ANALYTIC)
def test_a_filter_moves_with_the_picture(name):
    edge_filter, x = make_filter(ENTRIES[name]), random_batch(1, 1, 40, 44)

    moved = edge_filter(x[..., 3:, 5:])
    inner = (..., slice(12, -12), slice(12, -12))  # beyond the reach of the border

    if ENTRIES[name].is_binary:  # lines may be held by a strong pixel far away
        assert (moved[inner] != edge_filter(x)[..., 3:, 5:][inner]).float().mean() < 0.02
    else:
        torch.testing.assert_close(moved[inner], edge_filter(x)[..., 3:, 5:][inner])


@pytest.mark.parametrize("name", LINEAR)
def test_half_the_contrast_gives_half_the_strength(name):
    edge_filter, x = make_filter(ENTRIES[name]), random_batch(1, 1)

    torch.testing.assert_close(edge_filter(x * 0.5 + 0.25), edge_filter(x) * 0.5, **TOLERANCE)


@pytest.fixture
def gray():
    return np.random.default_rng(0).integers(0, 256, (37, 53), dtype=np.uint8)


def picture_of(name, gray):
    return EdgePipeline(name, device="cpu", engine="torch").edges_of_luma(gray)


def rounded(strength):
    return np.clip(np.rint(strength), 0, 255)


def by_filter2d(gray, *kernels):
    responses = [
        cv2.filter2D(gray, cv2.CV_64F, np.array(kernel, float), borderType=cv2.BORDER_REPLICATE)
        for kernel in kernels
    ]
    return np.hypot(*responses)


def by_derivatives(gray, derivative):
    border = cv2.BORDER_REPLICATE
    return np.hypot(
        derivative(gray, cv2.CV_64F, 1, 0, borderType=border),
        derivative(gray, cv2.CV_64F, 0, 1, borderType=border),
    )


PREWITT = np.array([[-1, 0, 1]] * 3)
OPENCV = {
    "sobel": lambda gray: by_derivatives(gray, cv2.Sobel) / 4,
    "scharr": lambda gray: by_derivatives(gray, cv2.Scharr) / 16,
    "prewitt": lambda gray: by_filter2d(gray, PREWITT, PREWITT.T) / 3,
    "roberts": lambda gray: by_filter2d(gray, [[1, 0], [0, -1]], [[0, 1], [-1, 0]]) / 2**0.5,
    "laplacian": lambda gray: np.abs(
        cv2.Laplacian(gray, cv2.CV_64F, ksize=1, borderType=cv2.BORDER_REPLICATE)
    ),
}


@pytest.mark.parametrize("name", OPENCV)
def test_a_filter_matches_opencv_to_one_gray_level(name, gray):
    difference = picture_of(name, gray).astype(int) - rounded(OPENCV[name](gray))

    assert np.abs(difference).max() <= 1


def test_blur_difference_matches_opencvs_gaussian_blur(gray):
    blurred = cv2.GaussianBlur(gray.astype(np.float64), (7, 7), 1, borderType=cv2.BORDER_REPLICATE)
    strength = np.abs(gray - blurred)
    center, side = cv2.getGaussianKernel(7, 1)[3:5, 0]
    step = cv2.getGaussianKernel(7, 1)[:3, 0].sum()  # a row of ones, one half of them blurred away

    assert 0 < side < center
    np.testing.assert_allclose(
        picture_of("blur-difference", gray), rounded(strength / step), atol=1
    )


def test_sobel_matches_ffmpegs_own_filter(gray):
    frame = av.VideoFrame.from_ndarray(gray, format="gray")
    graph = av.filter.Graph()
    nodes = [
        graph.add_buffer(width=53, height=37, format="gray", time_base="1/30"),
        graph.add("sobel", "scale=0.25"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    nodes[0].push(frame)
    ffmpegs = nodes[-1].pull().to_ndarray().astype(int)

    inner = (slice(1, -1), slice(1, -1))  # ffmpeg mirrors at the border, we repeat
    assert np.abs(picture_of("sobel", gray)[inner] - ffmpegs[inner]).max() <= 1
