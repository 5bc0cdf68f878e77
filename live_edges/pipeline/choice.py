"""Which pipeline to open, as a value that can be sent to another process."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """What a command line says about the pipeline, see `EdgePipeline`.

    Attributes:
        against: a second filter, whose weights must be usable, too.
        threads: of the CPU, for this process; None for half of the cores.
    """

    filter: str
    against: str | None = None
    sigma: float = 1.0
    weights: tuple[Path, ...] = ()
    device: str = "auto"
    engine: Literal["auto", "torch", "numba"] = "auto"
    latency: Literal["low", "throughput"] = "low"
    detail: Literal["fine", "fast"] = "fine"
    threads: int | None = None

    def open(self) -> "EdgePipeline":
        """Open the pipeline; brings torch, which takes seconds. Raises as `EdgePipeline` does."""
        from live_edges.pipeline.devices import share_cores
        from live_edges.pipeline.edge_pipeline import EdgePipeline

        share_cores(self.threads)
        pipeline = EdgePipeline(
            self.filter,
            device=self.device,
            sigma=self.sigma,
            weights=self.weights,
            engine=self.engine,
            latency=self.latency,
            detail=self.detail,
        )
        if self.against is not None:
            pipeline.with_filter(self.against)  # a weights file that cannot be used is told at once
        return pipeline
