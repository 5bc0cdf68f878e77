"""The address that a recording is sent to, instead of a file."""

import re

from live_edges.errors import RecordingError
from live_edges.sources.address import HIDDEN, public_address

FORMATS = {"rtmp": "flv", "rtmps": "flv", "srt": "mpegts", "udp": "mpegts"}
# Whole MPEG-TS packets of 188 bytes, which fit into the 1500 bytes of an Ethernet frame.
UDP_PACKET_SIZE = 1316


def scheme_of(address: str) -> str:
    """Return what stands before the colon, in lower case."""
    return address.partition(":")[0].lower()


def check_destination(address: str) -> None:
    """Raise RecordingError unless a recording can be sent to such an address."""
    if scheme_of(address) not in FORMATS:
        raise RecordingError(
            f"{public_address(address)} is no address to send a recording to; choose one that "
            f"begins with {', '.join(f'{scheme}://' for scheme in FORMATS)}, or a file"
        )


def public_destination(address: str) -> str:
    """Return an address without its secrets: after an RTMP server's application comes a key.

    Example:
        >>> public_destination("rtmp://live.example/app/my-key")
        'rtmp://live.example/app/***'
        >>> public_destination("srt://me.example:9000?passphrase=secret")
        'srt://me.example:9000'
    """
    public = public_address(address)
    if scheme_of(address).startswith("rtmp"):
        return re.sub(r"^(\w+://[^/]*/[^/]*/).+", rf"\g<1>{HIDDEN}", public)
    return public


def as_sent(address: str) -> str:
    """Return an address with the size of a UDP packet that receivers expect.

    Example:
        >>> as_sent("udp://239.0.0.1:5000?ttl=2")
        'udp://239.0.0.1:5000?ttl=2&pkt_size=1316'
    """
    if scheme_of(address) != "udp" or "pkt_size=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}pkt_size={UDP_PACKET_SIZE}"
