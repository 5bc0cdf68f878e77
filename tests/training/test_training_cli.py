import errno
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from media import write_video

from live_edges import cli
from live_edges.filters import kernels
from live_edges.filters.weights import shipped_weights
from live_edges.training import descent, evaluate, loop
from live_edges.training.dead_leaves import dead_leaves
from live_edges.training.recipe import Recipe
from live_edges.training.report import Watch, held_out_picture

BANKS = [path for path in shipped_weights() if path.stem != "boundary"]
SMALL = ["--batch", "4", "--crop", "40", "--device", "cpu"]


def main(arguments):
    return cli.main(["train", *arguments])


pytestmark = pytest.mark.usefixtures("few_pictures")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(6):
        image = dead_leaves(np.random.default_rng(index), 90, 120)
        cv2.imwrite(str(folder / f"{index}.jpg"), image[..., ::-1])
    return folder


def test_training_on_a_folder_writes_weights_and_report_and_skips_what_it_cannot_read(
    tmp_path, photos, capsys
):
    (photos / "broken.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(photos / "small.png"), np.zeros((9, 9, 3), np.uint8))
    out = tmp_path / "mine.safetensors"

    code = main([str(photos), *SMALL, "--batch", "20", "--out", str(out)])

    shown = capsys.readouterr()
    assert code == 0
    assert out.is_file()
    assert cv2.imread(str(tmp_path / "mine.png")) is not None
    assert out.stat().st_mode == (tmp_path / "mine.png").stat().st_mode
    assert "2 pictures skipped" in shown.out
    assert f"--weights {out}" in shown.out
    assert "learning" in shown.err


def test_training_on_a_video_samples_its_frames(tmp_path, capsys):
    video = write_video(tmp_path / "film.mp4", 12, size=(160, 120))
    out = tmp_path / "film.safetensors"

    flags = ["--steps", "30", "--no-report", "--out", str(out)]
    code = main([str(video), *SMALL, *flags])

    assert code == 0
    assert "10 pieces of 10 pictures" in capsys.readouterr().out  # the last 2 are held out
    assert out.is_file()


def test_a_folder_that_is_not_writable_is_told_before_training(tmp_path, capsys):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")

    code = main([*SMALL, "--out", str(folder / "mine.safetensors")])

    said = capsys.readouterr().err
    assert code == 1
    assert f"{folder / 'mine.safetensors'} cannot be written (Permission denied)" in said
    assert "learning" not in said


def test_training_on_pairs_learns_what_made_them(tmp_path, photos, capsys):
    targets = tmp_path / "targets"
    targets.mkdir()
    for path in photos.iterdir():
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(float)
        edges = np.abs(gray - cv2.blur(gray, (3, 3))).clip(0, 255).round().astype(np.uint8)
        cv2.imwrite(str(targets / f"{path.stem}.png"), edges)
    out = tmp_path / "pairs.safetensors"

    flags = ["--target", str(targets), "--kernel-size", "3", "--steps", "25", "--no-report"]
    code = main([str(photos), *SMALL, *flags, "--out", str(out)])

    assert code == 0
    loss = float(capsys.readouterr().out.split("loss ")[1].split()[0])
    assert loss < 0.01  # the target pictures are rounded to whole levels


def test_evaluating_compares_shipped_weights_on_a_folder(tmp_path, photos, capsys):
    low_light = next(path for path in shipped_weights() if path.stem == "low-light")
    picture = tmp_path / "low-light.png"

    code = main([str(photos), "--evaluate", str(low_light), "--out", str(picture)])

    assert code == 0
    assert "| learned |" in capsys.readouterr().out
    assert cv2.imread(str(picture)) is not None


@pytest.mark.parametrize("path", BANKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("channels", [[], ["--in-channels", "3"]], ids=["luma", "rgb"])
def test_every_shipped_file_is_evaluated_and_drawn(tmp_path, photos, capsys, path, channels):
    picture = tmp_path / "seen.png"
    flags = [*channels, "--out", str(picture)]

    code = main([str(photos / "0.jpg"), str(photos / "1.jpg"), "--evaluate", str(path), *flags])

    told = capsys.readouterr().out
    assert code == 0
    assert told.count("| learned |") == 2
    assert "nan" not in told
    assert cv2.imread(str(picture)) is not None


@pytest.mark.parametrize("blank", [np.full((60, 80, 3), 137, np.uint8), np.zeros((9, 1, 3), "u1")])
def test_pictures_without_an_edge_are_left_out_of_the_table_and_counted(
    tmp_path, photos, capsys, blank
):
    rgb = next(path for path in shipped_weights() if path.stem == "blur-difference-rgb")
    assert main([str(photos), "--evaluate", str(rgb)]) == 0
    expected = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| l")]
    cv2.imwrite(str(photos / "blank.png"), blank)

    code = main([str(photos), "--evaluate", str(rgb), "--out", str(tmp_path / "seen.png")])

    told = capsys.readouterr().out
    assert code == 0
    assert "6 pictures (1 without an edge left out)" in told
    assert [line for line in told.splitlines() if line.startswith("| l")] == expected


def test_nothing_but_blank_pictures_to_evaluate_on_is_one_sentence(tmp_path, capsys):
    for level in (0, 255):
        cv2.imwrite(str(tmp_path / f"{level}.png"), np.full((60, 80, 3), level, np.uint8))

    code = main([str(tmp_path), "--evaluate", str(shipped_weights()[0])])

    assert code == 1
    assert "finds no edge in any of 2 pictures" in capsys.readouterr().err


def test_a_filter_that_sees_nothing_scores_no_correlation():
    gray = torch.zeros(1, 1, 60, 80, dtype=torch.float64)
    gray[..., 40:] = 1
    down = torch.tensor([[0.0, -1, 0], [0, 1, 0], [0, 0, 0]])[None, None]  # blind to this step
    sobel = torch.from_numpy(kernels.sobel())

    scores = evaluate.compare([gray], {"down": down}, sobel, seed=0)

    assert scores[0, 0, 0] == 0
    assert scores.isfinite().all()


def _empty(folder, _trained):
    (folder / "empty").mkdir()
    return [str(folder / "empty")]


def _damaged(folder, _trained):
    for index in range(3):
        (folder / f"{index}.jpg").write_bytes(b"no picture")
    return [str(folder)]


def _small(folder, _trained):
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), np.zeros((20, 30, 3), np.uint8))
    return [str(folder)]


@pytest.fixture(scope="module")
def one_step(few_pictures):
    """A run of one step, to save where a checkpoint is needed."""
    return loop.train(Recipe(batch=4, crop=40, steps=1))


def _other_checkpoint(folder, trained):
    out = str(folder / "a.safetensors")
    path = folder / "a.checkpoint"
    trained.save(path)
    return ["--resume", str(path), "--kernel-size", "9", "--out", out]


def _checkpoint_with(change):
    """A checkpoint whose state was changed so."""

    def given(folder, trained):
        path = folder / "a.checkpoint"
        trained.save(path)
        state = torch.load(path, weights_only=True)
        change(state)
        torch.save(state, path)
        return ["--resume", str(path)]

    return given


def _no_checkpoint(folder, _trained):
    (folder / "b.checkpoint").write_bytes(b"nothing of the kind")
    return ["--resume", str(folder / "b.checkpoint")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (_empty, "holds no images"),
        (_damaged, "no picture of 2 can be used: damaged"),
        (_small, "smaller than a piece of 40x40"),
        (lambda folder, _: [str(folder / "gone.jpg")], "does not exist"),
        (lambda *_: ["--kernel-size", "4"], "odd number"),
        (lambda *_: ["--sigma", "3"], "--kernel-size 13 at least"),
        (lambda folder, _: ["--out", str(folder / "no" / "a.safetensors")], "does not exist"),
        (lambda folder, _: ["--out", str(folder / "a.txt")], "ends in .safetensors"),
        (lambda folder, _: ["--resume", str(folder / "no.checkpoint")], "does not exist"),
        (_other_checkpoint, "was made with --kernel-size 7, not 9"),
        (
            _checkpoint_with(lambda state: state["recipe"].update(kernel_size=9)),
            "does not fit its own recipe",
        ),
        (_checkpoint_with(lambda state: state.pop("optimizer")), "does not fit its own recipe"),
        (_checkpoint_with(lambda state: state.update(optimizer=[])), "does not fit its own recipe"),
        (_checkpoint_with(lambda state: state.update(losses=None)), "does not fit its own recipe"),
        (_no_checkpoint, "damaged, or no checkpoint"),
        (lambda *_: ["--check"], "needs --preset"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(
    tmp_path, monkeypatch, capsys, one_step, arguments, says
):
    monkeypatch.chdir(tmp_path)
    given = arguments(tmp_path, one_step)
    capsys.readouterr()

    code = main([*SMALL, *given])

    lines = [line for line in capsys.readouterr().err.splitlines() if "live-edges: " in line]
    assert code == 1
    assert len(lines) == 1
    assert says in lines[0]
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_full_disk_keeps_the_file_that_was_there(tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    out.write_bytes(b"good weights")

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    code = main([*SMALL, "--steps", "2", "--no-report", "--out", str(out)])

    assert code == 1
    assert "(No space left on device); the file that was there is unchanged" in (
        capsys.readouterr().err
    )
    assert out.read_bytes() == b"good weights"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, monkeypatch, capsys, number):
    out, whole = tmp_path / "mine.safetensors", tmp_path / "whole.safetensors"
    rest = ["--steps", "9", "--no-report"]
    real = descent.Descent.step

    def stop_at_4(self):
        if self.steps == 3:
            os.kill(os.getpid(), number)
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(descent.Descent, "step", stop_at_4)
        code = main([*SMALL, *rest, "--out", str(out)])
    said = capsys.readouterr().err
    checkpoint = tmp_path / "mine.checkpoint"

    assert code == 130
    assert f"stopped after step 3; go on with: --resume {checkpoint}" in said
    assert main(["--resume", str(checkpoint), "--no-report", "--device", "cpu"]) == 0
    assert main([*SMALL, *rest, "--out", str(whole)]) == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not checkpoint.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_signal_while_pictures_are_read_says_how_to_go_on(
    tmp_path, monkeypatch, capsys, one_step, is_resumed
):
    saved = tmp_path / "a.checkpoint"
    one_step.save(saved)
    before = saved.read_bytes()

    def interrupted(*_args, **_more):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(loop, "read_examples", interrupted)

    code = main([*(["--resume", str(saved)] if is_resumed else []), *SMALL])

    said = capsys.readouterr().err
    again = f"go on with: --resume {saved}" if is_resumed else "start again, nothing is lost"
    assert code == 130
    assert f"stopped before the first step; {again}" in said
    assert saved.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_a_check_that_is_interrupted_compares_nothing(monkeypatch, capsys):
    def interrupted(_self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(descent.Descent, "step", interrupted)

    code = main(["--preset", "blur-difference-rgb", "--check", *SMALL])

    shown = capsys.readouterr()
    assert code == 130
    assert "interrupted" in shown.err
    assert "cosine" not in shown.out


def test_a_loss_that_is_no_number_ends_with_the_last_good_weights(tmp_path, monkeypatch, capsys):
    out = tmp_path / "mine.safetensors"
    real, calls = descent.relative_loss, 0

    def breaks(*args):
        nonlocal calls
        calls += 1
        return real(*args) * (float("nan") if calls > 3 else 1)

    monkeypatch.setattr(descent, "relative_loss", breaks)

    code = main([*SMALL, "--out", str(out)])

    assert code == 1
    assert "kept in" in capsys.readouterr().err
    assert out.is_file()


class _FakeWindow:
    def __init__(self):
        self.shown = []
        self.is_open = True

    def show(self, image):
        self.shown.append(image)

    def poll(self, timeout_s):
        return "q"

    def close(self):
        self.is_open = False


def test_watching_shows_the_training_until_q_and_training_goes_on():
    recipe = Recipe(batch=4, crop=40, steps=5)
    window = _FakeWindow()
    shown = held_out_picture(loop.find_pictures(recipe).held_out, recipe)

    trained = loop.train(recipe, on_step=Watch(window, shown))

    assert trained.steps == 5
    assert len(window.shown) == 1
    assert window.shown[0].ndim == 3
    assert window.shown[0].std() > 10
    assert not window.is_open


@pytest.mark.slow
def test_opencv_is_imported_before_pyav_so_that_the_window_to_watch_in_opens(tmp_path):
    (tmp_path / "empty").mkdir()
    code = (
        "import sys\n"
        "from live_edges.cli import main\n"
        "assert main(['train', 'empty', '--watch', '--device', 'cpu']) == 1\n"
        "names = list(sys.modules)\n"
        "assert names.index('cv2') < names.index('av')\n"
    )

    child = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )

    assert child.returncode == 0, child.stderr


def test_a_lone_picture_is_learned_from_and_counted_as_one(tmp_path, photos, capsys):
    out = tmp_path / "one.safetensors"

    code = main([str(photos / "0.jpg"), *SMALL, "--steps", "1", "--no-report", "--out", str(out)])

    assert code == 0
    assert "finished after 1 step on 4 pieces of 1 picture\n" in capsys.readouterr().out
