"""What killed writers leave behind is removed, and nothing that somebody may still write."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live_edges.recording import partials
from live_edges.recording.partials import (
    machine,
    partial_path,
    remove_abandoned,
    remove_those_of,
    unfinished,
)


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def left_by(target: Path, writer: str, pid: int, *, age_s: float = 0) -> Path:
    part = target.with_name(f"{target.name}.{writer}-{pid}-0a1b2c.partial")
    part.touch()
    os.utime(part, (time.time() - age_s,) * 2)
    return part


def test_a_partial_name_says_who_writes(tmp_path):
    part = partial_path(tmp_path / "a.mkv")

    assert part.name.startswith(f"a.mkv.{machine()}-{os.getpid()}-")
    assert part.name.endswith(".partial")


@pytest.mark.skipif(sys.platform == "win32", reason="a process is not looked for there")
def test_what_an_ended_process_left_is_removed(tmp_path, ended):
    target = tmp_path / "a.mkv"
    left_by(target, machine(), ended)

    assert remove_abandoned([target]) == 1

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.mkv", "x" * 251 + ".mkv"])
def test_what_another_machine_left_a_day_ago_is_removed(tmp_path, name):
    target = tmp_path / name
    target.touch()
    part = partial_path(target)
    part.touch()
    days_old = part.rename(part.with_name(part.name.replace(machine(), "other_1")))
    os.utime(days_old, (time.time() - 2 * partials.ABANDONED_S,) * 2)

    assert remove_abandoned([target]) == 1

    assert list(tmp_path.iterdir()) == [target]


def test_what_may_still_be_written_stays(tmp_path, ended):
    target = tmp_path / "a.mkv"
    kept = {
        left_by(target, machine(), os.getpid()),
        left_by(target, "other_1", ended, age_s=3600),
        left_by(tmp_path / "b.mkv", machine(), ended),  # no file of this run
        left_by(tmp_path / "ba.mkv", machine(), ended),
    }
    (tmp_path / "a.mkv.partial").touch()  # not by this program

    assert remove_abandoned([target]) == 0

    assert kept < set(tmp_path.iterdir())


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert remove_abandoned([tmp_path / "none" / "a.mkv"]) == 0


def test_what_one_process_left_is_removed_at_once(tmp_path, ended):
    target = tmp_path / "a.mkv"
    left_by(target, machine(), ended)
    other = left_by(target, machine(), ended + 1)

    assert remove_those_of(ended, [target]) == 1

    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("name", ["a.mkv", "x" * 251 + ".mkv"])
def test_files_with_partial_ones_are_found_whoever_writes_them(tmp_path, name):
    targets = [tmp_path / name, tmp_path / "b.mkv"]
    for path in (targets[0], targets[0], tmp_path / "c.mkv"):
        partial_path(path).touch()

    assert unfinished(targets) == [targets[0]]
