import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_edges.settings import Settings
from live_edges.web.requests import changed, mouse_event

FILTERS = ["sobel", "canny"]
NAMES = [field.name for field in dataclasses.fields(Settings)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter", "canny"),
        ("view", "side"),
        ("gain", 4),
        ("threshold", 0.5),
        ("sigma", 2.5),
        ("line_color", "red"),
        ("is_mirrored", True),
        ("is_thin", True),
        ("hud", "full"),
        ("region", [0.25, 0.25, 0.5, 0.5]),
    ],
)
def test_a_setting_is_changed(name, value):
    after = changed(Settings(), {name: value}, filters=FILTERS)

    assert getattr(after, name) == (tuple(value) if name == "region" else value)
    assert dataclasses.replace(after, **{name: getattr(Settings(), name)}) == Settings()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"filter": "none"}, "there are sobel, canny"),
        ({"gain": "4"}, "a number from"),
        ({"gain": float("nan")}, "a number from"),
        ({"gain": True}, "a number from"),
        ({"sigma": 99}, "0.3 to 5"),
        ({"is_paused": 1}, "true or false"),
        ({"region": [0, 0, 2, 1]}, "from 0 to 1"),
        ({"region": [0.9, 0, 0.5, 1]}, "inside the picture"),
        ({"is_fullscreen": True}, "there is no setting"),
        ({"weights": "/etc/passwd"}, "there is no setting"),
        ([1], "an object"),
        (None, "an object"),
    ],
)
def test_what_is_no_setting_is_refused_in_a_sentence(changes, told):
    with pytest.raises(ValueError, match=told):
        changed(Settings(), changes, filters=FILTERS)


@given(
    JSON | st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(Settings)]), JSON)
)
def test_whatever_is_sent_gives_settings_or_a_value_error(changes):
    try:
        after = changed(Settings(), changes, filters=FILTERS)
    except ValueError:
        return
    assert isinstance(after, Settings)


@given(JSON | st.fixed_dictionaries({"kind": st.sampled_from(["move", "drag", "zoom"]), "x": JSON}))
def test_whatever_is_sent_is_a_mouse_event_or_a_value_error(asked):
    try:
        event = mouse_event(asked)
    except ValueError:
        return
    assert event.kind in ("move", "drag", "zoom")
    assert isinstance(event.x, int)
