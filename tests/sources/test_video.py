import logging
from fractions import Fraction

import av
import av.logging
import numpy as np
import pytest
from media import (
    MATRICES,
    RATE,
    cut,
    display_by,
    level,
    rotate,
    turned_by_ffmpeg,
    write_circle,
    write_image,
    write_jpegs,
    write_video,
)

from live_edges.errors import SourceError
from live_edges.process.reading import VideoReader
from live_edges.sources import Mode
from live_edges.sources.orientation import upright
from live_edges.sources.video import VideoFile


def read_all(source, limit=1000):
    frames = []
    with source:
        while len(frames) < limit and (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def test_every_frame_comes_in_order_at_its_exact_time(tmp_path):
    source = VideoFile(write_video(tmp_path / "clip.mp4", 12))

    frames = read_all(source)

    assert source.mode == Mode(64, 48, RATE, "h264")
    assert source.frame_count == 12
    assert [frame.pts for frame in frames] == pytest.approx([i / RATE for i in range(12)])
    levels = [float(frame.image[32:, :24].mean()) for frame in frames]
    assert levels == pytest.approx([level(i) for i in range(12)], abs=3)


def test_uneven_times_are_kept(tmp_path):
    path = write_video(tmp_path / "clip.mkv", 4, pts=(3, 4, 9, 11))

    frames = read_all(VideoFile(path))

    assert [frame.pts for frame in frames] == pytest.approx([0, 0.1, 0.6, 0.8])


def test_a_file_without_times_gets_those_of_its_frame_rate(tmp_path):
    source = VideoFile(write_jpegs(tmp_path / "clip.mjpeg", [(64, 48)] * 3))

    pts = [frame.pts for frame in read_all(source)]

    assert pts == pytest.approx([i / source.mode.fps for i in range(3)])


@pytest.mark.parametrize(
    ("degrees", "corner"),
    [(90, np.s_[4:20, -20:-4]), (180, np.s_[-20:-4, -20:-4]), (270, np.s_[-20:-4, 4:20])],
)
def test_the_picture_is_turned_as_its_display_matrix_says(tmp_path, degrees, corner):
    path = rotate(write_video(tmp_path / "phone.mp4", 1), degrees)

    source = VideoFile(path)
    image = read_all(source)[0].image

    assert image.shape[:2] == ((64, 48) if degrees != 180 else (48, 64))
    assert (source.mode.height, source.mode.width) == image.shape[:2]
    assert image[corner].min() > 230  # the quarter that was white at the top left
    assert np.median(image) < 230


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_picture_is_turned_and_mirrored_as_ffmpeg_does_it(tmp_path, matrix):
    path = display_by(write_video(tmp_path / "selfie.mp4", 1), matrix)

    image = read_all(VideoFile(path))[0].image

    np.testing.assert_array_equal(image, turned_by_ffmpeg(path, MATRICES[matrix]))


def test_a_picture_askew_is_shown_as_it_is_stored(tmp_path):
    path = display_by(write_video(tmp_path / "askew.mp4", 1), (2, 1, -1, 2))

    image = read_all(VideoFile(path))[0].image

    np.testing.assert_array_equal(image, turned_by_ffmpeg(path, ()))


@pytest.mark.parametrize("degrees", [0, 90, 180, -90, -180])
def test_side_data_that_pyav_does_not_know_leaves_the_rotation(degrees):
    class Strange:
        rotation = degrees

        @property
        def side_data(self):
            raise ValueError("99 is not a valid Type")

    image = np.arange(12, dtype=np.uint8).reshape(3, 4)

    np.testing.assert_array_equal(upright(image, Strange()), np.rot90(image, degrees // 90))


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(1, 2)])
def test_a_circle_of_anamorphic_video_is_round(tmp_path, aspect, is_turned):
    path = write_circle(tmp_path / "dv.mp4", aspect=aspect)
    if is_turned:
        rotate(path, 90)

    source = VideoFile(path)
    image = read_all(source)[0].image

    assert (source.mode.height, source.mode.width) == image.shape[:2]
    rows, columns = np.nonzero(image[..., 0] > 128)
    assert np.ptp(rows) == pytest.approx(60, abs=2)
    assert np.ptp(columns) == pytest.approx(60, abs=2)


@pytest.mark.parametrize("aspect", [Fraction(1, 4000), Fraction(4000)])
def test_an_aspect_that_cannot_be_true_is_ignored(tmp_path, aspect):
    path = write_circle(tmp_path / "a.mp4", aspect=aspect)

    image = read_all(VideoFile(path))[0].image

    assert image.shape[:2] == ((72, 90) if aspect > 1 else (40, 128))


def test_a_loop_counts_on(tmp_path):
    source = VideoFile(write_video(tmp_path / "clip.mp4", 3), loop=True)

    frames = read_all(source, limit=8)

    assert source.frame_count is None
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.pts for frame in frames] == pytest.approx([i / RATE for i in range(8)])
    np.testing.assert_array_equal(frames[0].image, frames[3].image)


def test_a_loop_keeps_uneven_times(tmp_path):
    path = write_video(tmp_path / "clip.mkv", 3, pts=(0, 1, 9))

    pts = [frame.pts for frame in read_all(VideoFile(path, loop=True), limit=6)]

    first, second = np.array(pts[:3]), np.array(pts[3:])
    assert second - second[0] == pytest.approx(first - first[0])
    assert second[0] > first[-1]


def test_a_loop_ends_when_its_file_is_gone(tmp_path):
    path = write_video(tmp_path / "clip.mp4", 2)
    source = VideoFile(path, loop=True)
    source.read()
    source.read()
    path.unlink()

    with source, pytest.raises(SourceError, match="does not exist"):
        source.read()


def test_frames_may_change_their_size(tmp_path):
    sizes = [(64, 48), (64, 48), (96, 32), (32, 64)]

    frames = read_all(VideoFile(write_jpegs(tmp_path / "clip.mjpeg", sizes)))

    assert [frame.image.shape[1::-1] for frame in frames] == sizes


@pytest.mark.parametrize(
    ("name", "count"), [("clip.mp4", " of 40"), ("clip.mkv", ""), ("clip.avi", " of 40")]
)
def test_a_video_cut_short_yields_what_is_left_and_one_warning(tmp_path, caplog, name, count):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    options = {"movflags": "faststart"} if name.endswith("mp4") else None
    path = write_video(tmp_path / name, 40, codec=codec, options=options)

    frames = read_all(VideoFile(cut(path, 0.7)))

    assert 10 < len(frames) < 40
    assert caplog.messages == [
        f"{path} is damaged or cut short: decoded {len(frames)}{count} frames"
    ]


def test_a_video_with_a_damaged_middle_goes_on_behind_it(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mp4", 40, options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = (content.index(b"mdat") + len(content)) // 2
    content[middle : middle + 5000] = np.random.default_rng(0).bytes(5000)
    path.write_bytes(content)

    frames = read_all(VideoFile(path))

    assert frames[-1].pts == pytest.approx(39 / RATE)
    assert len(caplog.messages) == 1
    assert "is damaged or cut short" in caplog.messages[0]


def test_a_looped_damaged_video_warns_once(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mp4", 40, options={"movflags": "faststart"})

    read_all(VideoFile(cut(path, 0.5), loop=True), limit=100)

    assert len(caplog.messages) == 1


def test_a_whole_video_is_not_warned_about(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, "live_edges"):
        for name in ("clip.mp4", "clip.mkv", "clip.ts"):
            assert len(read_all(VideoFile(write_video(tmp_path / name, 8)))) == 8

    assert not caplog.messages


def no_pictures(path):
    content = write_video(path, 12).read_bytes()
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])


def only_sound(path):
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.touch(), "cannot be read as a video"),
        (lambda path: path.write_text("a letter, not a video" * 99), "cannot be read as a video"),
        (lambda path: path.mkdir(), "cannot be read as a video"),
        (only_sound, "cannot be read as a video: it has no video track"),
        (no_pictures, "holds no picture that can be decoded"),
        (lambda path: cut(write_video(path, 12), 0.5), "clip.mp4"),
    ],
    ids=["missing", "empty", "text", "folder", "sound", "no pictures", "without its index"],
)
def test_what_is_no_video_is_answered_in_one_sentence(tmp_path, make, message):
    path = tmp_path / "clip.mp4"
    make(path)

    with pytest.raises(SourceError, match=message) as raised:
        VideoFile(path)

    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_a_picture_is_a_video_of_one_frame(tmp_path):
    assert len(read_all(VideoFile(write_image(tmp_path / "still.png")))) == 1


def test_ffmpegs_log_is_off_while_a_decoder_is_open(tmp_path):
    av.logging.set_level(av.logging.ERROR)  # as torchvision 0.21 does

    with VideoFile(write_video(tmp_path / "clip.mp4", 1)):
        assert av.logging.get_level() is None


def test_a_video_whose_codec_nobody_knows_gives_one_sentence(tmp_path):
    content = write_video(tmp_path / "a.avi", 3, codec="mpeg4").read_bytes()
    path = tmp_path / "b.avi"
    path.write_bytes(content.replace(b"FMP4", b"Zz01"))

    with pytest.raises(SourceError, match="cannot be read as a video: its video has a codec that"):
        VideoFile(path)
    with pytest.raises(SourceError, match="cannot be read as a video: its video has a codec that"):
        VideoReader(path)
