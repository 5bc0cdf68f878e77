"""Tiny videos, pictures and servers for the tests, made on the spot."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import cv2
import numpy as np
from fakes import SIZE

RATE = 10  # frames per second of the videos


def luma(index: int) -> int:
    """Luma of frame ``index`` of a video, within the range that video allows."""
    return 30 + 13 * index % 180


def level(index: int) -> float:
    """Grey level that this luma stands for: ITU-R BT.601 maps 0 to 16 and 255 to 235."""
    return (luma(index) - 16) * 255 / 219


def draw(index: int, size: tuple[int, int]) -> av.VideoFrame:
    """A frame of even size: top left white, bottom left of its own grey, noise on the right."""
    width, height = size
    planes = np.full((height * 3 // 2, width), 128, np.uint8)  # luma above, gray chroma below
    planes[:height] = luma(index)
    planes[: height // 2, : width // 2] = 235
    noise = np.random.default_rng(index).integers(16, 200, (height, width - width // 2))
    planes[:height, width // 2 :] = noise
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def write_video(
    path: Path,
    count: int = 8,
    *,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pts: tuple[int, ...] | None = None,
    rate: int = RATE,
) -> Path:
    """Write ``count`` frames, in time steps of 1 / ``rate``."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 4
        stream.codec_context.qmax = 4  # close to the original
        for index in range(count):
            frame = draw(index, size)
            frame.pts = pts[index] if pts else index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_jpegs(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """Write a raw MJPEG file, one picture a size."""
    pictures = (cv2.imencode(".jpg", np.full((h, w, 3), 90, np.uint8))[1] for w, h in sizes)
    path.write_bytes(b"".join(picture.tobytes() for picture in pictures))
    return path


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def rotate(path: Path, degrees: int) -> Path:
    """Set the display matrix of an MP4 file, so that players turn it clockwise."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    return display_by(path, (cos, sin, -sin, cos))


def display_by(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the display matrix ``a b c d`` of an MP4 file: x' = a x + c y, y' = b x + d y."""
    a, b, c, d = matrix
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: after 40 bytes of a version 0 box
    content[at : at + 24] = struct.pack(">6i", *(value << 16 for value in (a, b, 0, c, d, 0)))
    path.write_bytes(content)
    return path


def write_circle(path: Path, *, aspect: Fraction = Fraction(64, 45), codec="libx264") -> Path:
    """A white disc, round where pixels are ``aspect`` times as wide as high."""
    width, height = (90, 72) if aspect > 1 else (128, 40)
    x, y = np.meshgrid(np.arange(width) - width / 2 + 0.5, np.arange(height) - height / 2 + 0.5)
    x, y = (x * float(aspect), y) if aspect > 1 else (x, y / float(aspect))
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = np.where(np.hypot(x, y) < 30, 235, 16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


# The eight right-angled display matrices, and how FFmpeg's filters turn a picture by them.
MATRICES = {
    (1, 0, 0, 1): (),
    (-1, 0, 0, 1): ("hflip",),
    (1, 0, 0, -1): ("vflip",),
    (-1, 0, 0, -1): ("hflip", "vflip"),
    (0, 1, -1, 0): ("transpose=clock",),
    (0, -1, 1, 0): ("transpose=cclock",),
    (0, 1, 1, 0): ("transpose=cclock_flip",),
    (0, -1, -1, 0): ("transpose=clock_flip",),
}


def turned_by_ffmpeg(path: Path, filters: tuple[str, ...]) -> np.ndarray:
    """The first picture of a video as BGR, turned by FFmpeg's own filters."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).reformat(format="bgr24")
    graph = av.filter.Graph()
    first = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, RATE)
    )
    steps = [graph.add(*text.split("=")) for text in filters]
    graph.link_nodes(first, *steps, graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull().to_ndarray(format="bgr24")


def write_image(path: Path, pixels: np.ndarray | None = None) -> Path:
    """Write a picture of odd, unequal size, or the given pixels."""
    if pixels is None:
        pixels = np.full((SIZE[1], SIZE[0], 3), 80, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


@contextlib.contextmanager
def serve(*parts: bytes, stays_open: bool = False, is_asked: bool = True) -> Iterator[str]:
    """Answer each request with ``parts``, then hang up, or go on saying nothing.

    Not ``is_asked``: answer each connection, as a plain TCP stream does.
    """
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            # A probing client may hang up at any moment; that is its right.
            while not done.is_set():
                with contextlib.suppress(OSError), server.accept()[0] as client:
                    if is_asked:
                        client.recv(4096)
                    for part in parts:
                        client.sendall(part)
                    if stays_open:
                        done.wait()

        thread = threading.Thread(target=answer, name="server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/live"
        finally:
            done.set()
            with contextlib.suppress(OSError):
                socket.create_connection(server.getsockname(), 1).close()
            thread.join(5)


class MjpegServer:
    """A network camera on a port of its own that can be switched off and on again.

    Attributes:
        port: where it listens, also while it is off.
        mood: ``pictures``, ``silence`` (accepts and says nothing), ``garbage`` or ``hang up``.
    """

    def __init__(self) -> None:
        self.mood = "pictures"
        self._threads: list[threading.Thread] = []
        self._is_off = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/live"

    def switch_on(self) -> None:
        self._is_off.clear()
        server = socket.create_server(("127.0.0.1", self.port))
        server.settimeout(0.02)
        self._start(self._accept, server)

    def switch_off(self) -> None:
        self._is_off.set()
        while self._threads:
            self._threads.pop().join(5)

    def _start(self, work, *arguments) -> None:
        thread = threading.Thread(target=work, args=arguments, name="server")
        self._threads.append(thread)
        thread.start()

    def _accept(self, server: socket.socket) -> None:
        with server:
            while not self._is_off.is_set():
                with contextlib.suppress(TimeoutError):
                    self._start(self._answer, server.accept()[0])

    def _answer(self, client: socket.socket) -> None:
        head, *parts = mjpeg_parts(20)
        with contextlib.suppress(OSError), client:
            if self.mood == "pictures":
                client.sendall(head)
            while not self._is_off.wait(0.02):
                if self.mood == "hang up":
                    return
                if self.mood == "garbage":
                    client.sendall(bytes(range(256)) * 8)
                elif self.mood == "pictures":
                    client.sendall(parts[0])
                    parts.append(parts.pop(0))


def http_head(content_type: str, *, length: int | None = None) -> bytes:
    """Head of an HTTP answer."""
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return f"HTTP/1.0 200 OK\r\nContent-Type: {content_type}\r\n{size}\r\n".encode()


def mjpeg_parts(count: int, size: tuple[int, int] = (64, 48)) -> list[bytes]:
    """The pictures of an MJPEG stream, as IP cameras send them."""
    parts = []
    for index in range(count):
        image = np.full((size[1], size[0], 3), 20 * index % 256, np.uint8)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        parts.append(head.encode() + jpeg + b"\r\n")
    return [http_head("multipart/x-mixed-replace; boundary=frame"), *parts]
