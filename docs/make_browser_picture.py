"""Make the picture of the page that `live-edges serve` shows, on a desktop and on a phone.

Run it from the repository's root, where Chromium and its driver are::

    pip install ".[test,web]" && python docs/make_browser_picture.py
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from selenium import webdriver

from live_edges.frame import Image

DOCS = Path(__file__).resolve().parent
DESKTOP, PHONE = (1180, 700), (360, 700)  # of the page, in pixels
GAP, BACK = 20, 255  # pixels between the two pages, and the gray level there
SETTLED_S = 6.0  # until the picture has come and the gain is right


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run the program; yields the address that it prints."""
    command = [sys.executable, "-m", "live_edges", "serve", "demo", "--size", "960x540"]
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [*command, "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True
        )
        try:
            line = next(line for line in child.stderr or () if line.startswith("open "))
            yield line.split()[1]
        finally:
            child.terminate()
            child.communicate(timeout=20)


def browser() -> webdriver.Chrome:
    """Start a browser without a window."""
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def page(driver: webdriver.Chrome, address: str, size: tuple[int, int], keys: str) -> Image:
    """What the page looks like at a size, after keys were pressed."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get(address)
    time.sleep(SETTLED_S)
    webdriver.ActionChains(driver).send_keys(keys).perform()
    time.sleep(SETTLED_S / 2)
    png = np.frombuffer(driver.get_screenshot_as_png(), np.uint8)
    return np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR), np.uint8)


if __name__ == "__main__":
    with serving() as address, browser() as driver:
        desktop = page(driver, address, DESKTOP, "")
        phone = page(driver, address, PHONE, "vvv")
    gap = np.full((DESKTOP[1], GAP, 3), BACK, np.uint8)
    picture = np.hstack((desktop, gap, phone))
    cv2.imwrite(str(DOCS / "browser.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
