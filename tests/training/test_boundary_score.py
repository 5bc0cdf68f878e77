"""How well lines match drawn boundaries, and the folder of photographs that nets are chosen on."""

import json
import sys

import cv2
import numpy as np
import pytest
from safetensors import safe_open

from live_edges.cli import main
from live_edges.errors import TrainingError
from live_edges.training import boundary
from live_edges.training.boundary import BoundaryRun, draw_scenes
from live_edges.training.boundary_score import Photograph, ods, read_photographs

SIZE = (300, 400)  # whose diagonal is 500, so the reach is 3.75 pixels


def lines(*columns, level=255):
    found = np.zeros(SIZE, np.uint8)
    found[:, list(columns)] = level
    return found


def score(found, *people):
    photograph = Photograph(np.zeros((*SIZE, 3), np.uint8), np.stack(people) > 0)
    return ods(lambda _: found, [photograph])


@pytest.mark.parametrize(
    ("found", "people", "expected"),
    [
        (lines(50), [lines(50)], 1.0),
        (lines(), [lines(50)], 0.0),
        (lines(50), [lines()], 0.0),
        (lines(53), [lines(50)], 1.0),
        (lines(54), [lines(50)], 0.0),
        (lines(50), [lines(50, 150)], 2 / 3),  # precision 1, recall 1/2
        (lines(50, 150), [lines(50)], 2 / 3),  # precision 1/2, recall 1
        (lines(50, 150), [lines(50), lines(150)], 1.0),  # each person draws half of it
        (np.maximum(lines(50), lines(150, level=60)), [lines(50)], 1.0),  # by a higher threshold
    ],
)
def test_the_f_measure_of_lines(found, people, expected):
    assert score(found, *people) == pytest.approx(expected, abs=1e-6)


def test_one_threshold_serves_all_photographs():
    blank = np.zeros((*SIZE, 3), np.uint8)
    strong, weak = (Photograph(blank + level, lines(50)[None] > 0) for level in (200, 60))

    def find(image):
        level = int(image[0, 0, 0])
        wrong = lines(150, level=100) if level == 200 else lines()
        return np.maximum(lines(50, level=level), wrong)

    assert ods(find, [strong]) == ods(find, [weak]) == 1.0
    assert ods(find, [strong, weak]) == pytest.approx(0.8)  # 2 of 3 right, all recalled


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "groundTruth").mkdir()
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 30:] = 200
    cv2.imwrite(str(tmp_path / "images" / "one.png"), image)
    cv2.imwrite(str(tmp_path / "groundTruth" / "one.png"), cv2.Canny(image, 50, 100))
    return tmp_path


def test_drawings_of_several_people_are_read_as_bsds500_has_them(folder):
    io = pytest.importorskip("scipy.io")
    people = np.empty((1, 2), object)
    for person in range(2):
        drawn = np.zeros((40, 60), np.uint8)
        drawn[person] = 1
        people[0, person] = {"Boundaries": drawn, "Segmentation": drawn}
    (folder / "groundTruth" / "one.png").unlink()
    io.savemat(folder / "groundTruth" / "one.mat", {"groundTruth": people})

    [photograph] = read_photographs(folder)

    assert photograph.image.shape == (40, 60, 3)
    assert photograph.drawn.sum(axis=2).tolist() == [
        [60 * (row == person) for row in range(40)] for person in range(2)
    ]


def remove_folder(folder):
    (folder / "groundTruth" / "one.png").unlink()
    (folder / "groundTruth").rmdir()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (remove_folder, "lacks a folder images or groundTruth; it takes"),
        (lambda f: (f / "images" / "one.png").unlink(), "holds no photograph; check --validate"),
        (lambda f: (f / "groundTruth" / "one.png").unlink(), "one.mat or .png does not exist"),
        (lambda f: (f / "images" / "one.png").write_bytes(b"x"), "one.png is damaged"),
        (lambda f: (f / "groundTruth" / "one.png").write_bytes(b"x"), "one.png is damaged"),
        (
            lambda f: cv2.imwrite(str(f / "groundTruth" / "one.png"), np.zeros((9, 8))),
            "is 8 x 9 pixels, and .*one.png is 60 x 40",
        ),
    ],
)
def test_photographs_that_cannot_be_used_are_one_sentence(folder, change, says):
    change(folder)

    with pytest.raises(TrainingError, match=says) as caught:
        read_photographs(folder)

    assert "\n" not in str(caught.value)


def test_a_drawing_of_matlab_that_is_damaged_is_one_sentence(folder):
    pytest.importorskip("scipy.io")
    (folder / "groundTruth" / "one.mat").write_bytes(b"x")

    with pytest.raises(TrainingError, match="holds no groundTruth as in BSDS500"):
        read_photographs(folder)


def test_without_scipy_the_command_that_installs_it_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    (folder / "groundTruth" / "one.mat").write_bytes(b"x")

    with pytest.raises(TrainingError, match="read by SciPy, which is not installed; run: pip"):
        read_photographs(folder)


@pytest.mark.slow
def test_the_net_is_chosen_on_photographs_and_every_judged_net_is_kept(folder, monkeypatch, capsys):
    monkeypatch.setattr(boundary, "draw_scenes", lambda count, seed: draw_scenes(1, seed))
    out = folder / "mine.safetensors"
    flags = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu", "--no-report"]
    flags += ["--validate", str(folder), "--keep-nets"]

    code = main(["train", "--preset", "boundary", "--out", str(out), *flags])

    facts = json.loads(safe_open(out, "np").metadata()["live_edges"])
    kept = sorted((folder / "mine.nets").iterdir())
    judged = [json.loads(safe_open(each, "np").metadata()["live_edges"]) for each in kept]
    assert code == 0
    assert [each.name for each in kept] == ["step-000001.safetensors", "step-000002.safetensors"]
    assert facts["chosen_on"] == "photographs"
    assert facts["f_measure"] == 1 - min(each["judged"] for each in judged)
    assert "F-measure on photographs at best" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_that_goes_on_with_another_judge_forgets_what_the_first_one_found(
    folder, monkeypatch, capsys
):
    real = BoundaryRun.step

    def step(self, drawn):
        if self.steps == 1:
            raise KeyboardInterrupt
        return real(self, drawn)

    monkeypatch.setattr(boundary, "draw_scenes", lambda count, seed: draw_scenes(1, seed))
    out = folder / "mine.safetensors"
    flags = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu", "--no-report"]
    command = ["train", "--preset", "boundary", "--out", str(out), *flags, "--keep-nets"]
    with monkeypatch.context() as patch:
        patch.setattr(BoundaryRun, "step", step)
        assert main(command) == 130
    told = capsys.readouterr().err
    more = ["--resume", str(out.with_suffix(".checkpoint")), "--validate", str(folder)]

    assert main([*command, *more]) == 0

    facts, last = (
        json.loads(safe_open(each, "np").metadata()["live_edges"])
        for each in (out, folder / "mine.nets" / "step-000002.safetensors")
    )
    assert "--keep-nets" in told
    assert facts["f_measure"] == 1 - last["judged"]


@pytest.mark.parametrize("flag", [["--validate", "x"], ["--keep-nets"]])
def test_flags_of_the_net_need_its_preset(flag, capsys):
    assert main(["train", *flag]) == 1
    assert f"{flag[0]} needs --preset boundary; leave it out" in capsys.readouterr().err
