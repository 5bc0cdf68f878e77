"""Two filters on the same picture: each side is what its filter makes, with its own gain."""

from dataclasses import replace

import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.errors import LiveEdgesError
from live_edges.filters.catalog import catalog
from live_edges.pipeline import compare, views
from live_edges.pipeline.compare import CompareRenderer, compared, is_right_pointed_at
from live_edges.pipeline.renderer import Renderer
from live_edges.process.video_renderer import VideoRenderer
from live_edges.settings import VIEWS, WHOLE, Settings

SIZE = (480, 641)
LINE = 3  # pixels on both sides of the divider
BOTH = Settings(filter="sobel", against="log", divider=0.4, view="edges")
SPLIT = [name for name in VIEWS if name not in compare.BESIDE and views.VIEWS[name].needs_edges]


@pytest.fixture
def image():
    noise = np.random.default_rng(0).integers(0, 50, (*SIZE, 3), dtype=np.uint8)
    noise[:, ::40] += 100
    return noise


def pipeline_of(name="sobel", weights=()):
    return EdgePipeline(name, device="cpu", engine="torch", weights=weights)


def shown_by_one(image, settings):
    """Render by one filter as if there were no other."""
    return Renderer(pipeline_of(settings.filter))(image, replace(settings, against=None), now=0.0)[
        0
    ].view


def shown(image, settings):
    return CompareRenderer(pipeline_of())(image, settings, now=0.0)[0].view


def names_of(view):
    """The rows in which the names may stand."""
    return slice(view.shape[0] * 3 // 4, view.shape[0])


@pytest.mark.parametrize("view", SPLIT)
@pytest.mark.parametrize("auto_gain", [True, False])
def test_each_side_is_what_its_filter_makes_alone(image, view, auto_gain):
    settings = replace(BOTH, view=view, auto_gain=auto_gain)
    left, right = (shown_by_one(image, replace(settings, filter=f)) for f in ("sobel", "log"))

    both = shown(image, settings)

    if left.shape != right.shape:
        pytest.skip("shown beside each other")
    x, above = round(0.4 * both.shape[1]), slice(0, both.shape[0] * 3 // 4)
    np.testing.assert_array_equal(both[above, : x - LINE], left[above, : x - LINE])
    np.testing.assert_array_equal(both[above, x + LINE :], right[above, x + LINE :])
    assert (both[names_of(both)] != np.hstack((left[:, :x], right[:, x:]))[names_of(both)]).any()


def test_side_by_side_has_the_edges_of_the_whole_picture_twice(image):
    settings = replace(BOTH, view="side", auto_gain=False)
    left, right = (
        shown_by_one(image, replace(settings, filter=f, view="edges")) for f in ("sobel", "log")
    )

    both = shown(image, settings)[:300]

    np.testing.assert_array_equal(both[:, : 641 - LINE], left[:300, :-LINE])
    np.testing.assert_array_equal(both[:, 641 + LINE :], right[:300, LINE:])


def test_the_maps_of_both_filters_lie_beside_each_other_whole(image):
    settings = replace(BOTH, view="maps", auto_gain=False)
    left, right = (shown_by_one(image, replace(settings, filter=f)) for f in ("sobel", "log"))

    rendered, after = CompareRenderer(pipeline_of())(image, settings, now=0.0)

    np.testing.assert_array_equal(rendered.view[:200, : 641 - LINE], left[:200, :-LINE])
    np.testing.assert_array_equal(rendered.view[:200, 641 + LINE :], right[:200, LINE:])
    assert (after.view, after.panes) == ("maps", (4, 2))


@pytest.mark.parametrize("view", ["original", "peaking"])
def test_a_view_without_a_filter_has_nothing_to_compare(image, view):
    settings = replace(BOTH, view=view)

    np.testing.assert_array_equal(shown(image, settings), shown_by_one(image, settings))


def test_canny_keeps_its_lines_beside_an_automatic_gain(image):
    both = shown(image, replace(BOTH, filter="canny", threshold=0.2))
    lines = shown_by_one(image, replace(BOTH, filter="canny", threshold=0.2))

    np.testing.assert_array_equal(both[:300, :200], lines[:300, :200])


def test_the_gain_of_each_side_follows_its_own_filter(image):
    renderer, settings = CompareRenderer(pipeline_of()), replace(BOTH, against="laplacian")
    alone = Renderer(pipeline_of("laplacian"))
    expected = replace(settings, filter="laplacian", against=None)
    for number in range(8):
        dimmed = image[:240] // (1 + number // 4)
        rendered, settings = renderer(dimmed, settings, now=number / 30)
        one, expected = alone(dimmed, expected, now=number / 30)

    assert settings.filter == "sobel"
    assert settings.gain != expected.gain
    np.testing.assert_array_equal(rendered.view[:120, 300:], one.view[:120, 300:])


def test_mirror_and_region_hold_for_both_sides(image):
    settings = replace(BOTH, is_mirrored=True, region=(100, 50, 400, 300), auto_gain=False)
    part = np.ascontiguousarray(image[:, ::-1][50:350, 100:500])

    both = shown(image, settings)

    plain = replace(settings, is_mirrored=False, region=WHOLE, filter="log")
    np.testing.assert_array_equal(both[:200, 170:], shown_by_one(part, plain)[:200, 170:])


@pytest.mark.parametrize("change", [{"against": None}, {"against": "roberts"}, {"view": "side"},
                                    {"divider": 0.9}, {"filter": "canny"}], ids=str)  # fmt: skip
@pytest.mark.parametrize("start", [BOTH, replace(BOTH, against=None)], ids=["two", "one"])
def test_a_key_decides_over_a_picture_in_flight(image, start, change):
    renderer, settings = CompareRenderer(pipeline_of()), replace(start, **change)
    pending = renderer.begin(image, start)

    rendered, _ = renderer.finish(pending, settings, now=0.0)

    np.testing.assert_array_equal(rendered.view, shown(image, settings))


def test_a_filter_that_cannot_be_used_is_refused_on_either_side(tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    renderer = CompareRenderer(pipeline_of(weights=[tmp_path / "broken.safetensors"]))
    renderer.select(BOTH)

    for change in ({"filter": "broken"}, {"against": "broken"}):
        with pytest.raises(LiveEdgesError, match="broken"):
            renderer.select(replace(BOTH, **change))


@pytest.mark.parametrize("divider", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (9, 120), (120, 9), (240, 320), (720, 1280)])
def test_names_of_any_length_fit_any_picture_wherever_the_divider_is(size, divider):
    longest = max(catalog(), key=len)
    settings = Settings(filter=longest, against=longest, divider=divider)
    gray = np.full((*size, 3), 128, np.uint8)

    both = compared(gray, gray, settings)

    assert min(both.shape[:2]) >= 240
    assert both.shape[0] * size[1] == both.shape[1] * size[0]
    is_written = (both[names_of(both)] > 200).any(axis=(0, 2))
    assert is_written.any()


@pytest.mark.parametrize(
    ("pointer", "view", "is_right"),
    [(None, "edges", False), ((0.3, 0.5), "edges", False), ((0.45, 0.5), "edges", True),
     ((0.45, 0.5), "side", False), ((0.55, 0.5), "side", True)],
)  # fmt: skip
def test_the_mouse_points_at_the_side_on_which_it_is(pointer, view, is_right):
    settings = replace(BOTH, pointer=pointer, view=view)

    assert is_right_pointed_at(settings) is is_right
    assert not is_right_pointed_at(replace(settings, against=None))


def test_the_name_at_which_the_mouse_points_stands_out():
    gray = np.full((*SIZE, 3), 128, np.uint8)
    nobody, left, right = (
        compared(gray, gray, replace(BOTH, pointer=pointer))
        for pointer in (None, (0.38, 0.5), (0.42, 0.5))
    )

    changed = [(each != nobody).any(axis=(0, 2)).nonzero()[0] / SIZE[1] for each in (left, right)]
    assert changed[0].max() < 0.4 < changed[1].min()


def test_process_shows_both_in_colour_with_the_divider_in_the_middle(image):
    both = VideoRenderer(pipeline_of(), replace(BOTH, divider=0.5)).render_image(image, 0.0)

    assert both.shape == image.shape
    np.testing.assert_array_equal(both, shown(image, replace(BOTH, divider=0.5)))
