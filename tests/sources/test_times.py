"""Times of a file that start late, jump or go back: what plays, and what is written."""

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from media import RATE, draw, luma

from live_edges.cli import main
from live_edges.sources.timeline import PAUSE_S, Timeline
from live_edges.sources.video import VideoFile

COUNT = 12  # pictures of a clip
CLIP_S = COUNT / RATE
TICK = Fraction(1, 90_000)
SOUND_RATE = 48_000
JUMP_S = 3 * PAUSE_S


def write_clip(
    path: Path,
    times_s: "list[float] | None" = None,
    *,
    sound: "list[float] | None" = None,
    codec: str = "libx264",
    gop: int = 5,
    options: "dict[str, str] | None" = None,
) -> Path:
    """Write pictures at the given times; ``sound`` says when each 0.1 s of it begins."""
    with av.open(str(path), "w", options=options or {}) as container:
        rate = 25 if codec == "mpeg2video" or path.suffix == ".h264" else RATE
        video = container.add_stream(codec, rate=rate, options={"bf": "2", "preset": "ultrafast"})
        is_free = codec == "libx264" and path.suffix not in (".avi", ".h264")
        tick = TICK if is_free else Fraction(1, rate)  # the others know few
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.time_base = video.codec_context.time_base = tick
        video.codec_context.gop_size, video.codec_context.qmax = gop, 4
        track = container.add_stream("mp2", rate=SOUND_RATE, layout="mono") if sound else None
        frames = [(time_s, index) for index, time_s in enumerate(times_s or even(COUNT))]
        pieces = [(time_s, None) for time_s in sound or ()]
        for time_s, index in merged(frames, pieces):
            if index is None:
                container.mux(track.encode(piece_of_sound(time_s)))
                continue
            frame = draw(index, (64, 48))
            frame.pts, frame.time_base = round(time_s / tick), tick
            container.mux(video.encode(frame))
        for stream in container.streams:
            container.mux(stream.encode())
    return path


def merged(frames: list, pieces: list) -> list:
    """Put sound beside pictures: as many pieces before the n-th picture as belong there."""
    share = len(pieces) / len(frames)
    items = []
    for number, frame in enumerate(frames):
        items += [*pieces[round(number * share) : round((number + 1) * share)], frame]
    return items


def piece_of_sound(time_s: float) -> av.AudioFrame:
    noise = np.random.default_rng(0).integers(-2000, 2000, (1, SOUND_RATE // 10))
    piece = av.AudioFrame.from_ndarray(noise.astype(np.int16), format="s16", layout="mono")
    piece.sample_rate, piece.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
    piece.pts = round(time_s * SOUND_RATE)
    return piece


def even(count: int, start_s: float = 0.0) -> list[float]:
    return [start_s + index / RATE for index in range(count)]


def join(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def played(path: Path) -> list[float]:
    times = []
    with VideoFile(path) as source:
        while (frame := source.read()) is not None:
            times.append(frame.pts)
    return times


def process(*args: object) -> int:
    return main(["process", *map(str, args), "--device", "cpu", "--engine", "torch"])


def packets_s(path: Path, kind: str) -> list[float]:
    """When the packets of a track are shown or heard, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.best(kind)
        packets = [packet for packet in container.demux(stream) if packet.size]
    return sorted(float(packet.pts * packet.time_base) for packet in packets)


def first_luma(path: Path) -> float:
    """Luma of the first picture, where `draw` puts a value that its neighbours do not have."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    return float(frame.to_ndarray(format="yuv420p")[30:46, 4:28].mean())


@pytest.mark.parametrize("has_sound", [False, True], ids=["silent", "with sound"])
@pytest.mark.parametrize("ending", ["ts", "mpg", "mkv"])
def test_two_recordings_in_one_file_follow_each_other(tmp_path, ending, has_sound):
    codec = "mpeg2video" if ending == "mpg" else "libx264"
    rate = 25 if ending == "mpg" else RATE
    times_s = [index / rate for index in range(20)]
    sound = even(200 // rate) if has_sound else None
    clip = write_clip(tmp_path / f"a.{ending}", times_s, sound=sound, codec=codec)
    movie = join(tmp_path / f"j.{ending}", clip, clip)
    count = 2 * len(packets_s(clip, "video"))

    assert process(movie, "-o", tmp_path / "b.mp4") == 0

    shown = packets_s(tmp_path / "b.mp4", "video")
    assert np.diff(shown) == pytest.approx([1 / rate] * (count - 1), abs=2e-3)
    assert np.diff(played(movie)) == pytest.approx([1 / rate] * (count - 1), abs=2e-3)
    if has_sound:
        before, after = packets_s(clip, "audio"), packets_s(tmp_path / "b.mp4", "audio")
        offset = after[0] - shown[0]
        assert offset == pytest.approx(before[0] - packets_s(clip, "video")[0], abs=0.02)
        second = [time for time in after if time > shown[count // 2] + offset - 0.01]
        assert len(after) == pytest.approx(2 * len(before), abs=2)
        assert second[0] - shown[count // 2] == pytest.approx(offset, abs=0.02)


@pytest.mark.parametrize("start_s", [0, 50_000, 2**33 / 90_000 - 1])
def test_times_begin_at_0(tmp_path, start_s):
    sound = even(COUNT, start_s + 0.5)
    movie = write_clip(tmp_path / "a.ts", even(COUNT, start_s), sound=sound)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    assert packets_s(tmp_path / "b.mkv", "video") == pytest.approx(even(COUNT), abs=2e-3)
    assert packets_s(tmp_path / "b.mkv", "audio")[0] == pytest.approx(0.5, abs=0.03)
    assert played(movie) == pytest.approx(even(COUNT))


@pytest.mark.parametrize("has_sound", [False, True], ids=["silent", "with sound"])
@pytest.mark.parametrize("ending", ["ts", "mp4", "mkv"])
def test_a_jump_in_mid_file_goes_on_as_expected(tmp_path, ending, has_sound):
    times_s = [*even(8, 5), *even(8, 5 + 0.8 + JUMP_S)]
    movie = tmp_path / f"a.{ending}"
    write_clip(movie, times_s, sound=times_s if has_sound else None)

    assert process(movie, "-o", tmp_path / "b.mp4") == 0

    shown = packets_s(tmp_path / "b.mp4", "video")
    assert np.diff(shown) == pytest.approx(np.diff(even(16)), abs=2e-3)
    assert played(movie) == pytest.approx(even(16), abs=2e-3)
    if has_sound:
        heard = packets_s(tmp_path / "b.mp4", "audio")
        assert shown[0] - 0.2 < heard[0] < heard[-1] < shown[-1] + 0.2
        assert max(after - before for before, after in pairwise(heard)) < 0.2


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_long_pauses_are_no_jump(tmp_path, ending):
    times_s = [0.0, 20.0, 20.1, 20.2, 1820.0, 1820.1]  # half an hour
    movie = write_clip(tmp_path / f"a.{ending}", times_s)

    assert process(movie, "-o", tmp_path / f"b.{ending}") == 0

    assert packets_s(tmp_path / f"b.{ending}", "video") == pytest.approx(times_s, abs=2e-3)
    assert played(movie) == pytest.approx(times_s, abs=2e-3)


def test_pictures_may_begin_later_than_the_sound(tmp_path):
    movie = write_clip(tmp_path / "a.mkv", even(COUNT, 2), sound=even(30))

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    assert packets_s(tmp_path / "b.mkv", "video") == pytest.approx(even(COUNT, 2), abs=2e-3)
    assert packets_s(tmp_path / "b.mkv", "audio")[0] < 0.05


def test_a_single_wrong_time_moves_nothing_else():
    timeline = Timeline(Fraction(1, 10), 0.1, PAUSE_S)

    times = [timeline.place(stamp) for stamp in (0, 1, 2, 400_000, 4, 5, 0, 7, 8)]

    assert times == list(range(9))


def test_pictures_that_all_have_one_time_are_kept_apart():
    timeline = Timeline(Fraction(1, 10), 0.1, PAUSE_S)

    assert [timeline.place(7) for _ in range(5)] == list(range(5))


@pytest.mark.parametrize("has_sound", [False, True], ids=["silent", "with sound"])
@pytest.mark.parametrize("ending", ["ts", "mpg", "mkv", "mp4", "avi", "h264", "flv", "live.mkv"])
def test_a_part_begins_with_its_first_picture(tmp_path, ending, has_sound):
    codec = {"mpg": "mpeg2video", "avi": "mpeg4"}.get(ending, "libx264")
    rate = 25 if ending in ("mpg", "h264") else RATE
    has_sound = has_sound and ending not in ("h264", "flv")
    options = {"live": "1"} if ending == "live.mkv" else {}  # no index
    movie = write_clip(
        tmp_path / f"a.{ending}",
        [index / rate for index in range(6 * rate)],
        sound=even(60) if has_sound else None,
        codec=codec,
        gop=2 * rate,
        options=options,
    )

    part = "--start", 3.1, "--end", 5.3, "--view", "original"
    assert process(movie, "-o", tmp_path / "b.mkv", *part) == 0

    first = -(-31 * rate // 10)
    assert first_luma(tmp_path / "b.mkv") == pytest.approx(luma(first), abs=5)
    shown = packets_s(tmp_path / "b.mkv", "video")
    assert len(shown) == pytest.approx(22 * rate // 10, abs=int(has_sound))
    assert shown[0] == pytest.approx(0, abs=1 / rate)
    if has_sound:
        heard = packets_s(tmp_path / "b.mkv", "audio")
        assert (heard[0], heard[-1]) == pytest.approx((0, 2.2), abs=0.1)


@pytest.mark.parametrize("has_sound", [False, True], ids=["silent", "with sound"])
@pytest.mark.parametrize("start_s", [1.0, 2.4, 2.5, 3.5])
def test_a_part_of_joined_recordings_is_found(tmp_path, start_s, has_sound):
    clip = write_clip(tmp_path / "a.ts", even(24), sound=even(24) if has_sound else None)
    movie = join(tmp_path / "j.ts", clip, clip)

    part = "--start", start_s, "--end", start_s + 1, "--view", "original"
    assert process(movie, "-o", tmp_path / "b.mkv", *part) == 0

    first = round(start_s * RATE) % 24
    assert first_luma(tmp_path / "b.mkv") == pytest.approx(luma(first), abs=5)
    shown = packets_s(tmp_path / "b.mkv", "video")
    assert shown == pytest.approx([index / RATE for index in range(10)], abs=0.1)
    if has_sound:
        heard = packets_s(tmp_path / "b.mkv", "audio")
        assert (heard[0], heard[-1]) == pytest.approx((0, 1), abs=0.1)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libxvid"])
def test_b_frames_in_avi_come_in_even_steps_from_0(tmp_path, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"{codec} is not built in")
    movie = write_clip(tmp_path / "a.avi", codec=codec)

    assert process(movie, "-o", tmp_path / "b.mkv") == 0

    assert packets_s(tmp_path / "b.mkv", "video") == pytest.approx(even(COUNT), abs=1e-3)
    assert played(movie) == pytest.approx(even(COUNT), abs=1e-3)


@pytest.mark.parametrize("rate", [10, 30, Fraction(30_000, 1001)])
@pytest.mark.parametrize(("ending", "codec"), [("h264", "libx264"), ("hevc", "libx265")])
def test_a_raw_stream_plays_at_the_rate_it_states(tmp_path, ending, codec, rate):
    if codec not in av.codecs_available:
        pytest.skip(f"{codec} is not built in")
    movie = tmp_path / f"a.{ending}"
    with av.open(str(movie), "w") as container:
        options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(COUNT):
            container.mux(stream.encode(draw(index, (64, 48))))
        container.mux(stream.encode())

    assert process(movie, "-o", tmp_path / "b.mp4") == 0

    expected = [index / float(rate) for index in range(COUNT)]
    assert packets_s(tmp_path / "b.mp4", "video") == pytest.approx(expected, abs=1e-3)
    assert played(movie) == pytest.approx(expected, abs=1e-4)


def alarms(path: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What playing and converting a file warns about."""
    played(path)
    process(path, "-o", path.with_name("out.mkv"), "--overwrite")
    return [message for message in caplog.messages if "damaged" in message]


@pytest.mark.parametrize("lead", [1, 3, 13])
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path, caplog, ending, lead):
    movie = write_clip(tmp_path / f"a.{ending}", even(20))
    content = bytearray(movie.read_bytes())
    at = content.index(b"elst") + 12  # ISO/IEC 14496-12, 8.6.6: duration, then where to begin
    duration, begin = struct.unpack(">Ii", content[at : at + 8])
    trimmed = duration - 1000 * lead // RATE, begin + round(lead / RATE / TICK)
    content[at : at + 8] = struct.pack(">Ii", *trimmed)
    movie.write_bytes(content)

    assert alarms(movie, caplog) == []

    assert len(played(movie)) == 20 - lead
    assert packets_s(tmp_path / "out.mkv", "video") == pytest.approx(even(20 - lead), abs=2e-3)


@pytest.mark.parametrize("ending", ["avi", "mkv", "mp4"])
def test_a_whole_uneven_file_is_not_called_damaged(tmp_path, caplog, ending):
    times_s = even(COUNT) if ending == "avi" else [3.0, 3.1, 3.2, 8.0, 8.1, 15.0]
    movie = write_clip(tmp_path / f"a.{ending}", times_s)

    assert alarms(movie, caplog) == []
