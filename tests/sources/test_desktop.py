import shutil
import subprocess
import sys

import numpy as np
import pytest
from fake_screens import FakeMss, FakePicamera2

from live_edges.errors import SourceError
from live_edges.sources import open_source


@pytest.fixture
def screens(monkeypatch):
    fake = FakeMss()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "mss", fake)
    monkeypatch.setitem(sys.modules, "mss.exception", fake)
    return fake


@pytest.mark.parametrize(
    ("text", "size"),
    [("screen", (64, 48)), ("screen:2", (96, 48)), ("screen:10,5,30,20", (30, 20))],
)
def test_a_screen_or_a_part_of_it_is_seen(screens, text, size):
    with open_source(text, fps=1000) as source:
        image = source.read().image

    assert (source.mode.width, source.mode.height) == size
    assert image.shape[1::-1] == size


def test_a_part_is_cut_where_it_was_asked_for(screens):
    whole = np.random.default_rng(1).integers(0, 256, (48, 160, 4), np.uint8)  # the second picture

    with open_source("screen:10,5,30,20", fps=1000) as source:
        image = source.read().image

    np.testing.assert_array_equal(image, whole[5:25, 10:40, :3])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("screen:3", "there are 2"),
        ("screen:0", "choose one by"),
        ("screen:x", "is no screen"),
        ("screen:150,0,30,20", "which is 160x48"),
        ("screen:-1,0,30,20", "lies outside"),
        ("screen:0,0,0,20", "is no screen"),
    ],
)
def test_a_screen_that_is_not_there_is_told(screens, text, told):
    with pytest.raises(SourceError, match=told):
        open_source(text)


def test_a_screen_that_is_gone_ends_the_source_in_a_sentence(screens):
    with open_source("screen", fps=1000) as source:
        screens.is_gone = True

        with pytest.raises(SourceError, match="any more"):
            source.read()


def test_wayland_is_told_why(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    monkeypatch.setattr(sys, "platform", "linux")

    with pytest.raises(SourceError, match="Wayland lets no program"):
        open_source("screen")


@pytest.mark.parametrize(
    ("module", "text", "advice"),
    [("mss", "screen", "live-edges.screen."), ("picamera2", "picamera", "apt install")],
)
def test_a_library_that_is_missing_is_named_with_its_command(monkeypatch, module, text, advice):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SourceError, match=advice):
        open_source(text)


def test_a_pi_camera_is_asked_for_a_mode_and_given_back(monkeypatch):
    library = FakePicamera2()
    monkeypatch.setitem(sys.modules, "picamera2", library)

    with open_source("picamera", size=(320, 240), fps=25) as source:
        assert library.opened == [0]
        library.is_gone = True
        with pytest.raises(SourceError, match="timed out"):
            source.read()

    assert library.opened == []
    assert source.mode.fps == library.camera_configuration()["controls"]["FrameRate"] == 25
    with pytest.raises(SourceError, match="list-cameras"):
        open_source("picamera:1")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Xvfb")
def test_a_real_screen_is_seen(tmp_path):
    read = (
        "import sys, subprocess, numpy as np\n"
        "from live_edges.sources import open_source\n"
        "with open_source('screen:10,20,300,200') as source: image = source.read().image\n"
        "print(image.shape, image.max())"
    )
    command = ["xvfb-run", "-a", "-s", "-screen 0 640x480x24", sys.executable, "-c", read]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert result.stdout.split(") ")[0] == "(200, 300, 3"
