"""What the package leaves alone in a program that imports it, and what its own program sets."""

import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.platforms import ENVIRONMENT

PROGRAM = """
import ctypes, gc, logging, os, signal, sys, threading, warnings
import aiohttp.web, av, cv2, numpy, torch, torchvision, matplotlib, tqdm.contrib.logging

def state():
    return {
        "environment": dict(os.environ),
        "log level of OpenCV": cv2.utils.logging.getLogLevel(),
        "threads of OpenCV": cv2.getNumThreads(),
        "threads of torch": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "filters of warnings": list(warnings.filters),
        "handlers": (list(logging.root.handlers), logging.root.level),
        "level of av": av.logging.get_level(),
        "signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
        "garbage": (gc.isenabled(), gc.get_freeze_count()),
        "switch interval": sys.getswitchinterval(),
        "threads": threading.enumerate(),
        "ctypes": ctypes.pythonapi.PyCapsule_New.restype,
        "hooks": (sys.excepthook, threading.excepthook, sys.stdout, sys.stderr),
        "seed": torch.get_rng_state().sum().item(),
        "numbers": (numpy.geterr(), torch.get_default_dtype()),
    }

before = state()
import live_edges
assert state() == before, "import live_edges"
import importlib, pkgutil
for module in pkgutil.walk_packages(live_edges.__path__, "live_edges."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
pipeline = live_edges.EdgePipeline(device="cpu", engine="torch")
picture = numpy.zeros((9, 9, 3), numpy.uint8)
picture.flags.writeable = False
pipeline.overlay(picture, pipeline(picture), (1, 2, 3))
after = state()
assert after == before, [name for name in before if before[name] != after[name]]
"""


@pytest.fixture
def bare():
    """The environment without what the program sets."""
    return {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}


def run(code, environment, *options):
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_importing_and_using_the_package_changes_nothing_in_the_process(bare):
    result = run(PROGRAM, bare)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "start",
    [
        "from live_edges.cli import main; main(['filters'])",
        "import runpy; sys.argv = ['', 'filters']; "
        "runpy.run_module('live_edges', run_name='__main__')",
    ],
    ids=["live-edges", "python -m live_edges"],
)
def test_the_command_line_sets_up_its_libraries_before_they_are_imported(start, bare):
    code = (
        "import atexit, json, os, subprocess, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('cv2', 'torch'):\n"
        "            assert os.environ.get('OPENCV_LOG_LEVEL') == 'FATAL', name\n"
        "sys.meta_path.insert(0, Finder())\n"
        "@atexit.register\n"
        "def tell():\n"
        "    seen = 'import json, os; print(json.dumps(dict(os.environ)))'\n"
        "    child = subprocess.check_output([sys.executable, '-c', seen], text=True)\n"
        "    print({n: json.loads(child).get(n) for n in "
        + repr(list(ENVIRONMENT))
        + "})\n"
        + start
    )

    result = run(code, bare)

    assert "Traceback" not in result.stderr, result.stderr
    assert result.stdout.splitlines()[-1] == str(ENVIRONMENT)


def test_what_the_user_has_set_stays(bare):
    code = "import os\nfrom live_edges.cli import main\nmain(['filters'])\nprint(dict(os.environ))"

    result = run(code, bare | {"OPENCV_LOG_LEVEL": "DEBUG", "OMP_WAIT_POLICY": "ACTIVE"})

    assert "'OPENCV_LOG_LEVEL': 'DEBUG'" in result.stdout
    assert "'OMP_WAIT_POLICY': 'ACTIVE'" in result.stdout


def test_only_this_program_tells_information(bare):
    code = (
        "import logging\n"
        "from live_edges.cli import main\n"
        "main(['filters'])\n"
        "logging.getLogger('torch').info('statistics')\n"
        "logging.getLogger('torch').warning('trouble')\n"
        "logging.getLogger('live_edges.live').info('device')\n"
    )

    result = run(code, bare)

    assert result.stderr.splitlines() == ["trouble", "device"]


def test_no_frame_touches_the_filters_of_warnings(monkeypatch):
    pipeline = EdgePipeline(device="cpu", engine="torch")
    picture = np.zeros((9, 9, 3), np.uint8)
    picture.flags.writeable = False
    expected = pipeline.overlay(picture, pipeline(picture), (1, 2, 3))

    touched = []
    with monkeypatch.context() as patch:
        for name in ("catch_warnings", "filterwarnings", "simplefilter"):
            patch.setattr(warnings, name, lambda *_, name=name, **__: touched.append(name))
        painted = pipeline.overlay(picture, pipeline(picture), (1, 2, 3))

    assert touched == []
    np.testing.assert_array_equal(painted, expected)
    assert not picture.flags.writeable


@pytest.mark.slow
def test_a_read_only_picture_warns_of_nothing_even_where_torch_always_warns(bare):
    code = (
        "import numpy, torch\n"
        "torch.set_warn_always(True)\n"
        "from live_edges import EdgePipeline\n"
        "pipeline = EdgePipeline(device='cpu', engine='torch')\n"
        "picture = numpy.zeros((9, 9, 3), numpy.uint8)\n"
        "picture.flags.writeable = False\n"
        "edges = pipeline(picture)\n"
        "edges.flags.writeable = False\n"
        "pipeline.overlay(picture, edges, (1, 2, 3))\n"
    )

    result = run(code, bare, "-W", "error")

    assert result.returncode == 0, result.stderr


def test_the_overlay_keeps_its_picture_alive():
    pipeline = EdgePipeline(device="cpu", engine="torch")

    def paint(number):
        picture = np.full((9, 9, 3), number, np.uint8)
        painted = pipeline.overlay(picture, np.zeros((9, 9), np.uint8), (1, 2, 3))
        del picture
        return painted

    with ThreadPoolExecutor(4) as pool:
        painted = list(pool.map(paint, range(200)))

    assert [picture.max() for picture in painted] == list(range(200))
