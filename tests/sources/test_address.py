"""No secret in an address is ever shown."""

import logging

import pytest
from media import mjpeg_parts, serve

from live_edges.cli import main
from live_edges.errors import SourceError
from live_edges.sources import open_source
from live_edges.sources.address import public_address, without_secrets
from live_edges.sources.stream import NetworkStream

SECRETS = [
    "http://127.0.0.1:1/live?user=a&pwd=SECRET",
    "http://127.0.0.1:1/live#SECRET",
    "rtsp://me:SECRET@127.0.0.1:1/live",
    "rtsp://me:SECRET/SECRET@127.0.0.1:1/live",
    "rtsp://me:1/SECRET@127.0.0.1:1/live",
    "rtsp://me:x?SECRET@127.0.0.1:1/live",
    "rtsp://me:x#SECRET@127.0.0.1:1/live",
    "rtsp://me:SECRET@x/SECRET@127.0.0.1:1/live",
    "rtsp://SECRET@127.0.0.1:1/live",
    "http://me:SECRET@127.0.0.1:1/live?mail=a@b.example",
    "http://127.0.0.1:1/token/SECRET/live",
    "http://127.0.0.1:1/user=admin_password=SECRET_channel=1.sdp",
    "http://127.0.0.1:1/bot4711:SECRET/live",
    "http://127.0.0.1:1/live;jsessionid=SECRET",
    "http://127.0.0.1:1/9f86d081884c7d65SECRET/live",
    "http://127.0.0.1:1/live/me/SECRET/4711.ts",
    "rtsp:/me:SECRET@127.0.0.1:1/live",
    "me:SECRET@127.0.0.1:1/live",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_public_address_holds_no_secret_and_stays_as_it_is(url):
    public = public_address(url)

    assert "SECRET" not in public
    assert "127.0.0.1:1/" in public
    assert public_address(public) == public


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://camera.example:554/Streaming/Channels/101",
        "http://[::1]:8080/axis-cgi/mjpg/video.cgi",
        "udp://239.0.0.1:1234",
        "https://video.example/@somebody/live",
        "https://video.example/hls/garden_camera_2/index.m3u8",
        "rtmp://127.0.0.1/live/cam1",
        "file:///C:/clips/a.mp4",
    ],
)
def test_an_address_without_secrets_is_shown_whole(url):
    assert public_address(url) == url
    assert without_secrets(f"source: {url}, 640 x 480") == f"source: {url}, 640 x 480"


@pytest.mark.parametrize("url", SECRETS[:-1])
@pytest.mark.parametrize("command", ["run", "process", "train"])
def test_no_command_shows_a_secret_however_it_fails(url, command, tmp_path, capsys, caplog):
    rest = {
        "run": ["--headless"],
        "process": ["-o", str(tmp_path / "b.mp4")],
        "train": ["--out", str(tmp_path / "w.safetensors")],
    }
    caplog.set_level(logging.DEBUG)

    assert main([command, url, *rest[command]]) == 1

    assert "SECRET" not in capsys.readouterr().err
    assert "SECRET" not in caplog.text


def test_a_wrong_command_line_shows_no_secret(capsys):
    with pytest.raises(SystemExit):
        main(["rtsp://me:SECRET@127.0.0.1:1/live"])

    assert "SECRET" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["http:/me:SECRET@127.0.0.1/x", "me:SECRET@127.0.0.1/x.mjpg"])
def test_a_mistyped_address_shows_no_secret(text):
    with pytest.raises(SourceError) as raised:
        open_source(text)

    assert "SECRET" not in str(raised.value)


def test_a_stream_is_named_without_its_secrets():
    with serve(*mjpeg_parts(3)) as url, NetworkStream(f"{url}?user=a&pwd=SECRET") as source:
        assert source.name == url
