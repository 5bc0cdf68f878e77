"""live-edges: point a camera at the world and see its edges, live.

The Python API::

    from live_edges import EdgePipeline

    edges = EdgePipeline("sobel")(image)  # (H, W, 3) uint8 BGR in, (H, W) uint8 out
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from live_edges.pipeline.edge_pipeline import EdgePipeline

__all__ = ["EdgePipeline", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the pipeline, and with it torch, only when it is asked for."""
    if name == "EdgePipeline":
        from live_edges.pipeline.edge_pipeline import EdgePipeline

        return EdgePipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what is public."""
    return sorted(__all__)
