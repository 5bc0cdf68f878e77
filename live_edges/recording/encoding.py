"""Chooses the encoder of a video, and sets its speed and quality."""

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
from av.video.stream import VideoStream

from live_edges.errors import RecordingError, reason

# The first that encodes a picture is used. PyAV lists encoders even without hardware for them, so
# each one is tried.
HARDWARE = ("h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf", "h264_vaapi")
SOFTWARE = {"webm": "libvpx-vp9"}
DEFAULT_SOFTWARE = "libx264"
X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
BEST, WORST = 1, 51  # the range of --quality, as H.264 counts
# With AVX-512, x264 (core 165) reads memory that was not written to, in mbtree, where the width is
# no multiple of 128, and may make another file each time. With AVX2 it took no longer.
_STEADY = {"x264-params": "asm=avx2"}
AVX512_SKX = 256  # OpenCV's number of what x264 calls AVX-512
BT601, LIMITED, FULL = 6, 1, 2  # ITU-T H.273, as AVColorSpace and AVColorRange number them


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode a video.

    Attributes:
        encoder: ``auto``, or one of FFmpeg's names such as ``libx264`` or ``h264_nvenc``.
        quality: 1 to 51; smaller looks better and takes more room, 18 is hard to tell from the
            original.
        preset: speed against size, as the encoder names it; None for a fast one.
        is_live: True if no picture may wait in the encoder for later ones.
    """

    encoder: str = "auto"
    quality: int = 20
    preset: str | None = None
    is_live: bool = False


def choose_encoder(muxer: str, size: tuple[int, int], encoding: Encoding) -> str:
    """Return the name of the encoder to use for a file or stream.

    Args:
        muxer: FFmpeg's name of the container.
        size: width and height of the video, even.
        encoding: what the user asks for; ``auto`` tries the hardware first.

    Raises:
        RecordingError: the encoder that was asked for does not work here.
    """
    software = SOFTWARE.get(muxer, DEFAULT_SOFTWARE)
    if encoding.encoder != "auto":
        _check(encoding.encoder, size, encoding)
        return encoding.encoder
    hardware = HARDWARE if software == DEFAULT_SOFTWARE and encoding.preset is None else ()
    name = next((name for name in hardware if problem(name, size, encoding) is None), software)
    _check(name, size, encoding)
    return name


def problem(name: str, size: tuple[int, int], encoding: Encoding) -> str | None:
    """Encode one gray picture, and say why that fails; None if it does not."""
    try:
        context = av.CodecContext.create(name, "w")
        if not isinstance(context, av.VideoCodecContext):
            return "it is not a video encoder"
        prepare(context, name, size, encoding)
        context.time_base = Fraction(1, 30)
        frame = av.VideoFrame(*size, context.pix_fmt or "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = 0
        context.encode(frame)
        context.encode(None)
    except (av.FFmpegError, ValueError) as error:
        return reason(error)
    return None


def prepare(
    context: av.VideoCodecContext, name: str, size: tuple[int, int], encoding: Encoding
) -> None:
    """Set up a codec context that is not open yet."""
    context.width, context.height = size
    context.pix_fmt = "nv12" if name.endswith(("_qsv", "_vaapi")) else "yuv420p"
    context.bit_rate = 0
    context.options = _options(name, encoding)


def add_video_stream(
    container: av.container.OutputContainer,
    name: str,
    size: tuple[int, int],
    *,
    encoding: Encoding,
    time_base: Fraction,
    rate: Fraction,
    is_full_range: bool = False,
) -> VideoStream:
    """Add the video track to a container that is not written to yet.

    Args:
        container: the output.
        name: the encoder.
        size: width and height, even.
        encoding: speed and quality.
        time_base: unit of the pictures' pts, in seconds.
        rate: approximate pictures a second; the pts alone decide when each is shown.
        is_full_range: True if luma uses 0 to 255 instead of 16 to 235.
    """
    stream = container.add_stream(name, rate=rate)
    if not isinstance(stream, VideoStream):
        raise RecordingError(f"{name} is not a video encoder; try --encoder auto")
    context = stream.codec_context
    prepare(context, name, size, encoding)
    stream.time_base = context.time_base = time_base
    context.color_range = FULL if is_full_range else LIMITED
    context.colorspace = BT601
    return stream


def _check(name: str, size: tuple[int, int], encoding: Encoding) -> None:
    why = _preset_problem(name, encoding.preset) or problem(name, size, encoding)
    if why:
        raise RecordingError(f"the encoder {name} does not work here ({why}); try --encoder auto")


def _preset_problem(name: str, preset: str | None) -> str | None:
    if preset is None:
        return None
    if name in ("libx264", "libx265") and preset not in X264_PRESETS:
        return f"there is no preset {preset}, choose one of: {', '.join(X264_PRESETS)}"
    if name.startswith("libvpx") and preset not in tuple("012345678"):
        return f"there is no preset {preset}, choose 0 (slow and small) to 8"
    return None


def _options(name: str, encoding: Encoding) -> dict[str, str]:
    """Return speed, quality and delay as the options of one encoder."""
    quality, preset = str(encoding.quality), encoding.preset
    # No B-frames live, because they delay pictures, and with uneven times they jump.
    live = {"bf": "0", "forced-idr": "1"} if encoding.is_live else {}
    if name in ("libx264", "libx265"):
        tune = {"tune": "zerolatency"} if encoding.is_live else {}
        steady = _STEADY if name == "libx264" and cv2.checkHardwareSupport(AVX512_SKX) else {}
        return {"crf": quality, "preset": preset or "veryfast"} | tune | live | steady
    if name.startswith("libvpx"):
        return _vpx_options(encoding)
    chosen = {"preset": preset} if preset else {}
    if name.endswith("_nvenc"):
        delay = {"delay": "0", "zerolatency": "1"} if encoding.is_live else {}
        return {"rc": "vbr", "cq": quality} | chosen | live | delay
    if name.endswith("_amf"):
        return {"rc": "cqp", "qp_i": quality, "qp_p": quality, "quality": preset or "speed"}
    if name.endswith("_videotoolbox"):
        scale = 118  # FF_QP2LAMBDA; this encoder's quality runs from 0 to 100, large is good
        return {"flags": "+qscale", "global_quality": str(scale * (100 - 2 * encoding.quality))}
    if name.endswith(("_qsv", "_vaapi")):
        return {"global_quality": quality} | chosen | live
    return {"crf": quality} | chosen


def _vpx_options(encoding: Encoding) -> dict[str, str]:
    crf = str(round(encoding.quality * 63 / WORST))
    common = {"crf": crf, "b": "0", "row-mt": "1"}
    if encoding.is_live:
        speed = {"deadline": "realtime", "cpu-used": encoding.preset or "8"}
        return common | speed | {"lag-in-frames": "0"}
    return common | {"deadline": "good", "cpu-used": encoding.preset or "5"}
