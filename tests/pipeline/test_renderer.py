"""What is shown of a picture: automatic gain and threshold, one picture at a time or several."""

from collections import deque
from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest
from fakes import compute_on, transfer_with

from live_edges import EdgePipeline
from live_edges.pipeline.autogain import TARGET
from live_edges.pipeline.renderer import Renderer
from live_edges.process.video_renderer import VideoRenderer
from live_edges.settings import Settings

FPS = 30


def pipeline_with(in_flight):
    """A pipeline that computes on the CPU, and says that so many pictures may be on their way."""
    pipeline = EdgePipeline(device="cpu", engine="torch")
    compute_on(pipeline, transfer_with(in_flight))
    return pipeline


def play(images, settings, *, in_flight=0, keys=None):
    """Render pictures as the app does; ``keys`` change the settings after the n-th was shown."""
    renderer = Renderer(pipeline_with(in_flight))
    shown, gains, pending = [], [], deque()
    for number, image in enumerate([*images, *[None] * in_flight]):
        if image is not None:
            pending.append((number / FPS, renderer.begin(image, settings)))
        if len(pending) > in_flight or image is None:
            now, oldest = pending.popleft()
            rendered, settings = renderer.finish(oldest, settings, now=now)
            shown.append(rendered.edges)
            gains.append(settings.gain)
            if keys and len(shown) in keys:
                settings = keys[len(shown)](settings)
    return shown, gains


def stripes(contrast, count=1):
    image = np.full((48, 64, 3), 100, np.uint8)
    image[:, ::8] = 100 + contrast
    return [image] * count


def checkerboard(level=200):
    rows, columns = np.indices((48, 64)) // 8
    return np.repeat(((rows + columns) % 2 * level).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("gain", [1 / 16, 1.0, 16.0])
@pytest.mark.parametrize("contrast", [5, 40, 150])
@pytest.mark.parametrize("in_flight", [1, 2])
def test_a_still_picture_looks_the_same_with_pictures_in_flight(gain, contrast, in_flight):
    images = stripes(contrast, 12)
    expected, expected_gains = play(images, Settings(gain=gain))

    shown, gains = play(images, Settings(gain=gain), in_flight=in_flight)

    np.testing.assert_array_equal(shown, expected)
    assert gains == expected_gains
    assert len({edges.max() for edges in shown}) == 1


def test_a_change_of_light_is_followed_without_overshoot_with_pictures_in_flight():
    images = stripes(120, 5) + stripes(15, 120)

    shown, gains = play(images, Settings(), in_flight=2)

    steps = np.diff(np.log(gains[7:]))
    assert steps.min() >= 0
    assert shown[-1].max() / 255 == pytest.approx(TARGET, rel=0.15)


@pytest.mark.parametrize(
    "change",
    [
        {"gain": 3.0, "auto_gain": False},
        {"threshold": 0.9},
        {"gain": 0.5, "auto_gain": False, "threshold": 0.4},
        {"filter": "roberts"},
        {"filter": "canny"},
        {"sigma": 2.0},
        {"view": "original"},
    ],
    ids=str,
)
@pytest.mark.parametrize("auto_gain", [True, False])
def test_a_key_decides_over_pictures_in_flight(change, auto_gain):
    images, settings = stripes(30, 9), Settings(filter="log", auto_gain=auto_gain)
    keys = {4: lambda settings: replace(settings, **change)}
    expected, _ = play(images, settings, keys=keys)

    shown, _ = play(images, settings, in_flight=2, keys=keys)

    for one, other in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def by_live_loop(images, settings):
    return play(images, settings)


def by_process(images, settings):
    pipeline = EdgePipeline(settings.filter, device="cpu", engine="torch")
    render = VideoRenderer(pipeline, settings)
    shown, gains = [], []
    for number, image in enumerate(images):
        shown.append(render(av.VideoFrame.from_ndarray(image, format="bgr24"), number / FPS))
        gains.append(render._settings.gain)
    return shown, gains


def by_luma(images, settings):
    pipeline = EdgePipeline(settings.filter, device="cpu", engine="torch")
    render = VideoRenderer(pipeline, settings)
    shown, gains = [], []
    for number, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image[..., 0].copy(), format="gray")
        shown.append(render(frame, number / FPS))
        gains.append(render._settings.gain)
    return shown, gains


WAYS = [by_live_loop, by_process, by_luma]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("threshold", [0.5, 0.74, 0.8, 0.94, 1.0])
def test_automatic_gain_and_threshold_do_not_fight(way, threshold):
    settings = Settings(view="edges", threshold=threshold)

    shown, _ = way([checkerboard()] * 5 * FPS, settings)

    switched = sum(bool(one.any()) != bool(other.any()) for one, other in pairwise(shown))
    assert switched == 0


@pytest.mark.parametrize("way", WAYS)
def test_edges_below_the_threshold_do_not_change_the_gain(way):
    images = stripes(20, 5) + stripes(90, 30) + stripes(9, 30)
    _, expected = way(images, Settings(view="edges"))

    shown, gains = way(images, Settings(view="edges", threshold=0.9))

    assert gains == expected
    assert not shown[-1].any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("auto_gain", [True, False])
def test_what_is_darker_than_the_threshold_is_hidden_and_nothing_else(way, auto_gain):
    ramp = np.repeat(np.cumsum(np.arange(22))[None].astype(np.uint8), 16, axis=0)
    ramp = np.repeat(ramp[..., None], 3, axis=2)
    settings = Settings(view="edges", gain=4.0, auto_gain=auto_gain)
    [everything], _ = way([ramp], settings)

    [shown], _ = way([ramp], replace(settings, threshold=0.5))

    is_clear = np.abs(everything - 127.5) > 1
    expected = np.where(everything >= 127.5, everything, 0)
    assert 0 < np.count_nonzero(shown) < np.count_nonzero(everything)
    np.testing.assert_array_equal(shown[is_clear], expected[is_clear])


@pytest.mark.parametrize("way", [by_live_loop, by_process])
def test_cannys_lines_do_not_depend_on_the_gain(way):
    settings = Settings(filter="canny", view="edges", gain=0.2, threshold=0.3)

    shown, gains = way([checkerboard()] * 3, settings)

    assert {edges.max() for edges in shown} == {255}
    assert set(gains) == {0.2}


def test_a_snapshot_of_the_original_view_hides_what_is_below_the_threshold():
    settings = Settings(view="original", gain=1.0, threshold=0.5)
    renderer = Renderer(pipeline_with(0))
    [image] = stripes(60)
    rendered, settings = renderer(image, settings, now=0.0)

    edges = renderer.snapshot(rendered, settings)["edges"]

    assert not edges.any()


def test_a_region_is_cut_out_of_the_mirrored_picture_before_it_is_filtered():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")
    settings = Settings(view="edges", auto_gain=False, is_mirrored=True, region=(10, 5, 20, 8))

    rendered, _ = Renderer(pipeline)(image, settings, now=0.0)

    part = np.ascontiguousarray(image[:, ::-1][5:13, 10:30])
    np.testing.assert_array_equal(rendered.original, part)
    np.testing.assert_array_equal(rendered.edges, pipeline(part))


@pytest.mark.parametrize(
    ("view", "panes"), [("edges", (1, 1)), ("side", (2, 1)), ("maps", (2, 2)), ("original", (1, 1))]
)
def test_the_settings_know_how_often_the_view_has_the_picture(view, panes):
    renderer = Renderer(EdgePipeline("sobel", device="cpu", engine="torch"))

    _, settings = renderer(stripes(1, 9)[0], Settings(view=view), now=0.0)

    assert settings.panes == panes
