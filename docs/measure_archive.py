"""Measure what a frame of a clip costs, as the arithmetic of archives.md needs it.

For clips of your own, or a photograph with camera noise that moves, in three sizes::

    python docs/measure_archive.py clip.mp4
    pip install ".[bench]" && python docs/measure_archive.py

Times are of all cores together, so that other programs disturb them little: medians of five, after
one that does not count.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np

from live_edges import EdgePipeline
from live_edges.pipeline.choice import PipelineChoice
from live_edges.process.conversion import convert_video
from live_edges.process.output import frame_of
from live_edges.process.reading import Picture, Span, VideoReader
from live_edges.process.video_renderer import VideoRenderer
from live_edges.recording.encoding import Encoding, add_video_stream, choose_encoder
from live_edges.settings import Settings

FRAMES = 150  # five seconds
RUNS = 5
SIZES = ((640, 360), (1280, 720), (1920, 1080))
NOISE = 3.0  # gray levels, standard deviation
START = (
    "from live_edges.process.worker import Recipe, Worker; "
    "from live_edges.pipeline.choice import PipelineChoice; "
    "from live_edges.settings import Settings; "
    "Worker(Recipe(PipelineChoice('sobel', device='cpu'), Settings())).close()"
)


def write_clip(path: Path, size: tuple[int, int]) -> Path:
    """Write a photograph that moves behind a window of a size, with noise, as H.264."""
    from skimage import data

    width, height = size
    photo = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    scale = 1.3 * max(width / photo.shape[1], height / photo.shape[0])
    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    room_y, room_x = photo.shape[0] - height, photo.shape[1] - width
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(FRAMES):
            y, x = (
                int(room_y * (1 + np.cos(index / 75)) / 2),
                int(room_x * (1 + np.sin(index / 60)) / 2),
            )
            noisy = photo[y : y + height, x : x + width] + rng.normal(0, NOISE, (height, width, 1))
            image = np.clip(noisy, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def cpu_s(work: Callable[[], object]) -> float:
    """Return the time that all threads of this process spent on some work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def decode(clip: Path) -> list[Picture]:
    """Return the pictures of the first five seconds."""
    with VideoReader(clip, Span(0, 5), with_sound=False) as reader:
        return [item for item in reader if isinstance(item, Picture)]


def encode(pictures: list[av.VideoFrame], path: Path) -> None:
    """Encode pictures as `live-edges process` does."""
    size = pictures[0].width, pictures[0].height
    base, encoding = Fraction(1, 30), Encoding()
    with av.open(str(path), "w") as container:
        encoder = choose_encoder("mp4", size, encoding)
        stream = add_video_stream(
            container, encoder, size, encoding=encoding, time_base=base, rate=1 / base,
            is_full_range=True,
        )  # fmt: skip
        for index, picture in enumerate(pictures):
            picture.pts, picture.time_base = index, base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def measure(clip: Path, pipeline: EdgePipeline, target: Path) -> list[float]:
    """Return the ms a frame of decoding, edges, encoding and the whole."""
    pictures, edges = decode(clip), list[av.VideoFrame]()
    renderer = VideoRenderer(pipeline, Settings(view="edges"))
    size = pictures[0].frame.width // 2 * 2, pictures[0].frame.height // 2 * 2

    def find() -> None:
        for index, picture in enumerate(pictures):
            edges.append(frame_of(renderer(picture.frame, index / 30), size))

    def convert() -> None:
        whole = VideoRenderer(pipeline, Settings(view="edges"))
        convert_video(
            clip, target, whole, encoding=Encoding(), span=Span(0, 5), on_start=lambda _: int
        )

    steps = (lambda: decode(clip), find, lambda: encode(edges, target), convert)
    return [1000 * cpu_s(step) / len(pictures) for step in steps]


def main() -> None:
    """Print a line for each clip, and what the start of a process costs."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "edges.mp4")
        clips = [Path(name) for name in sys.argv[1:]] or [
            write_clip(Path(folder, f"{width}x{height}.mp4"), (width, height))
            for width, height in SIZES
        ]
        print(f"{'CPU ms a frame':20} decode  edges  encode  whole (least to most)  kB in  kB out")
        with PipelineChoice("sobel", device="cpu", engine="numba", threads=1).open() as pipeline:
            for clip in clips:
                rows = [measure(clip, pipeline, target) for _ in range(RUNS + 1)][1:]
                parts = " ".join(f"{median(column):7.2f}" for column in zip(*rows, strict=True))
                whole = [row[-1] for row in rows]
                frames = len(decode(clip))
                sizes = [path.stat().st_size / 1000 / frames for path in (clip, target)]
                spread = f"({min(whole):.2f} to {max(whole):.2f})"
                print(f"{clip.name:20}{parts} {spread:21} {sizes[0]:5.1f} {sizes[1]:7.1f}")
    starts = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", START], check=True)
        starts.append(time.perf_counter() - began)
    print(f"start of a process: {median(starts[1:]):.1f} s")


if __name__ == "__main__":
    main()
