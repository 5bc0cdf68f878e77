"""The programs in docs/examples do what their first lines say."""

import ast
import json
import os
import runpy
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from media import write_image
from safetensors import safe_open

from live_edges import EdgePipeline
from live_edges.cli import parse
from live_edges.filters.weights import load_weights

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts an example in an empty folder, and returns its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr("sys.argv", [name, *arguments])
        try:
            runpy.run_path(str(DOCS / "examples" / name), run_name="__main__")
        except SystemExit as end:
            return end.code
        return 0

    return run


def noise(seed, size=(260, 260)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_says_how_to_start_it_and_is_linked(path):
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    assert f"\n    python docs/examples/{path.name}" in ast.get_docstring(ast.parse(text))
    assert f"(examples/{path.name})" in (DOCS / "usage.md").read_text(encoding="utf-8")


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize("first", [0, 1])
def test_the_tasks_of_an_array_share_the_files_of_a_folder(tmp_path, first):
    """SLURM sets the variables; a stand-in for the program prints what it is asked for."""
    (tmp_path / "clips").mkdir()
    for number in range(5):
        (tmp_path / "clips" / f"clip {number}.mp4").touch()
    (tmp_path / "live-edges").write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "live-edges").chmod(0o755)
    paths = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_CPUS_PER_TASK": "2"}
    array = {"SLURM_ARRAY_TASK_COUNT": "7", "SLURM_ARRAY_TASK_MIN": str(first)}

    taken = []
    for task in range(first, first + 7):
        printed = subprocess.run(
            ["bash", str(DOCS / "examples" / "archive.sh"), "clips", "out"],
            cwd=tmp_path,
            env={**os.environ, **paths, **array, "SLURM_ARRAY_TASK_ID": str(task)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if printed:  # of seven tasks two have nothing to do
            args = parse(printed.splitlines())
            taken += args.inputs
            assert (args.out, args.threads) == ("out/", 2)

    assert sorted(taken) == [f"clips/clip {number}.mp4" for number in range(5)]


def test_own_conv2d_shows_the_kernel_that_it_set(start, tmp_path):
    assert start("own_conv2d.py", "demo", "--headless", "--frames", "2", "--stats", "s.json") == 0

    [[kernel]] = load_weights(tmp_path / "diagonal.safetensors")
    assert json.loads((tmp_path / "s.json").read_text())["filter"] == "diagonal"
    np.testing.assert_allclose(kernel, np.float64([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]]) / 3)


def test_edges_of_a_folder_writes_the_edges_of_each_image(start, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number in range(2):
        write_image(tmp_path / "photos" / f"{number}.png", noise(number, (37, 53)))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")

    start("edges_of_a_folder.py", "photos", "out/edges")

    written = {path.name: cv2.imread(str(path), -1) for path in (tmp_path / "out/edges").iterdir()}
    assert sorted(written) == ["0.png.png", "1.png.png"]
    expected = EdgePipeline("sobel", gain=3.0, device="cpu", engine="torch")(noise(1, (37, 53)))
    assert np.abs(written["1.png.png"].astype(int) - expected).max() <= 1
    assert "broken.jpg cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(("column", "direction"), [(10, "left"), (60, "ahead"), (110, "right")])
def test_newest_frame_looks_to_where_most_edges_are(start, tmp_path, capsys, column, direction):
    image = np.zeros((48, 120, 3), np.uint8)
    image[10:40, column : column + 4] = 255
    write_image(tmp_path / "room.png", image)

    start("newest_frame.py", "room.png")

    assert f"ms old: look {direction}\n1 frames used" in capsys.readouterr().out


def test_newest_frame_stops_after_so_many_frames_of_a_live_source(start, capsys):
    start("newest_frame.py", "demo", "2")

    assert "2 frames used" in capsys.readouterr().out


def test_compare_filters_draws_both_and_tells_the_difference(start, tmp_path, capsys):
    image = np.zeros((37, 53, 3), np.uint8)
    image[:, 20:] = 100
    write_image(tmp_path / "step.png", image)

    start("compare_filters.py", "step.png", "sobel", "roberts")

    # Sobel shows the step two pixels wide, Roberts one.
    sobel, roberts = np.hsplit(cv2.imread(str(tmp_path / "compared.png"), -1), 2)
    assert np.count_nonzero(sobel) == 2 * np.count_nonzero(roberts) == 2 * 37
    assert f"brighter than 25: {1 / 53:.1%}" in capsys.readouterr().out


@pytest.mark.slow
def test_train_on_my_photographs_learns_from_them(start, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for number in range(2):
        blurred = cv2.GaussianBlur(noise(number), (0, 0), 2)
        write_image(tmp_path / "photos" / f"{number}.png", blurred)

    quick = ("--steps", "1", "--batch", "4")
    assert start("train_on_my_photographs.py", "photos", "w.safetensors", *quick) == 0

    with safe_open(tmp_path / "w.safetensors", "numpy") as file:
        learned = json.loads(file.metadata()["live_edges"])
    assert (learned["recipe"]["data"], learned["recipe"]["noise"]) == (["photos"], 15)
    assert (tmp_path / "w.png").exists()
    assert "| learned |" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("nowhere",)])
def test_train_on_my_photographs_says_what_is_missing(start, capsys, arguments):
    assert start("train_on_my_photographs.py", *arguments) == 1

    assert "does not exist" in capsys.readouterr().err
