"""The boundary net: scenes with exact boundaries, and training that repeats and resumes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from live_edges import EdgePipeline
from live_edges.cli import main
from live_edges.errors import TrainingError
from live_edges.training import boundary, boundary_commands
from live_edges.training.boundary import BoundaryRun, batch_of, cross_entropy, draw_scenes, train
from live_edges.training.boundary_scenes import BOUNDARY, UNKNOWN, boundaries
from live_edges.training.recipe import BoundaryRecipe

TINY = BoundaryRecipe(steps=2, batch=2, crop=32, scenes=2)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(boundary, "HELD_OUT", 1)
    monkeypatch.setattr("live_edges.training.boundary_scenes.TEXTURES", 2)


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_boundary_lies_on_both_pixels_of_a_change():
    on_top = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]], np.int32)
    looks = np.array([[0.0, 0, 0, 0], [1.0, 0, 0, 0]], np.float32)

    marks = boundaries(on_top, looks)

    assert (marks == BOUNDARY).tolist() == [
        [False, True, True, False],
        [False, True, True, True],
        [False, False, True, True],
    ]


def test_a_boundary_that_nobody_can_see_is_unknown_unless_one_beside_it_is_seen():
    on_top = np.array([[0, 0, 1, 1, 2, 2]], np.int32)
    looks = np.array([[0.5] * 4, [0.51] * 4, [0.9] * 4], np.float32)

    [marks] = boundaries(on_top, looks)

    assert marks.tolist() == [0, UNKNOWN, UNKNOWN, BOUNDARY, BOUNDARY, 0]


def test_scenes_have_boundaries_and_follow_the_seed():
    one, again, other = draw_scenes(2, 0), draw_scenes(2, 0), draw_scenes(2, 1)

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert 0.01 < (one[..., 3] == BOUNDARY).mean() < 0.5


def test_a_step_turns_pictures_and_marks_together():
    ramp = np.zeros((1, 256, 256, 4), np.uint8)
    ramp[0] = np.where(np.arange(256)[:, None] < 128, 0, 255)[..., None]
    recipe = replace(TINY, batch=16, crop=256)

    image, marks = batch_of(ramp, recipe, 3)

    for picture, mark in zip(image.mean(1), marks[:, 0], strict=True):
        if mark.any():
            assert picture[mark > 0].min() > picture[mark == 0].max()


def test_what_is_unknown_does_not_count():
    marks = torch.tensor([[[[0, UNKNOWN, BOUNDARY]]]], dtype=torch.uint8)
    odds = torch.tensor([[[[-20.0, 20.0, 20.0]]]])

    assert cross_entropy(odds, marks) < 1e-6
    assert cross_entropy(-odds, marks) > 1


def test_two_runs_of_one_recipe_are_equal():
    runs = [train(TINY, CPU)[0] for _ in range(2)]

    assert same(*(run.mean.state_dict() for run in runs))
    assert same(*(run.best[0] for run in runs))
    assert not same(runs[0].mean.state_dict(), BoundaryRun(TINY, CPU).mean.state_dict())


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(tmp_path):
    whole = train(TINY, CPU)[0]
    begun = BoundaryRun(TINY, CPU)
    begun.step(draw_scenes(TINY.scenes, TINY.seed))
    boundary.save(begun, tmp_path / "run.checkpoint")

    recipe, state = boundary.load_checkpoint(tmp_path / "run.checkpoint")
    resumed, ended = train(recipe, CPU, resume=state)

    assert ended == "finished"
    assert same(resumed.mean.state_dict(), whole.mean.state_dict())


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    real = BoundaryRun.step

    def step(self, drawn):
        if self.steps == 1:
            raise KeyboardInterrupt
        return real(self, drawn)

    out = tmp_path / "mine.safetensors"
    flags = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu", "--no-report"]
    command = ["train", "--preset", "boundary", "--out", str(out), *flags]
    monkeypatch.setattr(boundary, "draw_scenes", lambda count, seed: draw_scenes(1, seed))
    with monkeypatch.context() as patch:
        patch.setattr(BoundaryRun, "step", step)
        code = main(command)
    told = capsys.readouterr().err

    resumed = main([*command, "--resume", str(out.with_suffix(".checkpoint"))])

    assert code == 130
    assert "stopped after step 1; go on with: --preset boundary --resume" in told
    assert resumed == 0
    assert not out.with_suffix(".checkpoint").exists()


def test_the_command_makes_a_filter_with_its_recipe_inside(tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    monkeypatch.setattr(boundary, "draw_scenes", lambda count, seed: draw_scenes(1, seed))
    flags = ["--steps", "2", "--batch", "2", "--crop", "32", "--device", "cpu"]

    code = main(["train", "--preset", "boundary", "--out", str(out), *flags])

    facts = json.loads(safe_open(out, "np").metadata()["live_edges"])
    assert code == 0
    assert facts["architecture"] == "boundary-1"
    assert facts["recipe"] == {**facts["recipe"], "steps": 2, "batch": 2, "seed": 0}
    assert EdgePipeline(out, device="cpu")(np.zeros((20, 30, 3), np.uint8)).shape == (20, 30)
    assert out.with_suffix(".png").stat().st_size > 1000
    assert "see it live: live-edges run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--sigma", "2"], "takes no --sigma"),
        (["photos"], "takes no DATA"),
        (["--watch"], "takes no --watch"),
        (["--crop", "100"], "choose 32 to 256 in steps of 16"),
        (["--lr", "0"], "--lr is 0; choose from 1e-06 to 100"),
        (["--resume", "none.checkpoint"], "does not exist"),
        (["--out", "mine.pt"], "should be a file that ends in .safetensors"),
    ],
)
def test_flags_that_make_no_sense_are_one_sentence(flags, says, capsys):
    code = main(["train", "--preset", "boundary", *flags])

    told = capsys.readouterr().err
    assert code == 1
    assert says in told
    assert told.count("\n") == 1


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    boundary.save(BoundaryRun(TINY, CPU), tmp_path / "run.checkpoint")

    with pytest.raises(TrainingError, match=r"made with --crop 32, not 64; give --crop 32"):
        boundary_commands._resumed(tmp_path / "run.checkpoint", replace(TINY, crop=64))


def test_a_damaged_checkpoint_is_one_sentence(tmp_path):
    (tmp_path / "run.checkpoint").write_bytes(b"PK\x03\x04 broken")

    with pytest.raises(TrainingError, match="damaged, or no checkpoint of --preset boundary"):
        boundary.load_checkpoint(tmp_path / "run.checkpoint")
