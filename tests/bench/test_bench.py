import dataclasses
import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fake_cuda import FakeCuda

from live_edges import EdgePipeline
from live_edges.bench import cli, contenders, on_device, startup
from live_edges.bench.measuring import as_lines, measure
from live_edges.bench.under_load import busy_cores, measure_under_load
from live_edges.cli import main
from live_edges.settings import VIEWS

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def test_contenders_are_held_against_each_other():
    def ours(image):
        return image[..., 0]

    def theirs(image):
        different = image[..., 0].copy()
        different[0, :5] ^= 128
        return different

    found = {"copy": np.copy, "ours, torch": ours, "OpenCV of a kind": theirs}

    copy, eager, opencv = measure(found, IMAGE, rounds=3)

    assert (copy.to_copy, copy.differs) == (1, None)
    assert (eager.differs, eager.differing) == (0, 0)
    assert (opencv.to_opencv, opencv.differs) == (1, 128)
    assert opencv.differing == pytest.approx(5 / (37 * 53), abs=1e-6)
    assert opencv.differing_inside == 0
    assert "of values differ, by up to 128 levels, at the border alone" in as_lines([opencv])[-1]


def test_ours_is_timed_under_load_and_held_against_its_quiet_median():
    row = measure_under_load(lambda image: image[..., 0], IMAGE, rounds=2)

    assert row.median_ms > 0
    assert f"{row.to_quiet:.2f} times its median without load" in as_lines([row])[-1]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_busy_processes_end_with_the_block(error):
    with suppress(ValueError, KeyboardInterrupt), busy_cores() as processes:
        assert [process.poll() for process in processes] == [None] * os.cpu_count()
        if error:
            raise error

    assert all(process.wait(timeout=10) == 0 for process in processes)


def test_a_busy_process_ends_when_nobody_is_left_to_end_it():
    with busy_cores() as processes:
        for process in processes:
            process.stdin.close()

            assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("view", ["edges", "overlay"])
@pytest.mark.parametrize("name", ["sobel", "scharr", "blur-difference"])
def test_others_agree_with_ours_to_one_level(name, view):
    found, _ = contenders.contenders(name, view, "cpu", engine="torch")

    rows = measure(found, IMAGE, rounds=1)

    others = {row.name: row for row in rows if row.name not in ("copy", "ours, torch")}
    for who in ("FFmpeg sobel", "kornia-rs"):  # mirror the picture or see black around it
        if row := others.pop(who, None):
            assert row.differing_inside == 0, row
    assert others
    assert all(row.differs <= 1 for row in others.values()), rows


def test_opencvs_canny_finds_the_same_outline():
    found, _ = contenders.contenders("canny", "edges", "cpu", engine="torch")
    square = np.zeros((40, 60, 3), np.uint8)
    square[10:30, 15:45] = 200

    ours, theirs = (found[name](square) for name in ("ours, opencv", "OpenCV Canny"))

    beside = cv2.dilate(theirs, np.ones((3, 3), np.uint8))  # of two equal pixels either may stay
    assert ours.any()
    assert beside[ours > 0].all()


def test_the_live_loop_is_timed_by_stages(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "LIVE_S", 0.3)
    report = tmp_path / "live.json"
    flags = ["--live", "--size", "64x48", "--engine", "torch", "--device", "cpu"]

    assert main(["bench", *flags, "--json", str(report), "--view", "overlay"]) == 0

    stages = [row["stage"] for row in json.loads(report.read_text())["rows"]]
    assert {"filter", "view", "show", "from capture to shown"} < set(stages)
    assert all(stage in capsys.readouterr().out for stage in stages[:1])


def test_every_view_is_timed_beside_the_overlay(tmp_path, capsys):
    report = tmp_path / "views.json"
    flags = ["--views", "--size", "64x48", "--rounds", "2", "--engine", "torch", "--device", "cpu"]

    assert main(["bench", *flags, "--json", str(report)]) == 0

    rows = {row["view"]: row for row in json.loads(report.read_text())["rows"]}
    assert set(rows) == {*VIEWS, "thin", "compare"}
    assert rows["overlay"]["to_overlay"] == 1
    for row in rows.values():
        expected = row["median_ms"] / rows["overlay"]["median_ms"]
        assert row["to_overlay"] == pytest.approx(expected)
    assert "| orientation |" in capsys.readouterr().out


def test_the_command_prints_a_table_and_writes_the_figures(tmp_path, capsys):
    report = tmp_path / "bench.json"
    command = ["bench", "--size", "64x48", "--rounds", "1", "--engine", "torch", "--device", "cpu"]

    assert main([*command, "--json", str(report)]) == 0

    figures = json.loads(report.read_text())
    names = [row["name"] for row in figures["rows"]]
    printed = capsys.readouterr().out
    assert (names[:2], names[-1]) == (["copy", "ours, torch"], "ours under load")
    assert all(name in printed for name in names)
    assert "64x48" in figures["title"]


@pytest.fixture
def start(monkeypatch):
    """Stands in for the app: shows its first pictures after so many seconds, caches permitting."""
    caches = []

    def run(command, *, env, **_options):
        [cache] = {Path(env[name]) for name in startup.CACHE_VARIABLES}
        now, is_warm = time.monotonic(), (cache / "compiled").exists()
        shown = {"unfiltered": now + 1, "torch": now + 2, "numba": now + (3 if is_warm else 9)}
        Path(command[-1]).write_text(json.dumps({"first_shown": shown}))
        (cache / "compiled").touch()
        caches.append(cache)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("live_edges.display.window.display_problem", lambda: None)
    return caches


def test_starts_are_timed_with_a_cold_and_a_warm_cache(start, tmp_path, capsys):
    report = tmp_path / "starts.json"

    assert main(["bench", "--startup", "--size", "64x48", "--json", str(report)]) == 0

    figures = json.loads(report.read_text())
    printed = capsys.readouterr().out
    assert "64x48, start in a window" in figures["title"]
    for row, cold_s, warm_s in zip(figures["rows"], (1, 2, 9), (1, 2, 3), strict=True):
        assert row["cold_s"] == pytest.approx([cold_s] * startup.STARTS, abs=0.5)
        assert row["warm_s"] == pytest.approx([warm_s] * startup.STARTS, abs=0.5)
        assert row["name"] in printed
    assert len(set(start)) == startup.STARTS
    assert not any(cache.exists() for cache in start)


def test_a_start_without_the_fast_engine_is_told():
    rows = [{"name": "fast", "cold_s": [1.0, None, 1.0], "warm_s": [1.0, 3.0, 2.0]}]

    line = startup.as_lines(rows)[-1]

    assert "in 2 of 3 starts" in line
    assert "2.00 (1.00 to 3.00)" in line


def test_an_app_that_does_not_start_is_told(monkeypatch, capsys):
    failed = subprocess.CompletedProcess([], 1, stderr="source: demo\ndevice cuda is not there\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)

    assert main(["bench", "--startup"]) == 1

    assert capsys.readouterr().err.endswith("it said: device cuda is not there\n")


def test_figures_that_cannot_be_written_are_told(tmp_path, capsys):
    command = ["bench", "--size", "64x48", "--rounds", "1", "--engine", "torch"]

    assert main([*command, "--json", str(tmp_path / "no" / "b.json")]) == 1

    assert "choose another --json" in capsys.readouterr().err


@pytest.mark.parametrize("cuda", [FakeCuda(), pytest.param(None, marks=pytest.mark.cuda)])
def test_a_device_is_held_against_its_memory_and_its_bus(cuda, monkeypatch):
    monkeypatch.setattr(on_device, "FRAMES", 7)
    pipeline = EdgePipeline("sobel", device="cpu" if cuda else "cuda", engine="torch")

    figures = on_device.measure_device(pipeline, IMAGE, rounds=3, cuda=cuda or torch.cuda)

    assert min(dataclasses.astuple(figures)) > 0
    assert "times as long as a copy of the same bytes" in str(figures)
    assert "of what the bus allows" in str(figures)
