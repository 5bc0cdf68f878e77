"""docs/architecture.md is true: its layers, the way of one frame, and its patches, applied."""

import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import FakeClock, FakeScreen
from test_layers import LAYERS

import live_edges
from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.filters.functional import edge_strength
from live_edges.live.app import App
from live_edges.live.limits import Limits
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources.capture import Capture
from live_edges.sources.demo import Demo

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PATCHES = dict(re.findall(r"^### An? (\w+)\n.*?^```diff\n(.*?)^```$", TEXT, re.M | re.S))
WAY = re.findall(r"^\| .*? \| `([\w.]+)` \| `([\w/]+\.py)` \| (\w+) \|$", TEXT, re.M)
STAND_INS = {"PacedSource.read": "Source.read", "FakeScreen.show": "Screen.show"}


def test_the_layers_are_those_that_are_tested():
    [block] = re.findall(r"^```layers\n(.*?)^```$", TEXT, re.M | re.S)

    assert [set(line.split()) for line in block.splitlines()] == LAYERS


@pytest.fixture
def calls():
    """The first call of each function of `WAY`, in order: name, module, thread."""
    seen = {}
    package = Path(live_edges.__file__).parent

    def note(frame, event, _argument):
        code = frame.f_code
        name = STAND_INS.get(code.co_qualname, code.co_qualname)
        if event == "call" and name not in seen:
            path = Path(code.co_filename)
            inside = path.relative_to(package).as_posix() if path.is_relative_to(package) else ""
            seen[name] = name, inside, threading.current_thread().name

    sys.setprofile(note)
    threading.setprofile(note)
    yield seen
    sys.setprofile(None)
    threading.setprofile(None)


def test_a_frame_goes_the_way_that_is_described(tmp_path, calls):
    pipeline = Future()
    pipeline.set_result(EdgePipeline(device="cpu", engine="torch"))
    screen, clock = FakeScreen(), FakeClock()
    screen.size = (320, 240)
    recordings = RecordingSession(RecordingOptions(path=tmp_path / "take.mp4", waits=True))
    recordings.start()
    app = App(
        Capture(Demo((64, 48), clock=clock, wait=clock.wait)),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=Settings(),
        limits=Limits(frames=2),
        recordings=recordings,
        clock=clock,
    )

    app.run()

    documented = [name for name, _, _ in WAY]
    assert [name for name in calls if name in documented] == documented
    for name, module, thread in WAY:
        _, inside, name_of_thread = calls[name]
        assert inside in (module, "sources/paced.py", "")  # "": the screen is this test's
        assert name_of_thread.lower().startswith(thread)


def patched(kind, folder):
    """Copy the package, apply a patch of the document, and return what a program is run with."""
    shutil.copytree(ROOT / "live_edges", folder / "live_edges")
    shutil.copytree(ROOT / "weights", folder / "weights")
    shutil.copy(ROOT / "README.md", folder)
    subprocess.run(
        ["git", "apply", "--whitespace=error", "-"],
        input=PATCHES[kind].encode(),
        cwd=folder,
        check=True,
        timeout=30,
    )
    return {"cwd": folder, "env": os.environ | {"PYTHONPATH": str(folder)}}


def run_python(program, options):
    outcome = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, **options
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.split()


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git applies the patches")


@needs_git
def test_the_patch_for_a_filter_finds_edges(tmp_path):
    program = """if True:
        import numpy as np
        from live_edges.cli import main
        from live_edges.filters.catalog import catalog
        np.save("bank.npy", catalog()["farid"].bank(1.0))
        main(["filters"])"""
    step = torch.tensor([0.0, 0, 0, 1, 1, 1]).expand(1, 1, 6, 6)

    listed = run_python(program, patched("filter", tmp_path))

    assert "farid" in listed
    strength = edge_strength(step, torch.from_numpy(np.load(tmp_path / "bank.npy")).float())
    torch.testing.assert_close(strength.amax(), torch.tensor(1.0))


@needs_git
def test_the_patch_for_a_source_delivers_frames(tmp_path):
    program = """if True:
        from live_edges.sources import open_source
        from live_edges.sources.capture import Capture
        with Capture(open_source("noise")) as capture:
            first, second = capture.read(5), capture.read(5)
        print(first.index, second.index, (first.image != second.image).mean() > 0.9)"""

    assert run_python(program, patched("source", tmp_path)) == ["0", "1", "True"]


@needs_git
def test_the_patch_for_a_key_changes_settings_and_is_in_the_readme(tmp_path):
    program = """if True:
        from live_edges.live.keymap import bindings, by_key
        from live_edges.settings import Settings
        key = by_key(bindings([]))["g"]
        after = key.does(Settings(gain=3.0))
        print(f"| `{key.label}` | {key.help} |", after.gain, after.auto_gain)"""

    printed = run_python(program, patched("key", tmp_path))

    *row, gain, auto_gain = printed
    assert (gain, auto_gain) == ("1.0", "False")
    assert " ".join(row) in (tmp_path / "README.md").read_text(encoding="utf-8")


@needs_git
def test_the_patch_for_a_view_is_known_to_the_command_line_and_the_key(tmp_path):
    program = """if True:
        import numpy as np
        from live_edges.cli import parse
        from live_edges.live.keymap import bindings, by_key
        from live_edges.pipeline.views import VIEWS, Picture
        from live_edges.settings import Settings
        view = parse(["run", "--view", "negative"]).view
        assert by_key(bindings([]))["v"].does(Settings(view="side")).view == view
        image, edges = np.zeros((1, 2, 3), np.uint8), np.uint8([[0, 255]])
        print(*VIEWS[view].paint(Picture(image, edges, Settings(), None))[0, :, 0])"""

    assert run_python(program, patched("view", tmp_path)) == ["255", "0"]
