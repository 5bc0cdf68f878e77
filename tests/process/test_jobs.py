"""Files are converted side by side, and neither a process that dies nor Ctrl-C leaves a trace."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from ending import end_at_once
from media import write_video

from live_edges.cli import main
from live_edges.errors import LiveEdgesError
from live_edges.lifecycle import INTERRUPTED
from live_edges.pipeline.choice import PipelineChoice
from live_edges.process import side_by_side, slots
from live_edges.process.file_plan import Conversion
from live_edges.process.outcomes import Outcomes
from live_edges.process.side_by_side import SideBySide, jobs_that_pay, shared_out
from live_edges.process.worker import Outcome, Recipe
from live_edges.settings import Settings

RECIPE = Recipe(PipelineChoice("sobel", device="cpu", engine="torch"), Settings(view="edges"))
FATAL = """
import os, signal
from pathlib import Path

def edges(gray):
    width, died = gray.shape[-1], Path(__file__).with_name("died")
    if width == 96 or (width == 80 and not died.exists()):
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return gray
"""
unix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


def process(*args: object) -> int:
    return main(["process", *map(str, args), "--device", "cpu", "--engine", "torch"])


def content(path: Path) -> list[object]:
    """Every packet of a file, and when it is shown."""
    with av.open(str(path)) as container:
        return [(packet.stream.index, packet.pts, bytes(packet)) for packet in container.demux()]


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        write_video(folder / f"{number}.mp4", 4 + number)
    return folder


@pytest.mark.slow
def test_side_by_side_makes_what_one_after_another_makes(tmp_path, clips, caplog):
    caplog.set_level(logging.INFO)
    (clips / "1.mp4").write_bytes(b"broken")
    said = []

    for jobs in "12":
        caplog.clear()
        assert process(clips, "-o", tmp_path / jobs, "--jobs", jobs) == 1
        # Without the device, which says how many files at a time, and the speed.
        said.append([message.rsplit(",")[0] for message in caplog.messages[1:]])

    assert said[0] == [line.replace("/2/", "/1/") for line in said[1]]
    assert len(said[0]) > 2
    names = [path.name for path in sorted((tmp_path / "2").iterdir())]
    assert names == ["0.mp4", "2.mp4"]
    for name in names:
        assert content(tmp_path / "2" / name) == content(tmp_path / "1" / name)


@unix
@pytest.mark.slow
def test_a_process_that_dies_costs_its_file_one_more_try(tmp_path, clips, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "fatal.py").write_text(FATAL)
    write_video(clips / "once.mp4", 3, size=(80, 48))
    write_video(clips / "twice.mp4", 3, size=(96, 48))
    out = tmp_path / "out"

    assert process(clips, "-o", out, "--jobs", 2, "--filter", f"{tmp_path}/fatal.py:edges") == 1

    names = sorted(path.name for path in out.iterdir())
    assert names == ["0.mp4", "1.mp4", "2.mp4", "once.mp4"]
    assert "once.mp4: the process that converts it died (SIGKILL); another one" in caplog.text
    assert "twice.mp4 cannot be converted: the process" in caplog.text
    assert "died (SIGKILL), twice" in caplog.text
    assert "4 files converted, 1 failed" in caplog.text


@unix
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])  # SIGTERM: see test_process.py
def test_nothing_is_left_of_a_run_that_is_stopped(tmp_path, name):
    (tmp_path / "in").mkdir()
    first = write_video(tmp_path / "in" / "0.mp4", 3000, options={})
    shutil.copy(first, tmp_path / "in" / "1.mp4")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "live_edges", "process", str(tmp_path / "in"), "-o", str(out)]
    with subprocess.Popen(
        [*command, "--jobs", "2", "--device", "cpu", "--encoder-preset", "placebo"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    ) as parent:
        wait_for(lambda: len(list(out.glob("*.partial"))) == 2)
        if name == "SIGINT":  # a terminal sends it to all
            os.killpg(parent.pid, signal.SIGINT)
        else:
            parent.kill()
        said = parent.stderr.read()

    assert parent.returncode == (-signal.SIGKILL if name == "SIGKILL" else INTERRUPTED)
    assert "Traceback" not in said
    wait_for(lambda: not is_group(parent.pid))
    assert not list(out.iterdir())


def wait_for(is_so, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_group(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_pipeline_that_does_not_open_ends_the_run_with_one_sentence(tmp_path, clips, capsys):
    arguments = ["process", str(clips), "-o", str(tmp_path / "out"), "--jobs", "2"]

    assert main([*arguments, "--device", "cuda:9"]) == 1

    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("live-edges: device cuda:9 is not on this machine")
    )


@pytest.mark.slow
def test_processes_that_never_begin_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(slots, "serve", end_at_once)
    monkeypatch.setattr(side_by_side, "shared_out", lambda *_: None)  # or a process imports torch
    todo = [Conversion(tmp_path / f"{n}.mp4", tmp_path / f"{n}.mkv", False) for n in range(9)]

    with (
        pytest.raises(LiveEdgesError, match=r"end before they begin \(exit code 3\)"),
        SideBySide(todo, RECIPE, jobs=2, report=print) as run,
    ):
        run.run()


@pytest.mark.parametrize("number", ["0", "two"])
def test_a_number_of_jobs_that_is_none_gives_one_sentence(number, capsys):
    with pytest.raises(SystemExit, match="2"):
        process("a.mp4", "-o", "b.mp4", "--jobs", number)

    assert f"--jobs: '{number}' is not a whole number above 0" in capsys.readouterr().err


def test_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(side_by_side, "core_count", lambda: 16)

    assert jobs_that_pay() == 8
    assert [shared_out(RECIPE, jobs).pipeline.threads for jobs in (1, 2, 8, 99)] == [8, 4, 1, 1]


@pytest.mark.parametrize(("cores", "jobs"), [(1, 1), (2, 2), (3, 2), (4, 2), (6, 3)])
def test_two_files_at_a_time_pay_on_two_cores(monkeypatch, cores, jobs):
    monkeypatch.setattr(side_by_side, "core_count", lambda: cores)

    assert jobs_that_pay() == jobs


def test_outcomes_are_told_in_the_order_of_the_inputs(caplog):
    todo = [Conversion(Path(f"{n}.mp4"), Path(f"{n}.mkv"), False) for n in range(4)]
    caplog.set_level(logging.INFO)

    with Outcomes(todo) as outcomes:
        for number in (1, 0, 3):
            outcomes.add(Outcome(todo[number].source, todo[number].target, "skipped"))
        assert [message[0] for message in caplog.messages] == ["0", "1"]

    assert [message[0] for message in caplog.messages] == ["0", "1", "3"]


def test_jobs_are_of_this_machine_alone(capsys):
    assert process("a.mp4", "-o", "b.mp4", "--jobs", "2", "--ray") == 1

    assert "leave it out with --ray" in capsys.readouterr().err
