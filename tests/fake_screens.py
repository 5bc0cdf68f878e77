"""Stand-ins for mss, which reads a screen, and picamera2, which reads a Raspberry Pi's camera."""

import itertools

import numpy as np


class FakeMss:
    """Two screens side by side, of noise; both modules in one, as a test puts it in their place."""

    class ScreenShotError(Exception):
        pass

    monitors = (
        {"left": 0, "top": 0, "width": 160, "height": 48},
        {"left": 0, "top": 0, "width": 64, "height": 48},
        {"left": 64, "top": 0, "width": 96, "height": 48},
    )

    def __init__(self):
        self.is_gone = False
        self._numbers = itertools.count()

    def mss(self):
        return self

    def grab(self, part):
        if self.is_gone:
            raise self.ScreenShotError("gone")
        whole = np.random.default_rng(next(self._numbers)).integers(0, 256, (48, 160, 4), np.uint8)
        rows = slice(part["top"], part["top"] + part["height"])
        return whole[rows, part["left"] : part["left"] + part["width"]]

    def close(self):
        pass


class FakePicamera2:
    """The module: makes cameras that deliver noise."""

    def __init__(self):
        self.is_gone = False
        self.opened = []

    def Picamera2(self, number):  # noqa: N802 -- the names its makers gave them
        if number > 0:
            raise IndexError("list index out of range")
        self.opened.append(number)
        return self

    def create_video_configuration(self, main, controls):
        return {"main": main, "controls": controls}

    def configure(self, configuration):
        self._configuration = configuration

    def camera_configuration(self):
        return self._configuration

    def start(self):
        self._numbers = itertools.count()

    def capture_array(self, _stream):
        if self.is_gone:
            raise RuntimeError("the camera frontend has timed out")
        width, height = self._configuration["main"]["size"]
        rng = np.random.default_rng(next(self._numbers))
        return rng.integers(0, 256, (height, width, 3), np.uint8)

    def close(self):
        self.opened.pop()
