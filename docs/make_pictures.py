"""Make the pictures of the README from what the program itself shows and writes.

Run it from the repository's root, on a machine that has little else to do::

    pip install ".[bench]" && python docs/make_pictures.py

The photograph is ``skimage.data.coffee()`` of scikit-image: by Rachel Michetti, CC0, no copyright
restrictions. Everything else is the built-in demo.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from skimage import data

from live_edges import EdgePipeline
from live_edges.cli import main
from live_edges.filters.catalog import catalog
from live_edges.frame import Image
from live_edges.live.app import App
from live_edges.live.keymap import bindings, by_key
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources import open_source
from live_edges.sources.capture import Capture

DOCS = Path(__file__).resolve().parent
SIZE = (600, 400)  # of the photograph, in pixels; the demo is drawn as large
FPS = 10  # of the moving picture
KEY_S = 1.0  # how long a key that was pressed is named
CAPTION_HEIGHT = 44  # pixels below the program's picture
QUALITY = 45  # of WebP, 0 to 100: the largest that leaves the file well below 2 MB

Keys = Sequence[tuple[float, str]]  # seconds after the first picture, and the key pressed then
DEMO_KEYS = [(1.5, "c"), (3.0, "v"), (4.5, "v"), (5.7, "v"), (7.2, "7"), (8.7, "9")]
PHOTO_KEYS = [(1.2, "9"), (2.6, "b"), (3.8, "b"), (5.0, "c"), (6.4, "v")]


class ScriptedScreen:
    """Takes the place of the window: presses keys at their times and keeps what is shown."""

    is_headless = False
    size = SIZE

    def __init__(self, keys: Keys, duration_s: float) -> None:
        self._keys, self._duration_s = list(keys), duration_s
        self._start: float | None = None
        self.shown: list[tuple[float, Image]] = []  # seconds after the first, picture

    @property
    def _now(self) -> float:
        return 0.0 if self._start is None else time.monotonic() - self._start

    @property
    def is_open(self) -> bool:
        """False when the script is over."""
        return self._now < self._duration_s

    def show(self, image: Image) -> None:
        """Keep one picture."""
        self.shown.append((self._now, image.copy()))
        self._start = self._start or time.monotonic()

    def status(self, text: str) -> None:
        """Say nothing: the picture carries its own text."""

    def poll(self, timeout_s: float) -> str | None:
        """Return the next key when its time has come."""
        time.sleep(timeout_s)
        is_due = self._keys and self._now >= self._keys[0][0]
        return self._keys.pop(0)[1] if is_due else None

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """There is nothing to fill."""

    def at(self, seconds: float) -> Image:
        """The picture that was on the screen at a time."""
        return [image for shown_s, image in self.shown if shown_s <= seconds][-1]


def play(
    source: str, keys: Keys, duration_s: float, *, recordings: RecordingSession | None = None
) -> ScriptedScreen:
    """Run the live program on a source with scripted keys, in real time."""
    pipeline = EdgePipeline("sobel")
    pipeline.prepare(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    loaded: Future[EdgePipeline] = Future()
    loaded.set_result(pipeline)
    screen = ScriptedScreen(keys, duration_s)
    capture = Capture(open_source(source, size=SIZE))
    App(
        capture,
        screen,
        pipeline=loaded,
        entries=catalog(),
        settings=Settings(),
        recordings=recordings,
    ).run()
    pipeline.close()
    return screen


def captioned(image: Image, command: str, key: str | None) -> Pillow.Image:
    """The program's picture with the command below it, and the key that was just pressed."""
    width, height = SIZE
    canvas = Pillow.new("RGB", (width, height + CAPTION_HEIGHT), (24, 26, 30))
    canvas.paste(Pillow.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
    draw, middle = ImageDraw.Draw(canvas), height + CAPTION_HEIGHT // 2
    draw.text((12, middle), command, (150, 200, 150), ImageFont.load_default(15), "lm")
    if key:
        binding = by_key(bindings(list(catalog())))[key]
        draw.rounded_rectangle((262, middle - 16, 294, middle + 16), 6, (238, 238, 238))
        draw.text((278, middle), binding.label[0], (20, 20, 20), ImageFont.load_default(20), "mm")
        draw.text((306, middle), binding.help, (245, 245, 245), ImageFont.load_default(15), "lm")
    return canvas


def moving_frames(
    screen: ScriptedScreen, command: str, keys: Keys, duration_s: float
) -> list[Pillow.Image]:
    """What was on the screen, `FPS` times a second."""
    frames = []
    for index in range(round(duration_s * FPS)):
        now = index / FPS
        pressed = [key for pressed_s, key in keys if 0 <= now - pressed_s < KEY_S]
        frames.append(captioned(screen.at(now), command, pressed[-1] if pressed else None))
    return frames


def make_moving_picture(photo: Path) -> None:
    """The demo, then the photograph, with keys being pressed."""
    frames = []
    for source, keys, duration_s in (("demo", DEMO_KEYS, 10.2), (str(photo), PHOTO_KEYS, 9.0)):
        screen = play(source, keys, duration_s)
        command = f"$ live-edges run {Path(source).name}"
        frames += moving_frames(screen, command, keys, duration_s)
    frames[0].save(
        DOCS / "live.webp",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // FPS,
        loop=0,
        quality=QUALITY,
        method=4,
    )


def make_recording_picture(folder: Path) -> None:
    """The window while it records."""
    recordings = RecordingSession(RecordingOptions(path=folder / "window.mp4"))
    screen = play("demo", [(0.5, "r"), (1.0, "c")], 6.0, recordings=recordings)
    cv2.imwrite(str(DOCS / "record.jpg"), screen.at(5.5))


def make_files_picture(folder: Path) -> None:
    """Four pictures of a video, and below them what `process` makes of it."""
    clip, edges = folder / "clip.mp4", folder / "edges.mp4"
    size = "x".join(map(str, SIZE))
    main(["run", "demo", "--headless", "--size", size, "--view", "original", "--duration", "4",
          "--record", str(clip)])  # fmt: skip
    main(["process", str(clip), "-o", str(edges)])
    rows = [np.hstack(_every(path, 30)[:4]) for path in (clip, edges)]
    cv2.imwrite(str(DOCS / "files.jpg"), cv2.resize(np.vstack(rows), (1200, 400)))


def _every(path: Path, step: int) -> list[Image]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return frames[::step]


def make_python_picture(photo: Path) -> None:
    """The photograph, and what the README's lines of Python make of it."""
    image = cv2.imread(str(photo))
    pipeline = EdgePipeline("sobel", device="auto", gain=3.0)
    edges = [pipeline(image)]
    pipeline.select("canny", sigma=1.5)
    edges.append(pipeline(image))
    pipeline.close()
    shown = [image, *(cv2.cvtColor(each, cv2.COLOR_GRAY2BGR) for each in edges)]
    cv2.imwrite(str(DOCS / "python.jpg"), cv2.resize(np.hstack(shown), (1200, 267)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        folder = Path(name)
        photo = folder / "coffee.png"
        cv2.imwrite(str(photo), cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR))
        make_moving_picture(photo)
        make_recording_picture(folder)
        make_files_picture(folder)
        make_python_picture(photo)
