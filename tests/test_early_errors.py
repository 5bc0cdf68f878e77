"""What is wrong from the start is said at once: torch, which takes seconds, is not imported."""

import json
import os
import subprocess
import sys

import pytest
from media import write_video

CHILD = """
import contextlib, io, json, logging, sys, threading
from live_edges.live import run as live
from live_edges.cli import main
live.HEAD_START_S = 60  # so that a slow machine makes no difference
for arguments in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(arguments)
    logging.root.handlers.clear()  # they write to what is put in place of stderr
    others = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    found = {"code": code, "torch": "torch" in sys.modules, "threads": others}
    print(json.dumps({"found": found, "said": said.getvalue()}))
"""
RUN = ["run", "demo", "--headless", "--frames", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("early")
    write_video(folder / "film.mp4", 3, size=(64, 48))
    (folder / "there.mp4").write_bytes(b"mine")
    (folder / "plain").write_bytes(b"no folder")
    return folder


ERRORS = {
    "no file": (["run", "none.mp4"], "none.mp4 does not exist"),
    "no camera of that number": (["run", "77"], "camera 77"),
    "no camera of that name": (["run", "no such camera"], "is neither a camera nor a file"),
    "a broken video": (["run", "there.mp4"], "there.mp4"),
    "no filter": ([*RUN, "--filter", "soble"], "there is no filter 'soble'"),
    "no weights": ([*RUN, "--weights", "none.pt"], "none.pt does not exist"),
    "no chosen weights": ([*RUN, "--weights", "none.ckpt#conv1"], "none.ckpt does not exist"),
    "the recording exists": ([*RUN, "--record", "there.mp4"], "there.mp4"),
    "no video": ([*RUN, "--record", "there.txt"], "known video format"),
    "no folder to record in": ([*RUN, "--record", "none/a.mp4"], "folder none does not exist"),
    "a file to record in": ([*RUN, "--record", "plain/a.mp4"], "folder plain does not exist"),
    "no folder for statistics": ([*RUN, "--stats", "none/a.json"], "folder none does not exist"),
    "process: no file": (["process", "none.mp4", "-o", "out.mp4"], "none.mp4 does not exist"),
    "process: no filter": (["process", "film.mp4", "-o", "o.mp4", "--filter", "x"], "no filter"),
    "process: no weights": (["process", "film.mp4", "-o", "o.mp4", "--weights", "a.pt"], "a.pt"),
    "process: no folder": (["process", "film.mp4", "-o", "plain/a.mp4"], "plain"),
    "process: wrong ending": (["process", "film.mp4", "-o", "out.png"], "out.png"),
    "train: no data": (["train", "none.jpg"], "none.jpg does not exist"),
    "train: no folder to learn from": (["train", "none"], "none does not exist"),
    "train: no folder": (["train", "--out", "none/a.safetensors"], "folder none does not exist"),
    "train: no weights file": (["train", "--out", "a.txt"], "ends in .safetensors"),
    "train: no checkpoint": (["train", "--resume", "none.checkpoint"], "does not exist"),
    "train: no weights": (["train", "--evaluate", "none.pt"], "none.pt does not exist"),
    "train: no drawing": (
        ["train", "--evaluate", "there.mp4", "--out", "none/a.png"],
        "folder none does not exist",
    ),
    "train: no preset": (["train", "--check"], "--check needs --preset"),
    "bench: no filter": (["bench", "--filter", "soble"], "there is no filter 'soble'"),
    "bench: no weights": (["bench", "--filter", "none.pt"], "none.pt does not exist"),
    "bench: no folder": (["bench", "--json", "none/a.json"], "folder none does not exist"),
}


@pytest.fixture(scope="module")
def outcomes(folder):
    """What came of each command line, one after another in one process without torch."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}

    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([arguments for arguments, _ in ERRORS.values()]),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    return dict(zip(ERRORS, map(json.loads, child.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_at_the_start_does_not_wait_for_torch(folder, outcomes, name):
    said = outcomes[name]["said"]

    assert ERRORS[name][1] in said
    assert "Traceback" not in said
    assert outcomes[name]["found"] == {"code": 1, "torch": False, "threads": []}
    assert (folder / "there.mp4").read_bytes() == b"mine"
