"""A report has one row for each file, whatever became of it."""

import csv
import json
from pathlib import Path

import pytest
from media import write_image

from live_edges.cli import main
from live_edges.process.report_file import COLUMNS, ReportFile
from live_edges.process.worker import Outcome, worker_name

ODD = Outcome(
    *(Path('a,"b".mp4'), Path("ä\udcff.mkv"), "converted"),
    frames=30,
    seconds=1.5,
    notes=("first", "second, third"),
    worker="host:17",
)


def process(*args: object) -> int:
    return main(["process", *map(str, args), "--device", "cpu", "--engine", "torch"])


def rows_of(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_every_file_has_a_row(tmp_path, ending):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.mp4").write_bytes(b"broken")
    report = tmp_path / f"report{ending}"

    assert process(tmp_path / "in", "-o", tmp_path / "out", "--report", report) == 1

    first, second = rows_of(report)
    assert tuple(first) == COLUMNS
    assert (first["status"], second["status"]) == ("converted", "failed")
    assert (str(first["frames"]), first["worker"]) == ("1", worker_name())
    assert float(first["seconds"]) > 0
    assert "b.mp4 cannot be read" in second["error"]


def test_a_single_file_that_fails_has_its_row(tmp_path, capsys):
    (tmp_path / "b.mp4").write_bytes(b"broken")
    report = tmp_path / "report.jsonl"

    assert process(tmp_path / "b.mp4", "-o", tmp_path / "c.mp4", "--report", report) == 1

    [row] = rows_of(report)
    assert row["status"] == "failed"
    assert capsys.readouterr().err.startswith("live-edges: ")


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_the_next_run_appends_to_the_report(tmp_path, ending):
    path = tmp_path / f"report{ending}"

    for _ in range(2):
        with ReportFile(path) as report:
            report.add(ODD)

    first, second = rows_of(path)
    assert first == second
    assert first["source"] == 'a,"b".mp4'
    assert first["notes"] in (["first", "second, third"], "first\nsecond, third")
    assert float(first["fps"]) == 20


def test_rows_are_there_before_the_run_ends(tmp_path):
    with ReportFile(tmp_path / "report.jsonl") as report:
        report.add(ODD)

        assert len(rows_of(tmp_path / "report.jsonl")) == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("report.txt", "must end in .csv or .jsonl"),
        ("none/report.csv", "cannot be written (no such file or directory); choose another"),
    ],
)
def test_a_report_that_cannot_be_written_is_told_before_anything_runs(
    tmp_path, name, sentence, capsys
):
    write_image(tmp_path / "a.png")

    assert process(tmp_path / "a.png", "-o", tmp_path / "b.png", "--report", tmp_path / name) == 1

    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()
