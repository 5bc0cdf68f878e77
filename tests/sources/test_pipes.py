"""What comes through a pipe is read once, and every wait for it ends at the first signal."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import pytest
from media import write_video

from live_edges.cli import main
from live_edges.errors import SourceError
from live_edges.lifecycle import INTERRUPTED
from live_edges.sources import open_source

COUNT = 8
LIMIT_S = 60
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "clip.ts", COUNT)


def feed(fifo, content):
    """Write to a FIFO once somebody reads it."""
    thread = threading.Thread(target=fifo.write_bytes, args=(content,), name="writer")
    thread.start()
    return thread


def frames_of(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def start(*args, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "live_edges", *map(str, args), "--device", "cpu"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        **kwargs,
    )


def test_a_fifo_is_shown_to_its_end(fifo, clip):
    writer = feed(fifo, clip.read_bytes())

    with open_source(str(fifo)) as source:
        frames = list(iter(source.read, None))
    writer.join()

    assert len(frames) == COUNT
    assert not source.is_live


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4", ".mov", ".avi"])
def test_a_fifo_is_converted_once_and_is_not_damaged(tmp_path, fifo, caplog, suffix):
    writer = feed(fifo, write_video(tmp_path / f"a{suffix}", COUNT).read_bytes())

    args = ["process", str(fifo), "-o", str(tmp_path / "b.mp4"), "--device", "cpu"]
    assert main([*args, "--engine", "torch"]) == 0
    writer.join()

    assert frames_of(tmp_path / "b.mp4") == COUNT
    assert "damaged" not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(("command", "is_file"), [("run", False), ("process", True)])
def test_a_minus_is_standard_input(tmp_path, clip, command, is_file):
    rest = {"run": ["--headless", "--record"], "process": ["--engine", "torch", "-o"]}[command]

    with clip.open("rb") as file:
        child = start(command, "-", *rest, tmp_path / "b.mkv", stdin=file if is_file else -1)
        if is_file:
            child.wait(LIMIT_S)
            said = child.stderr.read()
            child.stderr.close()
        else:
            child.stdin.reconfigure(encoding="latin-1", newline="")
            _, said = child.communicate(file.read().decode("latin-1"), LIMIT_S)

    assert child.returncode == 0, said
    assert frames_of(tmp_path / "b.mkv") == COUNT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "number", "share"),
    [("run", signal.SIGINT, None), ("process", signal.SIGTERM, 0.3), ("run", signal.SIGINT, 1)],
    ids=["nobody writes", "a part comes", "the writer falls silent"],
)
def test_every_wait_for_a_pipe_ends_at_the_first_signal(
    tmp_path, fifo, clip, command, number, share
):
    rest = {"run": ["--headless"], "process": ["-o", tmp_path / "b.mp4"]}[command]
    child = start(command, fifo, *rest, "--engine", "torch")
    handle = None
    try:
        if share is not None:
            handle = _open_for_writing(fifo)
            content = write_video(tmp_path / "long.ts", 40).read_bytes()
            os.write(handle, content[: int(len(content) * share)][:60_000])
            _wait_until(lambda: _holds_open(child.pid, fifo))
        else:
            assert "still opening" in child.stderr.readline()
        child.send_signal(number)
        began = time.monotonic()
        _, said = child.communicate(timeout=LIMIT_S)
    finally:
        child.kill()
        if handle is not None:
            os.close(handle)

    assert time.monotonic() - began < 15  # most of it is importing torch
    # Python itself gives -SIGINT, 130 to a shell, where the signal came while it ran a text.
    assert child.returncode in (0, INTERRUPTED, -signal.SIGINT)
    assert "Traceback" not in said
    assert not list(tmp_path.glob("b.*"))


def _open_for_writing(fifo):
    handles = []

    def is_open():
        try:
            handles.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False  # nobody reads yet
        return True

    _wait_until(is_open)
    return handles[0]


def _holds_open(pid, path):
    links = Path(f"/proc/{pid}/fd")
    if not links.exists():
        return True
    return any(link.resolve() == path for link in links.iterdir())


def _wait_until(is_true):
    end = time.monotonic() + LIMIT_S
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_pipe_that_is_closed_empty_gives_one_sentence(fifo):
    writer = feed(fifo, b"")

    with pytest.raises(SourceError, match="cannot be read as a video"):
        open_source(str(fifo))
    writer.join()

    with pytest.raises(OSError):  # noqa: PT011 -- ENXIO: nobody holds it open any more
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_pipe_cannot_be_looped_nor_named_after(tmp_path, fifo, capsys):
    with pytest.raises(SourceError, match="read only once"):
        open_source(str(fifo), loop=True)
    assert main(["process", "-", "-o", str(tmp_path / "out/")]) == 1
    assert "give a file as OUT" in capsys.readouterr().err


def test_a_file_called_minus_is_read_by_its_path(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip.rename("-")

    with open_source("./-") as source:
        assert source.name == "-"
    assert main(["process", "./-", "-o", "b.mkv", "--device", "cpu", "--engine", "torch"]) == 0
