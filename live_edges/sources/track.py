"""The video track of a file or stream: its pictures, rate and duration, and what is missing."""

import heapq
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import av
from av.codec.context import Flags, ThreadType
from av.packet import Packet
from av.video.stream import VideoStream

from live_edges.errors import SourceError, reason
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.sources.base import Mode
from live_edges.sources.decoding import SQUARE, best_video, open_input, to_image
from live_edges.sources.pipes import Pipe, is_pipe
from live_edges.sources.timeline import Timeline, is_joinable, is_untimed, longest_step_s

T = TypeVar("T")

FALLBACK_FPS = 25  # where a container states no frame rate, as FFmpeg assumes
MAX_FPS = 300  # a raw stream that states more states its clock rate
SHORTFALL_S = 0.5  # a video may end this much before its stated duration and still be whole


def open_file(path: Path) -> "VideoTrack":
    """Open the video track of a file or pipe.

    Raises:
        SourceError: the file does not exist, or holds no video.
    """
    try:
        return VideoTrack(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist") from error
    except (av.FFmpegError, ValueError, OSError) as error:
        raise SourceError(f"{path} cannot be read as a video: {reason(error)}") from error


class VideoTrack(Closing):
    """Decodes the video track of a container, and notices if pictures are missing.

    Damaged packets are passed over and counted.

    AVI does not store the order in which pictures are shown. Its packets are only counted, so the
    pictures get those times in turn, as they come out of the decoder.

    Args:
        where: path, which may lead to a pipe, or URL.
        low_delay: True to hand out each picture as soon as it is decoded, instead of decoding
            several at once, which is faster but holds some back.
        options: further arguments of `av.open`.

    Attributes:
        container: the open file or stream.
        stream: the track in it.
        pixel_aspect: width of a pixel through its height.
        damaged: how many packets could not be decoded, and pictures of `frames` have errors.

    Raises:
        av.FFmpegError: the container does not open.
        ValueError: it has no video track, or none that FFmpeg can decode.
    """

    def __init__(self, where: str | Path, *, low_delay: bool = False, **options: Any) -> None:
        with ExitStack() as stack:
            self._pipe = Pipe(where) if isinstance(where, Path) and is_pipe(where) else None
            if self._pipe is not None:
                stack.callback(self._pipe.close)
            opened = self._pipe.file if self._pipe else where
            self.container = self.wait_for(partial(open_input, opened, **options))
            stack.callback(self.container.close)
            self.stream = best_video(self.container)
            self._opened = stack.pop_all()
        self.stream.thread_type = ThreadType.SLICE if low_delay else ThreadType.AUTO
        if low_delay:
            self.stream.codec_context.flags |= Flags.low_delay
        self.pixel_aspect = self.stream.sample_aspect_ratio or SQUARE
        self.damaged = 0
        self._is_avi = self.container.format.name == "avi"  # FFmpeg makes up its pts
        self._has_pts = False
        self._decode_times: list[int] = []  # a heap, of packets that do not say when to show them
        self._decoded = self._discarded = 0
        self._latest: int | None = None  # stamp
        self._shortest_step = math.inf  # ticks
        self._end: float | None = None  # of the picture that is shown last, in ticks

    @property
    def is_pipe(self) -> bool:
        """True if the container can be read only once."""
        return self._pipe is not None

    @property
    def rate(self) -> Fraction:
        """Nominal pictures a second; in a raw stream, that of the codec."""
        stream = self.stream
        stated = stream.codec_context.framerate if is_untimed(self.container) else None
        if stated and 1 <= stated <= MAX_FPS:
            return stated
        return stream.average_rate or stream.guessed_rate or Fraction(FALLBACK_FPS)

    @property
    def frame_count(self) -> int | None:
        """How many pictures the container claims to hold; None if it does not say."""
        return self.stream.frames or None

    @property
    def is_counted(self) -> bool:
        """True if the time of a picture depends on how many came before it."""
        has_order = not (self._is_avi and self.stream.codec_context.has_b_frames)
        return is_untimed(self.container) or not has_order

    @property
    def time_base(self) -> Fraction:
        """Unit of the pictures' ``pts``, in seconds."""
        return self.stream.time_base or 1 / self.rate

    @property
    def start_s(self) -> Fraction:
        """When the pictures begin, according to the file."""
        return (self.stream.start_time or 0) * self.time_base

    @property
    def duration_s(self) -> float | None:
        """How long the pictures last; None if the container does not say so for certain."""
        if self.stream.duration:
            return float(self.stream.duration * self.time_base)
        if not self.container.duration or len(self.container.streams) > 1:
            return None
        duration_s = self.container.duration / av.time_base
        # Matroska counts from 0, however late the first picture comes.
        return duration_s - float(self.start_s) if 0 < self.start_s < duration_s else duration_s

    @property
    def is_short(self) -> bool:
        """True if pictures are missing at the end, once all packets are decoded.

        Counts alone do not prove it: FFmpeg omits what lies before the start of an edit list, and
        AVI may count fields.
        """
        promised, slack_s = self.stream.frames, SHORTFALL_S
        if promised:
            if self._decoded + self._discarded >= promised:
                return False
            slack_s = float(1 / self.rate) / 2
        if self._end is None:
            return self._decoded < promised
        end_s = float(self._end) * float(self.time_base) - float(self.start_s)
        return end_s + slack_s < (self.duration_s or 0.0)

    def last_duration(self, frame: av.VideoFrame) -> int:
        """Return the ticks that the last picture is shown, by the stated end if it is credible."""
        own = frame.duration or round(1 / self.rate / self.time_base)
        if frame.pts is None or self.duration_s is None or self.is_short:
            return own
        end_s = float(self.start_s) + self.duration_s
        stated = round(end_s / float(self.time_base)) - frame.pts
        is_credible = stated > 0 and not is_joinable(self.container)
        return stated if is_credible else own

    def timeline(self, start: int | None = None) -> Timeline:
        """Make a timeline for the pictures; ``start`` is the stamp that counts as 0."""
        limit_s = longest_step_s(self.container)
        return Timeline(self.time_base, 1 / self.rate, limit_s, start=start)

    def mode(self, image: Image) -> Mode:
        """Describe the format of the pictures, of which ``image`` is one."""
        codec = self.stream.codec_context.name
        return Mode(image.shape[1], image.shape[0], float(self.rate), codec)

    def to_image(self, frame: av.VideoFrame) -> Image:
        """Convert one of the pictures to BGR, upright and with square pixels."""
        return to_image(frame, pixel_aspect=self.pixel_aspect)

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode every picture in the order it is shown.

        Raises:
            av.FFmpegError: reading failed.
        """
        try:
            for packet in self.container.demux(self.stream):
                yield from self._counted(self.decode(packet))
        except av.FFmpegError:
            yield from self._counted(self.decode(None))  # what the decoder still held back
            raise

    def decode(self, packet: "Packet[VideoStream] | None") -> list[av.VideoFrame]:
        """Decode a packet, or with None what the decoder still holds; none if it is damaged."""
        if packet is not None and packet.size:
            self._note(packet)
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            if packet is not None and packet.dts in self._decode_times:
                self._decode_times.remove(packet.dts)
                heapq.heapify(self._decode_times)
            return []
        for frame in frames:
            self._stamp(frame)
        return frames

    def wait_for(self, work: Callable[[], T]) -> T:
        """Do ``work``, which reads from the container, so that a signal ends a wait for a pipe."""
        return work() if self._pipe is None else self._pipe.wait_for(work)

    def interrupt(self) -> None:
        """End a read that waits for a pipe; any thread may call this."""
        if self._pipe is not None:
            self._pipe.interrupt()

    def close(self) -> None:
        """Close the container; safe to call twice."""
        self._opened.close()

    def _counted(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        self.damaged += sum(frame.is_corrupt for frame in frames)
        return frames

    def _note(self, packet: "Packet[VideoStream]") -> None:
        self._discarded += packet.is_discard
        self._has_pts = self._has_pts or (packet.pts is not None and not self._is_avi)
        if packet.dts is not None and not self._has_pts:
            heapq.heappush(self._decode_times, packet.dts)

    def _stamp(self, frame: av.VideoFrame) -> None:
        self._decoded += 1
        if self._decode_times and not self._has_pts:
            frame.pts = heapq.heappop(self._decode_times)
        if frame.pts is not None:
            self._measure(frame.pts, frame.duration or 0)

    def _measure(self, stamp: int, duration: int) -> None:
        """Remember where the pictures so far end."""
        if self._latest is not None and stamp > self._latest:
            self._shortest_step = min(self._shortest_step, stamp - self._latest)
        self._latest = stamp
        step = self._shortest_step
        if math.isinf(step):
            step = float(1 / self.rate / self.time_base)
        self._end = max(self._end or 0.0, stamp + max(duration, step))
