import asyncio
import json

import cv2
import numpy as np
import pytest
from fakes import FakeSource, make_frames
from serving import run, serving, session_of, steps

from live_edges import EdgePipeline
from live_edges.errors import SourceError
from live_edges.web.security import COOKIE


async def next_picture(socket):
    """Return the next picture and its number; other messages are passed over."""
    while True:
        message = await socket.receive(timeout=20)
        assert isinstance(message.data, (bytes, str)), message
        if isinstance(message.data, bytes):
            picture = cv2.imdecode(np.frombuffer(message.data[8:], np.uint8), cv2.IMREAD_COLOR)
            return int.from_bytes(message.data[:4], "little"), picture


async def closing_code(socket):
    while True:
        message = await socket.receive(timeout=20)
        if not isinstance(message.data, (bytes, str)) or message.type.name == "CLOSE":
            return socket.close_code


def test_the_page_and_what_it_needs_come_from_here_alone(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, _, _):
            page = await client.get("/")
            policy = page.headers["Content-Security-Policy"]
            scripts = [await client.get(f"/{name}") for name in ("app.js", "style.css")]
            text = "".join([await each.text() for each in (page, *scripts)])

        assert page.status == 200
        assert "default-src 'self'" in policy
        assert "http://" not in text
        assert "https://" not in text

    run(test)


def test_pictures_are_the_newest_and_wait_for_acknowledgements(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, session, _), client.ws_connect("/live") as socket:
            first, picture = await next_picture(socket)
            second, _ = await next_picture(socket)
            while session.screen.shown.number < second + 20:
                message = await socket.receive(timeout=20)
                assert isinstance(message.data, str), "a third picture came unasked"
            await socket.send_json({"ack": first})
            third, _ = await next_picture(socket)

        assert picture.shape == (240, 320, 3)
        assert first < second < third
        assert third > second + 10  # those in between were never sent

    run(test)


def test_a_key_a_message_and_a_patch_change_the_same_settings(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, session, _), client.ws_connect("/live") as socket:
            await next_picture(socket)
            await socket.send_json({"key": "v"})
            await until(lambda: session.app.settings.view == "overlay")
            await socket.send_json({"set": {"filter": "canny"}})
            await until(lambda: session.app.settings.filter == "canny")
            answer = await client.patch("/settings", data=json.dumps({"threshold": 0.25}))
            told = await answer.json()
            await until(lambda: session.app.settings.threshold == 0.25)
            asked = await (await client.get("/settings")).json()

        assert told["threshold"] == asked["threshold"] == 0.25
        assert (asked["view"], asked["filter"]) == ("overlay", "canny")

    run(test)


async def until(is_true):
    for _ in range(400):
        if is_true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")


def test_quit_in_one_browser_does_not_end_it_for_all(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, session, _), client.ws_connect("/live") as socket:
            await next_picture(socket)
            for key in ("q", "esc", "v"):
                await socket.send_json({"key": key})
            await until(lambda: session.app.settings.view == "overlay")

            assert session.is_running

    run(test)


def test_settings_that_make_no_sense_are_told_and_change_nothing(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, session, _):
            before = session.app.settings
            answers = [
                await client.patch("/settings", data=body)
                for body in ('{"filter": "x"}', "[" * 9000, "no", '{"gain": 1e999}')
            ]

            assert [each.status for each in answers] == [400] * 4
            assert "there are" in (await answers[0].json())["error"]
            assert session.app.settings.filter == before.filter

    run(test)


def test_a_browser_sees_the_edges_of_its_own_camera(tmp_path):
    async def test():
        async with (
            serving(tmp_path) as (client, _, made),
            client.ws_connect("/live?source=camera") as socket,
        ):
            for picture in steps(5):
                await socket.send_bytes(bytes(4) + cv2.imencode(".jpg", picture)[1].tobytes())
                shown, edges = await next_picture(socket)
                await socket.send_json({"ack": shown})
            await socket.close()
            await until(lambda: not made[0].is_running)

        row = edges[24 * edges.shape[0] // 48, :, 1]
        scale = edges.shape[1] / 64
        assert abs(row.argmax() / scale - 12) < 1.5
        assert row.max() > 150

    run(test)


@pytest.mark.parametrize(
    "message",
    [
        b"no picture",
        "no JSON",
        "[]",
        '{"ack": 999}',
        '{"ack": [1]}',
        '{"key": 1}',
        '{"format": "disk"}',
        '{"key": "' + "x" * 9000 + '"}',
        "[" * 8000,
    ],
)
def test_a_rude_client_is_shut_out_and_the_others_see_nothing_of_it(tmp_path, message):
    async def test():
        async with (
            serving(tmp_path) as (client, _, _),
            client.ws_connect("/live") as polite,
            client.ws_connect("/live") as rude,
        ):
            await next_picture(rude)
            await (rude.send_bytes if isinstance(message, bytes) else rude.send_str)(message)

            assert await closing_code(rude) == 1008
            for _ in range(5):
                number, _ = await next_picture(polite)
                await polite.send_json({"ack": number})

    run(test)


def test_a_flood_of_messages_ends_that_client_alone(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, session, _), client.ws_connect("/live") as rude:
            await next_picture(rude)
            for _ in range(2000):
                if rude.closed:
                    break
                await rude.send_str('{"key": "m"}')
            assert await closing_code(rude) == 1008
            assert session.is_running

    run(test)


@pytest.mark.parametrize(
    "path", ["/", "/settings", "/live", "/stream.mjpg", "/snapshot.png", "/stats"]
)
@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_another_site_can_neither_read_nor_steer(tmp_path, path, headers):
    async def test():
        async with serving(tmp_path) as (client, _, _):
            answer = await client.get(path, headers=headers)

            assert answer.status == 403

    run(test)


def test_the_token_is_asked_for_and_then_kept_in_a_cookie(tmp_path):
    async def test():
        async with serving(tmp_path, token="secret") as (client, _, _):
            refused = await client.get("/settings")
            wrong = await client.get("/settings?token=secret2")
            bearer = await client.get("/settings", headers={"Authorization": "Bearer secret"})
            link = await client.get("/?token=secret")
            cookie = link.cookies[COOKIE]

            assert [refused.status, wrong.status, bearer.status, link.status] == [
                403,
                403,
                200,
                200,
            ]
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"

    run(test)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "secret.txt", "a.mp4%00"]
)
def test_no_path_reaches_the_file_system(tmp_path, name):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"video")

    async def test():
        async with serving(folder) as (client, _, _):
            good = await client.get("/recordings/a.mp4")
            bad = await client.get(f"/recordings/{name}")

            assert (good.status, await good.read()) == (200, b"video")
            assert bad.status == 404

    run(test)


def test_the_stream_is_motion_jpeg(tmp_path):
    async def test():
        async with serving(tmp_path) as (client, _, _), client.get("/stream.mjpg") as answer:
            head = await answer.content.readuntil(b"\r\n\r\n")
            length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            jpeg = await answer.content.readexactly(length)

        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)

    run(test)


def test_a_session_whose_source_fails_says_why(tmp_path):
    with session_of(FakeSource([*make_frames(2), SourceError("unplugged")]), tmp_path) as session:
        session.start()
        session._thread.join(20)

    assert "unplugged" in str(session.error)


def test_a_session_that_ends_closes_its_pipeline(tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(EdgePipeline, "close", lambda pipeline: closed.append(pipeline))

    with session_of(FakeSource(make_frames(2)), tmp_path) as session:
        session.start()

    assert len(closed) == 1
