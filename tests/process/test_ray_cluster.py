"""A run on a Ray cluster survives the death of a process, of a machine, and its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_process import packets_of, process, times_of, write_movie

if os.environ.get("LIVE_EDGES_REQUIRE") != "cluster":  # else a failing import is told
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="nodes of one machine need Linux"),
]

CLIPS = int(os.environ.get("LIVE_EDGES_CLIPS", "24"))
FRAMES = 120  # enough for half a second of work, in which something can be killed
WAIT_S = 100  # for what takes seconds, on a machine that others use, too

# Three machines, as far as Ray knows; "kill" ends the last one as a power cut would.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
options = {"include_dashboard": False, "num_cpus": 1}
cluster = Cluster(initialize_head=True, head_node_args=options)
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes.pop(), allow_graceful=False)
    print("killed", flush=True)
cluster.shutdown()
"""


class Cluster:
    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            env={**environment, "RAY_AUTH_MODE": "token"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._process.stdout.readline().strip()

    def kill_node(self) -> None:
        self._process.stdin.write("kill\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "killed\n"

    def close(self) -> None:
        self._process.communicate(timeout=WAIT_S)

    @contextmanager
    def driver(self, folder: Path, source: str, out: str):
        command = ["process", source, "-o", out, "--engine", "torch", "--threads", "1"]
        program = subprocess.Popen(
            [sys.executable, "-m", "live_edges", *command, "--ray", self.address],
            cwd=folder,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield program
        finally:
            program.kill()
            program.communicate()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    temporary = tmp_path_factory.mktemp("r")  # for sockets, too, whose paths must be short
    (temporary / ".ray").mkdir()
    (temporary / ".ray" / "auth_token").write_text("0" * 64)
    package = Path(__file__).parents[2]
    own = {"RAY_TMPDIR": str(temporary), "HOME": str(temporary), "PYTHONPATH": str(package)}
    cluster = Cluster({**os.environ, **own, "RAY_USAGE_STATS_ENABLED": "0"})
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    (folder / "in").mkdir()
    first = write_movie(folder / "in" / "000.mp4", pts=tuple(range(FRAMES)))
    for number in range(1, CLIPS):
        shutil.copy(first, folder / "in" / f"{number:03}.mp4")
    (folder / "in" / "damaged.mp4").write_bytes(b"no video")
    return folder


def until(condition):
    """Wait for a condition, and return what it gave."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{condition} did not come true")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_file_is_whole_whatever_is_killed(cluster, folder):
    out = folder / "out"

    def partials():
        return list(out.glob("*.partial"))

    def finished(share):
        return lambda: len(list(out.glob("*.mp4"))) >= share * CLIPS

    with cluster.driver(folder, "in", "out") as driver:
        worker = int(until(partials)[0].name.split("-")[-2])
        os.kill(worker, signal.SIGKILL)
        until(finished(0.2))
        cluster.kill_node()
        until(finished(0.5))
        driver.kill()
    assert not finished(1)()
    with cluster.driver(folder, "in", "out") as driver:
        _, log = driver.communicate(timeout=2 * WAIT_S)

    assert process(folder / "in", "-o", folder / "plain") == 1
    assert driver.returncode == 1
    assert log.count("damaged.mp4 cannot be read") == 1
    assert names_in(out) == names_in(folder / "plain")
    for path in out.iterdir():
        plain = folder / "plain" / path.name
        assert len(times_of(path)) == FRAMES
        assert times_of(path) == times_of(plain)
        assert packets_of(path, "audio") == packets_of(plain, "audio")
