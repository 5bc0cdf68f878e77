"""Copies subtitles, attachments and data tracks, as far as the output can hold them."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.stream import Discard, Disposition, Stream

from live_edges.process.metadata import copy_chapters, copy_tags, lost_tags, tags_of
from live_edges.process.output_sound import fits
from live_edges.process.reading import Span, VideoReader
from live_edges.process.subtitles import ENCODERS, converted, prepare
from live_edges.sources.decoding import open_input


@dataclass(slots=True, eq=False)
class _Track:
    """One track to copy; ``encoder`` is empty where its packets stay as they are."""

    source: Stream
    encoder: str = ""
    packets: "deque[Packet[Stream]]" = field(default_factory=deque)
    output: Stream | None = None


class Extras:
    """Everything in a video except its pictures and sound.

    Args:
        reader: the open video.
        muxer: format of the output.
        span: the part of the video that is wanted; times then count from its start.

    Attributes:
        notes: what is left out of the output, or converted for it.
    """

    def __init__(self, reader: VideoReader, muxer: str, span: Span) -> None:
        self._container, self._muxer, self._span = reader.track.container, muxer, span
        self._start_s = reader.start_s + span.start_s
        self.notes: list[str] = []
        self._tracks: list[_Track] = []
        for stream in self._container.streams:
            if stream.type != "audio" and stream.index != reader.track.stream.index:
                self._plan(stream)
        timed = [track for track in self._tracks if track.source.type != "attachment"]
        if timed and reader.track.is_pipe:
            self.notes += [_left_out(track.source) for track in timed]
            self._tracks = [track for track in self._tracks if track not in timed]
        elif timed:
            self._read(reader.path, {track.source.index: track for track in timed})

    def add_to(self, container: av.container.OutputContainer) -> None:
        """Add tracks, chapters and tags to an output that is not written to yet."""
        container.metadata.update(tags_of(self._container))
        copy_chapters(self._container, container, self._start_s, self._span)
        for track in self._tracks:
            if _is_cover(track.source) and self._muxer == "matroska":
                _attach(container, track)
                continue
            if track.encoder:
                track.output = prepare(container, track.encoder)
            else:
                track.output = container.add_stream_from_template(track.source)
            copy_tags(track.source, track.output)

    def until(self, time_s: float) -> "list[Packet[Stream]]":
        """Return the packets that begin by a time and were not returned before."""
        packets = []
        for track in self._tracks:
            while track.packets and _begin_s(track.packets[0]) <= time_s:
                packet = track.packets.popleft()
                assert track.output is not None
                packet.stream = track.output
                packets.append(packet)
        return sorted(packets, key=_begin_s)

    def lost_in(self, path: Path) -> list[str]:
        """Say which tags are missing from the output, once it is complete."""
        lost = lost_tags(self._container, path)
        return [f"its tags {', '.join(lost)} are left out"] if lost else []

    def _plan(self, stream: Stream) -> None:
        """Decide whether to copy, convert or leave out a track."""
        is_chapters = stream.discard == Discard.all  # the track of an MP4 file with their names
        is_timecode = stream.type == "data" and "timecode" in stream.metadata
        if is_chapters or is_timecode:  # copied as chapters, and as a tag of the pictures
            return
        codec: Any = stream.codec_context and stream.codec_context.codec
        if self._is_kept(stream):
            self._tracks.append(_Track(stream))
        elif stream.type == "subtitle" and getattr(codec, "text_sub", False):
            encoder, name = ENCODERS[self._muxer], stream.codec_context.name
            self._tracks.append(_Track(stream, encoder))
            self.notes.append(f"its subtitles ({name}) became {encoder}, without their styles")
        else:
            self.notes.append(_left_out(stream))

    def _is_kept(self, stream: Stream) -> bool:
        """Return True if the output can hold the packets of a track."""
        if stream.type == "attachment":  # FFmpeg drops them from WebM without an error
            return self._muxer == "matroska" and fits(stream, self._muxer)
        if _is_cover(stream):  # and from QuickTime; in Matroska they are attachments
            return fits(stream, "mp4") if self._muxer == "mp4" else self._muxer == "matroska"
        return stream.type in ("subtitle", "data") and fits(stream, self._muxer)

    def _read(self, path: Path, tracks: dict[int, _Track]) -> None:
        """Read the packets of all tracks into memory, because they are few."""
        with open_input(path) as container:
            streams = [stream for stream in container.streams if stream.index in tracks]
            try:
                for packet in container.demux(*streams):
                    self._keep(packet, tracks[packet.stream.index])
            except av.FFmpegError:
                return  # what was read is kept, and the reader of the pictures reports the error

    def _keep(self, packet: "Packet[Stream]", track: _Track) -> None:
        is_gap = (
            packet.size <= 2 and track.source.type == "subtitle"
        )  # MP4 has them between two subtitles
        if packet.size == 0 or is_gap:
            return
        kept = converted(packet, track.encoder) if track.encoder else packet
        if kept is not None and self._cut(kept, track.source):
            track.packets.append(kept)

    def _cut(self, packet: "Packet[Stream]", source: Stream) -> bool:
        """Cut a packet to the span and count its time from there; False if it lies outside."""
        if _is_cover(source):
            packet.pts = packet.dts = 0
            return True
        if packet.pts is None and packet.dts is None:
            return False
        begin_s = _begin_s(packet) - self._start_s
        end_s = begin_s + float((packet.duration or 0) * packet.time_base)
        length_s = self._span.end_s - self._span.start_s
        if begin_s >= length_s or (begin_s < 0 and end_s <= 0):
            return False
        cut_s = max(begin_s, 0.0), min(end_s, length_s)
        packet.pts = packet.dts = round(cut_s[0] / packet.time_base)
        if packet.duration:
            packet.duration = max(round((cut_s[1] - cut_s[0]) / packet.time_base), 1)
        return True


def _begin_s(packet: "Packet[Stream]") -> float:
    stamp = packet.dts if packet.pts is None else packet.pts
    return float((stamp or 0) * packet.time_base)


def _is_cover(stream: Stream) -> bool:
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def _attach(container: av.container.OutputContainer, track: _Track) -> None:
    """Attach a cover picture, because Matroska has no track for it."""
    kind = "jpeg" if track.source.codec_context.name == "mjpeg" else track.source.codec_context.name
    ending = "jpg" if kind == "jpeg" else kind
    tags = track.source.metadata
    for packet in track.packets:
        name = tags.get("filename", f"cover.{ending}")
        container.add_attachment(name, tags.get("mimetype", f"image/{kind}"), bytes(packet))
    track.packets.clear()


def _left_out(stream: Stream) -> str:
    kinds = {
        "subtitle": "subtitle track",
        "video": "cover picture" if _is_cover(stream) else "other video track",
        "data": "data track",
        "attachment": "attachment",
    }
    name = stream.metadata.get("filename") or (stream.codec_context and stream.codec_context.name)
    of = f" ({name})" if name else ""
    return f"its {kinds.get(stream.type, 'unknown track')}{of} is left out"
