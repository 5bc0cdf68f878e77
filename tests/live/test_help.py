from itertools import groupby, pairwise

import numpy as np
import pytest
from fakes import FakeClock

from live_edges.filters.catalog import catalog
from live_edges.live import help
from live_edges.live.hud import BAR_S, HeadUpDisplay, Status
from live_edges.live.keymap import bindings, by_key
from live_edges.screen_text import font_for
from live_edges.settings import Settings
from live_edges.timing import Durations, Stages

LISTED = bindings(list(catalog()))
GROUPS = help.grouped(LISTED)
SIZES = [(320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160), (360, 640), (1000, 300)]
STATUS = Status("cpu", "torch", 30.0, 30.0, 0, Durations(), Stages())


def blank(width, height):
    return np.zeros((height, width, 3), np.uint8)


def sheet_for(*size):
    return help.laid_out(GROUPS, size, font_for(blank(*size)))


@pytest.mark.parametrize("size", SIZES)
def test_the_help_fits_and_no_text_touches_another(size):
    sheet = sheet_for(*size)

    assert sheet.top >= 0
    by_line = sorted(sheet.words, key=lambda word: (word[2], word[1]))
    for _, words in groupby(by_line, key=lambda word: word[2]):
        words = [*words, ("", size[0], 0, ())]
        assert all(
            x + sheet.font.width(text) < after[1] for (text, x, *_), after in pairwise(words)
        )
    assert by_line[-1][2] + sheet.font.line <= size[1]


@pytest.mark.parametrize("size", SIZES)
def test_the_help_names_every_key_and_every_purpose(size):
    words = [word[0] for word in sheet_for(*size).words]

    assert {binding.group for binding in LISTED} <= set(words)
    keys = " ".join(words).split()
    assert {b.label.split()[0] for b in LISTED if b.label not in "123456789"} <= set(keys)
    assert "1-9" in keys


def test_the_help_says_in_full_what_every_key_does():
    words = " ".join(word[0] for word in sheet_for(1920, 1080).words)

    assert "one frame further, then pause" in words
    assert "less, more gain" in words
    assert all(name in words for name in list(catalog())[:9])


@pytest.mark.parametrize(
    ("size", "smallest"), [((320, 240), 0.25), ((640, 480), 0.4), ((1280, 720), 0.55)]
)
def test_the_help_can_be_read(size, smallest):
    assert sheet_for(*size).font.scale >= smallest


@pytest.mark.parametrize(
    ("size", "share"),
    [((640, 480), 0.38), ((1280, 720), 0.5), ((1920, 1080), 0.5), ((3840, 2160), 0.5)],
)
def test_the_help_leaves_the_upper_part_of_the_picture_free(size, share):
    assert sheet_for(*size).top > share * size[1]


@pytest.mark.parametrize("size", [(1, 1), (53, 37), (37, 200)])
def test_tiny_pictures_are_no_problem(size):
    help.draw_sheet(blank(*size), GROUPS)
    help.draw_bar(blank(*size), help.BAR)


def test_the_bar_names_keys_that_there_are():
    assert set(help.BAR) <= by_key(LISTED).keys()


def test_the_bar_stays_for_some_seconds():
    clock = FakeClock()
    hud = HeadUpDisplay(LISTED, catalog(), clock=clock)
    pictures = []
    for _ in range(3):
        canvas = blank(640, 480)
        hud.draw(canvas, Settings(), STATUS)
        pictures.append(canvas)
        clock.advance(BAR_S / 2)

    assert [picture[-30:].any() for picture in pictures] == [True, True, False]


def test_the_state_is_still_there_while_the_help_is_open():
    canvas = blank(1280, 720)

    HeadUpDisplay(LISTED, catalog(), clock=FakeClock()).draw(
        canvas, Settings(show_help=True), STATUS
    )

    assert canvas[:60, :300].max() > 200
