import logging
import struct

import cv2
import numpy as np
import pytest
from media import write_image

from live_edges.errors import SourceError
from live_edges.sources import Mode
from live_edges.sources.images import Images
from live_edges.sources.pixels import read_image, to_bgr


def read_all(source, limit=100):
    frames = []
    with source:
        while len(frames) < limit and (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def test_one_image_is_one_frame_that_stays(tmp_path):
    source = Images(write_image(tmp_path / "still.png"))

    frames = read_all(source)

    assert source.is_still
    assert source.frame_count == len(frames) == 1
    assert source.mode == Mode(53, 37, 0.0, "png")
    assert source.name == "still.png"


def test_a_folder_is_shown_in_natural_order_and_in_its_time(tmp_path):
    for number in (10, 9, 1):
        write_image(tmp_path / f"p{number}.png", np.full((5, 7, 3), number, np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "folder.png").mkdir()

    source = Images(tmp_path, seconds=1.5)
    frames = read_all(source)

    assert source.mode.fps == pytest.approx(1 / 1.5)
    assert source.frame_count == 3
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 9, 10]
    assert [frame.pts for frame in frames] == [0.0, 1.5, 3.0]


@pytest.mark.parametrize("pattern", ["*.png", "?.*", "**/a.png", "[ab].png"])
def test_a_glob_finds_its_images(tmp_path, pattern):
    write_image(tmp_path / "a.png")
    (tmp_path / "b.txt").write_text("no image")

    assert Images(tmp_path / pattern).frame_count == 1


def test_a_slide_show_may_loop(tmp_path):
    for number in range(2):
        write_image(tmp_path / f"{number}.png", np.full((5, 7, 3), number, np.uint8))

    source = Images(tmp_path, loop=True)
    frames = read_all(source, limit=5)

    assert source.frame_count is None
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 1, 0, 1, 0]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]


def test_an_unreadable_image_is_skipped_with_one_warning_and_counted(tmp_path, caplog):
    write_image(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n but no more")
    write_image(tmp_path / "3.png")

    with caplog.at_level(logging.WARNING):
        source = Images(tmp_path, loop=True)
        frames = read_all(source, limit=4)

    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert source.skipped == 1
    assert caplog.messages == [f"{tmp_path / '2.png'} is skipped: it cannot be read as an image"]


def test_a_looped_folder_whose_images_all_vanish_ends(tmp_path):
    path = write_image(tmp_path / "1.png")
    source = Images(tmp_path, loop=True)
    source.read()
    path.unlink()

    assert source.read() is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.png", b"", "cannot be read as an image"),
        ("cut.jpg", b"\xff\xd8\xff\xe0 and no more", "cannot be read as an image"),
        ("text.png", b"not an image", "cannot be read as an image"),
    ],
)
def test_an_image_that_cannot_be_read_is_an_error(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match=message):
        Images(path)


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="holds no images"):
        Images(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"), [("missing.png", "does not exist"), ("*.png", "matches no images")]
)
def test_a_path_or_glob_that_matches_nothing_is_an_error(tmp_path, name, message):
    with pytest.raises(SourceError, match=message):
        Images(tmp_path / name)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 400)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff", ".pgm"])
def test_small_images_of_every_format_are_read(tmp_path, size, suffix):
    shape = (size[1], size[0]) if suffix == ".pgm" else (size[1], size[0], 3)
    path = write_image(tmp_path / f"small{suffix}", np.full(shape, 200, np.uint8))

    image = Images(path).read().image

    assert image.shape == (size[1], size[0], 3)
    assert abs(int(image[0, 0, 0]) - 200) <= 2


def test_names_outside_ascii_are_read(tmp_path):
    assert Images(write_image(tmp_path / "Möwe 鷗.png")).read().index == 0


def test_gray_becomes_bgr(tmp_path):
    gray = np.arange(35, dtype=np.uint8).reshape(5, 7)

    image = read_image(write_image(tmp_path / "gray.png", gray))

    np.testing.assert_array_equal(image, np.repeat(gray[..., None], 3, axis=2))


def test_16_bits_are_scaled_by_their_full_range(tmp_path):
    pixels = np.array([[0, 257, 33000, 65280, 65535]], np.uint16)

    image = read_image(write_image(tmp_path / "deep.png", pixels))

    assert image[0, :, 0].tolist() == [0, 1, 128, 254, 255]


def test_what_is_transparent_is_blended_with_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)

    image = read_image(write_image(tmp_path / "clear.png", pixels))

    assert image.tolist() == [[[10, 20, 30], [255, 255, 255], [127, 127, 127]]]


def test_floating_point_is_clipped_to_one():
    pixels = np.array([[0.0, 0.5, 1.0, 7.0, np.nan, -1.0]], np.float32)

    assert to_bgr(pixels)[0, :, 0].tolist() == [0, 128, 255, 255, 0, 0]


@pytest.mark.parametrize("pixels", [np.zeros((2, 2), np.int32), np.zeros((2, 2, 2), np.uint8)])
def test_pixels_of_an_unknown_kind_are_refused(pixels):
    with pytest.raises(ValueError, match="an image needs"):
        to_bgr(pixels)


def test_the_orientation_a_phone_noted_is_obeyed(tmp_path):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, 16:] = 255  # bright on the right
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    # Exif 2.3: one entry, tag 0x0112 Orientation, SHORT, value 6: to be turned clockwise.
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = tmp_path / "phone.jpg"
    path.write_bytes(jpeg[:2] + segment + jpeg[2:])

    image = read_image(path)

    assert image.shape == (32, 16, 3)
    assert image[:12].max() < 30
    assert image[20:].min() > 225
