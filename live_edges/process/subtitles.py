"""Converts text subtitles to the format that a container can hold."""

from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.stream import Stream

ENCODERS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
TICK_S = Fraction(1, 1000)
# FFmpeg's encoders need one style, in the format of Advanced SubStation Alpha.
_HEADER = """[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def prepare(container: av.container.OutputContainer, encoder: str) -> Stream:
    """Add a subtitle track to a container that is not written to yet."""
    stream: Any = container.add_stream(encoder)
    stream.codec_context.subtitle_header = _HEADER.encode()
    stream.time_base = TICK_S
    return stream  # type: ignore[no-any-return]


def converted(packet: "Packet[Stream]", encoder: str) -> "Packet[Stream] | None":
    """Convert a packet to another format, at the same time; None if it has no text."""
    try:
        lines: list[Any] = packet.decode()
    except av.FFmpegError:
        return None
    text = b"\n".join(line.dialogue for line in lines).replace(b"\\N", b"\n").strip()
    if not text or packet.pts is None:
        return None
    if encoder == "mov_text":  # 3GPP TS 26.245: after the length of the text in two bytes
        text = text[: 2**16 - 1]
        text = len(text).to_bytes(2, "big") + text
    made: Packet[Stream] = Packet(text)
    made.time_base = packet.time_base
    made.pts = made.dts = packet.pts
    made.duration = packet.duration
    return made
