"""Several runs on one folder share its files, and lose none."""

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import av
import pytest
from media import write_video

from live_edges.cli import main
from live_edges.process.cli import LEFT
from live_edges.recording import claims
from live_edges.recording.partials import claim_path, machine

CLIPS, PICTURES = 12, 10


def start(*args: object) -> subprocess.Popen[str]:
    """Start the program in a process of its own."""
    command = [sys.executable, "-m", "live_edges", "process", *map(str, args), "--device", "cpu"]
    return subprocess.Popen(
        [*command, "--engine", "torch"],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_two_runs_that_begin_together_share_the_files(tmp_path, jobs):
    (tmp_path / "in").mkdir()
    for number in range(CLIPS):
        write_video(tmp_path / "in" / f"{number}.mp4", PICTURES)
    reports = [tmp_path / f"{run}.jsonl" for run in "ab"]

    runs = [
        start(tmp_path / "in", "-o", tmp_path / "out", "--jobs", jobs, "--report", report)
        for report in reports
    ]
    codes = {run.wait(120) for run in runs if run.communicate()}

    assert codes <= {0, LEFT}
    statuses = Counter(row["status"] for report in reports for row in rows_of(report))
    assert set(statuses) <= {"converted", "skipped", "left"}
    assert statuses["converted"] == CLIPS
    made = sorted((tmp_path / "out").iterdir())
    assert len(made) == CLIPS
    for path in made:
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == PICTURES


@pytest.mark.parametrize("is_growing", [True, False])
def test_a_file_that_another_machine_is_making_is_left_to_it(tmp_path, caplog, is_growing):
    caplog.set_level(logging.INFO)
    (tmp_path / "in").mkdir()
    for number in range(3):
        write_video(tmp_path / "in" / f"{number}.mp4", 3)
    target = tmp_path / "out" / "0.mp4"
    target.parent.mkdir()
    claim_path(target).write_text("0.mp4.other_1-17-0a1b2c.partial")
    if not is_growing:
        before_s = claim_path(target).stat().st_mtime - 2 * claims.FRESH_S
        os.utime(claim_path(target), (before_s, before_s))
    report = tmp_path / "report.jsonl"
    arguments = [tmp_path / "in", "-o", tmp_path / "out", "--report", report]

    code = main(["process", *map(str, arguments), "--device", "cpu", "--engine", "torch"])

    assert code == (LEFT if is_growing else 0)
    assert target.exists() is not is_growing
    found = [(Path(row["target"]).name, row["status"]) for row in rows_of(report)]
    if is_growing:
        assert found == [("1.mp4", "converted"), ("2.mp4", "converted"), ("0.mp4", "left")]
        assert "2 files converted, 0 failed, 1 left to another run" in caplog.text
    else:
        assert [status for _, status in found] == ["converted"] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="a process is not looked for there")
def test_the_file_of_a_run_that_died_on_this_machine_is_made_by_the_next(tmp_path):
    write_video(tmp_path / "a.mp4", 3)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    claim = claim_path(tmp_path / "b.mp4")
    claim.write_text(f"b.mp4.{machine()}-{ended.pid}-0a1b2c.partial")

    arguments = [str(tmp_path / "a.mp4"), "-o", str(tmp_path / "b.mp4")]
    assert main(["process", *arguments, "--device", "cpu", "--engine", "torch"]) == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]
