"""Files are written whole or not at all, under names that overwrite nothing."""

import errno
from pathlib import Path

import pytest

from live_edges.errors import LiveEdgesError
from live_edges.recording.files import atomic_write, unused_paths


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_file_has_its_name_only_when_it_is_whole(tmp_path, before):
    path = tmp_path / "a.json"
    if before:
        path.write_bytes(before)

    with atomic_write(path) as part:
        part.write_bytes(b"new")
        assert (path.read_bytes() if path.exists() else None) == before

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_a_file_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    expected = LiveEdgesError if isinstance(error, OSError) else KeyboardInterrupt

    def write():
        with atomic_write(path) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises(expected):
        write()

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_a_file_gives_one_sentence(tmp_path):
    with pytest.raises(LiveEdgesError, match="cannot be written"), atomic_write(tmp_path) as part:
        part.write_bytes(b"new")


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="there is no /dev/null")
def test_a_device_is_written_to_as_it_is():
    with atomic_write(Path("/dev/null")) as part:
        part.write_bytes(b"new")

    assert Path("/dev/null").is_char_device()


def test_files_that_belong_together_get_the_same_number(tmp_path):
    (tmp_path / "a-original.mp4").touch()

    paths = unused_paths(tmp_path, "a", ".mp4", "-original.mp4")

    assert [path.name for path in paths] == ["a-2.mp4", "a-2-original.mp4"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.mkv"

    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")

    assert path.read_bytes() == b"first"  # whose block ends last
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a" * 251 + ".mkv", "ä" * 125 + ".mkv"])
def test_the_longest_name_has_a_partial_one(tmp_path, name):
    path = tmp_path / name

    with atomic_write(path) as part:
        part.write_bytes(b"new")

    assert list(tmp_path.iterdir()) == [path]
