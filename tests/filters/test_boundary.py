"""The boundary filter: its laws, its weights file, and everything that may be wrong with one."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from live_edges import EdgePipeline
from live_edges.errors import WeightsError
from live_edges.filters.boundary_net import BoundaryNet
from live_edges.filters.catalog import catalog
from live_edges.filters.filter import make_filter
from live_edges.filters.nets import BOUNDARY, architecture_of, load_net
from live_edges.training.recipe import BoundaryRecipe

METADATA = {"live_edges": json.dumps({"architecture": BOUNDARY})}


@pytest.fixture
def weights():
    torch.manual_seed(0)
    net = BoundaryNet().train()
    with torch.no_grad():
        net(torch.rand(2, 3, 64, 64))  # so that mean and variance are some
    return net.state_dict()


@pytest.fixture
def file(tmp_path, weights):
    save_file(weights, tmp_path / "mine.safetensors", METADATA)
    return tmp_path / "mine.safetensors"


def picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


@pytest.mark.parametrize("detail", ["fine", "fast"])
@pytest.mark.parametrize("size", [(37, 54), (40, 53), (1, 7), (130, 2)])
def test_a_mirrored_picture_has_the_mirrored_map(file, detail, size):
    image = picture(*size)
    pipeline = EdgePipeline(file, device="cpu", detail=detail)

    edges, mirrored = pipeline(image), pipeline(image[:, ::-1])

    assert edges.max() > edges.min() or image.shape[0] == 1
    assert difference(mirrored[:, ::-1], edges) <= 2


def test_a_picture_shifted_by_16_pixels_has_the_shifted_map(file):
    image = picture(352, 400)
    pipeline = EdgePipeline(file, device="cpu")

    whole, part = pipeline(image[:, :-16]), pipeline(image[:, 16:])

    inner = slice(150, -150)  # beyond the reach of the border
    assert difference(whole[inner, 16:][:, inner], part[inner, :-16][:, inner]) <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (17, 65)])
def test_pictures_of_any_size_keep_it(file, size):
    for detail in ("fine", "fast"):
        assert EdgePipeline(file, device="cpu", detail=detail)(picture(*size)).shape == size


def test_a_gray_picture_is_that_in_three_planes(file):
    gray = picture(33, 41)[..., 0]
    pipeline = EdgePipeline(file, device="cpu")

    assert difference(pipeline(gray), pipeline(np.stack([gray] * 3, axis=-1))) == 0


def test_the_folded_net_answers_as_the_trained_one(file, weights):
    trained = BoundaryNet().eval()
    trained.load_state_dict(weights)
    x = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        torch.testing.assert_close(load_net(file)(x), trained(x), rtol=1e-3, atol=1e-4)


def test_the_net_is_small(weights):
    assert sum(each.numel() for each in BoundaryNet().parameters()) <= 150_000


def test_gain_and_threshold_work_as_for_any_filter(file):
    image = picture(64, 64)
    pipeline = EdgePipeline(file, device="cpu")
    edges = pipeline(image).astype(int)

    pipeline.gain = 2
    brighter = pipeline(image)
    pipeline.gain, pipeline.threshold = 1, 0.5
    hidden = pipeline(image)

    assert difference(brighter, (2 * edges).clip(0, 255)) <= 1
    assert difference(hidden, np.where(edges >= 128, edges, 0)) == 0


def test_the_responses_are_the_map(file):
    image, pipeline = picture(40, 64), EdgePipeline(file, device="cpu", gain=3)

    [response] = pipeline.responses(image)

    pipeline.gain = 1
    np.testing.assert_allclose(response, pipeline(image) / np.float32(255))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda w: w.pop("first.weight"), "lacks first.weight"),
        (lambda w: w.update(more=torch.zeros(1)), "holds more, which the net has not"),
        (lambda w: w.update(offset=torch.zeros(4)), "of shape"),
        (lambda w: w["offset"].fill_(float("nan")), "NaN or infinite numbers in offset"),
        (lambda w: w["first.variance"].fill_(-1.0), "negative variance"),
    ],
)
def test_wrong_tensors_are_one_sentence_and_the_old_filter_stays(
    tmp_path, weights, file, change, says
):
    weights = {name: tensor.clone() for name, tensor in weights.items()}
    change(weights)
    save_file(weights, tmp_path / "bad.safetensors", METADATA)
    pipeline = EdgePipeline("sobel", device="cpu", weights=[tmp_path / "bad.safetensors"])

    with pytest.raises(WeightsError, match=says) as caught:
        pipeline.select("bad")

    assert "\n" not in str(caught.value)
    assert "bad.safetensors" in str(caught.value)
    assert pipeline.entry.name == "sobel"


@pytest.mark.parametrize("name", ["boundary-99", "os.system", 7])
def test_an_unknown_net_is_refused(tmp_path, weights, name):
    path = tmp_path / "other.safetensors"
    save_file(weights, path, {"live_edges": json.dumps({"architecture": name})})

    with pytest.raises(WeightsError, match="does not know; it knows boundary-1"):
        EdgePipeline(path, device="cpu")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 8, b"\x05" + bytes(7) + b"[1,2]", b"\x02" + bytes(7) + b"{}", b"PK\x03\x04"],
)
def test_no_header_means_no_net(tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)

    assert architecture_of(tmp_path / "bad.safetensors") is None


def test_listing_filters_reads_no_weights(monkeypatch):
    catalog()  # which looks what packages offer, once
    monkeypatch.setattr("live_edges.filters.nets.read_tensors", None)
    monkeypatch.setattr("pathlib.Path.open", None)

    assert "sobel" in catalog()


def test_a_filter_knows_that_it_is_a_net(file):
    entry = catalog([file])["mine"]

    assert entry.net == file
    assert make_filter(entry).is_net
    assert catalog()["low-light"].net is None


@pytest.fixture
def shipped():
    return catalog()["boundary"].path


def test_the_shipped_file_is_small_and_says_how_it_was_made(shipped):
    with safe_open(shipped, "np") as file:
        facts = json.loads(file.metadata()["live_edges"])

    assert shipped.stat().st_size < 700_000
    assert facts["recipe"] == asdict(BoundaryRecipe())
    assert facts["made_by"] == "live-edges train --preset boundary"


@pytest.mark.parametrize("detail", ["fine", "fast"])
@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0),
                                   (0, 255, 255), (40, 90, 200)])  # fmt: skip
def test_flat_areas_answer_0(detail, color):
    flat = np.full((90, 160, 3), color, np.uint8)

    assert EdgePipeline("boundary", device="cpu", detail=detail)(flat).max() == 0


def test_a_net_finds_the_outline_of_a_disc_and_not_its_stripes():
    y, x = np.mgrid[:160, :160]
    radius = np.hypot(y - 80, x - 80)
    stripes = 110 + 25 * np.sin(x * 2.0)
    image = np.where(radius < 45, stripes, 235).astype(np.uint8)

    edges = EdgePipeline("boundary", device="cpu")(image)

    outline = edges[np.abs(radius - 45) < 1.5]
    assert np.median(outline) > 2 * max(1, np.percentile(edges[radius < 35], 90))
