"""Make the pictures of the README that show filters and views, and those that look closer.

Run it as `make_pictures.py`, whose scripted screen it uses::

    pip install ".[bench]" && python docs/make_view_pictures.py
"""

import os
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from make_pictures import DOCS, Event, play, pointed_at, save_photo
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from live_edges import EdgePipeline
from live_edges.frame import Image
from live_edges.pipeline.renderer import Renderer
from live_edges.settings import Settings, ViewName
from live_edges.sources.scene import Scene

SIZE = (960, 600)  # of a window, in pixels
TILE = (640, 360)  # of four pictures in one, in pixels
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]


def named(image: Image, name: str) -> Image:
    """Write what a picture is into its upper left corner."""
    canvas = Pillow.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(17)
    place = 10, 26
    draw.text(place, name, (255, 255, 255), font, "ls", stroke_width=3, stroke_fill=(20, 20, 20))
    return np.asarray(cv2.cvtColor(np.asarray(canvas), cv2.COLOR_RGB2BGR), np.uint8)


def rendered(image: Image, settings: Settings) -> Image:
    """Show a picture by the settings, with the gain that the program settles for."""
    with closing(EdgePipeline(settings.filter)) as pipeline:
        render = Renderer(pipeline)
        for second in range(10):
            shown, settings = render(image, settings, now=float(second))
    return shown.view


def save_tiles(name: str, tiles: Iterable[Image]) -> None:
    """Put four pictures into one."""
    first, second, third, fourth = tiles
    both = np.vstack((np.hstack((first, second)), np.hstack((third, fourth))))
    cv2.imwrite(str(DOCS / name), both, JPEG)


def make_filters_picture() -> None:
    """Sobel as an overlay, and the edges of three filters."""
    image = Scene(TILE).at(40, 1.3)
    shown = [("sobel", "overlay"), ("sobel", "edges"), ("gaussian-gradient", "edges"),
             ("canny", "edges")]  # fmt: skip
    save_tiles(
        "filters.jpg",
        (
            named(rendered(image, Settings(filter=filter, view=view)), f"{filter}, {view}")
            for filter, view in shown
        ),
    )


def make_views_picture(photo: Path) -> None:
    """What is in focus, directions, responses and light, on a photograph."""
    image = cv2.imread(str(photo))
    image = image[: image.shape[1] * TILE[1] // TILE[0]]
    tiles = []
    for view in ("peaking", "orientation", "maps", "neon"):
        shown = rendered(np.ascontiguousarray(image), Settings(view=view, line_color="cyan"))
        tiles.append(named(cv2.resize(shown, TILE, interpolation=cv2.INTER_AREA), view))
    save_tiles("views.jpg", tiles)


def make_window_picture(
    name: str,
    source: str,
    events: list[Event],
    view: ViewName = "overlay",
    *,
    duration_s: float = 9.0,
) -> None:
    """The window with the mouse, when everything has happened and the messages have gone."""
    screen = play(source, events, duration_s, size=SIZE, settings=Settings(view=view))
    [*_, place] = (what for _, what in events if not isinstance(what, str))
    cv2.imwrite(str(DOCS / name), pointed_at(screen.at(duration_s), place), JPEG)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_filters_picture()
        make_views_picture(save_photo(Path(folder), "chelsea"))
        photo = str(save_photo(Path(folder), "coffee"))
        make_window_picture("compare.jpg", photo, [(0.5, "x"), (1.0, (480, 330))], "edges")
        zoom = [(2.0 + number / 5, "e") for number in range(6)]
        make_window_picture("kernels.jpg", photo, [(0.5, (533, 213)), (1.0, "k"), *zoom])
