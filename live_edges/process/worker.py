"""Converts one file after another by the same recipe, in whatever process it is opened."""

import os
import platform
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import live_edges
from live_edges.errors import LiveEdgesError, first_line
from live_edges.lifecycle import Closing
from live_edges.pipeline.choice import PipelineChoice
from live_edges.process.conversion import OnStart, Report, convert_image, convert_video
from live_edges.process.file_plan import Conversion
from live_edges.process.reading import Span
from live_edges.process.video_renderer import VideoRenderer
from live_edges.recording.claims import claimed
from live_edges.recording.encoding import Encoding
from live_edges.recording.partials import partial_path
from live_edges.settings import Settings

GIVE_UP_S = 5.0  # how long a conversion may take to stop; one picture takes much less
_PACKAGE = Path(live_edges.__file__).parent


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to convert the files of a run; can be sent to other processes and machines.

    Attributes:
        pipeline: finds the edges.
        settings: filter, view, gain and the rest.
        encoding: encoder, quality and preset of videos.
        span: the part of each video to convert.
        with_sound: True to keep the sound.
        with_alpha: True to make cutouts of images.
        replaces: True to convert a file again whose output is there.
    """

    pipeline: PipelineChoice
    settings: Settings
    encoding: Encoding = field(default_factory=Encoding)
    span: Span = field(default_factory=Span)
    with_sound: bool = True
    with_alpha: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; can be sent to other processes and machines.

    Attributes:
        source, target: as in its `Conversion`.
        status: ``skipped`` if the output was there when its turn came, ``left`` if another run was
            making it.
        frames: how many pictures were written.
        seconds: how long that took.
        notes: what the user should know about the output.
        error: why it failed, in one sentence; None if it did not.
        worker: the machine and the process that did it, ``host:pid``.
    """

    source: Path
    target: Path
    status: Literal["converted", "failed", "skipped", "left"]
    frames: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None
    worker: str = ""

    @property
    def fps(self) -> float:
        """Pictures a second, from opening the source until the output was whole."""
        return self.frames / self.seconds if self.seconds else 0.0


class Worker(Closing):
    """Converts files in this process, with one pipeline for all of them.

    Args:
        recipe: how to convert them.

    Attributes:
        device: what computes, and why, in words.

    Raises:
        LiveEdgesError: the pipeline cannot be opened.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._pipeline = recipe.pipeline.open()
        self._pipeline.waits = True  # so that a file does not depend on when a loop was compiled
        self.device = f"{self._pipeline.device} ({self._pipeline.device_reason})"

    def close(self) -> None:
        """Close the pipeline."""
        self._pipeline.close()

    def convert(self, job: Conversion, on_start: OnStart = lambda _total: _nothing) -> Outcome:
        """Convert one file, and say what became of it; every error is part of that.

        A file whose output is there by now, because another worker or machine made it, is skipped.
        One that another is making at the moment is left to it.

        Args:
            job: the file.
            on_start: see `convert_video`.
        """
        began = time.perf_counter()
        try:
            if self._is_done(job):
                return Outcome(job.source, job.target, "skipped", worker=worker_name())
            part = partial_path(job.target)
            with claimed(job.target, part) as is_ours:
                if not is_ours:
                    return Outcome(job.source, job.target, "left", worker=worker_name())
                if self._is_done(job):  # a moment ago, by another run that has ended its claim
                    return Outcome(job.source, job.target, "skipped", worker=worker_name())
                report = self._convert(job, part, on_start)
        except Exception as error:
            return failed(job, sentence_of(error, job), time.perf_counter() - began)
        return Outcome(
            job.source,
            job.target,
            "converted",
            frames=report.frames,
            seconds=time.perf_counter() - began,
            notes=report.notes,
            worker=worker_name(),
        )

    def _is_done(self, job: Conversion) -> bool:
        return not self._recipe.replaces and job.target.exists()

    def _convert(self, job: Conversion, part: Path, on_start: OnStart) -> Report:
        recipe = self._recipe
        renderer = VideoRenderer(self._pipeline, recipe.settings, with_alpha=recipe.with_alpha)
        if job.is_image:
            return convert_image(job.source, job.target, renderer, part=part)
        return convert_video(
            job.source,
            job.target,
            renderer,
            encoding=recipe.encoding,
            span=recipe.span,
            with_sound=recipe.with_sound,
            on_start=on_start,
            part=part,
        )


def worker_name(pid: int | None = None) -> str:
    """Return the machine and a process of it, this one by default: ``host:pid``."""
    return f"{platform.node()}:{pid or os.getpid()}"


def failed(job: Conversion, error: str, seconds: float = 0.0, *, worker: str = "") -> Outcome:
    """Return the outcome of a file that could not be converted."""
    return Outcome(
        job.source,
        job.target,
        "failed",
        seconds=seconds,
        error=error,
        worker=worker or worker_name(),
    )


def sentence_of(error: Exception, job: Conversion) -> str:
    """Say why a file could not be converted; where that is the program's fault, in which line."""
    if isinstance(error, LiveEdgesError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
    return (
        f"{job.source} cannot be converted: {type(error).__name__} in {at}: {first_line(error)}; "
        "please report this"
    )


def _nothing() -> None:
    """Stand for the bar where there is none."""
