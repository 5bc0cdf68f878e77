"""A video track: how fast and how long it is, its pictures, and whether all of them came."""

import heapq
import math
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from live_edges.sources.timeline import Timeline, is_joinable, is_untimed, longest_step_s

FALLBACK_FPS = 25  # where a container states no frame rate, as FFmpeg assumes
MAX_FPS = 300  # a raw stream that states more means its clock, not its pictures
SHORTFALL_S = 0.5  # a video may end this much before its stated duration and still be whole


class VideoTrack:
    """Decodes the packets of a video track, and compares what came with what was promised.

    AVI has no word for the order in which pictures are shown. Its packets are only counted, so the
    pictures get those times in turn, as they come out of the decoder.

    Args:
        container: the opened file or stream.
        stream: its video track.
    """

    def __init__(self, container: av.container.InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._is_avi = container.format.name == "avi"  # FFmpeg makes up its pts
        self._has_pts = False
        self._decode_times: list[int] = []  # a heap, of packets that do not say when to show them
        self._decoded = self._discarded = 0
        self._latest: int | None = None  # stamp
        self._shortest_step = math.inf  # ticks
        self._end: float | None = None  # of the picture that is shown last, in ticks

    @property
    def rate(self) -> Fraction:
        """Nominal pictures a second; that of the coded stream where the file is nothing else."""
        stream = self._stream
        stated = stream.codec_context.framerate if is_untimed(self._container) else None
        if stated and 1 <= stated <= MAX_FPS:
            return stated
        return stream.average_rate or stream.guessed_rate or Fraction(FALLBACK_FPS)

    @property
    def is_counted(self) -> bool:
        """Whether the pictures before one must be counted to know when it is shown."""
        has_order = not (self._is_avi and self._stream.codec_context.has_b_frames)
        return is_untimed(self._container) or not has_order

    @property
    def time_base(self) -> Fraction:
        """Unit of the pictures' ``pts``, in seconds."""
        return self._stream.time_base or 1 / self.rate

    @property
    def start_s(self) -> Fraction:
        """When the file says that its pictures begin."""
        return (self._stream.start_time or 0) * self.time_base

    @property
    def duration_s(self) -> float | None:
        """How long the pictures last, for certain; None where the container does not say."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        if not self._container.duration or len(self._container.streams) > 1:
            return None
        duration_s = self._container.duration / av.time_base
        # Matroska counts from 0, however late the first picture comes.
        return duration_s - float(self.start_s) if 0 < self.start_s < duration_s else duration_s

    @property
    def is_short(self) -> bool:
        """Whether pictures are missing at the end, once all packets are decoded.

        Counts alone do not tell: of an edit list FFmpeg leaves out what lies before its start, and
        AVI may count fields.
        """
        promised, slack_s = self._stream.frames, SHORTFALL_S
        if promised:
            if self._decoded + self._discarded >= promised:
                return False
            slack_s = float(1 / self.rate) / 2
        if self._end is None:
            return self._decoded < promised
        end_s = float(self._end) * float(self.time_base) - float(self.start_s)
        return end_s + slack_s < (self.duration_s or 0.0)

    def last_duration(self, frame: av.VideoFrame) -> int:
        """Ticks that the last picture is shown; its packet only tells if none was reordered."""
        own = frame.duration or round(1 / self.rate / self.time_base)
        if frame.pts is None or self.duration_s is None or self.is_short:
            return own
        end_s = float(self.start_s) + self.duration_s
        stated = round(end_s / float(self.time_base)) - frame.pts
        is_credible = stated > 0 and not is_joinable(self._container)
        return stated if is_credible else own

    def timeline(self, start: int | None = None) -> Timeline:
        """Make what tells when each picture is shown; ``start`` is the stamp that counts as 0."""
        limit_s = longest_step_s(self._container)
        return Timeline(self.time_base, 1 / self.rate, limit_s, start=start)

    def decode(self, packet: "Packet[VideoStream] | None") -> list[av.VideoFrame]:
        """Decode a packet, or with None what the decoder still holds.

        Raises:
            av.FFmpegError: the packet is damaged.
        """
        if packet is not None and packet.size:
            self._note(packet)
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.FFmpegError:
            if packet is not None and packet.dts in self._decode_times:
                self._decode_times.remove(packet.dts)
                heapq.heapify(self._decode_times)
            raise
        for frame in frames:
            self._stamp(frame)
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
        """Remember where the pictures end that came so far."""
        if self._latest is not None and stamp > self._latest:
            self._shortest_step = min(self._shortest_step, stamp - self._latest)
        self._latest = stamp
        step = self._shortest_step
        if math.isinf(step):
            step = float(1 / self.rate / self.time_base)
        self._end = max(self._end or 0.0, stamp + max(duration, step))
