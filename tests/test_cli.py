"""The command line as a user types it; slow parts run in one child process each."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from media import write_video

from live_edges.cli import main, parse
from live_edges.info import PACKAGES

NO_DISPLAY = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}


@pytest.fixture(autouse=True)
def _no_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


@pytest.fixture
def png(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


def test_help_answers_without_torch_or_opencv():
    code = (
        "import sys; from live_edges.cli import parse\n"
        "try: parse(['run', '--help'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "SOURCE" in result.stdout
    assert "--weights" in result.stdout


@pytest.mark.parametrize("argv", [[], ["--headless"], ["--filter", "canny"]])
def test_run_is_what_no_command_means(argv):
    assert parse(argv).command == "run"


@pytest.mark.parametrize(
    "argv",
    [
        ["nonsense"],
        ["run", "--view", "inside-out"],
        ["run", "--size", "12"],
        ["run", "--size", "0x5"],
        ["run", "--fps", "-3"],
        ["run", "--gain", "much"],
        ["run", "--threshold", "2"],
        ["run", "--sigma", "0.1"],
        ["run", "--fourcc", "MJPEG"],
        ["run", "--frames", "0"],
        ["run", "--duration", "nan"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)

    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "demo", "--filter", "soble"], "no filter 'soble'; choose one of: sobel"),
        (["run", "demo", "--headless", "--device", "cuda:97"], "choose one of: auto, cpu"),
        (["run", "demo", "--headless", "--weights", "none.pt"], "none.pt does not exist"),
        (["run", "missing.mp4"], "missing.mp4 does not exist"),
        (["run", "77", "--headless"], "camera 77"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_exit_code_1(argv, message, capsys):
    assert main(argv) == 1

    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("live-edges: ")
    assert message in error


def test_a_file_loses_no_frame_on_the_way(tmp_path):
    write_video(tmp_path / "clip.mp4", count=300)

    code = main(
        ["run", str(tmp_path / "clip.mp4"), "--headless", "--stats", str(tmp_path / "s.json")]
    )

    stats = json.loads((tmp_path / "s.json").read_text())
    assert code == 0
    assert (stats["frames_in"], stats["frames_shown"], stats["frames_dropped"]) == (300, 300, 0)


def test_a_picture_without_a_display_is_done_at_once(png, caplog):
    with caplog.at_level(logging.INFO):
        assert main(["run", str(png), "--filter", "canny", "--view", "side"]) == 0

    assert "no display" in caplog.text
    assert "1 frames shown" in caplog.text


def test_the_unwatched_demo_leaves_its_last_picture(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("live_edges.live.run.DEMO_LIMIT_S", 0.3)

    with caplog.at_level(logging.INFO):
        assert main(["run", "demo", "--engine", "torch"]) == 0

    [path] = tmp_path.glob("live-edges-*-overlay.png")
    assert cv2.imread(str(path)).shape == (720, 1280, 3)
    assert path.name in caplog.text


def test_statistics_that_can_not_be_written_are_told(png, tmp_path, capsys):
    assert main(["run", str(png), "--headless", "--stats", str(tmp_path / "no" / "s.json")]) == 1

    assert "choose another --stats" in capsys.readouterr().err


def test_filters_lists_every_filter(capsys):
    from live_edges.filters.catalog import catalog

    assert main(["filters"]) == 0

    listed = capsys.readouterr().out
    assert all(name in listed for name in catalog())


def test_a_broken_weights_file_is_listed_as_such(tmp_path, capsys):
    (tmp_path / "broken.safetensors").write_bytes(b"no")

    assert main(["filters", "--weights", str(tmp_path / "broken.safetensors")]) == 0

    assert "cannot be used" in capsys.readouterr().out


def test_cameras_says_so_where_there_is_none(capsys, monkeypatch):
    monkeypatch.setattr("live_edges.sources.camera_list.enumerate_cameras", lambda _backend: [])

    assert main(["cameras"]) == 0

    assert "no camera found" in capsys.readouterr().out


def test_doctor_reports_on_everything(capsys):
    assert main(["doctor"]) == 0

    report = capsys.readouterr().out
    for word in (
        "system",
        "torch",
        "windows",
        "display",
        "device",
        "self-test   cpu: 1080p Sobel in",
        "edges as defined",
        "libx264",
        "camera",
    ):
        assert word in report


class _Broken:
    """A finder of modules that fail at their import."""

    def __init__(self, names, error):
        self._names, self._error = names, error

    def find_spec(self, name, _path=None, _target=None):
        if name in self._names:
            raise self._error


ILLNESSES = {
    "no library": OSError("libGL.so.1: cannot open shared object file"),
    "dll": ImportError("DLL load failed while importing _C\nthe specified module was not found"),
    "attribute": AttributeError("module 'x' has no attribute 'y'"),
    "runtime": RuntimeError("module compiled against ABI version 9\n\nbut this is 8 " + "x" * 999),
    "missing": ModuleNotFoundError("No module named 'x'"),
    "without words": ValueError(),
}


def in_report(module, error):
    """The beginning and the end of the line about a package that fails so."""
    text = str(error).partition("\n")[0]
    said = f"cannot be imported: {type(error).__name__}" + (f": {text}" if text else "")
    return f"package     {PACKAGES[module][0]} ", said


@pytest.fixture
def quick_test(monkeypatch):
    monkeypatch.setattr("live_edges.info.TEST_SIZE", (64, 48))


@pytest.mark.parametrize("module", [name for name in PACKAGES if name != "live_edges"])
def test_doctor_gives_the_reason_why_a_package_does_not_import(
    module, quick_test, monkeypatch, capsys
):
    error = ILLNESSES["runtime"]
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Broken({module}, error), *sys.meta_path])

    assert main(["doctor"]) == 0

    report = capsys.readouterr().out
    package, said = in_report(module, error)
    [line] = [each for each in report.splitlines() if "cannot be imported" in each]
    assert line.startswith(package)
    assert said in line
    assert len(line) < 400
    assert "system" in report
    assert "encoders" in report


@pytest.mark.parametrize("error", ILLNESSES.values(), ids=ILLNESSES)
def test_doctor_is_no_traceback_where_nothing_imports(error, monkeypatch, capsys):
    others = PACKAGES.keys() - {"live_edges"}
    for module in others:
        monkeypatch.delitem(sys.modules, module, raising=False)
    broken = _Broken(others, error)
    monkeypatch.setattr(sys, "meta_path", [broken, *sys.meta_path])

    assert main(["doctor"]) == 0

    report = capsys.readouterr().out.splitlines()
    lines = [line for line in report if "cannot be imported" in line]
    expected = [in_report(module, error) for module in PACKAGES if module in others]
    for line, (package, said) in zip(lines, expected, strict=True):
        assert line.startswith(package)
        assert said in line
        assert len(line) < 400
    assert any(line.startswith("device      unknown: ") for line in report)


@pytest.mark.slow
def test_doctor_starts_without_numpy():
    code = "import sys; sys.modules['numpy'] = None; from live_edges.cli import main; main()"

    child = subprocess.run(
        [sys.executable, "-c", code, "doctor"],
        env=NO_DISPLAY, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert "numpy" in next(line for line in child.stdout.splitlines() if "cannot be" in line)
    assert "Traceback" not in child.stderr


def test_doctor_says_what_is_not_installed(monkeypatch, capsys):
    monkeypatch.setitem(PACKAGES, "no_such_module", ("no-such-package",))
    monkeypatch.setitem(sys.modules, "torch", None)

    assert main(["doctor"]) == 0

    report = capsys.readouterr().out
    assert "package     no-such-package is not installed" in report
    assert "device      unknown: ModuleNotFoundError: import of torch halted" in report


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("command", "works_in"),
    [("cameras", "info.cameras"), ("doctor", "info.doctor"), ("bench", "bench.cli._contest")],
)
def test_a_signal_ends_a_command_with_130(monkeypatch, capsys, command, works_in, name):
    number = getattr(signal, name)

    def work(_args):
        os.kill(os.getpid(), number)
        time.sleep(10)

    monkeypatch.setattr(f"live_edges.{works_in}", work)
    before = signal.getsignal(number)

    code = main([command])

    assert code == 130
    assert capsys.readouterr().err == "live-edges: interrupted\n"
    assert signal.getsignal(number) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_ctrl_c_ends_a_run_cleanly_with_the_summary(tmp_path):
    stats = tmp_path / "s.json"
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "live_edges",
            "run",
            "demo",
            "--duration",
            "60",
            "--engine",
            "torch",
            "--stats",
            stats,
        ],
        stderr=subprocess.PIPE,
        text=True,
        env=NO_DISPLAY,
    )
    told = [child.stderr.readline()]
    while told[-1] and not told[-1].startswith("device"):  # then the loop is running
        told.append(child.stderr.readline())

    time.sleep(0.2)  # long enough for a frame; the test holds for none, too
    child.send_signal(signal.SIGINT)  # SIGTERM: see test_session.py
    _, rest = child.communicate(timeout=20)

    assert child.returncode == 0
    assert "frames shown" in rest
    assert "Traceback" not in rest
    assert json.loads(stats.read_text())["source"] == "demo"
