"""The Python API as its users call it: which pictures and which numbers it accepts."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import live_edges
from live_edges import EdgePipeline
from live_edges.errors import DeviceError, LiveEdgesError

NOT_NUMBERS = [float("nan"), float("inf"), -float("inf"), None, "1", True, [1.0], 1j, 10**400]


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (64, 100, 3), dtype=np.uint8)


def read_only(picture):
    picture = picture.copy()
    picture.flags.writeable = False
    return picture


def big_step(picture):
    return np.lib.stride_tricks.as_strided(picture, (10, 12, 3), (600, 6, 1))


LAYOUTS = {
    "crop": lambda picture: picture[10:60, 20:90],
    "flip": lambda picture: picture[:, ::-1],
    "upside down": lambda picture: picture[::-1],
    "every second": lambda picture: picture[::2, ::3],
    "Fortran order": np.asfortranarray,
    "turned": lambda picture: picture.swapaxes(0, 1),
    "read-only": read_only,
    "RGB for BGR": lambda picture: picture[..., ::-1],
    "overlapping steps": big_step,
    "planes first": lambda picture: np.ascontiguousarray(picture.transpose(2, 0, 1)).transpose(
        1, 2, 0
    ),
    "one row": lambda picture: picture[:1],
    "subclass": lambda picture: picture.view(np.ma.MaskedArray),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["sobel", "canny", "blur-difference-rgb"])
def test_a_picture_may_lie_in_memory_in_any_order(name, layout, image):
    pipeline = EdgePipeline(name, device="cpu", engine="torch")
    view = layout(image)
    before = np.array(view)

    edges = pipeline(view)

    np.testing.assert_array_equal(edges, pipeline(before))
    np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["sobel", "blur-difference-rgb"])
def test_a_gray_picture_has_the_edges_of_the_same_picture_in_three_channels(name, layout, image):
    pipeline = EdgePipeline(name, device="cpu", engine="torch")
    gray = layout(image)[..., 0]

    np.testing.assert_array_equal(pipeline(gray), pipeline(np.stack([gray] * 3, axis=2)))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_luma_and_overlay_accept_any_order_in_memory(layout, image):
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")
    view, plain = layout(image), np.array(layout(image))
    edges, plain_edges = view[..., 1], np.array(plain[..., 1])

    np.testing.assert_array_equal(
        pipeline.edges_of_luma(view[..., 0]), pipeline.edges_of_luma(np.array(plain[..., 0]))
    )
    np.testing.assert_array_equal(
        pipeline.overlay(view, edges, (1, 2, 3)), pipeline.overlay(plain, plain_edges, (1, 2, 3))
    )


def test_an_overlay_over_a_gray_picture_is_in_colour(image):
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")
    gray = image[..., 0]

    painted = pipeline.overlay(gray, np.full_like(gray, 255), (1, 2, 3))

    assert painted.shape == (*gray.shape, 3)
    assert (painted == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("edges", "color"),
    [
        (np.zeros((63, 100), np.uint8), (1, 2, 3)),
        (np.zeros((64, 100, 3), np.uint8), (1, 2, 3)),
        (np.zeros((64, 100)), (1, 2, 3)),
        (np.zeros((64, 100), np.uint8), (1, 2, 256)),
        (np.zeros((64, 100), np.uint8), (1, 2)),
        (np.zeros((64, 100), np.uint8), (1, 2, 3, 0.5)),
        (np.zeros((64, 100), np.uint8), "red"),
        (np.zeros((64, 100), np.uint8), (-1, float("nan"), 3)),
    ],
)
def test_an_overlay_of_what_does_not_fit_is_refused(image, edges, color):
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")

    with pytest.raises(ValueError, match=r"edges need|a picture needs|color is"):
        pipeline.overlay(image, edges, color)


@pytest.mark.parametrize("gain", [-1, 0, -0.0, *NOT_NUMBERS])
def test_a_wrong_gain_is_refused_whenever_it_is_set(gain):
    with pytest.raises(ValueError, match=r"gain is .*; choose a number above 0"):
        EdgePipeline(device="cpu", gain=gain)
    pipeline = EdgePipeline(device="cpu", gain=2.0)
    with pytest.raises(ValueError, match=r"gain is .*; choose a number above 0"):
        pipeline.gain = gain
    assert pipeline.gain == 2.0


@pytest.mark.parametrize("threshold", [-0.01, 1.01, 3, *NOT_NUMBERS])
def test_a_wrong_threshold_is_refused_whenever_it_is_set(threshold):
    with pytest.raises(ValueError, match=r"threshold is .*; choose a number from 0 to 1"):
        EdgePipeline(device="cpu", threshold=threshold)
    pipeline = EdgePipeline(device="cpu", threshold=0.5)
    with pytest.raises(ValueError, match=r"threshold is .*; choose a number from 0 to 1"):
        pipeline.threshold = threshold
    assert pipeline.threshold == 0.5


@pytest.mark.parametrize("sigma", [0, 0.29, 5.1, 50, -1, *NOT_NUMBERS])
@pytest.mark.parametrize("name", ["sobel", "log", "blur-difference-rgb"])
def test_a_wrong_sigma_is_refused_for_any_filter_whenever_it_is_set(name, sigma):
    with pytest.raises(ValueError, match=r"sigma is .*; choose a number from 0\.3 to 5 pixels"):
        EdgePipeline(name, device="cpu", sigma=sigma)
    pipeline = EdgePipeline("canny", device="cpu")
    with pytest.raises(ValueError, match=r"sigma is .*; choose a number from 0\.3 to 5 pixels"):
        pipeline.select(name, sigma=sigma)
    assert pipeline.entry.name == "canny"


@pytest.mark.parametrize(
    "number", [0.5, np.float32(0.5), np.array(0.5), Fraction(1, 2), Decimal("0.5"), 1]
)
def test_any_kind_of_number_is_a_number(number):
    pipeline = EdgePipeline("log", device="cpu", gain=number, threshold=number, sigma=number)

    assert (pipeline.gain, pipeline.threshold) == (float(number), float(number))
    assert type(pipeline.gain) is type(pipeline.threshold) is float


@pytest.mark.parametrize("gain", [1e300, 5e-324])
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_an_extreme_gain_is_white_or_black(gain, threshold):
    step = np.zeros((8, 8, 3), np.uint8)
    step[:, 4:] = 9

    edges = EdgePipeline(device="cpu", gain=gain, threshold=threshold)(step)

    assert edges.max() == (255 if gain > 1 else 0)
    assert edges[:, 0].max() == 0


@pytest.mark.parametrize("wrong", ["x", "", "LOW", None, 1, ["low"]])
@pytest.mark.parametrize(
    ("name", "choices"), [("latency", "low, throughput"), ("engine", "auto, torch, numba")]
)
def test_an_unknown_choice_is_refused_with_those_there_are(name, choices, wrong):
    with pytest.raises(ValueError, match=f"{name} is .*; choose one of: {choices}"):
        EdgePipeline(device="cpu", **{name: wrong})


@pytest.mark.parametrize("device", [None, 97, True, 1.5, "", "cuda:-1", "cpu:5", "CPU", []])
def test_what_is_no_device_is_refused_with_those_there_are(device):
    with pytest.raises(DeviceError, match="choose one of: auto, cpu"):
        EdgePipeline(device=device)


@pytest.mark.parametrize("name", ["soble", "", None, 5])
def test_an_unknown_filter_is_refused_with_those_there_are(name):
    with pytest.raises(LiveEdgesError, match="choose one of: sobel"):
        EdgePipeline(name, device="cpu")
    with pytest.raises(LiveEdgesError, match="choose one of: sobel"):
        EdgePipeline(device="cpu").select(name)


@pytest.mark.parametrize("kind", [str, Path])
def test_one_weights_file_needs_no_list(kind, tmp_path):
    save_file({"weight": torch.tensor([[[[-1.0, 1.0]] * 2]])}, tmp_path / "mine.safetensors")
    path = kind(tmp_path / "mine.safetensors")

    assert EdgePipeline("mine", device="cpu", weights=path).entry.name == "mine"
    assert EdgePipeline(path, device="cpu").entry.name == "mine"


def test_the_package_shows_what_is_public_and_nothing_else():
    code = (
        "import live_edges, live_edges.cli, live_edges.errors\n"
        "assert dir(live_edges) == sorted(live_edges.__all__), dir(live_edges)\n"
        "assert [n for n in dir(live_edges) if n[0] != '_'] == ['EdgePipeline']\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_knows_its_version():
    parts = live_edges.__version__.split(".")

    assert len(parts) == 3
    assert all(part.isdecimal() for part in parts)


def test_the_package_says_that_it_is_typed():
    assert (Path(live_edges.__file__).parent / "py.typed").is_file()
