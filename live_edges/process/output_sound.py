"""Writes the sound of a converted video: copied where the output can hold it, else re-encoded."""

import io
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.packet import Packet
from av.stream import Stream

from live_edges.process.metadata import copy_tags

ENCODERS = {
    "mp4": ("aac",),
    "mov": ("aac",),
    "matroska": ("libopus", "aac"),
    "webm": ("libopus", "libvorbis"),
}
BITS_PER_CHANNEL = 80_000  # a second; more than enough for no audible difference
AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 8_000)
OTHER_RATE = 48_000  # that every encoder knows
LAYOUTS = {1: "mono", 6: "5.1"}  # by the number of channels; any other becomes stereo
JITTER_S = 0.005  # how far a stated time may be from the end of the previous frame
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


class CopiedSound:
    """Packets of a track, as they are."""

    note = ""

    def __init__(self, container: av.container.OutputContainer, track: AudioStream) -> None:
        self._stream = container.add_stream_from_template(track)
        copy_tags(track, self._stream)

    def write(self, packet: "Packet[AudioStream] | None") -> "list[Packet[AudioStream]]":
        """Return what to write for one packet that was read; None ends the track."""
        if packet is None:
            return []
        packet.stream = self._stream
        return [packet]


class EncodedSound:
    """Sound decoded and encoded again, every sample at its time."""

    def __init__(
        self, container: av.container.OutputContainer, track: AudioStream, encoder: str
    ) -> None:
        self._track, self._encoder = track, encoder
        self._damaged = 0
        rate, channels = track.codec_context.sample_rate, track.codec_context.layout.nb_channels
        known = AAC_RATES if encoder == "aac" else (OTHER_RATE,)
        layout = LAYOUTS.get(channels, "stereo")
        stream = container.add_stream(encoder, rate=rate if rate in known else OTHER_RATE)
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._stream.codec_context.layout = layout
        self._stream.codec_context.bit_rate = BITS_PER_CHANNEL * CHANNELS[layout]
        copy_tags(track, self._stream)
        self._resampler: av.AudioResampler | None = None
        self._end_s = 0.0  # of the latest frame
        self._heard: tuple[str, str, int] | None = None  # what the resampler was made for

    @property
    def note(self) -> str:
        """What the user should know."""
        told = f"its sound ({self._track.codec_context.name}) does not fit there and became "
        damaged = f"; {self._damaged} damaged packets are left out" if self._damaged else ""
        return told + self._encoder.removeprefix("lib") + damaged

    def write(self, packet: "Packet[AudioStream] | None") -> "list[Packet[AudioStream]]":
        """Decode a packet, and encode the result."""
        frames = self._decoded(packet)
        packets = [made for frame in frames for made in self._encoded(frame)]
        return packets if packet is not None else packets + self._rest()

    def _decoded(self, packet: "Packet[AudioStream] | None") -> list[av.AudioFrame]:
        try:
            return self._track.codec_context.decode(packet)
        except av.FFmpegError:
            self._damaged += 1
            return []

    def _encoded(self, frame: av.AudioFrame) -> "list[Packet[AudioStream]]":
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        packets = [] if kind == self._heard else self._drained()
        if self._resampler is None:
            context = self._stream.codec_context
            self._resampler = av.AudioResampler(context.format, context.layout, context.sample_rate)
        self._heard = kind
        self._place(frame)
        pieces = self._resampler.resample(frame)
        return packets + [made for piece in pieces for made in self._stream.encode(piece)]

    def _place(self, frame: av.AudioFrame) -> None:
        """Set the time of a frame in samples, because many containers round it more coarsely."""
        expected_s = self._end_s
        begin_s = expected_s if frame.time is None else frame.time
        if abs(begin_s - expected_s) < JITTER_S:
            begin_s = expected_s
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(begin_s * frame.sample_rate)
        self._end_s = begin_s + frame.samples / frame.sample_rate

    def _drained(self) -> "list[Packet[AudioStream]]":
        """Encode what the resampler still holds, and discard the resampler."""
        pieces = self._resampler.resample(None) if self._resampler else []
        self._resampler = None
        return [made for piece in pieces for made in self._stream.encode(piece)]

    def _rest(self) -> "list[Packet[AudioStream]]":
        return self._drained() + (self._stream.encode(None) if self._heard else [])


class LostSound:
    """Sound that can be neither copied nor decoded."""

    def __init__(self, track: AudioStream) -> None:
        self.note = (
            f"its sound (track {track.index}) can be neither copied nor decoded; it is left out"
        )

    def write(self, _packet: "Packet[AudioStream] | None") -> "list[Packet[AudioStream]]":
        """Leave the packet out."""
        return []


Sound = CopiedSound | EncodedSound | LostSound


def add_sound(container: av.container.OutputContainer, track: AudioStream, muxer: str) -> Sound:
    """Add a track of sound to a container that is not written to yet, copied if it fits there."""
    if fits(track, muxer):
        return CopiedSound(container, track)
    if has_decoder(track) and track.codec_context.sample_rate:
        for encoder in ENCODERS[muxer]:
            if encoder in av.codecs_available:
                return EncodedSound(container, track, encoder)
    return LostSound(track)


def fits(track: Stream, muxer: str) -> bool:
    """Return True if a container can hold a track's packets, and players understand them.

    Several codecs are refused only when the head of the file is written, so one is tried.
    """
    name = track.codec_context.name if has_decoder(track) else ""
    if muxer == "mp4" and name.startswith("pcm_") and "16" not in name:
        return False  # FFmpeg 5 plays noise
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as container:
            container.add_stream_from_template(track)
            container.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def has_decoder(track: Stream) -> bool:
    """Return True if FFmpeg can decode a track; PyAV copies no other one."""
    context: CodecContext | None = track.codec_context
    return context is not None
