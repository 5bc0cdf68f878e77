import socket
import threading
import time

import cv2
import numpy as np
import pytest
from media import http_head, mjpeg_parts, serve, write_video

from live_edges.errors import SourceError
from live_edges.sources.stream import NetworkStream

TIMEOUT_S = 0.4  # how long the servers below are listened to
PROMPT_S = 4.0  # what "about the timeout" means on a busy machine


def read_all(source):
    frames = []
    with source:
        while (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def test_a_live_stream_is_read_until_the_server_closes():
    with serve(*mjpeg_parts(10)) as url:
        source = NetworkStream(url)
        frames = read_all(source)

    assert source.is_live
    assert source.frame_count is None
    assert [frame.index for frame in frames] == list(range(10))
    assert (source.mode.width, source.mode.height, source.mode.fourcc) == (64, 48, "mjpeg")


def test_no_frame_of_the_beginning_is_thrown_away(tmp_path):
    content = write_video(tmp_path / "clip.ts", 30).read_bytes()

    with serve(http_head("video/mp2t"), content) as url:
        frames = read_all(NetworkStream(url))

    assert len(frames) == 30


def test_a_finite_video_behind_a_url_is_read_like_a_file(tmp_path):
    content = write_video(tmp_path / "clip.mp4", 12, options={"movflags": "faststart"}).read_bytes()

    with serve(http_head("video/mp4", length=len(content)), content) as url:
        source = NetworkStream(url)
        frames = read_all(source)

    assert not source.is_live
    assert source.frame_count == 12
    assert [frame.pts for frame in frames] == pytest.approx([i / 10 for i in range(12)])


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        begin = time.monotonic()

        with pytest.raises(SourceError, match=r"does not answer: nothing came for 0.4 s"):
            NetworkStream(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x", timeout_s=TIMEOUT_S)

        assert time.monotonic() - begin < PROMPT_S


@pytest.mark.parametrize("parts", [[http_head("video/mp2t")], mjpeg_parts(1)[:1]])
def test_a_server_that_falls_silent_after_its_header_is_given_up(parts):
    begin = time.monotonic()

    with serve(*parts, stays_open=True) as url, pytest.raises(SourceError, match="nothing came"):
        NetworkStream(url, timeout_s=TIMEOUT_S)

    assert time.monotonic() - begin < PROMPT_S


def test_a_stream_that_falls_silent_returns_what_came_and_is_given_up():
    frames = []

    with (
        serve(*mjpeg_parts(10), stays_open=True) as url,
        NetworkStream(url, timeout_s=TIMEOUT_S) as source,
        pytest.raises(SourceError, match=r"stopped sending: nothing came for 0\.4 s"),
    ):
        frames.extend(iter(source.read, None))

    assert len(frames) >= 9  # the last one is known to be whole only when the next one begins


def test_interrupt_ends_a_stream_with_the_read_under_way():
    with serve(*mjpeg_parts(10), stays_open=True) as url:
        source = NetworkStream(url, timeout_s=TIMEOUT_S)
        frames = []
        reader = threading.Thread(target=lambda: frames.extend(read_all(source)))
        reader.start()
        source.interrupt()
        reader.join(PROMPT_S)

    assert not reader.is_alive()
    assert source.read() is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/live", "cannot be read: connection refused"),
        ("rtsp://127.0.0.1:1/live", "cannot be read: connection refused"),
        ("nonsense://example.invalid/x", "cannot be read: protocol not found"),
    ],
)
def test_a_url_that_does_not_open_is_answered_in_one_sentence(url, message):
    with pytest.raises(SourceError, match=message) as raised:
        NetworkStream(url, timeout_s=TIMEOUT_S)

    assert str(raised.value).startswith(url)


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.0 404 Not Found\r\n\r\n"],
        [http_head("text/html"), b"<html>this is a page</html>" * 99],
        [http_head("video/mp2t")],
    ],
    ids=["not found", "a page", "nothing"],
)
def test_an_answer_without_video_is_answered_in_one_sentence(parts):
    with serve(*parts) as url, pytest.raises(SourceError, match=r"127\.0\.0\.1.* cannot be read: "):
        NetworkStream(url, timeout_s=TIMEOUT_S)


def test_a_password_is_never_shown():
    with pytest.raises(SourceError) as raised:
        NetworkStream("http://me:secret@127.0.0.1:1/live", timeout_s=TIMEOUT_S)

    assert "secret" not in str(raised.value)


def without_pictures(path):
    content = write_video(path, 12, options={"movflags": "faststart"}).read_bytes()
    start = content.index(b"mdat") + 4
    return content[:start] + bytes(len(content) - start)


def test_a_stream_without_a_picture_that_decodes_is_an_error(tmp_path):
    content = without_pictures(tmp_path / "clip.mp4")

    with (
        serve(http_head("video/mp4", length=len(content)), content) as url,
        pytest.raises(SourceError, match="ended before its first picture"),
    ):
        NetworkStream(url, timeout_s=TIMEOUT_S)


def test_a_stream_that_falls_silent_before_its_first_picture_is_given_up(tmp_path):
    content = write_video(tmp_path / "clip.mp4", 12, options={"movflags": "faststart"}).read_bytes()
    head = content[: content.index(b"mdat") + 4]

    with (
        serve(http_head("video/mp4", length=len(content)), head, stays_open=True) as url,
        pytest.raises(SourceError, match=r"nothing came for 0\.4 s"),
    ):
        NetworkStream(url, timeout_s=TIMEOUT_S)


def multipart(jpegs, *, boundary="--b", content_type=True, length=True, first_boundary=True):
    """What stands before and behind each picture, as cameras send it."""
    for number, jpeg in enumerate(jpegs):
        lines = [boundary] if number or first_boundary else []
        lines += ["Content-Type: image/jpeg"] if content_type else []
        lines += [f"Content-Length: {len(jpeg)}"] if length else []
        yield "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + jpeg + b"\r\n"


MULTIPART = "multipart/x-mixed-replace"


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        (f"{MULTIPART};boundary=b", {}),
        (f'{MULTIPART}; boundary="b"', {}),
        (f"{MULTIPART}; boundary=--b", {}),
        (f"{MULTIPART}; boundary=--b", {"boundary": "----b"}),
        (f"{MULTIPART};boundary=other", {}),
        (MULTIPART, {}),
        ("Multipart/X-Mixed-Replace;Boundary=b", {}),
        (f"{MULTIPART};boundary=b", {"first_boundary": False}),
        (f"{MULTIPART};boundary=b", {"first_boundary": False, "length": False}),
        (f"{MULTIPART};boundary=b", {"content_type": False}),
        (f"{MULTIPART};boundary=b", {"content_type": False, "length": False}),
        (f"{MULTIPART};boundary=b", {"length": False}),
        ("application/octet-stream", {}),
        (None, {}),
        (None, {"first_boundary": False, "content_type": False}),
        ("image/jpeg", None),
        (None, None),
    ],
)
def test_every_form_of_mjpeg_is_read(content_type, form):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    pictures = []  # large enough for FFmpeg to recognise before the server hangs up
    for number in range(8):
        noise[:, :16] = 20 * number
        pictures.append(cv2.imencode(".jpg", noise)[1].tobytes())
    head = http_head(content_type) if content_type else b"HTTP/1.0 200 OK\r\n\r\n"
    parts = pictures if form is None else list(multipart(pictures, **form))

    with serve(head, *parts) as url, NetworkStream(url, timeout_s=PROMPT_S) as source:
        levels = [int(frame.image[20, 4, 0]) for frame in iter(source.read, None)]
        with source.reopened() as again:
            assert int(again.read().image[20, 4, 0]) == levels[0]

    assert source.is_live
    assert levels[:7] == pytest.approx([20 * n for n in range(7)], abs=2)


def test_a_page_is_no_stream_of_pictures():
    with (
        serve(http_head("text/html"), b"<html>\xff\xd8 is how a JPEG begins</html>" * 999) as url,
        pytest.raises(SourceError, match="cannot be read: "),
    ):
        NetworkStream(url, timeout_s=PROMPT_S)
