import cv2
import pytest
from fakes import SIZE, FakeClock, FakeDriver

from live_edges.errors import SourceError
from live_edges.sources import Mode, camera_list
from live_edges.sources import camera as camera_module
from live_edges.sources.camera import DEFAULT_SIZE, Camera
from live_edges.sources.camera_list import Device, find_camera, list_cameras
from live_edges.sources.modes import COMMON_SIZES, offered_modes


@pytest.fixture
def driver(monkeypatch):
    driver = FakeDriver()
    monkeypatch.setattr(cv2, "VideoCapture", driver)
    monkeypatch.setattr(camera_module, "diagnose", lambda where: None)  # ask no real camera
    list_devices(monkeypatch, Device(0, "Front Camera", "/dev/video0"))
    return driver


def list_devices(monkeypatch, *devices):
    monkeypatch.setattr(camera_list, "enumerate_cameras", lambda backend: list(devices))


class Ticking(FakeClock):
    """A clock that moves by ``step`` seconds each time it is read."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def __call__(self):
        self.advance(self.step)
        return self.now


def test_the_compressed_format_is_asked_for_before_size_and_rate(driver):
    with Camera(0, size=(640, 480), fps=60, fourcc="MJPG"):
        pass

    assert driver.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 640),
        (cv2.CAP_PROP_FRAME_HEIGHT, 480),
        (cv2.CAP_PROP_FPS, 60),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]


def test_a_useful_size_is_asked_for_when_the_user_names_none(driver):
    with Camera(0):
        pass

    assert (cv2.CAP_PROP_FRAME_WIDTH, DEFAULT_SIZE[0]) in driver.asked


def test_the_mode_is_what_the_first_picture_shows(driver):
    with Camera(0, size=(1920, 1080)) as camera:
        assert camera.mode == Mode(*SIZE, 30.0, "MJPG")


@pytest.mark.parametrize(
    ("requested", "note"),
    [
        ({"size": SIZE, "fps": 30}, "camera 0 delivers 53x37 at 30 fps (MJPG), as asked"),
        ({}, "camera 0 delivers 53x37 at 30 fps (MJPG), as asked"),
        ({"size": (640, 480)}, "camera 0 delivers 53x37 at 30 fps (MJPG); asked for 640x480, MJPG"),
        ({"fps": 60}, "camera 0 delivers 53x37 at 30 fps (MJPG); asked for 60 fps, MJPG"),
        ({"fourcc": "YUYV"}, "camera 0 delivers 53x37 at 30 fps (MJPG); asked for YUYV"),
    ],
)
def test_one_note_compares_the_granted_mode_with_the_requested(driver, requested, note):
    with Camera(0, **requested) as camera:
        assert camera.notes == (note,)


@pytest.mark.parametrize("fps", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_camera_that_says_nothing_about_itself_still_has_a_mode(driver, fps):
    driver.granted = Mode(*SIZE, fps, "")

    with Camera(0) as camera:
        assert camera.mode == Mode(*SIZE, 0.0, "")


def test_timestamps_are_taken_when_the_picture_is_grabbed(driver):
    clock = FakeClock(100.0)

    with Camera(0, clock=clock) as camera:
        first = camera.read()
        clock.advance(0.25)
        second = camera.read()

    assert (first.timestamp, first.pts) == (100.0, 0.0)
    assert (second.timestamp, second.pts) == (100.25, 0.25)


def test_no_picture_is_returned_twice(driver):
    with Camera(0) as camera:
        levels = [int(camera.read().image[0, 0, 0]) for _ in range(5)]

    assert levels == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("listed", "where", "message"),
    [
        ((0, 1), 2, r"camera 2 did not open; cameras found: 0, 1 \(choose with SOURCE\)"),
        ((), 2, "camera 2 did not open; no camera was found"),
        ((2,), 2, "camera 2 is there but did not open: is another program using it"),
        ((2,), "/dev/video2", "camera /dev/video2 is there but did not open"),
    ],
)
def test_a_camera_that_does_not_open_is_answered_with_what_to_do(
    driver, monkeypatch, listed, where, message
):
    list_devices(monkeypatch, *(Device(i, f"Camera {i}", f"/dev/video{i}") for i in listed))

    with pytest.raises(SourceError, match=message):
        Camera(where)


def test_a_camera_that_never_delivers_is_an_error_and_released(driver):
    driver.garbled = 10**9

    with pytest.raises(SourceError, match="camera 0 opens but delivers no picture"):
        Camera(0, clock=Ticking(1.0), retry_s=0.001)

    assert not driver.is_held


def test_a_camera_may_need_a_moment_for_its_first_picture(driver):
    driver.garbled = 5

    with Camera(0, retry_s=0.001) as camera:
        assert camera.read().index == 0


@pytest.mark.parametrize("fourcc", ["", "MJPEG", "ÄÖÜß"])
def test_a_fourcc_has_four_letters(driver, fourcc):
    with pytest.raises(ValueError, match="a fourcc has four letters"):
        Camera(0, fourcc=fourcc)


def test_a_garbled_picture_is_skipped(driver, caplog):
    with Camera(0) as camera:
        camera.read()
        driver.garbled = 2

        assert camera.read().index == 1
    assert not caplog.records


def test_a_camera_that_stops_delivering_is_an_error_and_comes_back_in_the_requested_mode(driver):
    camera = Camera(0, size=(640, 480), fourcc="YUYV")
    camera.read()
    first, driver.asked = driver.asked, []
    driver.is_plugged = False

    with camera, pytest.raises(SourceError, match="camera 0 stopped delivering; check its cable"):
        camera.read()
    with pytest.raises(SourceError, match="did not open"):
        camera.reopened()
    driver.is_plugged = True
    driver.asked.clear()
    with camera.reopened() as again:
        assert again.read().index == 0

    assert driver.asked == first
    assert again.name == camera.name


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({0: "Desk"}, {2: "Desk"}, 2),
        ({1: "Desk"}, {0: "Desk"}, 0),
        ({0: "Desk", 2: "Front"}, {0: "Front", 2: "Desk"}, 2),
        ({0: "Desk", 2: "Desk"}, {2: "Desk"}, 0),  # the other one, which was there before
        ({0: "Desk", 2: "Desk"}, {2: "Desk", 4: "Desk"}, 4),
        ({0: "Desk"}, {0: "Desk", 1: "Desk"}, 0),
    ],
)
def test_a_camera_comes_back_under_another_number(driver, monkeypatch, before, after, expected):
    driver.plugged = range(6)
    opened = next(iter(before))
    list_devices(monkeypatch, *(Device(i, name, f"/dev/video{i}") for i, name in before.items()))
    with Camera(opened) as camera:
        pass
    list_devices(monkeypatch, *(Device(i, name, f"/dev/video{i}") for i, name in after.items()))
    driver.opened.clear()

    camera.reopened().close()

    assert driver.opened == [expected]


def test_a_camera_may_change_its_number_again_and_again(driver, monkeypatch):
    driver.plugged = range(6)
    camera = Camera(0)
    for number in (3, 1, 0, 5):
        camera.close()
        list_devices(monkeypatch, Device(number, "Front Camera", f"/dev/video{number}"))
        camera = camera.reopened()

        assert driver.opened[-1] == number
    camera.close()


def test_an_interrupted_camera_ends(driver):
    with Camera(0) as camera:
        camera.read()
        camera.interrupt()

        assert camera.read() is None


def test_a_silent_camera_is_not_tried_again_and_again_before_it_is_reopened(driver, monkeypatch):
    grabs = []
    camera = Camera(0, clock=Ticking(2.0), retry_s=0.001)
    camera.read()
    driver.is_plugged = False
    monkeypatch.setattr(camera._capture, "grab", lambda: bool(grabs.append(1)))

    with camera, pytest.raises(SourceError):
        camera.read()

    assert len(grabs) == 1


def test_cameras_are_listed_once_each_in_order_of_their_number(monkeypatch):
    list_devices(
        monkeypatch,
        Device(2, "Desk", "/dev/video2"),
        Device(0, "Front", "/dev/video0"),
        Device(0, "Front again", "/dev/video0"),
        Device(4, "", None),
    )

    assert list_cameras() == [
        Device(0, "Front", "/dev/video0"),
        Device(2, "Desk", "/dev/video2"),
        Device(4, "camera 4", ""),
    ]


@pytest.mark.parametrize(
    ("text", "index"),
    [("desk c", 1), ("DESK", 2), (" front ", 0), ("cam", 1), ("nothing", None), (" ", None)],
)
def test_a_camera_is_found_by_part_of_its_name(monkeypatch, text, index):
    list_devices(
        monkeypatch, Device(0, "Front", ""), Device(1, "Desk cam", ""), Device(2, "Desk", "")
    )

    camera = find_camera(text)

    assert (camera and camera.index) == index


def test_offered_modes_are_those_granted_each_once(driver):
    assert offered_modes(0) == [Mode(*SIZE, 30.0, "MJPG")]
    widths = [value for prop, value in driver.asked if prop == cv2.CAP_PROP_FRAME_WIDTH]
    assert widths == [width for width, _ in COMMON_SIZES]


def test_a_camera_in_use_offers_no_modes(driver):
    driver.is_plugged = False

    assert offered_modes(0) == []


def test_the_advice_for_a_camera_that_does_not_open_fits_the_system(driver, monkeypatch):
    monkeypatch.setattr(camera_module, "camera_advice", lambda: "look behind the sofa")
    driver.plugged = ()

    with pytest.raises(SourceError, match="look behind the sofa"):
        Camera(0)
