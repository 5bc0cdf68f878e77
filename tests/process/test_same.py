"""Whoever converts a file twice gets the same file, whatever the machine does meanwhile."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media import write_video

from live_edges.cli import main
from live_edges.pipeline.choice import PipelineChoice
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import Recipe, Worker
from live_edges.settings import Settings

FILTER = "gaussian-gradient"  # whose loop rounds differently from the definition
M_PERTURB = -6  # glibc's malloc.h


@pytest.mark.slow
@pytest.mark.parametrize("view", ["edges", "overlay", "neon", "maps", "peaking"])
def test_the_first_picture_is_made_as_the_later_ones_are(tmp_path, view):
    noise = np.random.default_rng(0).integers(0, 256, (213, 321, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), cv2.GaussianBlur(noise, (0, 0), 1.2))
    settings = Settings(filter=FILTER, view=view, auto_gain=False, gain=2.5)
    names = ("auto", "numba")

    for name in names:
        job = Conversion(tmp_path / "a.png", tmp_path / f"{name}.png", is_image=True)
        choice = PipelineChoice(FILTER, device="cpu", engine=name)
        with Worker(Recipe(choice, settings)) as worker:
            assert worker.convert(job).error is None

    first, later = (cv2.imread(str(tmp_path / f"{name}.png")) for name in names)
    np.testing.assert_array_equal(first, later)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can fill the memory it hands out")
def test_a_video_does_not_depend_on_what_was_in_memory_before(tmp_path):
    write_video(tmp_path / "a.mp4", 14)  # 64 pixels wide, see `live_edges.recording.encoding`

    made = [packets_with(filled, tmp_path) for filled in (1, 85, 170, 255)]

    assert made[1:] == made[:-1]


@contextmanager
def memory_filled(byte: int) -> Iterator[None]:
    """Let glibc fill what it hands out, as the variable MALLOC_PERTURB_ does at a start."""
    mallopt = ctypes.CDLL(None).mallopt
    assert mallopt(M_PERTURB, byte)
    try:
        yield
    finally:
        mallopt(M_PERTURB, 0)


def packets_with(filled: int, folder: Path) -> list[bytes]:
    """Convert the video while memory is filled with a byte; returns its packets."""
    out = folder / f"{filled}.mp4"
    files = ["process", str(folder / "a.mp4"), "-o", str(out)]
    with memory_filled(filled):
        code = main([*files, "--device", "cpu", "--engine", "torch", "--encoder", "libx264"])
    assert code == 0
    with av.open(str(out)) as container:
        return [bytes(packet) for packet in container.demux()]
