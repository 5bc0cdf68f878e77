import re
from dataclasses import replace
from pathlib import Path

import pytest

from live_edges.filters.catalog import catalog
from live_edges.live.keymap import bindings, by_key
from live_edges.settings import HUDS, LINE_COLORS, MAX_GAIN, MIN_GAIN, SIGMAS, VIEWS, Settings

FILTERS = list(catalog())
START = Settings()
KEYS = by_key(bindings(FILTERS, START))
README = Path(__file__).parents[2] / "README.md"


def press(keys, settings=START):
    for key in keys:
        settings = KEYS[key].does(settings)
    return settings


def test_no_key_is_bound_twice():
    keys = [key for binding in bindings(FILTERS) for key in binding.keys]

    assert len(keys) == len(set(keys))
    assert not any(key.isupper() or key == "tab" for key in keys)


def test_the_readme_shows_these_keys_and_no_others():
    shown = re.findall(
        r"^\| `(.+?)` \| (.+?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE
    )

    assert shown == [(binding.label, binding.help) for binding in bindings(FILTERS)]


@pytest.mark.parametrize("number", range(1, 10))
def test_a_digit_picks_a_filter(number):
    assert press(str(number)).filter == FILTERS[number - 1]


def test_a_filter_shows_itself_where_the_original_was():
    assert press("0").view == "original"
    assert press("02").view == "overlay"
    assert press("2", replace(START, view="side")).view == "side"


@pytest.mark.parametrize(
    ("key", "name", "values"),
    [
        ("v", "view", VIEWS),
        ("i", "hud", HUDS),
        ("c", "line_color", tuple(LINE_COLORS)),
        ("n", "filter", tuple(FILTERS)),
        ("b", "sigma", SIGMAS),
    ],
)
def test_a_key_goes_through_all_values_and_round(key, name, values):
    seen = [getattr(press(key * times), name) for times in range(1, len(values) + 1)]

    assert set(seen) == set(values)
    assert press(key * len(values)) == START


@pytest.mark.parametrize(
    ("key", "name"),
    [("space", "is_paused"), ("a", "auto_gain"), ("m", "is_mirrored"), ("f", "is_fullscreen"),
     ("h", "show_help"), ("?", "show_help"), ("l", "is_thin")],
)  # fmt: skip
def test_a_switch_goes_on_and_off(key, name):
    assert getattr(press([key]), name) is not getattr(START, name)
    assert press([key, key]) == START


def test_compare_goes_on_with_another_filter_and_off():
    assert press("x").against == "canny"
    assert press("x", replace(START, filter="log")).against == "sobel"
    assert press("xx") == START
    assert press("0x").view == "overlay"
    with_another = by_key(bindings(FILTERS, replace(START, against="roberts")))
    assert with_another["x"].does(START).against == "roberts"


@pytest.mark.parametrize(("x", "filters"), [(0.4, ("scharr", "log")), (0.6, ("sobel", "scharr"))])
def test_a_filter_is_picked_for_the_side_at_which_the_mouse_points(x, filters):
    comparing = replace(START, against="log", pointer=(x, 0.5))

    picked = press("2", comparing)
    following = press("n", replace(comparing, against="sobel"))

    assert (picked.filter, picked.against) == filters
    assert {following.filter, following.against} == {"sobel", "scharr"}
    assert (following.against == "scharr") is (x > 0.5)


def test_gain_by_hand_starts_from_the_automatic_one():
    brighter = press("]", replace(START, gain=3.0))

    assert not brighter.auto_gain
    assert brighter.gain == pytest.approx(3 * 2**0.25)
    assert press("[", brighter).gain == pytest.approx(3)


def test_gain_and_threshold_stay_in_range():
    assert press("]" * 100).gain == MAX_GAIN
    assert press("[" * 100).gain == MIN_GAIN
    assert press("=" * 100).threshold == 1
    assert press("=-" + "-" * 100).threshold == 0


def test_backspace_goes_back_to_the_start():
    assert press(["2", "v", "m", "]", "=", "c", "backspace"]) == START
