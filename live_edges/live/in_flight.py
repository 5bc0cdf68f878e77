"""Frames in flight: on their way through the pipeline in order, and the latest that arrived."""

from collections import deque
from typing import TYPE_CHECKING

from live_edges.frame import Frame, Image
from live_edges.pipeline.compare import CompareRenderer
from live_edges.pipeline.renderer import PendingView, Rendered
from live_edges.settings import Settings
from live_edges.timing import Stages

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline


class InFlight:
    """Sends frames through the pipeline, several at once where that keeps a device busy.

    Until there is a pipeline, frames arrive as they are.

    Args:
        stages: times ``upload``, ``filter``, ``download`` and ``view``.

    Attributes:
        pipeline: finds the edges; None while torch is loading.
        frame: the frame that arrived last; None before the first.
        rendered: that frame's picture in all its forms.
        is_filtered: whether the pipeline has seen that frame.
    """

    def __init__(self, stages: Stages) -> None:
        self.pipeline: EdgePipeline | None = None
        self.frame: Frame | None = None
        self.rendered: Rendered | None = None
        self.is_filtered = False
        self._stages = stages
        self._renderer: CompareRenderer | None = None
        self._pending: deque[tuple[Frame, PendingView | None]] = deque()

    def use(self, pipeline: "EdgePipeline") -> None:
        """Send frames through ``pipeline`` from now on."""
        self.pipeline = pipeline
        self._renderer = CompareRenderer(pipeline, stages=self._stages)

    def select(self, settings: Settings) -> None:
        """Change the filters; raises LiveEdgesError where one of them cannot be used."""
        if self._renderer is not None:
            self._renderer.select(settings)

    def __len__(self) -> int:
        """How many frames are on their way."""
        return len(self._pending)

    @property
    def is_full(self) -> bool:
        """Whether another frame on its way would make none faster."""
        return len(self._pending) > (self.pipeline.in_flight if self.pipeline else 0)

    def send(self, frame: Frame, settings: Settings) -> None:
        """Send a frame on its way."""
        self._pending.append((frame, self._begin(frame, settings)))

    def receive(self, settings: Settings) -> tuple[Frame, Settings]:
        """Wait for the frame that was sent first; returns it, and the settings for the next."""
        frame, pending = self._pending.popleft()
        return frame, self._finish(frame, pending, settings)

    def renew(self, settings: Settings) -> Settings:
        """Make the latest frame's picture again, and those on their way, by other settings."""
        if self.frame is not None:
            settings = self._finish(self.frame, self._begin(self.frame, settings), settings)
        self._pending = deque((frame, self._begin(frame, settings)) for frame, _ in self._pending)
        return settings

    def snapshot(self, settings: Settings) -> dict[str, Image]:
        """Edges, original and view of the latest frame by name; none without a filter yet."""
        if self._renderer is None or self.rendered is None:
            return {}
        return self._renderer.snapshot(self.rendered, settings)

    def clear(self) -> int:
        """Forget the frames on their way; returns how many there were."""
        count = len(self._pending)
        self._pending.clear()
        return count

    def _begin(self, frame: Frame, settings: Settings) -> PendingView | None:
        return self._renderer.begin(frame.image, settings) if self._renderer else None

    def _finish(self, frame: Frame, pending: PendingView | None, settings: Settings) -> Settings:
        self.frame, self.is_filtered = frame, pending is not None
        if self._renderer is None or pending is None:
            self.rendered = Rendered(frame.image, None, frame.image)
        else:
            self.rendered, settings = self._renderer.finish(pending, settings, now=frame.timestamp)
        return settings
