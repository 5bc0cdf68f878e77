import os
import sys

import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.cli import main
from live_edges.errors import LiveEdgesError
from live_edges.filters import catalog as catalog_module

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
GRAY = "def edges(gray):\n    return (gray - gray.roll(1, -1)).abs()\n"
RED = "def edges(rgb):\n    return rgb[:, :1]\n"


@pytest.fixture
def mine(tmp_path):
    """Write a filter as a user saves a file, at another time each time."""
    path, saves = tmp_path / "mine.py", iter(range(1, 99))

    def save(text):
        path.write_text(text, encoding="utf-8")
        os.utime(path, (0, next(saves)))
        return f"{path}:edges"

    return save


def own(code, **options):
    return EdgePipeline(code, device="cpu", **options)


def test_a_function_of_brightness_finds_the_edges(mine):
    import cv2

    gray = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY).astype(int)

    edges = own(mine(GRAY))(IMAGE)

    np.testing.assert_array_equal(edges, np.abs(gray - np.roll(gray, 1, 1)))


def test_a_function_of_colours_sees_red_green_and_blue(mine):
    np.testing.assert_array_equal(own(mine(RED))(IMAGE), IMAGE[..., 2])


def test_gain_and_threshold_work_as_for_every_filter(mine):
    edges = own(mine(RED), gain=2.0, threshold=0.5)(IMAGE)

    expected = np.minimum(2 * IMAGE[..., 2].astype(int), 255)
    np.testing.assert_array_equal(edges, np.where(expected >= 127.5, expected, 0))


def test_a_saved_file_is_read_again(mine):
    pipeline = own(mine(RED))
    before = pipeline(IMAGE)

    mine(RED.replace("rgb[:, :1]", "rgb[:, 2:]"))

    np.testing.assert_array_equal(before, IMAGE[..., 2])
    np.testing.assert_array_equal(pipeline(IMAGE), IMAGE[..., 0])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("def edges(rgb) return", "SyntaxError"),
        ("x = 1\n", "has no function edges"),
        ("def edges(rgb):\n    return rgb\n", "it has to return"),
        ("def edges(rgb):\n    return 1 / 0\n", "ZeroDivisionError"),
        ("def edges(rgb):\n    return None\n", "it has to return"),
        ("raise RuntimeError('no')\n", "RuntimeError"),
    ],
)
def test_an_error_is_told_and_the_last_good_function_goes_on(mine, caplog, broken, told):
    pipeline = own(mine(RED))
    pipeline(IMAGE)

    mine(broken)
    edges = [pipeline(IMAGE) for _ in range(3)]

    assert told in pipeline.problem
    assert len(caplog.messages) == 1
    for each in edges:
        np.testing.assert_array_equal(each, IMAGE[..., 2])
    mine(RED.replace(":1]", "1:2]"))
    np.testing.assert_array_equal(pipeline(IMAGE), IMAGE[..., 1])
    assert pipeline.problem == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def edges(rgb) return", "SyntaxError"),
        ("x = 1\n", "has no function edges"),
        (None, "does not exist"),
    ],
)
def test_a_file_that_never_worked_is_one_sentence(mine, tmp_path, capsys, text, told):
    code = mine(text) if text else f"{tmp_path / 'none.py'}:edges"

    assert main(["run", "demo", "--headless", "--frames", "1", "--filter", code]) == 1

    assert told in capsys.readouterr().err.splitlines()[-1]


def test_an_answer_that_is_no_number_or_negative_is_black(mine):
    code = mine("def edges(rgb):\n    return rgb[:, :1] * float('nan')\n")

    assert own(code)(IMAGE).max() == 0
    mine("def edges(rgb):\n    return -rgb[:, :1]\n")
    assert own(code)(IMAGE).max() == 0


def test_the_function_cannot_change_the_picture(mine):
    before = IMAGE.copy()

    own(mine("def edges(rgb):\n    rgb.zero_()\n    return rgb[:, :1]\n"))(IMAGE)

    np.testing.assert_array_equal(IMAGE, before)


def test_a_package_offers_a_filter_by_an_entry_point(tmp_path, monkeypatch):
    (tmp_path / "offered.py").write_text(RED)
    monkeypatch.syspath_prepend(tmp_path)
    offer = ("theirs", "offered:edges")
    monkeypatch.setattr(catalog_module, "_offered", lambda: [offer])

    np.testing.assert_array_equal(own("theirs")(IMAGE), IMAGE[..., 2])
    sys.modules.pop("offered")


def test_a_package_that_is_broken_is_one_sentence(tmp_path, monkeypatch):
    offer = ("theirs", "not_there:edges")
    monkeypatch.setattr(catalog_module, "_offered", lambda: [offer])

    with pytest.raises(LiveEdgesError, match="not_there does not run"):
        own("theirs")


def test_every_view_shows_it(mine, tmp_path):
    from live_edges.pipeline.renderer import Renderer
    from live_edges.settings import VIEWS, Settings

    code = mine(GRAY)
    renderer = Renderer(own(code, engine="torch"))

    for view in VIEWS:
        rendered, _ = renderer(IMAGE, Settings(filter=code, view=view, against="sobel"), now=0.0)
        assert rendered.view.dtype == np.uint8
