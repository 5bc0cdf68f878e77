"""Whatever is known to be wrong has its own sentence, which says what to do."""

import errno
import logging
import os
import sys
import threading

import cv2
import pytest
from fakes import FakeDriver
from test_camera import Ticking, list_devices

from live_edges import platforms
from live_edges.cli import main
from live_edges.errors import SourceError
from live_edges.live import run
from live_edges.sources import diagnosis, open_source
from live_edges.sources.camera import Camera
from live_edges.sources.camera_list import Device
from live_edges.sources.diagnosis import explanation

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Video4Linux")
NODE = "/dev/video0"


@pytest.mark.parametrize(
    ("number", "users", "words"),
    [
        (errno.EBUSY, ["zoom (process 7)"], "in use by zoom (process 7);"),
        (errno.EBUSY, [], "`sudo fuser -v /dev/video0`"),
        (errno.EACCES, [], "`sudo usermod -aG video $USER`"),
        (errno.EPERM, [], "`--device /dev/video0`"),
        (errno.ENOSPC, [], "USB bandwidth"),
    ],
)
def test_every_refusal_of_a_driver_has_its_sentence(number, users, words):
    assert words in explanation(number, NODE, users)


def test_an_unknown_refusal_has_no_sentence():
    assert explanation(errno.EIO, NODE) is None


class FakeV4l2:
    """A driver that refuses one step: ``open``, or the request with the given number."""

    def __init__(self, monkeypatch, step, number):
        import fcntl

        self.step, self.number = step, number
        self.node, self.handles = None, []
        self._open = os.open
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)

    def open(self, path, flags, *others, **options):
        if path != "/dev/video0":
            return self._open(path, flags, *others, **options)
        if self.step == "open":
            raise OSError(self.number, os.strerror(self.number))
        self.handles.append(self._open(os.devnull, flags))
        return self.handles[-1]

    def ioctl(self, handle, request, _argument):
        assert handle in self.handles
        if request == self.step:
            raise OSError(self.number, os.strerror(self.number))
        return 0


STEPS = [
    ("open", errno.EACCES, "group video"),
    ("open", errno.ENOENT, None),
    (diagnosis._VIDIOC_REQBUFS, errno.EBUSY, "in use by"),
    (diagnosis._VIDIOC_STREAMON, errno.ENOSPC, "USB bandwidth"),
    (diagnosis._VIDIOC_STREAMON, errno.EPIPE, None),
    (None, 0, None),
]


@on_linux
@pytest.mark.parametrize(("step", "number", "words"), STEPS)
@pytest.mark.parametrize("where", [0, "/dev/video0"])
def test_the_driver_is_asked_and_its_handle_is_closed(monkeypatch, step, number, words, where):
    driver = FakeV4l2(monkeypatch, step, number)

    told = diagnosis.diagnose(where)

    assert words in told if words else told is None
    for handle in driver.handles:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)


@on_linux
@pytest.mark.parametrize("where", ["/dev/null", "/dev/sda", "clip.mp4", "/dev/videos"])
def test_what_is_no_camera_is_not_opened(monkeypatch, where):
    opened = []
    monkeypatch.setattr(diagnosis, "_refusal", opened.append)

    assert diagnosis.diagnose(where) is None
    assert opened == []


@on_linux
def test_a_file_that_really_may_not_be_opened_is_a_matter_of_permission(tmp_path):
    node = tmp_path / "video0"
    node.touch(mode=0)
    user = os.geteuid()

    if user == 0:
        os.seteuid(65534)  # root may open everything
    try:
        number = diagnosis._refusal(str(node))
    finally:
        os.seteuid(user)

    assert "group video" in explanation(number, NODE)


@on_linux
def test_a_process_that_really_has_the_camera_open_is_named(tmp_path):
    node = tmp_path / "video0"

    with node.open("w"):
        during = list(diagnosis._users(str(node)))
    after = list(diagnosis._users(str(node)))

    assert [each.endswith(f"(process {os.getpid()})") for each in during] == [True]
    assert after == []


@pytest.fixture
def driver(monkeypatch):
    driver = FakeDriver()
    monkeypatch.setattr(cv2, "VideoCapture", driver)
    list_devices(monkeypatch, Device(0, "Front Camera", "/dev/video0"))
    return driver


@on_linux
def test_a_camera_in_use_is_reported_by_the_run_and_by_the_doctor(driver, monkeypatch, capsys):
    driver.is_plugged = False
    monkeypatch.setattr(diagnosis, "_users", lambda node: ["cheese (process 42)"])
    FakeV4l2(monkeypatch, diagnosis._VIDIOC_REQBUFS, errno.EBUSY)
    message = r"camera 0 is there but did not open: it is in use by cheese \(process 42\); close"

    with pytest.raises(SourceError, match=message):
        Camera(0)
    main(["doctor"])

    assert "did not open: it is in use by cheese (process 42)" in capsys.readouterr().out


@on_linux
def test_a_camera_without_bandwidth_is_reported_after_it_was_released(driver, monkeypatch):
    driver.garbled = 10**9
    FakeV4l2(monkeypatch, diagnosis._VIDIOC_STREAMON, errno.ENOSPC)
    is_held = []
    ask = diagnosis._refusal
    monkeypatch.setattr(diagnosis, "_refusal", lambda n: is_held.append(driver.is_held) or ask(n))

    with pytest.raises(SourceError, match="delivers no picture; not enough USB bandwidth"):
        Camera(0, clock=Ticking(1.0), retry_s=0.001)

    assert is_held == [False]


@pytest.mark.parametrize(
    ("program", "name"),
    [("Apple_Terminal", "may Terminal use"), ("iTerm.app", "may iTerm use"),
     ("WezTerm", "may WezTerm use"), (None, "may this terminal use")],
)  # fmt: skip
def test_on_macos_the_advice_names_the_terminal_program(monkeypatch, program, name):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    if program:
        monkeypatch.setenv("TERM_PROGRAM", program)

    assert name in platforms.camera_advice()


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A Linux whose kernel says what is written into the file, and has the devices beside it."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platforms, "_KERNEL_VERSION", tmp_path / "version")
    monkeypatch.setattr(platforms, "_DEVICES", tmp_path)
    monkeypatch.setattr("live_edges.sources.camera_list.enumerate_cameras", lambda _backend: [])
    return tmp_path / "version"


WSL = "Linux version 6.6.87.2-microsoft-standard-WSL2 (root@builder)"


@on_linux
def test_without_video_devices_wsl_is_reported_by_the_run_the_list_and_the_doctor(kernel, capsys):
    kernel.write_text(WSL)

    with open_source(None) as demo:
        assert any("usbipd" in note for note in demo.notes)
    with pytest.raises(SourceError, match="no camera was found; WSL does not see"):
        open_source("0")
    main(["cameras"])
    assert "usbipd" in capsys.readouterr().out
    main(["doctor"])
    assert "camera      none found: WSL does not see the cameras" in capsys.readouterr().out


def test_only_wsl_without_video_devices_is_advised(kernel):
    assert platforms.no_camera_advice() is None  # no such file
    kernel.write_text("Linux version 6.12.48-amd64 (debian-kernel@lists.debian.org)")
    assert platforms.no_camera_advice() is None
    kernel.write_text(WSL)
    assert "network stream" in platforms.no_camera_advice()
    (kernel.parent / "video0").touch()
    assert platforms.no_camera_advice() is None


PARAMETERS = [cv2.CAP_PROP_FRAME_WIDTH, 640, cv2.CAP_PROP_FRAME_HEIGHT, 480, cv2.CAP_PROP_FPS, 60]


@pytest.mark.parametrize("is_slow", [True, False])
def test_size_and_rate_are_passed_at_opening_where_setting_them_is_slow(
    driver, monkeypatch, is_slow
):
    monkeypatch.setattr("live_edges.sources.modes.sets_slowly", lambda: is_slow)

    with Camera(0, size=(640, 480), fps=60):
        pass

    set_later = {prop for prop, _ in driver.asked}
    assert driver.parameters == [PARAMETERS if is_slow else None]
    assert (cv2.CAP_PROP_FRAME_WIDTH in set_later) is not is_slow
    assert (cv2.CAP_PROP_FPS in set_later) is not is_slow
    assert cv2.CAP_PROP_FOURCC in set_later


def test_a_camera_that_opens_only_as_it_is_is_asked_afterwards(driver, monkeypatch):
    monkeypatch.setattr("live_edges.sources.modes.sets_slowly", lambda: True)
    driver.takes_parameters = False

    with Camera(0, size=(640, 480), fps=60):
        pass

    assert driver.parameters == [PARAMETERS, None]
    assert (cv2.CAP_PROP_FRAME_WIDTH, 640) in driver.asked


def test_a_source_that_takes_its_time_to_open_is_reported(monkeypatch):
    told, is_told = [], threading.Event()
    monkeypatch.setattr(run, "STILL_OPENING_S", 0.001)
    monkeypatch.setattr(run.log, "info", lambda *words: told.append(words) or is_told.set())

    with run.still_opening("Desk cam"):
        assert is_told.wait(5)

    assert told == [("still opening %s ...", "Desk cam")]


def test_a_source_that_opens_at_once_is_not_reported(caplog):
    caplog.set_level(logging.INFO)

    with run.still_opening("Desk cam"):
        pass

    assert not caplog.records
