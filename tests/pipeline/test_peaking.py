"""Focus peaking, on a focus rack that is rendered: what is in focus there is known."""

import cv2
import numpy as np
import pytest
from rack import LAYERS, marked_well, rack

from live_edges import EdgePipeline
from live_edges.pipeline import peaking, views
from live_edges.pipeline.views import Picture
from live_edges.settings import LINE_COLORS, Settings

SIZE = (320, 240)


def marks(image, **options):
    return peaking.opacity(image, **options) > 127


def step(contrast, circle_px, noise=0.0):
    """A straight edge, slightly turned, blurred by a disk."""
    y, x = np.mgrid[:480, :640]
    plane = 60 + contrast * (x + 0.2 * y > 360).astype(np.float32)
    radius = circle_px * 2
    if radius:
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        plane = cv2.filter2D(plane, -1, disk / disk.sum(), borderType=cv2.BORDER_REPLICATE)
    gray = cv2.resize(plane, (160, 120), interpolation=cv2.INTER_AREA)
    gray = gray + np.random.default_rng(0).normal(0, noise, gray.shape)
    return cv2.cvtColor(gray.round().clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


@pytest.mark.parametrize(
    ("contrast", "noise", "least"),
    [(20, 0, 0.9), (80, 0, 0.9), (40, 2, 0.9), (40, 5, 0.85), (80, 5, 0.9), (120, 10, 0.85)],
)
def test_marks_fall_on_what_is_in_focus(contrast, noise, least):
    frames = [rack(2, contrast=contrast, noise=noise, seed=seed) for seed in (0, 1)]

    precision, recall = np.mean([marked_well(marks(f.image), f) for f in frames], axis=0)

    assert precision > least
    assert recall > least


@pytest.mark.parametrize("noise", [0, 2, 5, 10])
def test_a_blurred_bright_edge_stays_dark_beside_a_sharp_weak_one(noise):
    blurred, sharp = step(180, 4, noise), step(60, 0, noise)

    assert marks(blurred).mean() < 0.0005
    assert marks(sharp).mean() > 0.008  # an edge of one pixel through 160 columns is 0.006


@pytest.mark.parametrize("contrast", [8, 30, 190])
def test_contrast_cancels(contrast):
    assert marks(step(contrast, 0)).any(axis=1).mean() > 0.95
    assert not marks(step(contrast, 5)).any()


@pytest.mark.parametrize("noise", [0, 3, 10])
def test_noise_alone_is_not_in_focus(noise):
    image = step(0, 0, noise)

    assert marks(image).mean() < 0.0005
    assert peaking.focus_number(image) < 5 or not marks(image).any()


@pytest.mark.parametrize("noise", [0, 2, 5, 10])
def test_the_noise_is_estimated_whatever_the_picture_shows(noise):
    estimate = peaking.noise_of(rack(2, noise=noise).image)

    assert estimate == pytest.approx(max(noise, peaking.LEAST_NOISE), rel=0.1, abs=0.1)


def test_a_higher_threshold_marks_less():
    image = rack(2.25, size=SIZE).image

    shares = [marks(image, threshold=threshold).mean() for threshold in (0, 0.3, 0.6, 1)]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 4


@pytest.mark.parametrize("noise", [0, 2, 5, 10])
@pytest.mark.parametrize("contrast", [40, 120])
def test_the_number_peaks_at_the_sharp_frame(contrast, noise):
    positions = np.arange(-2, 2.5, 0.5)  # half a layer makes circles of 2 pixels

    numbers = [
        peaking.focus_number(
            rack(
                at, contrast=contrast, noise=noise, size=SIZE, seed=5, layers=1, others=(contrast,)
            ).image
        )
        for at in positions
    ]

    assert numbers[:5] == sorted(numbers[:5])
    assert numbers[4:] == sorted(numbers[4:], reverse=True)
    assert numbers[4] > 1.1 * numbers[3]
    assert numbers[4] > 1.8 * numbers[2]


@pytest.mark.parametrize("circle", [0, 6])
def test_the_number_of_a_large_picture_is_that_of_a_part(circle):
    image = rack(circle / 4, seed=5, layers=1, others=(80,)).image
    large = cv2.copyMakeBorder(image, 300, 300, 500, 500, cv2.BORDER_REFLECT)

    number = peaking.focus_number(large)

    assert sum(strip.size for strip in peaking._strips(large)) < large.size / 4
    assert number == pytest.approx(peaking.focus_number(image), rel=0.2)


def test_flat_has_no_number():
    assert peaking.focus_number(np.full((9, 7, 3), 200, np.uint8)) == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 5), (37, 53), (641, 479), (1, 4096)])
def test_the_loop_paints_what_opencv_paints(size):
    compiled, defined = (EdgePipeline(engine=engine) for engine in ("numba", "torch"))
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    for image in (noise, cv2.GaussianBlur(noise, (0, 0), 0.8).reshape(*size, 3)):
        for threshold in (0.0, 0.5):
            settings = Settings(view="peaking", threshold=threshold)
            ours, theirs = (
                views.VIEWS["peaking"].paint(Picture(image, image[..., 0], settings, each))
                for each in (compiled, defined)
            )
            assert np.abs(ours.astype(int) - theirs).max() <= 1

    compiled.close()


def test_marks_have_the_line_colour_and_the_rest_is_the_picture():
    frame = rack(LAYERS // 2, size=SIZE)
    settings = Settings(view="peaking", line_color="magenta")
    pipeline = EdgePipeline(engine="torch")

    shown = views.VIEWS["peaking"].paint(Picture(frame.image, None, settings, pipeline))

    opacity = peaking.opacity(frame.image)
    assert (shown[opacity == 255] == LINE_COLORS["magenta"]).all()
    np.testing.assert_array_equal(shown[opacity == 0], frame.image[opacity == 0])
