"""Make the pictures of the README from what the program itself shows and writes.

Run it from the repository's root, on a machine that has little else to do::

    pip install ".[bench]" && python docs/make_pictures.py

`make_view_pictures.py` and `make_browser_picture.py` beside it make the others.

The photographs are of scikit-image, CC0, no copyright restrictions: ``skimage.data.coffee()`` by
Rachel Michetti, ``chelsea()`` by Stefan van der Walt. Everything else is the built-in demo.
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
from live_edges.display.screen import MouseEvent
from live_edges.filters.catalog import catalog
from live_edges.frame import Image
from live_edges.live.app import App
from live_edges.live.keymap import bindings, by_key
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sizing import Size
from live_edges.sources import open_source
from live_edges.sources.capture import Capture

DOCS = Path(__file__).resolve().parent
SIZE = (600, 400)  # of the photograph, in pixels; the demo is drawn as large
FPS = 10  # of the moving picture
KEY_S = 1.0  # how long a key that was pressed is named
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 75]
CAPTION_HEIGHT = 44  # pixels below the program's picture
QUALITY = 45  # of WebP, 0 to 100: the largest that leaves the file well below 2 MB

Event = tuple[
    float, str | Size
]  # seconds after the first picture, and the key, or the mouse's place
BESIDE_COMMAND = 262  # pixels from the left to the key that is named


def moved(start: float, end: float, whence: Size, to: Size) -> list[Event]:
    """The mouse on its way from one place to another."""
    places = np.linspace(whence, to, num=max(2, round((end - start) * FPS))).round().astype(int)
    return [
        (float(now), (int(x), int(y)))
        for now, (x, y) in zip(np.linspace(start, end, len(places)), places, strict=True)
    ]


DEMO = [
    (1.2, "c"), (2.4, "x"), *moved(2.6, 4.2, (420, 210), (150, 240)),
    *moved(4.2, 5.4, (150, 240), (300, 200)), (5.9, "x"), (7.0, "v"), (8.1, "v"), (9.2, "v"),
]  # fmt: skip
CLOSE = [
    (0.1, (335, 142)), (0.8, "k"), (2.6, "e"), (3.1, "e"), (3.6, "e"), (4.1, "e"), (4.6, "e"),
    *moved(5.4, 7.0, (335, 142), (352, 156)), (8.2, "9"), (9.8, "z"),
]  # fmt: skip
FOCUS = [(1.5, "c")]


class ScriptedScreen:
    """Takes the place of the window: presses keys at their times and keeps what is shown."""

    is_headless = False

    def __init__(self, events: Sequence[Event], duration_s: float, size: Size) -> None:
        self.size = size
        self._duration_s, self._start = duration_s, -1.0
        self._keys = [(at, what) for at, what in events if isinstance(what, str)]
        self._moves = [(at, what) for at, what in events if not isinstance(what, str)]
        self.shown: list[tuple[float, Image]] = []  # seconds after the first, picture

    @property
    def _now(self) -> float:
        return 0.0 if self._start < 0 else time.monotonic() - self._start

    @property
    def is_open(self) -> bool:
        """False when the script is over."""
        return self._now < self._duration_s

    def show(self, image: Image) -> None:
        """Keep one picture."""
        self.shown.append((self._now, image.copy()))
        self._start = time.monotonic() if self._start < 0 else self._start

    def status(self, text: str) -> None:
        """Say nothing: the picture carries its own text."""

    def poll(self, timeout_s: float) -> str | None:
        """Return the next key when its time has come."""
        time.sleep(timeout_s)
        is_due = self._keys and self._now >= self._keys[0][0]
        return self._keys.pop(0)[1] if is_due else None

    def mouse_events(self) -> list[MouseEvent]:
        """Return where the mouse has been since the last call."""
        due = [place for at, place in self._moves if at <= self._now]
        del self._moves[: len(due)]
        return [MouseEvent("move", x, y) for x, y in due]

    def set_fullscreen(self, is_fullscreen: bool) -> None:
        """There is nothing to fill."""

    def at(self, seconds: float) -> Image:
        """The picture that was on the screen at a time."""
        return [image for shown_s, image in self.shown if shown_s <= seconds][-1]


def play(
    source: str,
    events: Sequence[Event],
    duration_s: float,
    *,
    size: Size = SIZE,
    settings: Settings | None = None,
    recordings: RecordingSession | None = None,
) -> ScriptedScreen:
    """Run the live program on a source with scripted keys, in real time."""
    settings = settings or Settings()
    pipeline = EdgePipeline(settings.filter)
    pipeline.prepare(np.zeros((size[1], size[0], 3), np.uint8))
    loaded: Future[EdgePipeline] = Future()
    loaded.set_result(pipeline)
    screen = ScriptedScreen(events, duration_s, size)
    App(
        Capture(open_source(source, size=size)),
        screen,
        pipeline=loaded,
        entries=catalog(),
        settings=settings,
        recordings=recordings,
    ).run()
    pipeline.close()
    return screen


def pointed_at(image: Image, place: Size | None) -> Image:
    """Draw the mouse, which is no part of the program's picture."""
    if place is None:
        return image
    image = image.copy()
    arrow = np.array([(0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12)]) + place
    cv2.fillPoly(image, [arrow.astype(np.int32)], (255, 255, 255), cv2.LINE_AA)
    cv2.polylines(image, [arrow.astype(np.int32)], True, (0, 0, 0), 1, cv2.LINE_AA)
    return image


def captioned(image: Image, command: str, key: str | None) -> Pillow.Image:
    """The program's picture with the command below it, and the key that was just pressed."""
    width, height = SIZE
    canvas = Pillow.new("RGB", (width, height + CAPTION_HEIGHT), (24, 26, 30))
    canvas.paste(Pillow.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
    draw, middle = ImageDraw.Draw(canvas), height + CAPTION_HEIGHT // 2
    draw.text((12, middle), command, (150, 200, 150), ImageFont.load_default(15), "lm")
    if key:
        binding = by_key(bindings(list(catalog())))[key]
        x = max(BESIDE_COMMAND, 32 + round(draw.textlength(command, ImageFont.load_default(15))))
        draw.rounded_rectangle((x, middle - 16, x + 32, middle + 16), 6, (238, 238, 238))
        draw.text((x + 16, middle), key, (20, 20, 20), ImageFont.load_default(20), "mm")
        help = binding.help.partition(":")[0]
        draw.text((x + 44, middle), help, (245, 245, 245), ImageFont.load_default(15), "lm")
    return canvas


def moving_frames(
    screen: ScriptedScreen, command: str, events: Sequence[Event], duration_s: float
) -> list[Pillow.Image]:
    """What was on the screen, `FPS` times a second."""
    frames = []
    for index in range(round(duration_s * FPS)):
        now = index / FPS
        past = [(at, what) for at, what in events if at <= now]
        keys = [what for at, what in past if isinstance(what, str) and now - at < KEY_S]
        places = [what for _, what in past if not isinstance(what, str)]
        image = pointed_at(screen.at(now), places[-1] if places else None)
        frames.append(captioned(image, command, keys[-1] if keys else None))
    return frames


def make_moving_picture(photo: Path, other: Path) -> None:
    """The demo, then two photographs, with keys being pressed."""
    frames = []
    for source, flags, settings, events, duration_s in (
        ("demo", "", Settings(), DEMO, 10.6),
        (str(photo), "", Settings(), CLOSE, 10.8),
        (str(other), " --view peaking", Settings(view="peaking"), FOCUS, 3.2),
    ):
        screen = play(source, events, duration_s, settings=settings)
        command = f"$ live-edges run {Path(source).name}{flags}"
        frames += moving_frames(screen, command, events, duration_s)
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


def save_photo(folder: Path, name: str) -> Path:
    """Write a photograph of scikit-image into a folder."""
    photo = folder / f"{name}.png"
    cv2.imwrite(str(photo), cv2.cvtColor(getattr(data, name)(), cv2.COLOR_RGB2BGR))
    return photo


def make_boundary_picture() -> None:
    """Photographs, and beside them Sobel, Canny and the boundary net; it fails on the last ones."""
    # scikit-image's: NASA's astronaut, a cat by Stefan van der Walt and coffee by Rachel Michetti
    # (both CC0), and textures from CC0Textures.
    shown = [data.astronaut()[:340], data.chelsea(), data.coffee(), data.grass(), data.brick()]
    rows = []
    for picture in shown:
        image = picture if picture.ndim == 2 else picture[..., ::-1]
        image = np.ascontiguousarray(cv2.resize(image, (300, 200), interpolation=cv2.INTER_AREA))
        row = [image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)]
        for name, gain in (("sobel", 3.0), ("canny", 1.0), ("boundary", 1.0)):
            with EdgePipeline(name, device="cpu", gain=gain, sigma=1.5) as pipeline:
                row.append(cv2.cvtColor(pipeline(image), cv2.COLOR_GRAY2BGR))
        rows.append(np.hstack(row))
    cv2.imwrite(str(DOCS / "boundary-photographs.jpg"), np.vstack(rows), JPEG)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        folder = Path(name)
        photo = save_photo(folder, "coffee")
        make_moving_picture(photo, save_photo(folder, "chelsea"))
        make_recording_picture(folder)
        make_files_picture(folder)
        make_python_picture(photo)
        make_boundary_picture()
