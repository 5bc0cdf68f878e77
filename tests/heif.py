"""Writes HEIC pictures cut into tiles, as phones store their photographs, for the tests."""

import struct
from pathlib import Path

import av
import numpy as np

WHOLE = 99  # number of the item that the tiles make


def box(kind: bytes, *content: bytes, full: bytes = b"") -> bytes:
    """A box of ISO/IEC 14496-12; ``full`` is its version and flags if it has these."""
    body = full + b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def write_heic(path: Path, image: np.ndarray, *, tile: int = 64, quarters: int = 0) -> Path:
    """Write a gray picture (H, W) as square tiles and a grid of them (ISO/IEC 23008-12)."""
    height, width = image.shape
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.pad(image, ((0, rows * tile - height), (0, columns * tile - width)), "edge")
    parts = [padded[r * tile :, c * tile :][:tile, :tile] for r, c in np.ndindex(rows, columns)]
    hvcc, coded = _encode(path.with_suffix(".mp4"), parts)
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    items = range(1, len(parts) + 1)
    none = bytes(4)
    infe = [_item(i, b"hvc1", b"\0\0\0\1") for i in items] + [_item(WHOLE, b"grid", none)]
    dimg = box(b"dimg", struct.pack(f">HH{len(items)}H", WHOLE, len(items), *items))
    properties = [
        hvcc,
        box(b"ispe", struct.pack(">II", tile, tile), full=none),
        box(b"ispe", struct.pack(">II", width, height), full=none),
        box(b"irot", bytes([quarters])),
    ]
    links = [struct.pack(">HB2B", i, 2, 0x81, 2) for i in items]
    links.append(struct.pack(">HB2B", WHOLE, 2, 3, 0x84))
    ipma = box(b"ipma", struct.pack(">I", len(links)), *links, full=none)
    ftyp = box(b"ftyp", b"heic", none, b"mif1heic")

    def meta(start: int) -> bytes:
        places, at = [], start
        for number, content in zip([*items, WHOLE], [*coded, grid], strict=True):
            places.append(struct.pack(">HHHII", number, 0, 1, at, len(content)))
            at += len(content)
        return box(
            b"meta",
            box(b"hdlr", none, b"pict", bytes(13), full=none),
            box(b"pitm", struct.pack(">H", WHOLE), full=none),
            box(b"iloc", b"\x44\0", struct.pack(">H", len(places)), *places, full=none),
            box(b"iinf", struct.pack(">H", len(infe)), *infe, full=none),
            box(b"iref", dimg, full=none),
            box(b"iprp", box(b"ipco", *properties), ipma),
            full=none,
        )

    start = len(ftyp) + len(meta(0)) + 8
    path.write_bytes(ftyp + meta(start) + box(b"mdat", *coded, grid))
    return path


def _item(number: int, kind: bytes, flags: bytes) -> bytes:
    full = b"\2" + flags[1:]
    return box(b"infe", struct.pack(">HH", number, 0), kind, b"\0", full=full)


def _encode(path: Path, parts: list[np.ndarray]) -> tuple[bytes, list[bytes]]:
    """Encode tiles as key frames; returns the box with the decoder's parameters, and the tiles."""
    options = {"x265-params": "log-level=none:info=0:keyint=1:crf=4"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=1, options=options)
        stream.height, stream.width = parts[0].shape
        stream.pix_fmt = "yuv420p"
        for index, part in enumerate(parts):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = path.read_bytes()
    path.unlink()
    at = content.index(b"hvcC") - 4
    return content[at : at + int.from_bytes(content[at : at + 4])], packets
