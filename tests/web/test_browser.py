"""The page in a real browser, whose camera is a file: what it shows, and what its keys do."""

import base64
import contextlib
import shutil
import subprocess
import sys
import time

import av
import cv2
import numpy as np
import pytest

from live_edges import EdgePipeline

webdriver = pytest.importorskip("selenium.webdriver")

SIZE = (640, 480)
DEADLINE_S = 40.0  # bounds a failure only
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")), reason="needs chromium"
)
pytestmark = [pytest.mark.slow, needs_chromium]


def until(is_true, what):
    end = time.monotonic() + DEADLINE_S
    while not (value := is_true()):
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def serving(folder, *flags, port="0"):
    """The program; yields its process and the address that it prints."""
    command = [sys.executable, "-m", "live_edges", "serve", "demo", "--size", "320x240"]
    child = subprocess.Popen(
        [*command, "--port", port, *flags], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        line = next(line for line in child.stderr if line.startswith("open "))
        yield child, line.split()[1]
    finally:
        child.terminate()
        child.communicate(timeout=DEADLINE_S)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server for the tests that need no flags; its folder and its address."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder) as (_, address):
        yield folder, address


def camera_picture():
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, 200:] = 90
    cv2.circle(picture, (440, 240), 120, (200, 200, 200), -1)
    return picture


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    film = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with av.open(str(film), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("wrapped_avframe", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(30):
            frame = av.VideoFrame.from_ndarray(camera_picture(), format="bgr24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1100,700",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ):
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def shown(browser):
    """The picture in the page, (H, W, 3) BGR; None before the first."""
    url = browser.execute_script(
        "const c = document.getElementById('picture');"
        "return c.dataset.number ? c.toDataURL('image/png') : null"
    )
    if url is None:
        return None
    png = np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8)
    return cv2.imdecode(png, cv2.IMREAD_COLOR)


def text(browser, name):
    return browser.execute_script(f"return document.getElementById('{name}').textContent")


def value(browser, name):
    return browser.execute_script(f"return document.getElementById('{name}').value")


def press(browser, key):
    webdriver.ActionChains(browser).send_keys(key).perform()


def test_the_page_shows_the_edges_of_the_browsers_own_camera(browser, tmp_path):
    flags = ["--view", "edges", "--gain", "1", "--engine", "torch"]
    expected = EdgePipeline("sobel", device="cpu", engine="torch")(camera_picture())
    with serving(tmp_path, *flags) as (_, address):
        browser.get(address)
        until(lambda: shown(browser) is not None, "a picture of the server")
        browser.find_element("id", "camera").click()

        def is_camera():
            picture = shown(browser)
            is_flat = picture.shape[1::-1] == SIZE and picture[60, 300:400].max() < 20
            return is_flat and picture[240, 195:205].max() > 60

        until(is_camera, "the edges of the camera")

        # JPEG twice and video colours between: a few levels on average, and never a line elsewhere.
        differences = np.abs(shown(browser)[..., 1].astype(int) - expected)[20:400]
        assert differences.mean() < 4
        press(browser, "0")
        until(lambda: abs(int(shown(browser)[240, 440, 1]) - 200) < 12, "the original after 0")
        browser.find_element("id", "camera").click()
        until(lambda: shown(browser).shape[1::-1] == (320, 240), "the server's picture again")


def test_a_recording_is_made_and_downloads(browser, served):
    folder, address = served
    browser.get(address)
    until(lambda: "numba" in text(browser, "numbers") or "torch" in text(browser, "numbers"),
          "a filter")  # fmt: skip
    browser.find_element("id", "record").click()
    until(lambda: text(browser, "record").startswith("Stop"), "a recording that runs")
    time.sleep(1)
    browser.find_element("id", "record").click()
    link = until(
        lambda: browser.execute_script(
            "const a = document.querySelector('#recordings a'); return a && a.href"
        ),
        "its link",
    )
    data = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "fetch(arguments[0]).then(a => a.arrayBuffer()).then(b => done(b.byteLength))",
        link,
    )

    [video] = folder.glob("*.mp4")
    assert data == video.stat().st_size
    with av.open(str(video)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 5


def test_keys_sliders_and_a_second_viewer_share_one_value(browser, served):
    _, address = served
    browser.get(address)
    until(lambda: value(browser, "filter") == "sobel", "the settings")
    press(browser, "9")
    until(lambda: value(browser, "filter") == "canny", "canny after 9")
    browser.execute_script(
        "const s = document.getElementById('threshold'); s.value = 0.3;"
        "s.dispatchEvent(new Event('input'))"
    )
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(address)
    until(lambda: value(browser, "filter") == "canny", "the same filter in another tab")
    until(lambda: value(browser, "threshold") == "0.3", "the same threshold")
    browser.close()
    browser.switch_to.window(first)
    before = int(browser.execute_script("return picture.dataset.number"))
    until(
        lambda: int(browser.execute_script("return picture.dataset.number")) > before + 5,
        "more pictures after the other tab has gone",
    )


def test_the_page_recovers_when_the_server_dies_and_returns(browser, tmp_path):
    with serving(tmp_path) as (_, address):
        browser.get(address)
        until(lambda: shown(browser) is not None, "a picture")
        port = address.rstrip("/").rsplit(":", 1)[1]
    until(lambda: "no connection" in text(browser, "message"), "the loss is told")

    with serving(tmp_path, "--view", "edges", port=port):
        until(lambda: text(browser, "message") == "", "the connection again")
        until(lambda: value(browser, "view") == "edges", "the new server's settings")
