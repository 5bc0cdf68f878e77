"""Thin lines through both engines, every view, the live renderer and `process`."""

from collections import deque
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda
from fakes import compute_on, transfer_with

from live_edges import EdgePipeline
from live_edges.cli import main
from live_edges.filters.catalog import catalog
from live_edges.pipeline.compare import CompareRenderer
from live_edges.pipeline.renderer import Renderer
from live_edges.pipeline.thinning import thinned
from live_edges.pipeline.transfer import SLOTS, DirectTransfer, StreamedTransfer
from live_edges.pipeline.views import without_weak
from live_edges.process.video_renderer import VideoRenderer
from live_edges.settings import VIEWS, Settings
from live_edges.sources.scene import Scene

CPU = torch.device("cpu")
IMAGE = Scene((160, 90)).at(40, 1.3)
SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (37, 53), (641, 479), (1, 4096)]
THIN = Settings(view="edges", gain=3.0, auto_gain=False, threshold=0.2, is_thin=True)


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def pipeline_of(name="sobel", engine="torch", **options):
    return EdgePipeline(name, device="cpu", engine=engine, **options)


@pytest.fixture
def compiled():
    with pipeline_of(engine="numba") as pipeline:
        yield pipeline


@pytest.mark.parametrize("size", SIZES)
def test_the_loop_keeps_the_very_pixels_that_the_definition_keeps(compiled, size):
    for seed in range(3):
        noise = picture(size, seed)[..., 0]
        blurred = cv2.blur(noise, (5, 5)).reshape(size)
        for edges in (noise, 255 * (noise > 128).astype(np.uint8), blurred):
            np.testing.assert_array_equal(compiled.thinned(edges), thinned(edges))


@pytest.mark.parametrize("name", catalog())
@pytest.mark.parametrize("shape", [(37, 53), (37, 53, 3)])
def test_either_engine_thins_the_edges_of_every_filter(name, shape):
    image = IMAGE[20 : 20 + shape[0], 30 : 30 + shape[1]]
    image = image if len(shape) == 3 else image[..., 1]
    for engine in ("torch", "numba"):
        with pipeline_of(name, engine, gain=2.0) as pipeline:
            thick = pipeline(image)
            pipeline.is_thin, pipeline.threshold = True, 0.2

            thin = pipeline(image)

            if pipeline.entry.is_binary:  # Canny's lines are thin, the threshold another one
                pipeline.is_thin = False
                np.testing.assert_array_equal(thin, pipeline(image))
            else:
                np.testing.assert_array_equal(thin, without_weak(thinned(thick), 0.2))


@pytest.mark.parametrize(
    "transfer",
    [DirectTransfer(CPU), StreamedTransfer(CPU, in_flight=2, cuda=FakeCuda())],
    ids=["direct", "streamed"],
)
@pytest.mark.parametrize("name", ["sobel", "log"])
def test_a_gpu_thins_on_the_device(name, transfer):
    on_gpu, on_cpu = pipeline_of(name, gain=2.0), pipeline_of(name, gain=2.0)
    compute_on(on_gpu, transfer)

    for is_thin, threshold in ((False, 0.0), (True, 0.0), (True, 0.3), (False, 0.3)):
        for pipeline in (on_gpu, on_cpu):
            pipeline.is_thin, pipeline.threshold = is_thin, threshold
        for _ in range(2 * SLOTS):  # the second time each slot replays what it has recorded
            np.testing.assert_array_equal(on_gpu(IMAGE), on_cpu(IMAGE))


def test_gray_video_is_thinned_as_well():
    thick, thin = pipeline_of(), pipeline_of(is_thin=True)

    np.testing.assert_array_equal(
        thin.edges_of_luma(IMAGE[..., 1]), thinned(thick.edges_of_luma(IMAGE[..., 1]))
    )


def test_another_filter_and_a_second_pipeline_stay_thin():
    pipeline = pipeline_of(is_thin=True)
    second = pipeline.with_filter("log")
    pipeline.select("scharr")

    assert (pipeline.is_thin, second.is_thin) == (True, True)
    second.is_thin = False
    assert pipeline.is_thin


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_what_is_no_truth_value_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"is_thin is .*; choose True or False"):
        EdgePipeline(device="cpu", is_thin=value)


@pytest.mark.parametrize("edges", [np.zeros((3, 4, 3), np.uint8), np.zeros((3, 4))])
def test_only_an_edge_image_can_be_thinned(edges):
    with pytest.raises(ValueError, match=r"edges needs to be \(H, W\) uint8"):
        pipeline_of().thinned(edges)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_made_of_thin_lines(view):
    if view in ("peaking", "original"):
        pytest.skip("it is made without edges")
    name = "blur-difference" if view == "maps" else "sobel"  # Sobel's maps leave none for edges
    settings = replace(THIN, filter=name, view=view)

    thin, thick = (
        Renderer(pipeline_of())(IMAGE, replace(settings, is_thin=is_thin), now=0.0)[0]
        for is_thin in (True, False)
    )

    assert 0 < (thin.edges > 0).sum() < (thick.edges > 0).sum()
    assert (thin.view != thick.view).any()


@pytest.mark.parametrize("in_flight", [0, 2])
def test_the_automatic_gain_is_that_of_the_thick_edges(in_flight):
    gains = []
    for is_thin in (False, True):
        pipeline, pending = pipeline_of(), deque()
        if in_flight:
            compute_on(pipeline, transfer_with(in_flight))
        renderer, settings = Renderer(pipeline), Settings(view="edges", is_thin=is_thin)
        for number in range(4):
            pending.append(renderer.begin(IMAGE, settings))
            if len(pending) > in_flight:
                shown, settings = renderer.finish(pending.popleft(), settings, now=number / 30)
        gains.append(settings.gain)
        edges = pipeline_of(gain=shown.gain, is_thin=is_thin)(IMAGE)
        np.testing.assert_array_equal(shown.edges, edges)

    assert gains[0] == gains[1] != 1


@pytest.mark.parametrize("auto_gain", [False, True])
def test_a_picture_in_flight_is_made_again_when_the_lines_get_thin(auto_gain):
    pipeline = pipeline_of()
    compute_on(pipeline, transfer_with(2))
    renderer, thick = Renderer(pipeline), replace(THIN, auto_gain=auto_gain, is_thin=False)
    pending = renderer.begin(IMAGE, thick)

    shown, _ = renderer.finish(pending, replace(thick, is_thin=True), now=0.0)

    expected = pipeline_of(gain=shown.gain, threshold=0.2, is_thin=True)(IMAGE)
    np.testing.assert_array_equal(shown.edges, expected)


@pytest.mark.parametrize("auto_gain", [False, True])
def test_a_snapshot_of_the_original_has_thin_edges(auto_gain):
    settings = replace(THIN, view="original", auto_gain=auto_gain)
    renderer = Renderer(pipeline_of())
    rendered, settings = renderer(IMAGE, settings, now=0.0)

    edges = renderer.snapshot(rendered, settings)["edges"]

    np.testing.assert_array_equal(
        edges, pipeline_of(gain=settings.gain, threshold=0.2, is_thin=True)(IMAGE)
    )


def test_both_sides_of_a_comparison_are_thin():
    renderer = CompareRenderer(pipeline_of())

    shown, _ = renderer(IMAGE, replace(THIN, against="log"), now=0.0)

    for side, name in ((shown, "sobel"), (shown.right, "log")):
        expected = pipeline_of(name, gain=3.0, threshold=0.2, is_thin=True)(IMAGE)
        np.testing.assert_array_equal(side.edges, expected)


@pytest.mark.parametrize("auto_gain", [False, True])
@pytest.mark.parametrize("kind", ["gray", "bgr24"])
def test_videos_are_thinned(kind, auto_gain):
    image = IMAGE[..., 1].copy() if kind == "gray" else IMAGE
    settings = replace(THIN, auto_gain=auto_gain, threshold=0.0)
    frame = av.VideoFrame.from_ndarray(image, format=kind)

    thick, thin = (
        VideoRenderer(pipeline_of(), replace(settings, is_thin=is_thin))(frame, 0.0)
        for is_thin in (False, True)
    )

    np.testing.assert_array_equal(thin, thinned(thick))


def test_process_thins_the_lines_of_an_image(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), IMAGE)
    command = ["process", str(tmp_path / "a.png"), "--view", "edges", "--gain", "3"]

    for name, flags in (("thick.png", []), ("thin.png", ["--thin"])):
        out = str(tmp_path / name)
        assert main([*command, "-o", out, "--device", "cpu", "--engine", "torch", *flags]) == 0

    thick, thin = (cv2.imread(str(tmp_path / name), 0) for name in ("thick.png", "thin.png"))
    np.testing.assert_array_equal(thin, thinned(thick))
    assert 0 < (thin > 0).sum() < (thick > 0).sum() / 2
