import json

import numpy as np
import pytest

from live_edges import bench
from live_edges.cli import main

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


def test_contenders_are_held_against_each_other():
    def ours(image):
        return image[..., 0]

    def theirs(image):
        different = image[..., 0].copy()
        different[0, :5] ^= 128
        return different

    contenders = {"copy": np.copy, "ours, eager": ours, "OpenCV of a kind": theirs}

    copy, eager, opencv = bench.measure(contenders, IMAGE, rounds=3)

    assert (copy.to_copy, copy.differs) == (1, None)
    assert (eager.differs, eager.differing) == (0, 0)
    assert (opencv.to_opencv, opencv.differs) == (1, 128)
    assert opencv.differing == pytest.approx(5 / (37 * 53), abs=1e-6)


@pytest.mark.parametrize("name", ["sobel", "scharr", "blur-difference", "canny"])
def test_opencv_agrees_with_ours_to_one_level(name, monkeypatch):
    monkeypatch.setattr(bench, "_installed_sobels", dict)

    rows = bench.measure(bench._contenders(name, "cpu", compile="off"), IMAGE, rounds=1)

    assert all((row.differs or 0) <= 1 for row in rows)
    assert any(row.name.startswith("OpenCV") for row in rows) == (name != "canny")


@pytest.mark.parametrize("flag", [[], ["--markdown"]])
def test_the_command_prints_a_table_and_writes_the_figures(flag, tmp_path, capsys):
    report = tmp_path / "bench.json"
    command = ["bench", "--size", "64x48", "--rounds", "1", "--compile", "off", "--device", "cpu"]

    assert main([*command, "--json", str(report), *flag]) == 0

    figures = json.loads(report.read_text())
    names = [row["name"] for row in figures["rows"]]
    printed = capsys.readouterr().out
    assert names[:2] == ["copy", "ours, eager"]
    assert all(name in printed for name in names)
    assert "64x48" in figures["title"]


def test_figures_that_can_not_be_written_are_told(tmp_path, capsys):
    command = ["bench", "--size", "64x48", "--rounds", "1", "--compile", "off"]

    assert main([*command, "--json", str(tmp_path / "no" / "b.json")]) == 1

    assert "could not be written" in capsys.readouterr().err
