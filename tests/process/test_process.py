"""Files to files: everything that goes in comes out, or one sentence says why not."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.codec.context import Flags
from media import (
    MATRICES,
    RATE,
    cut,
    display_by,
    rotate,
    turned_by_ffmpeg,
    write_circle,
    write_image,
    write_jpegs,
    write_video,
)

from live_edges import EdgePipeline
from live_edges.cli import main
from live_edges.lifecycle import INTERRUPTED
from live_edges.process.planes import luma_of, stretched
from live_edges.process.queues import read_ahead, write_behind
from live_edges.process.reading import Span, VideoReader
from live_edges.process.video_renderer import VideoRenderer
from live_edges.settings import Settings
from live_edges.sources.video import VideoFile

VFR = (0, 1, 3, 4, 9, 10, 12, 17)
RICH = np.random.default_rng(0).integers(16, 236, (48, 64), dtype=np.uint8)


def process(*args: object) -> int:
    return main(["process", *map(str, args), "--device", "cpu", "--engine", "torch"])


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def grays_of(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        lumas = [luma_of(item.frame) for item in reader if not isinstance(item, av.Packet)]
    return [luma if is_full else stretched(luma) for luma, is_full in lumas]


def packets_of(path: Path, kind: str) -> list[tuple[int, int, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.best(kind)
        return [(p.pts, p.dts, bytes(p)) for p in container.demux(stream) if p.size]


def psnr(actual: np.ndarray, expected: np.ndarray) -> float:
    error = np.square(actual.astype(float) - expected.astype(float)).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def write_movie(path: Path, *, pts: tuple[int, ...] = VFR, sound: str = "aac") -> Path:
    """A video of uneven times, with sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"bf": "2"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, RATE)
        video.codec_context.flags |= Flags.frame_duration
        audio = container.add_stream(sound, rate=48_000)
        for index in pts:
            frame = av.VideoFrame.from_ndarray(np.roll(RICH, index, 1), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base, frame.duration = index, Fraction(1, RATE), 1
            container.mux(video.encode(frame))
        container.mux(video.encode())
        size = audio.codec_context.frame_size or 1024
        noise = np.random.default_rng(0).normal(0, 0.1, (1, size * 40)).astype(np.float32)
        resampler = av.AudioResampler(audio.codec_context.format, "mono", 48_000, size)
        sound_frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        sound_frame.sample_rate, sound_frame.pts = 48_000, 0
        for piece in [*resampler.resample(sound_frame), *resampler.resample(None)]:
            container.mux(audio.encode(piece))
        container.mux(audio.encode())
    return path


def write_raw(path: Path, picture: np.ndarray, pixel_format: str, color_range: int = 0) -> Path:
    """One picture, lossless, in the given pixel format."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.height, stream.width = picture.shape
        stream.pix_fmt = pixel_format
        stream.codec_context.color_range = color_range
        frame = av.VideoFrame(stream.width, stream.height, pixel_format)
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        rows = np.frombuffer(frame.planes[0], np.uint8).reshape(stream.height, -1)
        bits = frame.format.components[0].bits
        if bits > 8:
            words = np.frombuffer(frame.planes[0], "<u2").reshape(stream.height, -1)
            words[:, : stream.width] = picture.astype("<u2") << (bits - 8)
        elif pixel_format == "ya8":
            rows[:, : 2 * stream.width : 2] = picture
        else:
            rows[:, : stream.width] = picture
        frame.color_range = color_range
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("source", "target", "pts"),
    [
        ("a.mp4", "b.mp4", tuple(range(12))),
        ("a.mp4", "b.mp4", VFR),
        ("a.mkv", "b.mkv", VFR),
        ("a.mkv", "b.mp4", VFR),
        ("a.mp4", "b.mkv", VFR),
        ("a.mov", "b.mov", VFR),
    ],
)
def test_every_picture_comes_out_at_its_time(tmp_path, source, target, pts):
    movie = write_movie(tmp_path / source, pts=pts)

    assert process(movie, "-o", tmp_path / target) == 0

    assert len(times_of(movie)) == len(pts)
    shift = 1024 / 48_000 if (source, target) == ("a.mp4", "b.mkv") else 0  # see below
    expected = [time + shift for time in times_of(movie)]
    # MP4 lets the sound's lead-in start before 0; Matroska moves all tracks so that it does not.
    assert times_of(tmp_path / target) == pytest.approx(expected, abs=5e-4 if shift else 1e-6)


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
@pytest.mark.parametrize("pts", [tuple(range(12)), VFR])
def test_ffprobe_sees_the_same_times_and_duration(tmp_path, pts):
    movie = write_movie(tmp_path / "a.mp4", pts=pts)

    assert process(movie, "-o", tmp_path / "b.mp4") == 0

    before, after = _ffprobe(movie), _ffprobe(tmp_path / "b.mp4")
    assert after["frames"] == before["frames"]
    assert len(after["frames"]) == len(pts)
    assert float(after["streams"][0]["duration"]) == pytest.approx((pts[-1] + 1) / RATE)


def _ffprobe(path: Path) -> dict:
    entries = "frame=pts_time:stream=codec_type,duration,nb_frames"
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", entries]
    report = subprocess.run(
        [*command, "-of", "json", str(path)], capture_output=True, text=True, check=True
    )
    return json.loads(report.stdout)


@pytest.mark.parametrize(
    ("name", "sound"), [("a.mp4", "aac"), ("a.mkv", "flac"), ("a.mkv", "libopus")]
)
def test_the_sound_is_copied_bit_by_bit(tmp_path, name, sound):
    movie = write_movie(tmp_path / name, sound=sound)
    target = tmp_path / f"out{movie.suffix}"

    assert process(movie, "-o", target) == 0

    assert len(packets_of(movie, "audio")) > 10
    assert packets_of(target, "audio") == packets_of(movie, "audio")


@pytest.mark.parametrize("filter", ["sobel", "canny", "laplacian"])
def test_the_picture_is_that_of_the_pipeline(tmp_path, filter):
    movie = write_movie(tmp_path / "a.mp4")
    options = ["--filter", filter, "--gain", 1, "--quality", 1]

    assert process(movie, "-o", tmp_path / "b.mp4", *options) == 0

    pipeline = EdgePipeline(filter, device="cpu", engine="torch")
    expected = [pipeline.edges_of_luma(gray) for gray in grays_of(movie)]
    assert all(
        psnr(actual, wanted) > 40
        for actual, wanted in zip(grays_of(tmp_path / "b.mp4"), expected, strict=True)
    )


@pytest.mark.parametrize("filter", ["sobel", "laplacian"])
def test_the_short_way_by_luma_equals_the_long_way_by_colour(tmp_path, filter):
    movie = write_movie(tmp_path / "a.mp4")
    settings = Settings(filter=filter, view="edges", auto_gain=False)
    pipeline = EdgePipeline(filter, device="cpu", engine="torch")
    with av.open(str(movie)) as container:
        frame = next(container.decode(video=0))
        image = frame.to_ndarray(format="bgr24")

        short = VideoRenderer(pipeline, settings)(frame, 0.0)

    # One level of rounding in the colour conversion, times the weight of the filter's taps.
    gain = np.abs(pipeline.entry.bank(1.0)).sum(axis=(1, 2, 3)).max()
    pipeline.gain = 1.0
    np.testing.assert_allclose(short.astype(int), pipeline(image).astype(int), atol=2 * gain + 1)


@pytest.mark.parametrize(
    ("pixel_format", "color_range", "is_full"),
    [
        ("yuv420p", 1, False),
        ("yuv420p", 2, True),
        ("yuv444p", 0, False),
        ("yuv420p10le", 1, False),
        ("gray", 2, True),
    ],
)
def test_luma_is_read_over_the_full_range(tmp_path, pixel_format, color_range, is_full):
    path = write_raw(tmp_path / "a.mkv", RICH, pixel_format, color_range)

    [gray] = grays_of(path)

    expected = RICH if is_full else np.rint((RICH.astype(float) - 16) * 255 / 219)
    np.testing.assert_allclose(gray.astype(float), expected, atol=1)


@pytest.mark.parametrize("color_range", [0, 1, 2])
@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray12le", "gray16le", "ya8"])
def test_gray_video_is_read_as_it_is_stored(tmp_path, pixel_format, color_range):
    path = write_raw(tmp_path / "a.mkv", RICH, pixel_format, color_range)

    [gray] = grays_of(path)
    with VideoFile(path) as source:
        image = source.read().image

    np.testing.assert_allclose(gray.astype(int), RICH, atol=1)
    np.testing.assert_allclose(image.astype(int), np.dstack([RICH] * 3), atol=1)


@pytest.mark.parametrize("view", ["edges", "original"])
def test_a_step_of_100_in_gray_video_is_written_as_100(tmp_path, view):
    step = np.zeros((48, 64), np.uint8)
    step[:, 32:] = 100
    path = write_raw(tmp_path / "a.mkv", step, "gray")

    options = ["--view", view, "--gain", 1, "--quality", 1]
    assert process(path, "-o", tmp_path / "b.mp4", *options) == 0

    [written] = grays_of(tmp_path / "b.mp4")
    assert (int(written.min()), int(written.max())) == pytest.approx((0, 100), abs=2)


def test_the_output_says_that_its_luma_has_the_full_range(tmp_path):
    movie = write_movie(tmp_path / "a.mp4")

    process(movie, "-o", tmp_path / "b.mp4")

    with av.open(str(tmp_path / "b.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.color_range == 2
        assert np.unique(frame.to_ndarray()[48:]).tolist() == [128]


@pytest.mark.parametrize(
    ("view", "width"), [("overlay", 64), ("side", 128), ("original", 64), ("edges", 64)]
)
def test_every_view_can_be_written(tmp_path, view, width):
    movie = write_video(tmp_path / "a.mp4")

    assert process(movie, "-o", tmp_path / "b.mp4", "--view", view) == 0

    with av.open(str(tmp_path / "b.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [(frame.width, frame.height) for frame in frames] == [(width, 48)] * 8


@pytest.mark.parametrize("view", ["edges", "original"])
def test_a_phone_video_comes_out_upright(tmp_path, view):
    movie = rotate(write_video(tmp_path / "a.mp4"), 90)

    assert process(movie, "-o", tmp_path / "b.mp4", "--view", view, "--gain", 1) == 0

    with av.open(str(tmp_path / "b.mp4")) as container:
        frame = next(container.decode(video=0))
    shown = frame.to_ndarray(format="gray")
    assert (frame.width, frame.height, frame.rotation) == (48, 64, 0)
    if view == "original":  # the white quarter, top left as filmed, is now top right
        assert shown[:28, 28:].mean() > 200 > 50 > shown[:28, :20].mean()
    else:
        assert shown[:28, 23:25].mean() > 200 > 50 > shown[:28, :20].mean()


@pytest.mark.parametrize("matrix", MATRICES)
def test_luma_and_colour_are_mirrored_as_ffmpeg_does_it(tmp_path, matrix):
    movie = display_by(write_video(tmp_path / "a.mp4", 1), matrix)
    expected = turned_by_ffmpeg(movie, MATRICES[matrix])[..., 0].astype(int)  # a gray picture

    [gray] = grays_of(movie)
    assert process(movie, "-o", tmp_path / "b.mp4", "--view", "original", "--quality", 1) == 0
    [written] = grays_of(tmp_path / "b.mp4")

    np.testing.assert_allclose(gray, expected, atol=1)
    assert psnr(written, expected) > 40


@pytest.mark.parametrize("view", ["edges", "original"])
@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.mov"])
@pytest.mark.parametrize("is_turned", [False, True])
def test_anamorphic_video_keeps_its_pixels_and_states_their_aspect(tmp_path, name, view, is_turned):
    movie = write_circle(tmp_path / "a.mp4")
    if is_turned:
        rotate(movie, 90)

    assert process(movie, "-o", tmp_path / name, "--view", view) == 0

    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        size, aspect = (stream.width, stream.height), stream.sample_aspect_ratio
    assert size == ((72, 90) if is_turned else (90, 72))
    assert aspect == (Fraction(45, 64) if is_turned else Fraction(64, 45))


@pytest.mark.parametrize(
    ("name", "encoder"), [("b.webm", "auto"), ("b.mkv", "libvpx-vp9"), ("b.webm", "libvpx")]
)
def test_where_no_aspect_can_be_stated_the_pixels_become_square(tmp_path, name, encoder):
    movie = write_circle(tmp_path / "a.mp4")

    options = ["--view", "original", "--encoder", encoder]
    assert process(movie, "-o", tmp_path / name, *options) == 0

    with av.open(str(tmp_path / name)) as container:
        assert container.streams.video[0].sample_aspect_ratio in (None, 1)
        image = next(container.decode(video=0)).to_ndarray(format="gray")
    rows, columns = np.nonzero(image > 128)
    assert image.shape == (72, 128)
    assert np.ptp(columns) == pytest.approx(np.ptp(rows), abs=2)


@pytest.mark.parametrize("view", ["edges", "overlay"])
def test_odd_sizes_become_even_and_are_reported(tmp_path, view, caplog):
    movie = write_raw(tmp_path / "a.mkv", RICH[:37, :53], "yuv420p")

    assert process(movie, "-o", tmp_path / "b.mp4", "--view", view) == 0

    with av.open(str(tmp_path / "b.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (54, 38)
    assert "54 x 38: an odd size becomes even" in caplog.text


def test_a_video_whose_size_changes_keeps_its_first(tmp_path, caplog):
    movie = write_jpegs(tmp_path / "a.mjpeg", [(64, 48), (64, 48), (32, 32), (64, 48)])

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    assert len(times_of(tmp_path / "b.mkv")) == 4
    assert "changes its size" in caplog.text


def test_start_and_end_cut_pictures_and_sound(tmp_path):
    movie = write_movie(tmp_path / "a.mkv", pts=tuple(range(20)))

    assert process(movie, "-o", tmp_path / "b.mkv", "--start", 0.5, "--end", 0.8) == 0

    assert times_of(tmp_path / "b.mkv") == pytest.approx([0, 0.1, 0.2], abs=1e-3)
    whole = [content for _, _, content in packets_of(movie, "audio")]
    part = packets_of(tmp_path / "b.mkv", "audio")
    at = whole.index(part[0][2])
    assert [content for _, _, content in part] == whole[at : at + len(part)]
    assert 0 <= part[0][0] < 30  # milliseconds
    assert part[-1][0] < 300


def test_an_end_alone_keeps_the_beginning(tmp_path):
    movie = write_video(tmp_path / "a.mp4")

    assert process(movie, "-o", tmp_path / "b.mp4", "--end", 0.45) == 0

    assert times_of(tmp_path / "b.mp4") == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_a_part_without_pictures_is_reported(tmp_path, capsys):
    movie = write_video(tmp_path / "a.mp4")

    assert process(movie, "-o", tmp_path / "b.mp4", "--start", 99) == 1

    assert "no picture that can be decoded" in capsys.readouterr().err
    assert list(tmp_path.glob("b*")) == []


def test_a_truncated_video_keeps_what_decodes_and_reports_the_gap(tmp_path, caplog):
    movie = cut(write_video(tmp_path / "a.mkv", 40), 0.6)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    count = len(times_of(tmp_path / "b.mkv"))
    assert 4 < count < 40
    assert f"damaged or cut short: decoded {count} frames" in caplog.text


@pytest.mark.parametrize("filling", ["zeros", "noise"])
@pytest.mark.parametrize("position", [0.3, 0.5, 0.7])
def test_holes_in_a_video_are_skipped_and_reported(tmp_path, caplog, filling, position):
    movie = write_video(tmp_path / "a.mkv", 40)
    content = bytearray(movie.read_bytes())
    at, size = int(position * len(content)), 20_000  # several pictures, with their headers
    noise = np.random.default_rng(1).bytes(size)
    content[at : at + size] = bytes(size) if filling == "zeros" else noise
    movie.write_bytes(content)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    count = len(times_of(tmp_path / "b.mkv"))
    assert 10 < count < 40
    assert f"damaged or cut short: decoded {count} frames" in caplog.text


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.avi", "a.ts", "a.mpg"])
def test_a_whole_video_is_not_called_damaged(tmp_path, caplog, name):
    codecs = {".avi": "mpeg4", ".mpg": "mpeg1video"}
    rate = 25 if name == "a.mpg" else RATE  # MPEG-1 knows few
    movie = write_video(tmp_path / name, codec=codecs.get(Path(name).suffix, "libx264"), rate=rate)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    assert not caplog.messages


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_a_file_with_an_index_is_read_once(tmp_path, monkeypatch, name):
    movie = write_video(tmp_path / name)
    monkeypatch.setattr("live_edges.process.reading.has_holes", pytest.fail)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0


@pytest.mark.parametrize("kind", ["garbage", "sound", "empty"])
def test_what_is_no_video_gives_one_sentence(tmp_path, kind, capsys):
    movie = tmp_path / "a.mp4"
    if kind == "sound":
        with av.open(str(movie), "w") as container:
            audio = container.add_stream("aac", rate=48_000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate = 48_000
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
    else:
        movie.write_bytes(b"this is no video" * 50 if kind == "garbage" else b"")

    assert process(movie, "-o", tmp_path / "b.mp4") == 1

    told = capsys.readouterr().err.splitlines()[-1]
    assert f"{movie} cannot be read as a video" in told
    assert list(tmp_path.glob("b*")) == []


@pytest.mark.parametrize(
    ("inputs", "out", "message"),
    [
        (["gone.mp4"], "b.mp4", "gone.mp4 does not exist"),
        (["*.avi"], "out", "matches no video and no image"),
        (["a.mp4"], "b.xyz", "cannot hold a video such as a.mp4; choose an OUT that ends in .mp4"),
        (["a.mp4"], "b.png", "cannot hold a video"),
        (["p.png"], "b.mp4", "cannot hold an image"),
        (["a.mp4"], "a.mp4", "would be replaced by its edges"),
        (["a.mp4", "p.png"], "b.mp4", "2 files do not fit into one"),
        (["a.mp4", "other/a.mp4"], "out", "would both become"),
        (["a.mp4", "--start", "3", "--end", "2"], "b.mp4", "must lie after --start"),
        (["a.mp4"], "p.png/b.mp4", "cannot be made"),
        (["a.mp4", "--encoder", "gif"], "b.mp4", "encoder gif does not work here"),
        (["a.mp4", "--filter", "nonsense"], "b.mp4", "no filter 'nonsense'"),
    ],
)
def test_what_cannot_be_planned_gives_one_sentence(
    tmp_path, monkeypatch, capsys, inputs, out, message
):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.mp4", 2)
    write_image(tmp_path / "p.png")
    (tmp_path / "other").mkdir()
    shutil.copy("a.mp4", "other/a.mp4")

    assert process(*inputs, "-o", out) == 1

    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("b.*"))


def test_a_batch_goes_on_past_a_broken_file_and_does_not_repeat_itself(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one.mp4", "two.avi"):
        write_video(folder / name, 3)
    (folder / "broken.mp4").write_bytes(b"broken")
    write_image(folder / "photo.jpg")
    (folder / "notes.txt").write_text("not for us")
    out = tmp_path / "out"

    assert process(folder, "-o", out) == 1

    names = {path.name for path in out.iterdir()}
    assert names == {"one.mp4", "two.mkv", "photo.jpg"}
    assert "broken.mp4 cannot be read" in caplog.text
    assert "3 files converted, 1 failed" in caplog.text

    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    write_video(folder / "broken.mp4", 3)
    assert process(folder, "-o", out) == 0
    assert "3 of 4 are finished already" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (out / "broken.mp4").exists()


def test_overwrite_makes_it_again(tmp_path):
    movie = write_video(tmp_path / "a.mp4")
    target = tmp_path / "b.mp4"
    target.write_bytes(b"old")

    assert process(movie, "-o", target) == 0
    assert target.read_bytes() == b"old"

    assert process(movie, "-o", target, "--overwrite") == 0
    assert len(times_of(target)) == 8


def test_a_picture_becomes_a_picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    photo = write_image(tmp_path / "a.png", pixels)

    assert process(photo, "-o", tmp_path / "b.png", "--gain", 0.5) == 0

    written = cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, EdgePipeline("sobel", device="cpu", gain=0.5)(pixels))


def test_a_sequence_of_pictures_keeps_its_names(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(3):
        write_image(folder / f"frame{index:04}.png")

    assert process(folder / "frame*.png", "-o", f"{tmp_path / 'out'}{os.sep}") == 0

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"frame{index:04}.png" for index in range(3)
    ]


def test_auto_gain_brightens_a_dull_video(tmp_path):
    movie = write_video(tmp_path / "a.mp4")
    dull = write_raw(tmp_path / "dull.mkv", (RICH // 16 + 100).astype(np.uint8), "yuv420p")

    assert process(dull, movie, "-o", tmp_path / "out") == 0

    [shown] = grays_of(tmp_path / "out" / "dull.mkv")
    assert np.percentile(shown, 98) > 150


def test_a_failed_run_leaves_nothing_behind(tmp_path, monkeypatch):
    movie = write_video(tmp_path / "a.mp4")

    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoRenderer, "__call__", interrupt)

    assert process(movie, "-o", tmp_path / "b.mp4") == INTERRUPTED
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_signal_ends_clean(tmp_path):
    movie = write_video(tmp_path / "a.mp4", 3000, options={})
    command = [sys.executable, "-m", "live_edges", "process", str(movie)]
    child = subprocess.Popen(
        [*command, "-o", str(tmp_path / "b.mp4"), "--device", "cpu", "--encoder-preset", "placebo"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with child:
        assert "device: cpu" in child.stderr.readline()
        child.send_signal(signal.SIGTERM)  # SIGHUP: see test_cli.py
        said = child.stderr.read()

    assert child.returncode == INTERRUPTED
    assert "interrupted" in said
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def do_nothing():
    pass


@pytest.mark.parametrize("count", [3, 1000])
def test_an_error_of_the_writer_stops_the_others(count):
    def sink(items):
        for item in items:
            if item == 3:
                raise ValueError("full")
        raise ValueError("full")

    def run():
        with (
            read_ahead(range(count), "source", interrupt=do_nothing) as numbers,
            write_behind(sink, "sink") as write,
        ):
            for number in numbers:
                write(number)

    with pytest.raises(ValueError, match="full"):
        run()


def test_an_error_of_the_reader_comes_after_what_was_read():
    def source():
        yield from (1, 2)
        raise ValueError("torn")

    seen = []

    def run():
        with read_ahead(source(), "source", interrupt=do_nothing) as numbers:
            for number in numbers:
                seen.append(number)

    with pytest.raises(ValueError, match="torn"):
        run()
    assert seen == [1, 2]


@pytest.mark.parametrize("taken", [0, 1, 500])
def test_a_reader_whose_items_are_no_longer_wanted_is_joined(taken):
    with read_ahead(range(1000), "source", interrupt=do_nothing) as numbers:
        got = list(islice(numbers, taken))

    assert got == list(range(taken))
    assert "source" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("written", [0, 1, 20])
def test_a_writer_does_not_complete_its_file_where_the_picture_fails(written):
    completed = []

    def sink(items):
        completed.append(list(items))

    def run():
        with write_behind(sink, "sink") as write:
            for number in range(written):
                write(number)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert not completed
    assert "sink" not in [thread.name for thread in threading.enumerate()]


def test_frame_times_are_kept_apart_even_where_the_file_does_not(tmp_path):
    movie = write_jpegs(tmp_path / "a.mjpeg", [(64, 48)] * 4)

    with VideoReader(movie, Span()) as reader:
        ticks = [item.ticks for item in reader]

    assert all(before < after for before, after in pairwise(ticks))
