"""Stand-ins for what tests cannot have: time that obeys, sources with a script, a camera."""

import itertools
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

import cv2
import numpy as np
import torch

from live_edges.display.screen import MouseEvent
from live_edges.errors import SourceError
from live_edges.frame import Frame
from live_edges.lifecycle import Closing
from live_edges.pipeline.gpu_engine import GpuEngine
from live_edges.pipeline.torch_compiling import TorchCompiler
from live_edges.pipeline.transfer import DirectTransfer
from live_edges.sources.base import Mode, Source
from live_edges.sources.capture import Capture
from live_edges.sources.outages import Outages

SIZE = (53, 37)  # width and height: odd and unequal, to catch swapped axes


class FakeClock:
    """A clock that moves only when told to; ``wait`` moves it as if time had passed."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, seconds: float) -> bool:
        self.advance(seconds)
        return False


def make_frames(count: int, *, size: tuple[int, int] = SIZE, fps: float = 30.0) -> list[Frame]:
    width, height = size
    return [
        Frame(np.full((height, width, 3), i % 256, np.uint8), i, i / fps, i / fps)
        for i in range(count)
    ]


class Stall:
    """A step of a script at which the source hangs until released, or interrupted if it obeys."""

    def __init__(self, *, obeys: bool = True) -> None:
        self.obeys = obeys
        self.reached = threading.Event()
        self.released = threading.Event()


class FakeSource(Source):
    """Yields the frames of a script, raises its exceptions, hangs at its stalls, then ends."""

    name = "fake"

    def __init__(
        self,
        script: Iterable[Frame | Exception | Stall],
        *,
        is_live: bool = False,
        comebacks: "Iterable[FakeSource | SourceError]" = (),
    ) -> None:
        self._script = list(script)
        self.is_live = is_live
        self._comebacks = list(comebacks)
        self.can_return = bool(self._comebacks)
        frames = [step for step in self._script if isinstance(step, Frame)]
        height, width = frames[0].image.shape[:2] if frames else (SIZE[1], SIZE[0])
        self.mode = Mode(width, height, 30.0, "")
        self.frame_count = None if is_live else len(frames)
        self.reads = 0
        self.closes = 0
        self.is_interrupted = False
        self._stall: Stall | None = None

    def read(self) -> Frame | None:
        while self._script and not self.is_interrupted:
            self.reads += 1
            step = self._script.pop(0)
            if isinstance(step, Frame):
                return step
            if isinstance(step, Exception):
                raise step
            self._stall = step
            step.reached.set()
            if not (self.is_interrupted and step.obeys):
                step.released.wait()
        return None

    def reopened(self) -> Source:
        """The next of the comebacks, each of which knows those after it."""
        assert self.closes or self._stall, "opened again before it was closed"
        if not self._comebacks:
            raise SourceError("fake is not back yet")
        comeback = self._comebacks.pop(0)
        if isinstance(comeback, Exception):
            raise comeback
        comeback._comebacks, comeback.can_return = self._comebacks, True
        return comeback

    def interrupt(self) -> None:
        self.is_interrupted = True
        if self._stall is not None and self._stall.obeys:
            self._stall.released.set()

    def close(self) -> None:
        self.closes += 1


class FakeCapture(Closing):
    """Takes the place of `Capture`: no thread, and a live frame comes when its time has come."""

    def __init__(self, source: FakeSource, clock: FakeClock) -> None:
        self.source = source
        self._clock = clock
        self._ahead = source.read()
        self.fps = 30.0
        self.outages, self.outage_s = Outages(clock=clock), 0.0
        self.frames_in = self.dropped = 0

    @property
    def ended(self) -> bool:
        return self._ahead is None

    def read(self, timeout: float) -> Frame | None:
        frame = self._ahead
        if frame is None:
            return None
        if self.source.is_live and frame.timestamp > self._clock.now:
            self._clock.advance(min(timeout, frame.timestamp - self._clock.now))
            return None
        self.frames_in += 1
        self._ahead = self.source.read()
        return frame

    def discard(self, count: int) -> None:
        self.dropped += count

    def figures(self) -> dict[str, Any]:
        return Capture.figures(self)

    def close(self) -> None:
        self.source.close()


class FakeScreen:
    """A screen with scripted keys: ``keys[n]`` is pressed after the n-th picture was shown.

    Waiting for a key moves the clock; when the script and ``patience`` polls are over, the user
    closes it. ``mouse[n]`` happens after the n-th picture was shown.
    """

    def __init__(
        self,
        keys: Iterable[str | None] = (),
        *,
        clock: FakeClock | None = None,
        is_headless: bool = False,
        patience: int = 200,
        mouse: dict[int, list[MouseEvent]] | None = None,
    ) -> None:
        self._mouse = dict(mouse or {})
        self.is_headless = is_headless
        self.is_open = True
        self.size: tuple[int, int] | None = None
        self.clock = clock
        self.shown: list[np.ndarray] = []
        self.statuses: list[str] = []
        self.fullscreens: list[bool] = []
        self._keys = list(keys)
        self._patience = patience
        self._pressed_at = -1

    def show(self, image: np.ndarray) -> None:
        self.shown.append(image.copy())

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def poll(self, timeout_s: float) -> str | None:
        if self.clock:
            self.clock.advance(timeout_s)
        if self._keys and self.shown and self._pressed_at < len(self.shown):
            self._pressed_at = len(self.shown)
            return self._keys.pop(0)
        self._patience -= 1
        self.is_open = self.is_open and self._patience > 0
        return None

    def mouse_events(self) -> list[MouseEvent]:
        return self._mouse.pop(len(self.shown), []) if self._mouse else []

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        self.fullscreens.append(is_fullscreen)


class Loading(Future):
    """A pipeline that is there when so many questions have been asked."""

    def __init__(self, pipeline, *, after, clock):
        super().__init__()
        self._made, self._after, self._clock = pipeline, after, clock

    def done(self):
        self._after -= 1
        self._clock.advance(0.03)
        if self._after <= 0 and not super().done():
            self.set_result(self._made)
        return super().done()


class FakeDriver:
    """Takes the place of ``cv2.VideoCapture``: call it to open one of the cameras plugged in.

    What a camera does is set by attributes, also while it is open: ``is_plugged`` (delivers and
    opens), ``garbled`` (so many pictures arrive, but do not decode), ``granted`` (its mode).
    """

    def __init__(
        self, granted: Mode | None = None, *, plugged: Sequence[int | str] = (0, 1)
    ) -> None:
        self.granted = granted or Mode(*SIZE, 30.0, "MJPG")
        self.plugged = plugged
        self.is_plugged = True
        self.garbled = 0
        self.asked: list[tuple[int, float]] = []
        self.opened: list[int | str] = []
        self.parameters: list[Sequence[int] | None] = []
        self.takes_parameters = True
        self.is_held = False
        self.pictures = itertools.count()

    def __call__(
        self, where: int | str, backend: int, parameters: Sequence[int] | None = None
    ) -> "FakeVideoCapture":
        assert not self.is_held, "opened again before the old handle was released"
        self.opened.append(where)
        self.parameters.append(parameters)
        if parameters and not self.takes_parameters:
            return FakeVideoCapture(self, None)
        return FakeVideoCapture(self, where)


class FakeVideoCapture:
    def __init__(self, driver: FakeDriver, where: int | str | None) -> None:
        self._driver = driver
        driver.is_held = driver.is_plugged and where in driver.plugged

    def isOpened(self) -> bool:  # noqa: N802 -- the name OpenCV gave it
        return self._driver.is_held

    def set(self, prop: int, value: float) -> bool:
        self._driver.asked.append((prop, value))
        return True  # as OpenCV does, granted or not

    def get(self, prop: int) -> float:
        mode = self._driver.granted
        code = cv2.VideoWriter.fourcc(*mode.fourcc) if mode.fourcc else 0
        return {cv2.CAP_PROP_FPS: mode.fps, cv2.CAP_PROP_FOURCC: code}.get(prop, 0.0)

    def grab(self) -> bool:
        assert self._driver.is_held, "grabbed after release"
        return self._driver.is_plugged

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        if self._driver.garbled:
            self._driver.garbled -= 1
            return False, None
        mode = self._driver.granted
        level = next(self._driver.pictures) % 256
        return True, np.full((mode.height, mode.width, 3), level, np.uint8)

    def release(self) -> None:
        self._driver.is_held = False


def compute_on(pipeline, transfer):
    """Let a pipeline compute as on a GPU that is checked, on the CPU."""
    gpu = GpuEngine(torch.device("cpu"), lambda: transfer, TorchCompiler(is_on=False))
    gpu.is_checked = True
    pipeline._engine._ways = [gpu]


def transfer_with(in_flight):
    """A transfer that says that so many pictures may be on their way."""
    transfer = DirectTransfer(torch.device("cpu"))
    transfer.in_flight = in_flight
    return transfer
