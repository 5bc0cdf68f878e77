"""`live-edges serve`: its flags, the sessions, and the server that runs until it is stopped."""

import argparse
import asyncio
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from live_edges.errors import LiveEdgesError, reason
from live_edges.lifecycle import stopped_by_signals

if TYPE_CHECKING:
    from aiohttp import web

    from live_edges.web.session import Session

DEFAULT_PORT = 8000
SHUTDOWN_S = 2.0  # for browsers to take note
POLL_S = 0.2

log = logging.getLogger(__name__)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    group = parser.add_argument_group("serve")
    group.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen at; any but this machine's own needs the token in the link that is "
        "printed (default: %(default)s; 0.0.0.0 for all)",
    )
    group.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="TCP port, 0 for a free one (default: %(default)s)",
    )
    group.add_argument(
        "--token",
        metavar="T",
        help="secret that every browser must know (default: a random one where it is needed)",
    )
    parser.set_defaults(fullscreen=False, latency="low")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes or the source ends; returns the exit code.

    Raises:
        LiveEdgesError: something the user named is not there or cannot be used.
    """
    from live_edges.filters.catalog import choose
    from live_edges.live.run import open_source_of

    try:
        from live_edges.web.security import is_loopback, new_token
        from live_edges.web.server import Server
        from live_edges.web.sessions import Sessions
    except ModuleNotFoundError as error:
        raise LiveEdgesError(
            f"live-edges serve needs {error.name}; run: pip install 'live-edges[web]'"
        ) from error
    token = args.token or (None if is_loopback(args.host) else new_token())
    entries, entry = choose(args.filter, args.weights, against=args.against)
    with (
        Sessions(args, entry.name, entries) as sessions,
        sessions.of(open_source_of(args)) as session,
    ):
        server = Server(
            session,
            make_session=sessions.of,
            filters=list(entries),
            token=token,
            recordings=sessions.recorded,
        )
        asyncio.run(_serve(server.application(), session, args, token))
    if session.error is not None:
        raise session.error
    return 0


async def _serve(
    application: "web.Application", session: "Session", args: argparse.Namespace, token: str | None
) -> None:
    """Answer browsers until the session ends or a signal comes."""
    from aiohttp import web

    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, args.host, args.port)
        try:
            await site.start()
        except OSError as error:
            raise LiveEdgesError(
                f"{args.host}:{args.port} cannot be listened at ({reason(error)}); "
                "choose another --port or --host"
            ) from error
        log.info("open %s (Ctrl-C ends)", _link(runner, args.host, token))
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()
        with stopped_by_signals(lambda: loop.call_soon_threadsafe(stopped.set)):
            session.start()
            while session.is_running and not stopped.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), POLL_S)
        session.app.stop()
    finally:
        await runner.cleanup()


def _link(runner: "web.AppRunner", host: str, token: str | None) -> str:
    port = runner.addresses[0][1]
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")
