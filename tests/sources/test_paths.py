"""Files of every name are opened, and what cannot be opened is named as what it is."""

import errno
import os
import socket
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from media import write_image, write_video

from live_edges.cli import main
from live_edges.errors import SourceError
from live_edges.sources import open_source
from live_edges.sources.images import IMAGE_SUFFIXES, find_images
from live_edges.sources.paths import expand_glob

NAMES = ["12:30:45.mp4", "http:x.mp4", "file:y.mp4", "-a.mp4", "a%03d.mp4", "#1?.mp4", "Ü 鷗.mp4"]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names and files")


def process(*args):
    return main(["process", "--device", "cpu", "--engine", "torch", *map(str, args)])


def frames_of(path):
    with path.open("rb") as file, av.open(file) as container:
        return sum(1 for _ in container.decode(video=0))


@POSIX
@pytest.mark.parametrize("name", NAMES)
def test_a_video_of_any_name_is_read_and_written(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", 3).rename(name)

    with open_source(name) as source:
        assert source.name == name
    assert process("-o", "out", "--", name) == 0
    (tmp_path / "out" / name).rename(f"again {name}")
    assert process(f"again {name}", "-o", f"made-{name}") == 0

    assert frames_of(tmp_path / f"made-{name}") == 3


@POSIX
def test_a_recording_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = write_video(tmp_path / "clip.mp4", 3)

    args = ["run", str(clip), "--headless", "--record", "12:30.mkv", "--device", "cpu"]
    assert main([*args, "--engine", "torch"]) == 0

    assert frames_of(tmp_path / "12:30.mkv") == 3


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("Show [1080p]/*.png", ["Show [1080p]/a.png", "Show [1080p]/b [x].png"]),
        ("*/Season [1]/*.png", ["Show [1080p]/Season [1]/c.png"]),
        ("Show [1080p]/b [x].png", ["Show [1080p]/b [x].png"]),
        ("Show [1080p]/b [x].*", ["Show [1080p]/b [x].png"]),
        ("Show*/[ab].png", ["Show [1080p]/a.png"]),
        ("**/c.png", ["Show [1080p]/Season [1]/c.png"]),
        ("Show [1080p]/a.png/*", []),
    ],
)
def test_brackets_of_what_exists_stand_for_themselves(tmp_path, pattern, found):
    folder = tmp_path / "Show [1080p]" / "Season [1]"
    folder.mkdir(parents=True)
    for path in (folder / "c.png", folder.parent / "a.png", folder.parent / "b [x].png"):
        write_image(path)

    assert sorted(expand_glob(tmp_path / pattern)) == [tmp_path / name for name in found]


def test_process_and_run_read_a_glob_alike(tmp_path):
    folder = tmp_path / "Show [1080p]"
    folder.mkdir()
    write_image(folder / "a.png")

    assert process(folder / "*.png", "-o", tmp_path / "out") == 0
    with open_source(str(folder / "*.png")) as source:
        assert source.frame_count == 1
    assert (tmp_path / "out" / "a.png").exists()


def dead_link(folder):
    (folder / "x.mp4").symlink_to(folder / "gone.mp4")
    return r"x\.mp4 is a link to .*gone\.mp4, which does not exist"


def unix_socket(folder):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "x.mp4"))
    return r"x\.mp4 is a socket, which cannot be read"


def circle(folder):
    (folder / "x.mp4").symlink_to(folder / "x.mp4")
    return r"x\.mp4 cannot be opened: "


@POSIX
@pytest.mark.parametrize("make", [dead_link, unix_socket, circle])
def test_what_is_no_file_is_named_as_what_it_is(tmp_path, capsys, make):
    message = make(tmp_path)

    with pytest.raises(SourceError, match=message):
        open_source(str(tmp_path / "x.mp4"))
    with pytest.raises(SourceError, match=message):
        find_images(tmp_path / "x.mp4")
    assert process(tmp_path / "x.mp4", "-o", tmp_path / "b.mp4") == 1


@pytest.mark.parametrize("call", ["open", "stat", "iterdir"])
def test_what_may_not_be_read_is_reported(tmp_path, monkeypatch, capsys, call):
    folder = tmp_path / "locked"
    folder.mkdir()
    asked = folder if call == "iterdir" else write_image(folder / "a.png")

    def refuse(original):
        def refusing(path, *args, **kwargs):
            if Path(path).is_relative_to(folder):
                raise PermissionError(errno.EACCES, "Permission denied")
            return original(path, *args, **kwargs)

        return refusing

    monkeypatch.setattr(Path, call, refuse(getattr(Path, call)))

    with pytest.raises(SourceError, match=r"cannot be (opened|read): Permission denied; check its"):
        open_source(str(asked))
    assert process(asked, "-o", tmp_path / "out") == 1
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b.mp4"])
def test_an_impossible_name_gives_one_sentence(tmp_path, text):
    with pytest.raises(SourceError):
        open_source(text)
    assert process(text, "-o", tmp_path / "b.mp4") == 1


def write_by_ffmpeg(path, codec, pixel_format, gray):
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = 8, 4, pixel_format
        frame = av.VideoFrame.from_ndarray(np.full((4, 8), gray, np.uint8), format="gray")
        container.mux(stream.encode(frame.reformat(format=pixel_format)))
        container.mux(stream.encode())


def test_an_exr_picture_is_read(tmp_path):
    write_by_ffmpeg(tmp_path / "a.exr", "exr", "gbrpf32le", 128)

    with open_source(str(tmp_path)) as source:
        image = source.read().image

    assert ".exr" in IMAGE_SUFFIXES
    assert image.shape == (4, 8, 3)
    assert abs(int(image[0, 0, 0]) - 128) <= 1
