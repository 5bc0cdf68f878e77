"""Recordings that are sent: read back by PyAV, cut off, and sent to who does not answer."""

import contextlib
import io
import logging
import socket
import threading
import time

import av
import numpy as np
import pytest

from live_edges.cli import main
from live_edges.errors import RecordingError
from live_edges.recording.connection import Connection
from live_edges.recording.destination import as_sent, check_destination, public_destination
from live_edges.recording.encoding import Encoding
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.recording.stream_recorder import StreamRecorder

TIMEOUT_S = 20.0  # bounds a failure only
FAST = Encoding("libx264", quality=1, preset="ultrafast")


def gray(level):
    return np.full((48, 64, 3), level, np.uint8)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until(is_so):
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Receiver(threading.Thread):
    """Decodes what comes to an address, until it has enough or nothing comes any more."""

    def __init__(self, address, *, enough=10**6, **options):
        super().__init__()
        self.levels, self.times = [], []
        self._address, self._enough, self._options = address, enough, options
        self.start()

    def run(self):
        with (
            contextlib.suppress(av.FFmpegError),
            av.open(self._address, options=self._options, timeout=(TIMEOUT_S, 2.0)) as container,
        ):
            for frame in container.decode(video=0):
                self.levels.append(round(frame.to_ndarray(format="gray").mean()))
                self.times.append(frame.time)
                if len(self.levels) == self._enough:
                    return


class FakeConnection:
    """Keeps what is written; the first ``refusals`` connections are refused."""

    refusals = 0
    made: list = []  # noqa: RUF012 -- emptied by the fixture

    def __init__(self, address):
        self.content, self.breaks_after, self.closes = io.BytesIO(), None, 0
        self.error = None
        self.made.append(self)

    def wait_until_ready(self):
        if len(self.made) <= FakeConnection.refusals:
            raise OSError("connection refused")

    def write(self, content):
        if self.breaks_after is not None and self.content.tell() > self.breaks_after:
            self.error = OSError("broken pipe")
            raise self.error
        return self.content.write(content)

    def kill(self):
        self.breaks_after = -1

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.closes += 1

    def levels(self):
        self.content.seek(0)
        with av.open(self.content, format="mpegts") as container:
            return [round(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


@pytest.fixture
def connections(monkeypatch):
    monkeypatch.setattr(FakeConnection, "made", [])
    monkeypatch.setattr(FakeConnection, "refusals", 0)
    return FakeConnection.made


def faked(**options):
    return StreamRecorder(
        "udp://host.example:5000", encoding=FAST, connect=FakeConnection, **options
    )


@pytest.mark.slow
def test_udp_is_read_back_picture_by_picture():
    port = free_port(socket.SOCK_DGRAM)
    receiver = Receiver(f"udp://127.0.0.1:{port}")
    with StreamRecorder(f"udp://127.0.0.1:{port}", encoding=FAST) as recorder:
        for index in range(40):
            recorder.write(gray(6 * index), index / 20)
            wait_until(lambda index=index: recorder.frames == index + 1)
    receiver.join(TIMEOUT_S)

    assert recorder.dropped == 0
    assert receiver.levels == pytest.approx([6 * index for index in range(40)], abs=1)
    assert np.diff(receiver.times) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.slow
def test_a_receiver_that_goes_and_comes_back_gets_the_stream_again(caplog):
    caplog.set_level(logging.INFO)
    address = f"rtmp://127.0.0.1:{free_port(socket.SOCK_STREAM)}/live/secret-key"
    first, second = Receiver(address, enough=15, listen="1", analyzeduration="300000"), None
    with StreamRecorder(address, encoding=FAST, retry_s=0.3) as recorder:
        began = time.monotonic()
        while time.monotonic() - began < TIMEOUT_S:
            asked = time.monotonic()
            recorder.write(gray(100), asked)
            assert time.monotonic() - asked < 0.5  # nobody waits
            if not first.is_alive() and second is None:
                wait_until(lambda: write_until_cut_off(recorder))
                second = Receiver(address, enough=15, listen="1", analyzeduration="300000")
            if second is not None and not second.is_alive():
                break
            time.sleep(0.02)
    first.join(TIMEOUT_S)
    second.join(TIMEOUT_S)

    assert (len(first.levels), len(second.levels)) == (15, 15)
    assert second.times[0] < 1  # each connection counts from its beginning
    told = [message for message in caplog.messages if "nothing reaches" in message]
    assert "trying again every 0.3 s" in told[0]
    assert "sending to rtmp://127.0.0.1" in caplog.text
    assert f"sending to {recorder.name} again" in caplog.messages
    assert "secret-key" not in caplog.text


def write_until_cut_off(recorder):
    recorder.write(gray(100), time.monotonic())
    time.sleep(0.02)
    return recorder._is_cut_off


def test_what_is_sent_begins_anew_after_a_cut(connections, caplog):
    with faked(retry_s=0.01) as recorder:
        for index in range(10):
            recorder.write(gray(20), index / 30)
        wait_until(lambda: recorder.frames >= 1 and not recorder._pictures)
        connections[0].breaks_after = -1
        index = 10
        while len(connections) < 2 or recorder.frames < 25:
            recorder.write(gray(90), index / 30)
            index += 1
            time.sleep(0.005)

    assert set(connections[1].levels()) <= {89, 90, 91}
    assert [connection.closes for connection in connections] == [1, 1]
    assert caplog.messages == [
        "nothing reaches udp://host.example:5000 (broken pipe); trying again every 0.01 s"
    ]


def test_an_outage_is_told_once_and_its_pictures_are_dropped_and_counted(connections, caplog):
    FakeConnection.refusals = 3
    with faked(retry_s=0.02) as recorder:
        written = 0
        while recorder.frames == 0:
            recorder.write(gray(10), written / 30)
            written += 1
            time.sleep(0.001)

    assert len(caplog.messages) == 1
    assert "connection refused" in caplog.messages[0]
    assert recorder.frames + recorder.dropped == written
    assert recorder.dropped > 0
    assert len(connections) == 4


def test_a_recording_ends_at_once_while_nobody_answers(connections):
    FakeConnection.refusals = 10**6
    recorder = faked(retry_s=60.0)
    recorder.write(gray(10), 0.0)
    wait_until(lambda: recorder._is_cut_off)

    began = time.monotonic()
    recorder.close()

    assert time.monotonic() - began < 5
    assert not recorder.has_failed


@pytest.mark.slow
def test_a_server_that_is_silent_holds_up_nobody():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/key"
        with Connection(address, timeout_s=0.5) as connection:
            ticks = []
            ticker = threading.Timer(0.2, ticks.append, (1,))
            ticker.start()
            began = time.monotonic()
            with pytest.raises(OSError, match=r"no answer for 0\.5 s"):
                connection.wait_until_ready()
            took_s = time.monotonic() - began
            ticker.join()

    assert ticks == [1]
    assert took_s < TIMEOUT_S / 2


def test_a_refusal_says_why():
    address = f"rtmp://127.0.0.1:{free_port(socket.SOCK_STREAM)}/live/key"

    with Connection(address) as connection, pytest.raises(OSError, match="Connection refused"):
        connection.wait_until_ready()


def test_a_protocol_that_ffmpeg_lacks_ends_the_recording():
    class Without(FakeConnection):
        def wait_until_ready(self):
            raise Connection._failure(self, "unknown Protocol not found")

        _address = "srt://host.example:9000?passphrase=secret"

    recorder = StreamRecorder(Without._address, encoding=FAST, connect=Without)
    recorder.write(gray(1), 0.0)
    with pytest.raises(RecordingError, match="was built without srt") as raised:
        recorder.close()

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("rtmp://live.example/app/key", "rtmp://live.example/app/***"),
        ("rtmps://me:pass@live.example:443/app/key?x=1", "rtmps://live.example:443/app/***"),
        ("srt://host.example:9000?passphrase=secret", "srt://host.example:9000"),
        ("udp://239.0.0.1:5000", "udp://239.0.0.1:5000"),
    ],
)
def test_no_secret_of_an_address_is_shown(address, public):
    assert public_destination(address) == public


def test_the_size_of_a_packet_that_the_user_gives_stays():
    assert as_sent("udp://a:1?pkt_size=188") == "udp://a:1?pkt_size=188"
    assert as_sent("rtmp://a/b/c") == "rtmp://a/b/c"


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(RecordingError, match="rtmp://, rtmps://, srt://, udp://"):
        check_destination("http://me:secret@host.example/x")


def test_an_unknown_scheme_ends_the_command(capsys):
    arguments = ["run", "demo", "--headless", "--device", "cpu"]

    assert main([*arguments, "--record", "ftp://me:secret@host.example/x"]) == 1

    told = capsys.readouterr().err
    assert "ftp://host.example/x is no address" in told
    assert "secret" not in told


def test_the_original_cannot_be_sent():
    session = RecordingSession(RecordingOptions(address="udp://host.example:1", with_original=True))

    with pytest.raises(RecordingError, match="beside a file only"):
        session.start()

    assert not session.is_sending


@pytest.mark.slow
def test_a_session_tells_where_it_sends(caplog):
    caplog.set_level(logging.INFO)
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with RecordingSession(RecordingOptions(address=address, encoder="libx264")) as session:
        assert session.start() == f"recording to {address}"
        assert session.is_sending
        session.write(gray(1), gray(2), 0.0)
        wait_until(lambda: session.frames == 1)
        assert session.stop() == f"sent to {address}"

    assert session.saved == []
    assert f"sent to {address} (0.0 s)" in caplog.messages
