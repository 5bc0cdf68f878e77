"""Small valid files, and the ways to damage them, for the fuzz run."""

import io
import reprlib
from collections.abc import Callable, Sequence
from functools import cache

import av
import numpy as np
import torch
from hypothesis import strategies as st
from media import RATE, draw
from PIL import Image as Pillow
from safetensors.torch import save

SIZE = 32, 24  # pixels; of the videos and pictures
PICTURES = 6  # of a video
WEIGHTS_ENDINGS = (".safetensors", ".pt", ".ckpt")
PICTURE_ENDINGS = (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif")
VIDEO_ENDINGS = (".mp4", ".mkv", ".ts", ".avi")
EXTREMES = (0x00, 0x01, 0x7F, 0x80, 0xFF)


def damaged(samples: Callable[[], Sequence[bytes]]) -> st.SearchStrategy[bytes]:
    """Bytes of one of the samples: flipped, filled, cut out, put in, joined; seldom all random."""
    broken = st.deferred(lambda: st.sampled_from(samples()).flatmap(_edited(samples)))
    return st.one_of(broken, broken, broken, st.binary(max_size=200))


def _edited(samples: Callable[[], Sequence[bytes]]) -> Callable[[bytes], st.SearchStrategy[bytes]]:
    def edited(content: bytes) -> st.SearchStrategy[bytes]:
        # Half of the edits hit the header, of whose bytes most mean something.
        anywhere = st.integers(0, max(len(content) - 1, 0))
        at = st.one_of(st.integers(0, min(len(content) - 1, 200)), anywhere)
        level = st.one_of(st.sampled_from(EXTREMES), st.integers(0, 255))
        length = st.integers(1, 16)
        edits = st.one_of(
            st.tuples(st.just(_flip), at, level),
            st.tuples(st.just(_fill), at, st.tuples(length, level)),
            st.tuples(st.just(_cut_out), at, st.one_of(length, anywhere)),
            st.tuples(st.just(_put_in), at, st.binary(min_size=1, max_size=16)),
            st.tuples(st.just(_end), at, st.none()),
            st.tuples(st.just(_put_in), at, st.sampled_from(samples())),
            st.tuples(st.just(_append), at, st.sampled_from(samples())),
        )
        return st.lists(edits, min_size=1, max_size=4).map(lambda todo: _apply(content, todo))

    return edited


class Damaged(bytes):
    """What is left of a sample; the text of it says how it was damaged, for it may be long."""

    edits: str

    def __repr__(self) -> str:
        return f"<{len(self)} bytes: {self.edits}>"


def _apply(content, edits):
    told = [f"sample of {len(content)}"]
    for edit, at, value in edits:
        content = edit(content, at, value)
        told.append(f"{edit.__name__[1:]} at {at}: {reprlib.repr(value)}")
    made = Damaged(content)
    made.edits = ", ".join(told)
    return made


def _flip(content, at, level):
    return content[:at] + bytes([level]) + content[at + 1 :]


def _fill(content, at, value):
    length, level = value
    return content[:at] + bytes([level]) * length + content[at + length :]


def _cut_out(content, at, length):
    return content[:at] + content[at + length :]


def _put_in(content, at, more):
    return content[:at] + more + content[at:]


def _end(content, at, _):
    return content[:at]


def _append(content, _, more):
    return content + more


@cache
def weights() -> dict[str, tuple[bytes, ...]]:
    """Valid weights files, by ending."""
    conv = torch.arange(18, dtype=torch.float32).reshape(2, 1, 3, 3)
    tensors = {"weight": conv, "bias": torch.zeros(2)}
    nested = {"epoch": 3, "state_dict": {f"conv1.{name}": value for name, value in tensors.items()}}
    return {
        ".safetensors": (
            save(tensors, {"target": "sobel"}),
            save({"0.weight": conv.bfloat16(), "1": conv.to(torch.float8_e4m3fn)}),
        ),
        ".pt": tuple(map(_saved, (tensors, nested, conv.half()))),
        ".ckpt": (_saved(nested, _use_new_zipfile_serialization=False),),
    }


def _saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


@cache
def pictures() -> dict[str, tuple[bytes, ...]]:
    """Valid pictures, by ending."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 4), np.uint8)
    pixels[:12] = 90
    clear, plain = Pillow.fromarray(pixels), Pillow.fromarray(pixels[..., :3].copy())
    deep = Pillow.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    more = [plain.transpose(Pillow.Transpose.ROTATE_180), plain.convert("L").convert("RGB")]
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return {
        ".png": (
            _stored(clear, "PNG", exif=exif),
            _stored(deep, "PNG"),
            _stored(plain, "PNG", save_all=True, append_images=more, duration=40),
            _stored(plain.quantize(16), "PNG", transparency=3),
        ),
        ".jpg": (_stored(plain, "JPEG", exif=exif), _stored(plain, "JPEG", progressive=True)),
        ".webp": (
            _stored(clear, "WEBP", exif=exif),
            _stored(plain, "WEBP", save_all=True, append_images=more, duration=40),
            _stored(plain, "WEBP", lossless=True),
        ),
        ".bmp": (_stored(plain, "BMP"), _stored(plain.quantize(16), "BMP")),
        ".tiff": (
            _stored(clear, "TIFF"),
            _stored(deep, "TIFF"),
            _stored(plain, "TIFF", compression="tiff_lzw", save_all=True, append_images=more),
        ),
        ".gif": (
            _stored(plain.quantize(16), "GIF"),
            _stored(plain, "GIF", save_all=True, append_images=more, duration=40),
        ),
    }


def _stored(picture, format, **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


@cache
def videos() -> dict[str, tuple[bytes, ...]]:
    """Valid videos of `PICTURES` pictures, by ending."""
    return {
        ".mp4": (_video("mp4", "libx264", "aac"), _video("mp4", "mpeg4")),
        ".mkv": (_video("matroska", "libx264", "libopus"), _video("matroska", "ffv1", "pcm_s16le")),
        ".ts": (_video("mpegts", "mpeg2video", "mp2"), _video("mpegts", "libx264")),
        ".avi": (_video("avi", "mjpeg", "pcm_s16le"), _video("avi", "mpeg4")),
    }


def _video(format, codec, sound=None):
    file = io.BytesIO()
    with av.open(file, "w", format=format) as container:
        stream = container.add_stream(codec, rate=25 if codec == "mpeg2video" else RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 3
        track = container.add_stream(sound, rate=48000) if sound else None
        for index in range(PICTURES):
            frame = draw(index, SIZE).reformat(format=stream.pix_fmt)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            for packet in _beep(track):
                container.mux(packet)
    return file.getvalue()


def _beep(track):
    planar = track.codec_context.format.is_planar
    length = track.codec_context.frame_size or 1024
    layout, kind = track.codec_context.layout.name, track.codec_context.format.name
    channels = len(track.codec_context.layout.channels)
    wave = np.sin(np.arange(length) / 20) / 4
    samples = wave.astype(np.float32) if "flt" in kind else (wave * 32767).astype(np.int16)
    shape = (channels, length) if planar else (1, channels * length)
    for index in range(6):
        frame = av.AudioFrame.from_ndarray(np.resize(samples, shape), format=kind, layout=layout)
        frame.sample_rate, frame.pts = 48000, index * length
        yield from track.encode(frame)
    yield from track.encode(None)
