"""How long the last picture of an uneven file is shown: what is converted, recorded, looped."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.codec.context import Flags
from media import RATE, draw

from live_edges.cli import main
from live_edges.sources.video import VideoFile

TICK = Fraction(1, 90_000)
TIMES_S, END_S = (0.0, 0.1, 0.3), 1.8  # the last of three pictures stays for 1.5 s
CASES = pytest.mark.parametrize(
    ("source", "target"),
    [("a.mp4", "b.mp4"), ("a.mp4", "b.mkv"), ("a.mkv", "b.mp4"), ("a.mkv", "b.mkv")],
)
B_FRAMES = pytest.mark.parametrize("b_frames", [0, 2], ids=["in order", "B-frames"])


def write_uneven(path: Path, *, b_frames: int) -> Path:
    """Write three pictures, of which the last is shown longest."""
    options = {"bf": str(b_frames), "b_strategy": "0", "preset": "veryfast"}
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.time_base = video.codec_context.time_base = TICK
        video.codec_context.flags |= Flags.frame_duration
        packets = []
        for index, (start_s, end_s) in enumerate(zip(TIMES_S, (*TIMES_S[1:], END_S), strict=True)):
            frame = draw(index, (64, 48))
            frame.pts, frame.time_base = round(start_s / TICK), TICK
            frame.duration = round(end_s / TICK) - frame.pts
            packets += video.encode(frame)
        packets += video.encode()
        if path.suffix == ".mp4":  # its length is the sum of the steps between the packets
            packets[-1].duration = round(END_S / TICK) - (packets[-1].dts - packets[0].dts)
        container.mux(packets)
    return path


def told_by_ffmpeg(path: Path) -> tuple[list[float], float]:
    """When each picture begins, and how long all of them last, as FFmpeg reads it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        length = stream.duration * stream.time_base if stream.duration else None
        times_s = [float(frame.time) for frame in container.decode(stream)]
        return times_s, float(length or Fraction(container.duration, av.time_base))


def packet_durations_s(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    packets.sort(key=lambda packet: packet.pts)
    return [float(packet.duration * packet.time_base) for packet in packets]


def convert(*args: object) -> int:
    return main(["process", *map(str, args), "--device", "cpu", "--engine", "torch"])


def record(movie: Path, target: Path, *options: str) -> int:
    flags = ["--headless", "--device", "cpu", "--engine", "torch", "--record", str(target)]
    return main(["run", str(movie), *flags, *options])


@CASES
@B_FRAMES
def test_the_last_picture_of_an_uneven_file_keeps_its_duration(tmp_path, source, target, b_frames):
    movie = write_uneven(tmp_path / source, b_frames=b_frames)
    assert told_by_ffmpeg(movie)[1] == pytest.approx(END_S, abs=1e-3)

    assert convert(movie, "-o", tmp_path / target) == 0

    times_s, length_s = told_by_ffmpeg(tmp_path / target)
    assert times_s == pytest.approx(TIMES_S, abs=1e-3)
    assert length_s == pytest.approx(END_S, abs=1e-3)


@CASES
@B_FRAMES
def test_a_recording_of_an_uneven_file_lasts_as_long_as_the_file(
    tmp_path, source, target, b_frames
):
    movie = write_uneven(tmp_path / source, b_frames=b_frames)

    assert record(movie, tmp_path / target) == 0

    times_s, length_s = told_by_ffmpeg(tmp_path / target)
    assert times_s == pytest.approx(TIMES_S, abs=1e-3)
    assert length_s == pytest.approx(END_S, abs=1e-3)


def test_the_original_beside_a_recording_lasts_as_long(tmp_path):
    movie = write_uneven(tmp_path / "a.mp4", b_frames=2)

    assert record(movie, tmp_path / "b.mp4", "--record-original") == 0

    assert told_by_ffmpeg(tmp_path / "b-original.mp4")[1] == pytest.approx(END_S, abs=1e-3)


@CASES
@B_FRAMES
def test_a_part_that_ends_inside_the_last_picture_ends_there(tmp_path, source, target, b_frames):
    movie = write_uneven(tmp_path / source, b_frames=b_frames)

    assert convert(movie, "-o", tmp_path / target, "--end", 1.0) == 0

    times_s, length_s = told_by_ffmpeg(tmp_path / target)
    assert times_s == pytest.approx(TIMES_S, abs=1e-3)
    assert length_s == pytest.approx(1.0, abs=1e-3)


@B_FRAMES
def test_matroska_says_of_each_picture_how_long_it_lasts(tmp_path, b_frames):
    movie = write_uneven(tmp_path / "a.mp4", b_frames=b_frames)

    assert convert(movie, "-o", tmp_path / "b.mkv") == 0

    assert packet_durations_s(tmp_path / "b.mkv") == pytest.approx([0.1, 0.2, 1.5], abs=1e-3)


@pytest.mark.parametrize("source", ["a.mp4", "a.mkv"])
@B_FRAMES
def test_a_loop_begins_again_when_the_last_picture_has_had_its_time(tmp_path, source, b_frames):
    movie = write_uneven(tmp_path / source, b_frames=b_frames)

    with VideoFile(movie, loop=True) as file:
        pts = [file.read().pts for _ in range(6)]

    second_pass = [END_S + time_s for time_s in TIMES_S]
    assert pts == pytest.approx([*TIMES_S, *second_pass], abs=1e-3)
