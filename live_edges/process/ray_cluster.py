"""Joins the Ray cluster that there is, or starts one on this machine."""

import io
import logging
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from live_edges.errors import LiveEdgesError, first_line, reason

REACH_S = 3.0  # for an answer
STORE_BYTES = 100 * 2**20  # of memory that a cluster of our own shares; outcomes are small
TOKEN = ".ray/auth_token"  # in the home folder; whoever has it may use the cluster
AUTO = "auto"
LOCAL = "local"  # as Ray calls a cluster of this machine that ends with the program

log = logging.getLogger(__name__)


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Join a cluster, and yield the module ``ray``; the cluster stays when the block ends.

    Args:
        address: ``HOST:PORT`` of its head; ``auto`` for the cluster that this machine belongs to,
            or else a new one, of this machine alone, that ends with the block.

    Raises:
        LiveEdgesError: Ray is not installed, or no cluster answers.
    """
    if find_spec("ray") is None:
        raise LiveEdgesError("--ray needs Ray; run: pip install 'live-edges[cluster]'")
    found = _found() if address == AUTO else _checked(address)
    _prepare(found)
    import ray  # which reads the environment

    logging.getLogger("ray").setLevel(logging.ERROR)  # it tells how clusters are set up
    with redirect_stdout(_Events()):
        try:
            _join(ray, found)
            yield ray
        finally:
            ray.shutdown()


def _prepare(address: str) -> None:
    """Set what Ray reads from the environment; what the user has set stays."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it runs
    if address == LOCAL:
        return
    # Where something answers that is no cluster, Ray asks for two minutes, then ends the process.
    os.environ.setdefault("RAY_py_gcs_connect_timeout_s", "5")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")
    # A token is used by `ray start` without a word, but by no program that is told an address.
    named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    if named or (Path.home() / TOKEN).exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


class _Events(io.StringIO):
    """Logs the first sentence of what Ray prints: of a process or machine that died, pages."""

    def write(self, text: str) -> int:
        """Take what one call of `print` says, and its end of line."""
        if found := re.match(
            r"\W*(?:\d+m)?\(raylet.*?\)\W*(?:0m)?\s*(.+?)(?:\. |\.?$)", text, re.M
        ):
            log.info("Ray: %s", found[1])
        return len(text)


def _join(ray: Any, address: str) -> None:
    on_sigterm = signal.getsignal(signal.SIGTERM)
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
    try:
        ray.init(
            address,
            log_to_driver=False,
            configure_logging=False,
            **(own if address == LOCAL else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise LiveEdgesError(
            f"the Ray cluster at {address} cannot be joined: {first_line(error)}; "
            f"if it has a token, this machine needs the same in ~/{TOKEN}"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's own would end the program at once


def _found() -> str:
    """Return the address of the cluster that this machine belongs to, or `LOCAL`."""
    if named := os.environ.get("RAY_ADDRESS"):
        return _checked(named)
    # Where `ray start` notes it, and leaves it behind if the cluster is killed.
    noted = Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray/ray_current_cluster"
    with suppress(OSError, LiveEdgesError):
        return _checked(noted.read_text(encoding="utf-8").strip())
    return LOCAL


def _checked(address: str) -> str:
    """Return the address of a cluster if something answers there."""
    host, _, port = address.rpartition(":")
    if address.startswith("ray://"):
        raise LiveEdgesError(
            f"{address} is for programs outside of a cluster, and --ray runs on a machine of it; "
            "run this there, with --ray alone"
        )
    if not (host and port.isdecimal() and int(port) < 2**16):
        raise LiveEdgesError(
            f"'{address}' is no address of a Ray cluster; write --ray HOST:PORT, or --ray alone "
            "at the end of the line"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except OSError as error:
        raise LiveEdgesError(
            f"no Ray cluster answers at {address} ({reason(error)}); `ray start --head` starts "
            "one, and tells its address"
        ) from error
    return address
