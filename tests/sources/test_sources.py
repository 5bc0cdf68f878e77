"""The interface of a source, tested with every source; and which text opens which."""

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from fake_screens import FakeMss, FakePicamera2
from fakes import FakeDriver
from media import mjpeg_parts, serve, write_image, write_video

from live_edges.errors import SourceError
from live_edges.sources import Mode, camera_list, open_source
from live_edges.sources.camera import Camera
from live_edges.sources.camera_list import Device
from live_edges.sources.demo import Demo
from live_edges.sources.desktop import Desktop
from live_edges.sources.images import Images
from live_edges.sources.picamera import PiCamera
from live_edges.sources.stream import NetworkStream
from live_edges.sources.video import VideoFile

COUNT = 6


@pytest.fixture
def driver(monkeypatch):
    driver = FakeDriver()
    monkeypatch.setattr(cv2, "VideoCapture", driver)
    plug(monkeypatch, Device(0, "Front Camera", "/dev/video0"), Device(1, "Desk", "/dev/video1"))
    return driver


def plug(monkeypatch, *cameras):
    """List these cameras as plugged in."""
    monkeypatch.setattr(camera_list, "enumerate_cameras", lambda backend: list(cameras))


@pytest.fixture(
    params=["camera", "demo", "images", "picamera", "screen", "stream", "video", "video, looped"]
)
def source(request, tmp_path, driver, monkeypatch):
    match request.param:
        case "camera":
            yield Camera(0)
        case "demo":
            yield Demo((64, 48), fps=1000)
        case "images":
            for number in range(COUNT):
                write_image(tmp_path / f"{number}.png")
            yield Images(tmp_path)
        case "picamera":
            monkeypatch.setitem(sys.modules, "picamera2", FakePicamera2())
            yield PiCamera(size=(64, 48))
        case "screen":
            monkeypatch.setenv("DISPLAY", ":0")
            monkeypatch.setitem(sys.modules, "mss", FakeMss())
            monkeypatch.setitem(sys.modules, "mss.exception", FakeMss())
            yield Desktop(fps=1000)
        case "stream":
            with serve(*mjpeg_parts(COUNT)) as url:
                yield NetworkStream(url)
        case "video":
            yield VideoFile(write_video(tmp_path / "video.mp4", COUNT))
        case "video, looped":
            yield VideoFile(write_video(tmp_path / "video.mp4", 2), loop=True)


def test_a_source_knows_its_mode_before_the_first_read(source):
    mode = source.mode
    with source:
        frame = source.read()

    assert frame.image.shape == (mode.height, mode.width, 3)
    assert mode.fps > 0
    assert source.name


def test_frames_are_read_only_contiguous_bgr(source):
    with source:
        for _ in range(3):
            image = source.read().image

            assert image.dtype == np.uint8
            assert image.flags.c_contiguous
            assert not image.flags.writeable


def test_indices_have_no_gaps(source):
    with source:
        indices = [source.read().index for _ in range(COUNT)]

    assert indices == list(range(COUNT))


def test_time_never_goes_back_and_pts_start_at_zero(source):
    with source:
        frames = [source.read() for _ in range(COUNT)]

    timestamps = [frame.timestamp for frame in frames]
    pts = [frame.pts for frame in frames]
    assert timestamps == sorted(timestamps)
    assert pts == sorted(pts)
    assert pts[0] == 0


def test_after_the_end_there_is_nothing(source):
    endless = source.frame_count is None and not isinstance(source, NetworkStream)
    with source:
        for _ in range(COUNT):
            source.read()
        if endless:
            source.interrupt()
            if not source.is_live:
                source.close()

        assert source.read() is None
        assert source.read() is None


def test_a_source_may_be_closed_twice(source):
    source.close()
    source.close()

    assert source.read() is None


def test_frames_keep_their_pictures_when_the_next_ones_are_read(source):
    with source:
        first = source.read()
        copy = first.image.copy()
        source.read()

    np.testing.assert_array_equal(first.image, copy)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("0", Camera, "camera 0"),
        ("/dev/video1", Camera, "camera /dev/video1"),
        ("desk", Camera, "Desk"),
        ("CAMERA", Camera, "Front Camera"),
        (None, Camera, "Front Camera"),
        ("demo", Demo, "demo"),
    ],
)
def test_text_opens_a_camera_or_the_demo(driver, text, kind, name):
    driver.plugged = (0, 1, "/dev/video1")

    with open_source(text) as source:
        assert isinstance(source, kind)
        assert source.name == name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("clip.mp4", VideoFile),
        ("still.png", Images),
        ("photo-without-suffix", Images),
        (".", Images),
        ("*.png", Images),
    ],
)
def test_text_opens_a_file_by_what_it_is(driver, tmp_path, monkeypatch, text, kind):
    write_video(tmp_path / "clip.mp4", 1)
    still = write_image(tmp_path / "still.png")
    shutil.copy(still, tmp_path / "photo-without-suffix")
    monkeypatch.chdir(tmp_path)

    with open_source(text) as source:
        assert type(source) is kind


def test_a_url_opens_a_stream(driver):
    with serve(*mjpeg_parts(COUNT)) as url, open_source(url) as source:
        assert isinstance(source, NetworkStream)


def test_without_a_camera_the_demo_is_shown_and_says_so(monkeypatch):
    plug(monkeypatch)
    monkeypatch.setattr("live_edges.sources.open.no_camera_advice", lambda: None)

    with open_source(None, size=(64, 48), fps=15) as source:
        assert source.notes == ("no camera found: showing the built-in demo",)
        assert source.mode == Mode(64, 48, 15, "")


def test_the_first_camera_that_opens_is_taken(driver, caplog):
    driver.plugged = (1,)

    with open_source(None) as source:
        assert source.name == "Desk"
    assert "camera 0 is there but did not open" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7", r"camera 7 did not open; cameras found: 0, 1 \(choose with SOURCE\)"),
        ("missing.mp4", "missing.mp4 does not exist"),
        ("missing/*.png", "matches no images"),
        ("somebody's webcam", "is neither a camera nor a file; a source is a camera number"),
        ("", "is neither a camera nor a file"),
    ],
)
def test_text_that_means_nothing_is_answered_in_one_sentence(driver, text, message):
    with pytest.raises(SourceError, match=message) as raised:
        open_source(text)

    assert "\n" not in str(raised.value)


def test_importing_the_sources_loads_neither_decoder_nor_torch():
    code = (
        "import sys, live_edges.sources; "
        "print([name for name in ('av', 'cv2', 'torch') if name in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "[]"
