"""Make the small pictures that `tests/pipeline/test_golden.py` holds every view to.

Run it after a view was changed on purpose, and look at what it made:

    python tests/make_golden.py
"""

from contextlib import closing
from pathlib import Path

import cv2

from live_edges import EdgePipeline
from live_edges.pipeline.renderer import Renderer
from live_edges.settings import VIEWS, Settings
from live_edges.sources.scene import Scene

FOLDER = Path(__file__).parent / "golden"
SIZE = (96, 64)
THIN = "thin"  # the view `edges`, of thin lines
NAMES = (*VIEWS, THIN)


def rendered(name, engine="torch"):
    """Show the demo by a view; the pixels are Scene's, so that no file has to be decoded."""
    view = "edges" if name == THIN else name
    settings = Settings(view=view, gain=2.0, auto_gain=False, threshold=0.04, is_thin=name == THIN)
    with closing(EdgePipeline("sobel", device="cpu", engine=engine)) as pipeline:
        return Renderer(pipeline)(Scene(SIZE).at(40, 1.3), settings, now=0.0)[0].view


def main():
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        cv2.imwrite(str(FOLDER / f"{name}.png"), rendered(name), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
