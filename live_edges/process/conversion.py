"""Converts one file: a video in three threads, which read, render and write, or an image."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from av.packet import Packet

from live_edges.errors import LiveEdgesError, SourceError
from live_edges.frame import Image
from live_edges.process.extras import Extras
from live_edges.process.output import OutputPicture, VideoOutput, frame_of
from live_edges.process.queues import read_ahead, write_behind
from live_edges.process.reading import Span, VideoReader
from live_edges.process.video_renderer import VideoRenderer
from live_edges.recording.encoding import Encoding
from live_edges.recording.files import atomic_write
from live_edges.recording.fit import even_size
from live_edges.recording.storage import MUXERS
from live_edges.sources.decoding import SQUARE, square_size
from live_edges.sources.orientation import shown_aspect
from live_edges.sources.pixels import page_count, read_image

# HDR video is read like any other, because its brightness is not mapped to an ordinary screen.
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # ITU-T H.273, transfer characteristics

OnStart = Callable[[int | None], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Report:
    """How many pictures of a file were written, and what the user should know about them."""

    frames: int
    notes: tuple[str, ...] = ()


def convert_video(
    source: Path,
    target: Path,
    renderer: VideoRenderer,
    *,
    encoding: Encoding,
    span: Span,
    with_sound: bool = True,
    on_start: OnStart,
    part: Path | None = None,
) -> Report:
    """Convert a video; the target gets its name when it is complete.

    Args:
        source: video file.
        target: video file to make; its ending selects the format.
        renderer: renders each picture.
        encoding: encoder, quality and preset.
        span: the part of the video to convert.
        with_sound: True to keep the sound.
        on_start: called with the number of pictures to expect; returns a function that is called
            after each picture.
        part: the name of the target until it is complete; None for a new one.

    Raises:
        LiveEdgesError: the source cannot be read, or the target cannot be written.
    """
    with VideoReader(source, span, with_sound=with_sound) as reader:
        extras = Extras(reader, MUXERS[target.suffix.lower()], span)
        with (
            atomic_write(target, part) as written,
            closing(VideoOutput(target, written, encoding, reader, extras)) as output,
        ):
            sizes = _convert(reader, output, renderer, on_start(reader.frame_count))
        notes = [*_notes(reader, sizes, target), *output.notes]
        return Report(reader.decoded, tuple(notes))


def convert_image(
    source: Path, target: Path, renderer: VideoRenderer, *, part: Path | None = None
) -> Report:
    """Convert an image; the target gets its name when it is complete, and has ``part`` before.

    Raises:
        LiveEdgesError: the source cannot be read, or the target cannot be written.
    """
    image = read_image(source)
    if image is None:
        raise SourceError(f"{source} cannot be read as an image; is it damaged?")
    picture = renderer.render_image(image, 0.0)
    try:
        _, content = cv2.imencode(target.suffix, picture)
    except cv2.error as error:
        raise LiveEdgesError(f"{target} cannot be written: its format cannot hold it") from error
    with atomic_write(target, part) as written:
        written.write_bytes(content.tobytes())
    count = page_count(source)
    notes = (f"{source} holds {count} pictures; {target} is made of the first",) * (count > 1)
    return Report(1, notes)


def _convert(
    reader: VideoReader,
    output: VideoOutput,
    renderer: VideoRenderer,
    on_picture: Callable[[], object],
) -> list[tuple[int, int]]:
    """Run the three threads; returns the size of the pictures, and each size it changed to."""
    sizes: list[tuple[int, int]] = []
    with (
        read_ahead(reader, "reader", interrupt=reader.interrupt) as decoded,
        write_behind(output.write_all, "writer") as write,
    ):
        for item in decoded:
            if isinstance(item, Packet):
                write(item)
                continue
            image = renderer(item.frame, float(item.ticks * reader.time_base))
            aspect = shown_aspect(item.frame, reader.track.pixel_aspect)
            if not output.can_state_aspect:
                image, aspect = _squared(image, aspect), SQUARE
            size = image.shape[1], image.shape[0]
            if size not in sizes[-1:]:
                sizes.append(size)
            # Here and not in the writer, because that thread is the busiest.
            frame = frame_of(image, even_size(*sizes[0]))
            write(OutputPicture(frame, image.ndim == 2, item.ticks, item.duration, aspect))
            on_picture()
    return sizes


def _squared(image: Image, pixel_aspect: Fraction) -> Image:
    """Scale a picture to square pixels."""
    size = square_size(image.shape[1], image.shape[0], pixel_aspect)
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _notes(reader: VideoReader, sizes: list[tuple[int, int]], target: Path) -> tuple[str, ...]:
    notes = [reader.gap] if reader.gap else []
    (width, height), *others = sizes
    if (width, height) != even_size(width, height):
        notes.append(
            f"{target} is {' x '.join(map(str, even_size(width, height)))}: an odd size becomes "
            "even by repeating the last row or column"
        )
    if others:
        notes.append(
            f"{reader.path} changes its size; all pictures of {target} have the first size"
        )
    codec = reader.track.stream.codec_context
    if hdr := HDR_TRANSFERS.get(codec.color_trc):
        notes.append(f"{reader.path} is HDR ({hdr}); its brightness is used as it is")
    components = codec.format.components if codec.format else ()
    bits = max((component.bits for component in components), default=8)
    if bits > 8:
        notes.append(f"{reader.path} has {bits} bits a sample; {target} has 8")
    return tuple(notes)
