"""Finds the key frame where decoding must begin, so that no wanted picture is missed."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import av

from live_edges.sources.decoding import best_video, open_input
from live_edges.sources.timeline import Timeline

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

LEAD_S = 1.0  # sound may be stored so far behind its pictures


def lands_before(path: Path, stamp: int) -> bool:
    """Return True if seeking to a stamp leads to a picture at that time or before.

    Without an index FFmpeg guesses a place in the file, and decoding begins at the next key frame,
    which may be seconds later.
    """
    try:
        with open_input(path) as container:
            stream = best_video(container)
            container.seek(stamp, stream=stream)
            frame = next(container.decode(stream), None)
            return frame is not None and frame.pts is not None and frame.pts <= stamp
    except (av.FFmpegError, OSError, ValueError):
        return False


def skimmed(
    packets: "Iterator[Packet[Stream]]", first: int, timeline: Timeline, skim: Timeline
) -> "Iterable[Packet[Stream]]":
    """Skip packets without decoding them, up to the last key frame before a time.

    Args:
        packets: all of them, from the beginning of the file.
        first: the time of the first picture that is wanted, in ticks.
        timeline: is advanced to the key frame.
        skim: a new one like it.

    Returns:
        The packets from the key frame on.
    """
    boundary = first - round(LEAD_S / skim.time_base)
    waiting: list[Packet[Stream]] = []
    for packet in packets:
        if isinstance(packet.stream, av.VideoStream) and packet.size:
            clocks = skim.offsets[:]
            decoded_at = skim.place(packet.pts if packet.dts is None else packet.dts)
            shown_at = decoded_at + _reordering(packet)
            if packet.is_keyframe and shown_at <= boundary:
                waiting.clear()
                timeline.go_on_from(clocks, shown_at)
            if decoded_at > boundary:
                return chain([*waiting, packet], packets)
        waiting.append(packet)
    return waiting


def _reordering(packet: "Packet[Stream]") -> int:
    """Return the ticks from when a packet is decoded to when its picture is shown."""
    return 0 if packet.pts is None or packet.dts is None else max(packet.pts - packet.dts, 0)
