"""Sound that the output cannot hold is encoded again, at the same times, with a warning."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from test_process import process

CLICK_S = 0.5  # into the movie: silence before, a tone from there on


def write_clip(path: Path, sound: str, *, rate: int = 48_000, layout: str = "mono") -> Path:
    """One second of video, with a tone in its second half."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(sound, rate=rate)
        audio.codec_context.layout, audio.codec_context.bit_rate = layout, 128_000
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 20 * index, np.uint8), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        time = np.arange(rate) / rate
        tone = np.where(time < CLICK_S, 0, np.sin(2 * np.pi * 440 * time) * 0.5)
        channels = len(av.AudioLayout(layout).channels)
        planes = np.tile(tone.astype(np.float32), (channels, 1))
        sound_frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        sound_frame.sample_rate, sound_frame.pts = rate, 0
        container.mux(audio.encode(sound_frame))
        container.mux(audio.encode())
    return path


def heard(path: Path) -> tuple[str, int, float, float]:
    """Codec and channels of the sound, when its tone begins, and when it ends."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        codec, channels = stream.codec_context.name, stream.codec_context.layout.nb_channels
        loud, samples = [], 0
        for frame in container.decode(stream):
            level = np.abs(frame.to_ndarray().astype(float).reshape(-1, frame.samples)).max(axis=0)
            scale = 1 if "flt" in frame.format.name else 32768
            at = np.flatnonzero(level / scale > 0.1)
            begin = samples / frame.sample_rate if frame.time is None else frame.time
            samples += frame.samples
            loud += [begin + index / frame.sample_rate for index in at]
    return codec, channels, min(loud, default=-1), max(loud, default=-1)


@pytest.mark.parametrize(
    ("source", "sound", "target", "codec"),
    [
        ("a.mov", "pcm_alaw", "b.mkv", "opus"),
        ("a.mov", "pcm_mulaw", "b.mp4", "aac"),
        ("a.wmv", "wmav2", "b.mp4", "aac"),
        ("a.wmv", "wmav2", "b.mov", "aac"),
        ("a.avi", "adpcm_ms", "b.mkv", "opus"),
        ("a.mkv", "libopus", "b.mov", "aac"),
        ("a.mkv", "flac", "b.mov", "aac"),
        ("a.mkv", "pcm_s24le", "b.mp4", "aac"),
        ("a.mkv", "pcm_f32le", "b.mp4", "aac"),
        ("a.mp4", "aac", "b.webm", "opus"),
    ],
)
def test_sound_that_does_not_fit_is_encoded_again_in_time(
    tmp_path, caplog, source, sound, target, codec
):
    movie = write_clip(tmp_path / source, sound)

    assert process(movie, "-o", tmp_path / target) == 0

    got, channels, begin, end = heard(tmp_path / target)
    _, _, before, until = heard(movie)
    assert (got, channels) == (codec, 1)
    assert begin == pytest.approx(before, abs=0.004)
    assert end == pytest.approx(until, abs=0.05)  # encoders fill up their last frame
    assert f"does not fit there and became {codec}" in caplog.text


@pytest.mark.parametrize(
    ("source", "sound", "target"),
    [
        ("a.mov", "pcm_alaw", "b.mov"),
        ("a.mkv", "libopus", "b.mp4"),
        ("a.mkv", "pcm_s24le", "b.mkv"),
        ("a.mkv", "pcm_s16le", "b.mp4"),
        ("a.mkv", "libopus", "b.webm"),
        ("a.mkv", "mp2", "b.mp4"),
    ],
)
def test_sound_that_fits_is_kept(tmp_path, caplog, source, sound, target):
    movie = write_clip(tmp_path / source, sound)

    assert process(movie, "-o", tmp_path / target) == 0

    def content(path):
        with av.open(str(path)) as container:
            return b"".join(bytes(p) for p in container.demux(audio=0))

    assert content(tmp_path / target) == content(movie)
    assert not caplog.messages


@pytest.mark.parametrize(("target", "codec"), [("b.webm", "opus"), ("b.mp4", "aac")])
def test_sound_encoded_again_is_cut_with_the_pictures(tmp_path, target, codec):
    movie = write_clip(tmp_path / "a.mov", "pcm_mulaw")

    assert process(movie, "-o", tmp_path / target, "--start", 0.3, "--end", 0.8) == 0

    got, _, begin, end = heard(tmp_path / target)
    assert got == codec
    assert begin == pytest.approx(CLICK_S - 0.3, abs=0.004)
    assert end == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("rate", "layout", "channels"), [(8000, "mono", 1), (44_100, "stereo", 2), (48_000, "5.1", 6)]
)
@pytest.mark.parametrize("target", ["b.webm", "b.mp4"])
def test_rates_and_channels_survive_the_encoder(tmp_path, target, rate, layout, channels):
    movie = write_clip(tmp_path / "a.mkv", "pcm_s32le", rate=rate, layout=layout)

    assert process(movie, "-o", tmp_path / target) == 0

    _, got, begin, _ = heard(tmp_path / target)
    assert got == channels
    assert begin == pytest.approx(CLICK_S, abs=0.004)


def test_no_sound_leaves_it_out(tmp_path):
    movie = write_clip(tmp_path / "a.mov", "pcm_alaw")

    assert process(movie, "-o", tmp_path / "b.mkv", "--no-sound") == 0

    with av.open(str(tmp_path / "b.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
