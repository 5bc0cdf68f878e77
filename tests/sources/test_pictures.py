"""Photographs and pictures of every kind come out whole, upright, and with all their pages."""

import logging
import shutil

import av
import cv2
import numpy as np
import pytest
from heif import write_heic
from PIL import Image, ImageOps

from live_edges.cli import main
from live_edges.sources import open_source
from live_edges.sources.images import Images
from live_edges.sources.pixels import read_image
from live_edges.sources.video import VideoFile

SLOPE = np.add.outer(np.arange(100), np.arange(150)).astype(np.uint8)
SQUARES = np.kron(np.random.default_rng(0).integers(0, 256, (4, 6, 3)), np.ones((8, 8, 1)))
COUNT = 6
LOSSLESS = {".webp": {"lossless": True}, ".jpg": {"quality": 98, "subsampling": 0}}  # nearly


def process(*args):
    return main(["process", "--device", "cpu", "--engine", "torch", *map(str, args)])


def bgr(image):
    return np.asarray(image.convert("RGB"))[..., ::-1]


def write_pages(path):
    pages = [Image.new("RGB", (53, 37), (30 * i, 10, 200)) for i in range(COUNT)]
    timing = {} if path.suffix == ".tif" else {"duration": 100}
    pages[0].save(path, save_all=True, append_images=pages[1:], **timing)
    return path


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(100, 150), (128, 64)])
def test_a_heic_of_tiles_is_one_picture(tmp_path, size, quarters):
    expected = SLOPE[: size[0], : size[1]]
    if size[0] > 100:
        expected = np.vstack([SLOPE, SLOPE])[: size[0], : size[1]]
    path = write_heic(tmp_path / "photo.heic", expected, quarters=quarters)

    image = read_image(path)

    expected = np.rot90(expected, quarters)
    assert image.shape == (*expected.shape, 3)
    assert np.abs(image[..., 0].astype(int) - expected).mean() < 2


def test_a_heic_without_all_its_tiles_is_not_shown_in_part(tmp_path):
    path = write_heic(tmp_path / "photo.heic", SLOPE)
    content = path.read_bytes()
    size = np.array([100, 150], ">u4")[::-1].tobytes()
    assert size in content
    path.write_bytes(content.replace(size, np.array([1500, 100], ">u4").tobytes()))

    assert read_image(path) is None


def test_sound_named_like_a_picture_is_no_picture(tmp_path):
    with av.open(str(tmp_path / "a.png"), "w", format="wav") as container:
        audio = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(audio.encode(frame))

    assert read_image(tmp_path / "a.png") is None


def test_a_heic_becomes_a_picture(tmp_path):
    (tmp_path / "in").mkdir()
    write_heic(tmp_path / "in" / "photo.heic", SLOPE)

    assert process(tmp_path / "in" / "photo.heic", "-o", tmp_path / "x.png") == 0
    assert process(tmp_path / "in", "-o", tmp_path / "out") == 0

    assert cv2.imread(str(tmp_path / "x.png")).shape == (100, 150, 3)
    assert (tmp_path / "out" / "photo.png").exists()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.jpg"])
def test_the_noted_orientation_is_obeyed_in_every_format(tmp_path, name, orientation):
    plain = Image.fromarray(SQUARES.astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain.save(tmp_path / name, exif=exif, **LOSSLESS.get(name[1:], {}))
    plain.getexif()[0x0112] = orientation

    image = read_image(tmp_path / name)

    expected = bgr(ImageOps.exif_transpose(plain))
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < (4 if name == "a.jpg" else 0.01)


def test_the_orientation_of_a_deep_png_is_obeyed(tmp_path):
    deep = (SQUARES[..., 0] * 257).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(deep).save(tmp_path / "a.png", exif=exif)

    image = read_image(tmp_path / "a.png")

    np.testing.assert_array_equal(image[..., 0], np.rot90(SQUARES[..., 0], 3))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_blended_with_white_in_every_format(tmp_path, name, mode):
    clear = Image.new("RGBA", (8, 4), (100, 150, 200, 128)).convert(mode)
    clear.save(tmp_path / name, **LOSSLESS.get(name[1:], {}))

    image = read_image(tmp_path / name)

    white = Image.new("RGBA", clear.size, "white")
    expected = bgr(Image.alpha_composite(white, clear.convert("RGBA")))
    assert np.abs(image.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["P", "CMYK", "1", "L", "YCbCr"])
def test_every_kind_of_pixel_is_read(tmp_path, mode):
    plain = Image.fromarray(SQUARES.astype(np.uint8)).convert(mode)
    plain.save(tmp_path / "a.tif")

    image = read_image(tmp_path / "a.tif")

    assert np.abs(image.astype(int) - bgr(plain)).max() <= 2


def test_a_palette_with_a_transparent_colour_is_blended_with_white(tmp_path):
    picture = Image.new("P", (8, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.save(tmp_path / "a.gif", transparency=1)

    assert (read_image(tmp_path / "a.gif") == 255).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.gif", VideoFile), ("a.png", VideoFile), ("a.webp", Images), ("a.tif", Images)],
)
def test_a_file_of_several_pictures_shows_all_of_them(tmp_path, name, kind):
    path = write_pages(tmp_path / name)

    with open_source(str(path)) as source:
        frames = list(iter(source.read, None))

    step = 2.0 if name == "a.tif" else 0.1
    assert type(source) is kind
    assert [frame.pts for frame in frames] == pytest.approx([step * i for i in range(COUNT)])
    for index, frame in enumerate(frames):
        assert np.abs(frame.image[0, 0].astype(int) - (200, 10, 30 * index)).max() <= 6


def test_a_folder_leaves_no_picture_out(tmp_path):
    write_heic(tmp_path / "a.heic", SLOPE)
    Image.new("RGB", (8, 4)).save(tmp_path / "b.gif")
    write_pages(tmp_path / "c.tif")
    shutil.copy(tmp_path / "b.gif", tmp_path / "d")

    with Images(tmp_path) as source:
        frames = list(iter(source.read, None))

    assert source.frame_count == len(frames) == 3 + COUNT


def test_process_makes_a_video_of_an_animation_and_says_what_it_leaves_out(tmp_path, caplog):
    (tmp_path / "in").mkdir()
    write_pages(tmp_path / "in" / "a.gif")
    write_pages(tmp_path / "in" / "b.tif")

    with caplog.at_level(logging.WARNING):
        assert process(tmp_path / "in", "-o", tmp_path / "out") == 0

    with av.open(str(tmp_path / "out" / "a.mkv")) as video:
        assert sum(1 for _ in video.decode(video=0)) == COUNT
    assert (tmp_path / "out" / "b.tif").exists()
    assert "b.tif holds 6 pictures" in caplog.text
