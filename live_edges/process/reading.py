"""Reads a video file for conversion: every picture with its exact time, the sound as it is."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import av.logging
from av.audio.stream import AudioStream

from live_edges.errors import SourceError
from live_edges.lifecycle import Closing
from live_edges.process.seeking import lands_before, skimmed
from live_edges.process.sound import SoundTrack, seconds
from live_edges.sources.decoding import has_holes
from live_edges.sources.timeline import is_joinable, longest_step_s
from live_edges.sources.track import open_file

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

    SoundPacket = Packet[AudioStream]
    VideoPacket = Packet[VideoStream]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture, when it is shown and for how long, in ticks of the video's time base."""

    frame: av.VideoFrame
    ticks: int
    duration: int


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a video to convert, in seconds from its beginning."""

    start_s: float = 0.0
    end_s: float = math.inf


class VideoReader(Closing):
    """Decodes the first video track of a file and passes on the packets of its sound.

    It can be iterated once. Damaged packets are passed over.

    Args:
        path: the file, a FIFO, or ``-`` for standard input.
        span: what to read of it; times then count from ``span.start_s``.
        with_sound: True to pass on its sound.

    Attributes:
        track: the open file; its ``damaged`` also counts pictures with errors in the span, and
            holes between the packets.
        time_base: unit of the pictures' ticks, in seconds.
        rate: nominal pictures a second.
        audio: the tracks of sound.
        decoded: pictures handed out so far.

    Raises:
        SourceError: it does not exist, or holds no video.
    """

    def __init__(self, path: Path, span: Span = Span(), *, with_sound: bool = True) -> None:
        self.path = path
        self._span = span
        self.track = open_file(path)
        self._container, self._stream = self.track.container, self.track.stream
        self.rate, self.time_base = self.track.rate, self.track.time_base
        self.audio: tuple[AudioStream, ...] = self._container.streams.audio if with_sound else ()
        self.decoded = 0
        self._timeline = self.track.timeline(self._start_ticks())
        self._sound = {track.index: SoundTrack(self._timeline) for track in self.audio}
        self._first_ticks = round(span.start_s / self.time_base)
        self._is_past_end = False
        self._held: tuple[av.VideoFrame, int] | None = None  # until its duration is known

    @property
    def start_s(self) -> float:
        """The time in the file that counts as 0."""
        return float(self._start_ticks() * self.time_base)

    @property
    def frame_count(self) -> int | None:
        """About how many pictures will come; None if the file does not say."""
        total = self._stream.frames or round((self._duration_s or 0.0) * float(self.rate))
        if self._span != Span():
            length_s = min(self._span.end_s, self._duration_s or math.inf) - self._span.start_s
            total = round(length_s * float(self.rate)) if math.isfinite(length_s) else 0
        return total if total > 0 else None

    @property
    def gap(self) -> str | None:
        """A sentence about what is missing, once all is read; None if nothing is."""
        is_short = self._span == Span() and self.track.is_short
        if not (self.track.damaged or is_short):
            return None
        promised = self._stream.frames
        of = f" of {promised}" if promised > self.decoded and self._span == Span() else ""
        return f"{self.path} is damaged or cut short: decoded {self.decoded}{of} frames"

    def __iter__(self) -> Iterator["Picture | SoundPacket"]:
        """Yield pictures in the order they are shown, and the packets between them.

        Raises:
            SourceError: no picture could be decoded.
        """
        try:
            yield from self._packets()
        except av.FFmpegError:
            self.track.damaged += 1
        yield from self._pictures(None)  # what the decoder still holds
        yield from self._last_picture()
        yield from self._waiting_sound(is_last=True)
        # MP4 and MOV have an index, so FFmpeg never has to search for a packet in them.
        is_searched = not self.track.is_pipe and not self._container.format.name.startswith("mov")
        if self._span == Span() and not self.track.damaged and is_searched:
            self.track.damaged += has_holes(self.path)
        if self.decoded == 0:
            where = "in that part of it" if self._span != Span() else "is it cut off?"
            raise SourceError(f"{self.path} holds no picture that can be decoded; {where}")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self.track.close()

    def interrupt(self) -> None:
        """End a read that waits for a pipe; any thread may call this."""
        self.track.interrupt()

    def _demuxed(self) -> "Iterable[Packet[Stream]]":
        """All packets that may matter, from a key frame before the span on."""
        tracks = self._stream, *self.audio
        if self._first_ticks <= 0 or self.track.is_counted:
            return self._container.demux(*tracks)
        stamp = self._start_ticks() + self._first_ticks
        is_inside = self._span.start_s < (self._duration_s or 0.0)
        can_seek = is_inside and not self.track.is_pipe and not is_joinable(self._container)
        if can_seek and lands_before(self.path, stamp):
            self._container.seek(stamp, stream=self._stream)
            return self._container.demux(*tracks)
        packets, skim = self._container.demux(*tracks), self.track.timeline(self._start_ticks())
        return skimmed(packets, self._first_ticks, self._timeline, skim)

    def _packets(self) -> "Iterator[Picture | Packet[AudioStream]]":
        for packet in self._demuxed():
            if packet.size == 0:
                continue  # marks the end
            if isinstance(packet.stream, AudioStream):
                sound = cast("SoundPacket", packet)
                yield from filter(self._is_heard, self._sound[sound.stream.index].add(sound))
            elif not self._is_past_end:
                yield from self._pictures(cast("VideoPacket", packet))
                yield from self._waiting_sound()
            if self._is_past_end and self._is_sound_past_end():
                return

    def _waiting_sound(self, *, is_last: bool = False) -> "Iterator[SoundPacket]":
        for track in self._sound.values():
            yield from filter(self._is_heard, track.ready(is_last=is_last))

    def _is_sound_past_end(self) -> bool:
        tracks = self._sound.values()
        return not tracks or any(track.end_s >= self._span.end_s for track in tracks)

    def _pictures(self, packet: "VideoPacket | None") -> Iterator[Picture]:
        if self._is_past_end:
            return
        for frame in self.track.decode(packet):
            ticks = self._place(frame)
            yield from self._shown_until(min(ticks, self._end_ticks))
            self._is_past_end = ticks >= self._end_ticks
            if self._is_past_end:
                return
            if ticks >= 0 or not self._first_ticks:
                self.decoded += 1
                self.track.damaged += frame.is_corrupt
                self._held = frame, ticks

    def _shown_until(self, ticks: float) -> Iterator[Picture]:
        """Yield the picture that waited until the start of the next one was known."""
        if self._held is not None:
            frame, start = self._held
            self._held = None
            yield Picture(frame, start, max(int(ticks) - start, 1))

    def _last_picture(self) -> Iterator[Picture]:
        if self._held is not None:
            frame, start = self._held
            duration = self.track.last_duration(frame)
            is_credible = duration <= self._timeline.limit
            end = start + (duration if is_credible else self._timeline.step)
            yield from self._shown_until(min(end, self._end_ticks))

    def _place(self, frame: av.VideoFrame) -> int:
        """Ticks from the start of the span."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        return self._timeline.place(stamp) - self._first_ticks

    def _is_heard(self, packet: "SoundPacket") -> bool:
        """Return True for a packet in the span, after moving it to the start of the span."""
        if self._span == Span():
            return True
        if not self._span.start_s <= seconds(packet) < self._span.end_s:
            return False
        shift = round(self._span.start_s / packet.time_base)
        packet.dts = (packet.dts or 0) - shift
        packet.pts = packet.dts if packet.pts is None else packet.pts - shift
        return True

    def _start_ticks(self) -> int:
        """Return the stamp that counts as 0: where pictures or sound begin."""
        first_s = _start_s(self._stream)
        limit_s = longest_step_s(self._container)
        starts_s = [first_s, *map(_start_s, self.audio)]
        first_s = min(start_s for start_s in starts_s if abs(start_s - first_s) <= limit_s)
        # Sound may begin a little before 0, because its decoder needs a lead-in.
        return 0 if -1 < first_s < 0 else round(first_s / self.time_base)

    @property
    def _end_ticks(self) -> float:
        if math.isinf(self._span.end_s):
            return math.inf
        return round(self._span.end_s / self.time_base) - self._first_ticks

    @property
    def _duration_s(self) -> float | None:
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        return self._container.duration / av.time_base if self._container.duration else None


def _start_s(stream: "VideoStream | AudioStream") -> Fraction:
    return (stream.start_time or 0) * (stream.time_base or Fraction(0))
