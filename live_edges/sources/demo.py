"""The demo: a moving scene that needs no camera."""

from typing import Any

from live_edges.frame import Image
from live_edges.sources.paced import PacedSource
from live_edges.sources.scene import Scene

DEFAULT_SIZE = (1280, 720)


class Demo(PacedSource):
    """The built-in scene at a camera's pace, live.

    Args:
        size: width and height, `DEFAULT_SIZE` if None.
        seed: chooses textures and noise; same seed, same pictures.
        pace: as for `PacedSource`.
    """

    name = "demo"

    def __init__(self, size: tuple[int, int] | None = None, *, seed: int = 0, **pace: Any) -> None:
        super().__init__(size or DEFAULT_SIZE, **pace)
        self._scene = Scene((self.mode.width, self.mode.height), seed=seed)

    def _picture(self, index: int) -> Image:
        return self._scene.at(index, index / self.mode.fps)
