"""Writes the converted video: pictures, sound and everything else."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.video.stream import VideoStream

from live_edges.errors import LiveEdgesError, reason
from live_edges.frame import Image
from live_edges.process.extras import Extras
from live_edges.process.metadata import copy_tags
from live_edges.process.output_sound import Sound, add_sound
from live_edges.process.planes import gray_frame
from live_edges.process.reading import VideoReader
from live_edges.recording.encoding import Encoding, add_video_stream, choose_encoder
from live_edges.recording.fit import fit
from live_edges.recording.storage import MUXERS
from live_edges.sources.decoding import SQUARE, ffmpeg_name


@dataclass(frozen=True, slots=True, eq=False)
class OutputPicture:
    """A picture for the output, when it is shown and for how long, in ticks.

    The aspect is the width of a pixel through its height; that of the first picture counts.
    The luma of a gray picture has the full range, that of a coloured one the limited range.
    """

    frame: av.VideoFrame
    is_gray: bool
    ticks: int
    duration: int
    pixel_aspect: Fraction = SQUARE


class VideoOutput:
    """A video file that is being written; used from one thread at a time.

    Args:
        path: its name once it is complete.
        part: its name until then.
        encoding: how to encode.
        reader: the video that it is made from.
        extras: what that holds apart from pictures and sound.
    """

    def __init__(
        self, path: Path, part: Path, encoding: Encoding, reader: VideoReader, extras: Extras
    ) -> None:
        self._path, self._part, self._encoding = path, part, encoding
        self._reader, self._extras = reader, extras
        self._muxer = MUXERS[path.suffix.lower()]
        self._waiting: list[Packet[av.AudioStream]] = []  # until the size of the pictures is known
        self._container: av.container.OutputContainer | None = None
        self._sounds: dict[int, Sound] = {}  # by the index of the track they come from
        self._held: Packet[VideoStream] | None = None
        self._first_dts: int | None = None
        self._pts: list[int] = []  # start of the first picture and end of the last, once written

    @property
    def notes(self) -> list[str]:
        """What the user should know, once the file has its name."""
        notes = [sound.note for sound in self._sounds.values() if sound.note]
        notes += [*self._extras.notes, *self._extras.lost_in(self._path)]
        return [f"{self._path}: {note}" for note in dict.fromkeys(notes)]

    @property
    def can_state_aspect(self) -> bool:
        """True if the file can state that its pixels are not square.

        PyAV does not let Matroska and WebM say it, so the coded pictures themselves must.
        """
        encoder = self._encoding.encoder
        is_mpeg = encoder.startswith(("libx26", "h264_", "hevc_"))
        is_mkv_by_default = (self._muxer, encoder) == ("matroska", "auto")
        return self._muxer in ("mp4", "mov") or is_mpeg or is_mkv_by_default

    def write_all(self, items: "Iterable[OutputPicture | Packet[av.AudioStream]]") -> None:
        """Write pictures and packets as they come, and complete the file.

        Raises:
            LiveEdgesError: it cannot be written.
        """
        try:
            for item in items:
                if isinstance(item, OutputPicture):
                    self._write_picture(item)
                else:
                    self._write_packet(item)
            if self._container is not None:
                self._mux(self._stream.encode(None))
                self._mux_last()
                for sound in self._sounds.values():
                    self._container.mux(sound.write(None))
                self._container.mux(self._extras.until(math.inf))
                self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise LiveEdgesError(
                f"{self._path} cannot be written: {reason(error)}; "
                "check the free space and your permission to write there"
            ) from error

    def close(self) -> None:
        """Close the file, whether it is complete or not; safe to call twice."""
        if self._container is not None:
            _close_quietly(self._container)

    def _write_picture(self, picture: OutputPicture) -> None:
        if self._container is None:
            self._container = self._open(picture)
        frame = picture.frame
        wanted = self._stream.codec_context.pix_fmt
        if frame.format.name != wanted:
            frame = frame.reformat(format=wanted)
        frame.pts, frame.time_base = picture.ticks, self._reader.time_base
        frame.duration = picture.duration
        self._container.mux(self._extras.until(float(frame.pts * frame.time_base)))
        self._mux(self._stream.encode(frame))
        for packet in self._waiting:
            self._write_packet(packet)
        self._waiting.clear()

    def _write_packet(self, packet: "Packet[av.AudioStream]") -> None:
        if self._container is None:
            self._waiting.append(packet)
            return
        self._container.mux(self._sounds[packet.stream.index].write(packet))

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        """Write packets except the latest, because `_mux_last` may change its duration."""
        if self._container is None:
            return
        for packet in packets:
            if self._held is not None:
                self._container.mux(self._held)
            self._held = packet
            self._first_dts = packet.dts if self._first_dts is None else self._first_dts
            self._pts += [packet.pts or 0, (packet.pts or 0) + (packet.duration or 0)]
            self._pts = [min(self._pts), max(self._pts)]

    def _mux_last(self) -> None:
        """Write the last packet; in MP4 it lasts until the last picture ends.

        MP4 adds up the steps from packet to packet, whose order differs from that of the pictures.
        If these are unevenly spaced, the end of the last one would be lost.
        """
        packet = self._held
        if self._container is None or packet is None or packet.dts is None:
            return
        if self._muxer in ("mp4", "mov"):  # the others store each duration
            start, end = self._pts
            packet.duration = max(end - start - (packet.dts - (self._first_dts or 0)), 1)
        self._container.mux(packet)

    def _open(self, first: OutputPicture) -> av.container.OutputContainer:
        size = first.frame.width, first.frame.height
        encoder = choose_encoder(self._muxer, size, self._encoding)
        container = av.open(ffmpeg_name(self._part), "w", format=self._muxer)
        try:
            self._stream = add_video_stream(
                container,
                encoder,
                size,
                encoding=self._encoding,
                time_base=self._reader.time_base,
                rate=self._reader.rate,
                is_full_range=first.is_gray,
            )
            # Otherwise the encoder invents the duration of the last picture.
            self._stream.codec_context.flags |= Flags.frame_duration
            self._stream.codec_context.sample_aspect_ratio = first.pixel_aspect
            for track in self._reader.audio:
                self._sounds[track.index] = add_sound(container, track, self._muxer)
            copy_tags(self._reader.track.stream, self._stream)
            self._extras.add_to(container)
            container.start_encoding()
        except BaseException:
            _close_quietly(container)
            raise
        return container


def frame_of(image: Image, size: tuple[int, int]) -> av.VideoFrame:
    """Fit a picture, ``(H, W)`` gray or ``(H, W, 3)`` BGR, into a video frame of an even size."""
    image = fit(image, size)
    if image.ndim == 2:
        return gray_frame(image)
    return av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24")


def _close_quietly(container: av.container.OutputContainer) -> None:
    with suppress(av.FFmpegError, OSError):  # the file is deleted, and the reason was reported
        container.close()
