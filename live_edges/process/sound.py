"""Keeps sound and pictures together where the time stamps of a file jump."""

import math
from collections import deque
from collections.abc import Iterator

from av.audio.stream import AudioStream
from av.packet import Packet

from live_edges.sources.timeline import Timeline

BACK_S = 0.1  # how far sound may go back on the same clock, by rounding and lost packets
OVERLAP_S = 5.0  # how much longer than the pictures sound may be where two recordings meet
MAX_WAITING = 2000  # packets; 40 s of most codecs


class SoundTrack:
    """Moves the packets of one sound track by as much as the pictures beside them were moved.

    Sound that jumps waits until the pictures reach the same place in the file, because only they
    show how far to move it; if they never do, it continues where it was.

    Args:
        timeline: places the pictures.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._waiting: deque[Packet[AudioStream]] = deque()
        self._clock = 0  # how many of the timeline's offsets are no longer in use
        self._own_offset: int | None = None  # of sound that no picture explains
        self._end_s: float | None = None  # of the latest packet that was moved
        self._latest_dts: int | None = None

    @property
    def end_s(self) -> float:
        """Where the packets end that were moved so far, in seconds."""
        return -math.inf if self._end_s is None else self._end_s

    def add(self, packet: "Packet[AudioStream]") -> Iterator["Packet[AudioStream]"]:
        """Take the next packet of the file, and yield those whose times are known."""
        self._waiting.append(packet)
        return self.ready()

    def ready(self, *, is_last: bool = False) -> Iterator["Packet[AudioStream]"]:
        """Yield, moved, the packets whose times are known by now; all of them if ``is_last``."""
        while self._waiting:
            packet = self._waiting[0]
            offset = 0 if packet.dts is None else self._offset_of(packet)
            if offset is None and (is_last or len(self._waiting) > MAX_WAITING):
                offset = self._own_offset = self._seamless(packet)
            if offset is None:
                return
            self._waiting.popleft()
            if self._move(packet, offset):
                yield packet

    def _offset_of(self, packet: "Packet[AudioStream]") -> int | None:
        """Return how far to move a packet, in ticks; None as long as nothing explains its time."""
        timeline = self._timeline
        tick_s = float(timeline.time_base)
        stamp_s = seconds(packet)
        pictures_s = (timeline.latest or 0) * tick_s
        offsets = timeline.offsets[self._clock :]
        fitting = [
            (abs(stamp_s + offset * tick_s - pictures_s), offset)
            for number, offset in enumerate(offsets)
            if self._follows(stamp_s + offset * tick_s, is_new_clock=number > 0)
            and stamp_s + offset * tick_s - pictures_s <= timeline.limit * tick_s
        ]
        if fitting:
            offset = min(fitting)[1]
            self._clock += offsets.index(offset)
            self._own_offset = None
            return offset
        own = self._own_offset
        is_own = own is not None and self._follows(stamp_s + own * tick_s, is_new_clock=False)
        return own if is_own else None

    def _follows(self, time_s: float, *, is_new_clock: bool) -> bool:
        back_s = OVERLAP_S if is_new_clock else BACK_S
        return time_s >= self.end_s - back_s

    def _seamless(self, packet: "Packet[AudioStream]") -> int:
        end_s = self._end_s
        if end_s is None:
            end_s = float((self._timeline.latest or 0) * self._timeline.time_base)
        return round((end_s - seconds(packet)) / float(self._timeline.time_base))

    def _move(self, packet: "Packet[AudioStream]", offset: int) -> bool:
        """Move a packet; False if it would begin before the previous one."""
        if packet.dts is None:
            return True
        shift = round(offset * self._timeline.time_base / packet.time_base)
        if shift:
            packet.dts += shift
            packet.pts = None if packet.pts is None else packet.pts + shift
        if self._latest_dts is not None and packet.dts < self._latest_dts:
            return False
        self._latest_dts = packet.dts
        self._end_s = seconds(packet) + float((packet.duration or 0) * packet.time_base)
        return True


def seconds(packet: "Packet[AudioStream]") -> float:
    """Return when a packet is decoded."""
    return float((packet.dts or 0) * packet.time_base)
