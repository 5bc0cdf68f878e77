"""Reads HEIF pictures (.heic), which phones cut into tiles, each a video stream to FFmpeg."""

import re
import struct
from math import ceil
from pathlib import Path
from typing import cast

import av
import numpy as np

from live_edges.frame import Image
from live_edges.sources.decoding import open_input, to_image


def read_heif(path: Path) -> Image | None:
    """Read a picture that FFmpeg can decode, and join its tiles; None if there is no picture.

    Raises:
        av.FFmpegError: it does not open.
        ValueError: its tiles do not fit together.
    """
    with open_input(path) as container:
        streams = container.streams.video
        if not streams:
            return None
        tiles = [s for s in streams if s.disposition & s.disposition.dependent]
        if not tiles:
            frame = next(container.decode(streams[0]), None)
            return to_image(frame) if isinstance(frame, av.VideoFrame) else None
        tiles = [tile for tile in tiles if _size(tile) == _size(tiles[0])]
        pieces: dict[int, Image] = {}
        for packet in container.demux(*tiles):
            for frame in cast("list[av.VideoFrame]", packet.decode()):
                pieces.setdefault(packet.stream.index, to_image(frame))
        images = [pieces[tile.index] for tile in tiles if tile.index in pieces]
    return _joined(images, len(tiles), path.read_bytes())


def _size(tile: av.VideoStream) -> tuple[int, int]:
    return tile.width, tile.height


def _joined(tiles: list[Image], count: int, content: bytes) -> Image:
    """Join tiles, cut the result to the size that the file states, and turn it upright.

    Source:
        ISO/IEC 23008-12, 6.5.3 (ispe: width and height), 6.5.10 (irot: quarters of a turn
        counterclockwise) and 6.6.2.3 (grid: tiles row by row, the last ones cut).
    """
    if not tiles or len(tiles) < count:
        raise ValueError("a tile is missing")
    height, width = tiles[0].shape[:2]
    sizes = [
        struct.unpack(">II", found) for found in re.findall(rb"ispe\0{4}(.{8})", content, re.S)
    ]
    for whole_width, whole_height in sorted(sizes, reverse=True):
        columns, rows = ceil(whole_width / width), ceil(whole_height / height)
        if columns * rows == count:
            break
    else:
        raise ValueError(f"{count} tiles make no picture of the size it states")
    whole = np.vstack([np.hstack(tiles[i * columns : (i + 1) * columns]) for i in range(rows)])
    turn = re.search(rb"\0\0\0\x09irot(.)", content, re.S)
    upright = np.rot90(whole[:whole_height, :whole_width], turn[1][0] & 3 if turn else 0)
    return np.ascontiguousarray(upright)
