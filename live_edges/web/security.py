"""Who may ask: the token, and the Host and Origin that a page of another site cannot fake.

A page of another site can make a browser send requests here, and by DNS rebinding even under a
name of its own. They carry its own Origin, or a Host that is neither an address nor this machine.
"""

import hmac
import ipaddress
import secrets
import socket

from aiohttp import web

COOKIE = "live-edges-token"


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(16)


def refusal(request: web.Request, token: str | None) -> str:
    """Say why a request is refused; empty if it is not.

    Args:
        request: asked by anybody.
        token: what it must carry, as a cookie, in ``?token=`` or as a bearer; None for no token.
    """
    if not _is_this_machine(request.host):
        return "this name is not one of this machine"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return "pages of other sites may not ask"
    if token is not None and not _carries(request, token):
        return "the link with the token is needed, which live-edges serve has printed"
    return ""


def _is_this_machine(host: str) -> bool:
    name = host.rsplit("]", 1)[0].lstrip("[") if host.startswith("[") else host.split(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        hostname = socket.gethostname().lower()
        known = {"localhost", hostname, f"{hostname}.local", socket.getfqdn().lower()}
        return name.lower() in known
    return True


def _carries(request: web.Request, token: str) -> bool:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    offered = (request.cookies.get(COOKIE, ""), request.query.get("token", ""), bearer)
    # In constant time, so that the time of the answer tells nothing of the token.
    return True in [hmac.compare_digest(each.encode(), token.encode()) for each in offered]
