"""The virtual camera, with a stand-in for pyvirtualcam, and its key and flag."""

import logging
import sys
import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import FakeClock, FakeScreen, FakeSource, make_frames

from live_edges import platforms
from live_edges.cli import main
from live_edges.errors import VirtualCameraError
from live_edges.filters.catalog import catalog
from live_edges.live.app import App
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.recording import virtual_camera as module
from live_edges.recording.virtual_camera import VirtualCamera
from live_edges.settings import Settings
from live_edges.sources.capture import Capture

TIMEOUT_S = 10.0  # bounds a failure only
NO_DRIVER = (
    "'v4l2loopback' backend: No v4l2 loopback device found at /dev/video[0-99]. Did you run "
    "'modprobe v4l2loopback'? See also pyvirtualcam's documentation."
)


class Driver:
    """What the fake pyvirtualcam does, and what it was given."""

    def __init__(self):
        self.pictures, self.opened, self.closes = [], [], 0
        self.problem = self.send_problem = None
        self.sending, self.may_send = threading.Event(), threading.Event()
        self.may_send.set()

    def camera(self, width, height, fps, *, fmt, device):
        if self.problem:
            raise RuntimeError(self.problem)
        self.opened.append((width, height, fps, fmt, device))
        return FakeCamera(self, device or "/dev/video9")


class FakeCamera:
    def __init__(self, driver, device):
        self._driver, self.device = driver, device

    def send(self, picture):
        self._driver.sending.set()
        assert self._driver.may_send.wait(TIMEOUT_S)
        if self._driver.send_problem:
            raise self._driver.send_problem
        self._driver.pictures.append(picture.copy())

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._driver.closes += 1


@pytest.fixture
def driver(monkeypatch):
    driver = Driver()
    fake = SimpleNamespace(Camera=driver.camera, PixelFormat=SimpleNamespace(BGR="bgr"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", fake)
    return driver


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)


def gray(level, *, size=(64, 48)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def wait_until(is_so):
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def levels(driver):
    return [int(picture.mean()) for picture in driver.pictures]


def make_app(source, screen, camera, **settings):
    pipeline = Future()
    pipeline.set_result(EdgePipeline(device="cpu", engine="torch"))
    options = {"clock": screen.clock} if screen.clock else {}
    return App(
        Capture(source, **options),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=Settings(**{"view": "original", "hud": "off"} | settings),
        virtual_camera=camera,
        **options,
    )


def test_pictures_are_sent_in_order_and_the_camera_is_closed(driver):
    camera = VirtualCamera("/dev/video7", fps=25.0)
    camera.start()

    with camera:
        for level in range(5):
            camera.send(gray(level))
            wait_until(lambda level=level: len(driver.pictures) == level + 1)

    assert levels(driver) == [0, 1, 2, 3, 4]
    assert driver.opened == [(64, 48, 25.0, "bgr", "/dev/video7")]
    assert driver.closes == 1


def test_a_slow_program_gets_the_newest_picture_and_holds_nobody_up(driver):
    driver.may_send.clear()
    camera = VirtualCamera()
    camera.start()

    camera.send(gray(0))
    assert driver.sending.wait(TIMEOUT_S)
    for level in range(1, 100):
        camera.send(gray(level))
    driver.may_send.set()
    camera.close()

    assert levels(driver) == [0, 99]


def test_another_size_is_fitted_between_black_bars(driver):
    with VirtualCamera() as camera:
        camera.start()
        camera.send(gray(200))
        wait_until(lambda: driver.pictures)
        camera.send(gray(200, size=(128, 48)))

    first, second = driver.pictures
    assert first.shape == second.shape == (48, 64, 3)
    assert (second[:12].max(), second[12:36].min(), second[36:].max()) == (0, 200, 0)


def test_an_odd_size_becomes_even(driver):
    with VirtualCamera() as camera:
        camera.start()
        camera.send(gray(7, size=(53, 37)))

    assert driver.opened[0][:2] == (54, 38)
    assert driver.pictures[0].shape == (38, 54, 3)


def test_nothing_is_opened_while_it_is_off(driver):
    with VirtualCamera() as camera:
        assert camera.send(gray(1)) == ""

    assert driver.opened == []


@pytest.mark.parametrize(
    ("system", "advice"),
    [("linux", "v4l2loopback"), ("win32", "OBS"), ("darwin", "OBS"), ("aix", "none that is known")],
)
def test_without_a_driver_one_sentence_says_how_to_get_one(driver, monkeypatch, system, advice):
    monkeypatch.setattr(platforms.sys, "platform", system)
    driver.problem = NO_DRIVER
    camera = VirtualCamera()
    camera.start()

    camera.send(gray(0))
    wait_until(lambda: camera._sender.error)
    told = camera.send(gray(1))

    assert told.startswith("no virtual camera opens (No v4l2 loopback device found at /dev/video")
    assert "Did you run" not in told
    assert advice in told
    assert not camera.is_on


def test_a_camera_that_is_required_ends_the_run_where_it_does_not_open(driver):
    driver.problem = NO_DRIVER
    camera = VirtualCamera(is_required=True)
    camera.start()
    app = make_app(FakeSource(make_frames(500)), FakeScreen(clock=FakeClock()), camera)

    with pytest.raises(VirtualCameraError, match="no virtual camera opens"):
        app.run()


def test_a_short_run_tells_at_its_end(driver):
    driver.problem = NO_DRIVER
    camera = VirtualCamera(is_required=True)
    camera.start()
    camera.send(gray(0))

    with pytest.raises(VirtualCameraError, match="no virtual camera opens"):
        camera.close()


def test_a_later_failure_switches_it_off_and_the_run_goes_on(driver, caplog):
    camera = VirtualCamera(is_required=True)
    camera.start()
    camera.send(gray(0))
    wait_until(lambda: driver.pictures)
    driver.send_problem = OSError("the device is gone")

    camera.send(gray(1))
    wait_until(lambda: camera._sender.error)
    told = camera.send(gray(2))

    assert told == "the virtual camera has failed (the device is gone); u switches it on again"
    assert caplog.messages == [told]
    assert driver.closes == 1
    assert camera.toggle() == "virtual camera on"
    camera.close()


def test_the_key_without_pyvirtualcam_tells_how_to_get_it(not_installed, caplog):
    camera = VirtualCamera()

    told = camera.toggle()

    assert "pip install 'live-edges[virtual-camera]'" in told
    assert platforms.virtual_camera_advice() in told
    assert caplog.messages == [told]
    assert not camera.is_on


def test_the_flag_without_pyvirtualcam_ends_the_command(not_installed, capsys):
    assert main(["run", "demo", "--headless", "--device", "cpu", "--virtual-camera"]) == 1

    assert "pip install 'live-edges[virtual-camera]'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_flag_without_a_driver_ends_the_command(driver, capsys):
    driver.problem = NO_DRIVER
    arguments = ["demo", "--headless", "--size", "160x120", "--engine", "torch", "--device", "cpu"]

    assert main(["run", *arguments, "--virtual-camera", "--duration", "60"]) == 1

    assert "no virtual camera opens" in capsys.readouterr().err


def test_the_key_sends_the_view_without_text_until_it_is_pressed_again(driver):
    clock = FakeClock()
    screen = FakeScreen(["u", *[None] * 5, "u"], clock=clock, patience=500)
    camera = VirtualCamera()
    app = make_app(FakeSource(make_frames(20, fps=10)), screen, camera, hud="full")

    app.run()

    assert driver.closes == 1
    assert not camera.is_on
    assert levels(driver) == sorted(levels(driver))
    assert all(np.ptp(picture) == 0 for picture in driver.pictures)
    assert max(levels(driver)) < 19


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_the_view_is_mirrored_as_the_settings_are(driver, is_mirrored):
    [frame] = make_frames(1, size=(64, 48))
    frame.image.setflags(write=True)
    frame.image[:, :32] = 200
    camera = VirtualCamera()
    camera.start()

    make_app(FakeSource([frame]), FakeScreen(), camera, is_mirrored=is_mirrored).run()

    left, right = driver.pictures[-1][:, :32].mean(), driver.pictures[-1][:, 32:].mean()
    assert bool(left < right) is is_mirrored


def test_a_file_plays_at_its_own_speed_while_the_camera_is_on(driver):
    camera = VirtualCamera()
    camera.start()
    began = time.monotonic()

    make_app(FakeSource(make_frames(11, fps=20)), FakeScreen(is_headless=True), camera).run()

    assert time.monotonic() - began >= 0.5
    assert levels(driver)[-1] == 10  # on a busy machine, newer pictures replace some
    assert levels(driver) == sorted(set(levels(driver)))


def test_a_driver_that_never_answers_is_left_behind(driver, monkeypatch, caplog):
    monkeypatch.setattr(module, "JOIN_S", 0.05)
    driver.may_send.clear()
    camera = VirtualCamera()
    camera.start()
    camera.send(gray(0))
    assert driver.sending.wait(TIMEOUT_S)
    thread = camera._sender._thread

    camera.close()

    assert "does not answer" in caplog.text
    driver.may_send.set()
    thread.join(TIMEOUT_S)


def test_what_was_sent_is_told(driver, caplog):
    caplog.set_level(logging.INFO)
    with VirtualCamera() as camera:
        camera.start()
        camera.send(gray(0))

    assert caplog.messages == [
        "virtual camera: /dev/video9, 64x48",
        "virtual camera: 1 pictures sent",
    ]
