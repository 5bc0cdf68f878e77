"""Less flicker: noise is averaged where nothing moves, and what moves leaves nothing behind it."""

from collections import deque
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.pipeline import smoothing
from live_edges.pipeline.compare import CompareRenderer
from live_edges.pipeline.renderer import Renderer
from live_edges.pipeline.smoothing import REST, Smoother, noise_of
from live_edges.process.video_renderer import VideoRenderer
from live_edges.settings import Settings

SIGMA = 6.0  # gray levels of noise, as of a webcam in a dim room
DARK, BRIGHT = 70, 130
SIZE = (120, 161)
COUNT = 30


def scene(edge=80):
    image = np.full((*SIZE, 3), DARK, np.uint8)
    image[:, edge:] = BRIGHT
    return image


def noisy(image, seed, sigma=SIGMA, *, is_gray=False):
    """Add noise of each byte, or of each pixel."""
    shape = (*SIZE, 1) if is_gray else image.shape
    noise = np.random.default_rng(seed).normal(0, sigma, shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def smoother(engine="torch"):
    return Smoother(EdgePipeline("sobel", device="cpu", engine=engine))


@pytest.fixture
def noisy_scene():
    return [noisy(scene(), seed) for seed in range(COUNT)]


def test_the_edges_of_a_static_scene_have_less_than_half_of_the_noise(noisy_scene):
    pipeline, smooth = EdgePipeline("sobel", device="cpu", engine="torch"), smoother()
    settled = slice(COUNT // 2, None)

    plain = np.stack([pipeline(image) for image in noisy_scene])[settled].astype(float)
    smoothed = np.stack([pipeline(smooth(image)) for image in noisy_scene])[settled].astype(float)

    assert np.median(plain.std(0)) > 1.5
    assert np.median(smoothed.std(0)) < 0.4 * np.median(plain.std(0))


@pytest.mark.parametrize("is_gray", [False, True], ids=["noise of bytes", "noise of pixels"])
def test_a_static_scene_comes_out_as_it_is_but_for_a_share_of_the_noise(is_gray):
    smooth = smoother()
    for seed in range(COUNT):
        shown = smooth(noisy(scene(), seed, is_gray=is_gray))

    error = shown.astype(float) - scene()
    assert abs(error.mean()) < 0.5  # nothing becomes darker or brighter
    assert error.std() < (0.5 if is_gray else 0.4) * SIGMA


@pytest.mark.parametrize("speed", [1, 3, 20])
def test_an_edge_that_moves_leaves_no_smear(speed):
    smooth, errors = smoother(), []
    for number in range(COUNT):
        edge = 20 + number * speed % 120
        shown = smooth(noisy(scene(edge), number))
        behind = slice(max(0, edge - 3 * speed), edge)  # dark now, and bright a moment ago
        if number > COUNT // 2 and behind.start > speed:
            errors.append(shown[:, behind].mean() - DARK)

    assert max(map(abs, errors)) < 0.1 * (BRIGHT - DARK)


def test_a_weak_edge_that_moves_leaves_no_more_than_noise():
    for contrast in (4, 8, 12):
        smooth = smoother()
        for number in range(COUNT):
            image = np.full((*SIZE, 3), DARK, np.uint8)
            image[:, 20 + 2 * number :] = DARK + contrast
            shown = smooth(noisy(image, number))

        behind = shown[:, 30 + 2 * (COUNT - 5) - 20 : 20 + 2 * (COUNT - 1)].mean() - DARK
        assert behind < SIGMA / 2


def test_a_cut_shows_nothing_of_the_scene_before(noisy_scene):
    smooth = smoother()
    for image in noisy_scene:
        smooth(image)
    other = noisy(np.fliplr(scene()), 99)

    np.testing.assert_allclose(smooth(other)[:, :78], other[:, :78], atol=1)


def test_a_picture_without_noise_stays_as_it_is():
    smooth, rng = smoother(), np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), SIZE[::-1])
    for shift in range(0, 20, 2):
        moved = np.ascontiguousarray(np.roll(image, shift, axis=1))

        difference = np.abs(smooth(moved).astype(int) - moved)
        assert difference.max() <= 8  # what passes as noise of two levels
        assert difference.mean() < 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_loop_averages_as_opencv_does(channels):
    compiled, defined = smoother("numba"), smoother("torch")
    for number in range(12):
        image = noisy(scene(40 + number), number)[..., :channels].squeeze()

        difference = np.abs(compiled(image).astype(int) - defined(image))
        assert difference.max() <= 1

    assert compiled._state.dtype == np.uint16
    compiled._pipeline.close()


@pytest.mark.parametrize("sigma", [1.0, 3.0, 8.0])
def test_the_noise_is_measured_though_a_third_of_the_picture_moves(sigma):
    still = scene()
    state = still.reshape(SIZE[0], -1).astype(np.uint16) * smoothing.FINE
    state += np.random.default_rng(1).integers(0, smoothing.FINE, state.shape, dtype=np.uint16)
    moved = still.copy()
    moved[:, ::3] = 255 - moved[:, ::3]
    moved[:, :100] = still[:, :100]

    single, mean = noise_of(noisy(moved, 0, sigma).reshape(SIZE[0], -1), state)

    assert single == pytest.approx(sigma, rel=0.5)
    assert mean < single


def test_the_same_picture_again_changes_nothing(noisy_scene):
    smooth = smoother()
    first = [smooth(image) for image in noisy_scene[:4]]

    again = [smooth(image) for image in noisy_scene[:4]]

    assert all(one is other for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (9, 1), (37, 53)])
def test_pictures_of_any_size_may_follow_each_other(shape):
    for engine in ("torch", "numba"):
        smooth = smoother(engine)
        for each in ((5, 8, 3), shape, shape, shape):
            image = np.full(each, 90, np.uint8)
            image.flags.writeable = False
            np.testing.assert_array_equal(smooth(image), image)
        smooth._pipeline.close()


SMOOTH = Settings(view="edges", auto_gain=False, gain=4.0, is_smooth=True)


def by_live_loop(images, settings):
    renderer = CompareRenderer(EdgePipeline("sobel", device="cpu", engine="torch"))
    return [renderer(image, settings, now=n / 30)[0].edges for n, image in enumerate(images)]


def by_process(images, settings, kind="bgr24"):
    render = VideoRenderer(EdgePipeline("sobel", device="cpu", engine="torch"), settings)
    frames = [av.VideoFrame.from_ndarray(image, format=kind) for image in images]
    return [render(frame, n / 30) for n, frame in enumerate(frames)]


def by_luma(images, settings):
    return by_process([image[..., 1].copy() for image in images], settings, "gray")


@pytest.mark.parametrize("way", [by_live_loop, by_process, by_luma])
def test_it_works_live_and_in_process(way, noisy_scene):
    plain, smoothed = (
        np.stack(way(noisy_scene, replace(SMOOTH, is_smooth=each))[COUNT // 2 :]).astype(float)
        for each in (False, True)
    )

    assert np.median(smoothed.std(0)) < 0.5 * np.median(plain.std(0))


def test_both_filters_see_the_picture_smoothed_once(noisy_scene):
    pipeline = EdgePipeline("sobel", device="cpu", engine="torch")
    two, one = CompareRenderer(pipeline), Renderer(pipeline.with_filter("log"))
    for image in noisy_scene[:5]:
        both, _ = two(image, replace(SMOOTH, against="log", divider=0.0), now=0.0)
        alone, _ = one(image, replace(SMOOTH, filter="log"), now=0.0)

    np.testing.assert_array_equal(both.original, alone.original)


def test_zoom_and_mirror_do_not_begin_anew(noisy_scene):
    renderer = Renderer(EdgePipeline("sobel", device="cpu", engine="torch"))
    for image in noisy_scene:
        renderer(image, SMOOTH, now=0.0)

    closer = replace(SMOOTH, is_mirrored=True, region=(100, 40, 40, 40))
    rendered, _ = renderer(noisy_scene[0], closer, now=0.0)

    assert rendered.original.std() < 0.5 * SIGMA


def test_pictures_made_again_in_a_pause_are_smoothed_once(noisy_scene):
    renderer = Renderer(EdgePipeline("sobel", device="cpu", engine="torch"))
    pending = deque(renderer.begin(image, SMOOTH) for image in noisy_scene[:3])
    shown = renderer.finish(pending[0], SMOOTH, now=0.0)[0].original

    again = renderer.begin(noisy_scene[0], replace(SMOOTH, filter="log"))

    np.testing.assert_array_equal(again.original, shown)
    assert 0 < REST < 1


def test_off_and_on_begins_anew(noisy_scene):
    renderer = Renderer(EdgePipeline("sobel", device="cpu", engine="torch"))
    for image in noisy_scene[:5]:
        renderer(image, SMOOTH, now=0.0)
    renderer(noisy_scene[5], replace(SMOOTH, is_smooth=False), now=0.0)

    rendered, _ = renderer(noisy_scene[6], SMOOTH, now=0.0)

    np.testing.assert_array_equal(rendered.original, noisy_scene[6])
