"""One browser: pictures down, and up what its user does; its own camera's pictures as well.

Down go JPEG pictures, eight bytes before each: its number, and its age in milliseconds or, where it
was made of the browser's own, the number of that one; both as little-endian uint32. Up go the
camera's JPEG pictures, four bytes with their number before each. Only `IN_FLIGHT` are on their way
until the page acknowledges one, so that a slow browser gets fewer pictures, never older ones. Text
messages are JSON both ways.
"""

import asyncio
import json
import logging
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from live_edges.sources.base import Source
from live_edges.web.browser_camera import BrowserCamera, decoded
from live_edges.web.requests import mouse_event
from live_edges.web.session import Session

IN_FLIGHT = 2  # one is drawn while the next one is on its way
STATE_S = 0.25  # between two reports of the numbers
MAX_MESSAGE = 4 << 20  # bytes; a camera's picture
NUMBER_BYTES = 4
MAX_TEXT = 8192
MAX_MESSAGES_PER_S = 400
PATIENCE_S = 20.0  # for an acknowledgement, or a camera's first picture

MakeSession = Callable[[Source], Session]

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A client sent what no page of ours sends."""


class Viewer:
    """Serves one browser over one WebSocket.

    Args:
        socket: open.
        session: what it looks at; None for its own camera.
        make_session: makes a session for that camera.
        filters: that can be chosen.
        hello: sent first.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        session: Session | None,
        *,
        make_session: MakeSession,
        filters: list[str],
        hello: dict[str, Any],
    ) -> None:
        self._socket, self._session, self._make_session = socket, session, make_session
        self._filters, self._hello = filters, hello
        self._camera: BrowserCamera | None = None
        self._on_the_way: dict[int, float] = {}  # when the frame of each picture was grabbed
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._delay_ms = 0.0
        self._messages: deque[float] = deque(maxlen=MAX_MESSAGES_PER_S)
        self._has_session = asyncio.Event()

    async def serve(self) -> None:
        """Run until the browser or the session ends; a client that is rude is shut out."""
        await self._socket.send_json({"hello": self._hello})
        if self._session is not None:
            self._has_session.set()
        tasks = [
            asyncio.create_task(each) for each in (self._listen(), self._send_all(), self._report())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if isinstance(error := task.exception(), RefusedError):
                    log.debug("a client was shut out: %s", error)
                    await self._socket.close(code=1008, message=str(error).encode()[:120])
                elif error and not isinstance(error, (ConnectionError, TimeoutError)):
                    raise error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._camera is not None and self._session is not None:
                await asyncio.to_thread(self._session.close)

    async def _listen(self) -> None:
        async for message in self._socket:
            now = time.monotonic()
            if len(self._messages) == MAX_MESSAGES_PER_S and now - self._messages[0] < 1:
                raise RefusedError("too many messages")
            self._messages.append(now)
            if message.type == WSMsgType.BINARY:
                await self._take_picture(message.data)
            elif message.type == WSMsgType.TEXT:
                await self._take_text(message.data)
            else:
                return

    async def _take_picture(self, message: bytes) -> None:
        if self._hello["source"] != "camera":
            raise RefusedError("no picture was asked for")
        try:
            image = await asyncio.to_thread(decoded, message[NUMBER_BYTES:])
        except ValueError as error:
            raise RefusedError(str(error)) from error
        if self._camera is None:
            self._camera = BrowserCamera((image.shape[1], image.shape[0]))
            self._session = self._make_session(self._camera).start()
            self._has_session.set()
        self._camera.put(image, int.from_bytes(message[:NUMBER_BYTES], "little"))

    async def _take_text(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise RefusedError("a message is too long")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RefusedError("a message has to be JSON") from error
        if not isinstance(message, dict) or len(message) != 1:
            raise RefusedError("a message is an object with one entry")
        [(kind, content)] = message.items()
        if kind == "ack":
            self._acknowledge(content)
        elif self._session is not None:
            try:
                await self._do(self._session, kind, content)
            except ValueError as error:
                await self._socket.send_json({"error": str(error)})

    async def _do(self, session: Session, kind: str, content: Any) -> None:
        if kind == "key" and isinstance(content, str):
            session.screen.press(content[:16])
        elif kind == "mouse":
            session.screen.point(mouse_event(content))
        elif kind == "set":
            session.change(content, self._filters)
        else:
            raise RefusedError(f"there is no message {kind[:40]!r}")

    def _acknowledge(self, number: Any) -> None:
        if not isinstance(number, int) or number not in self._on_the_way:
            raise RefusedError("that picture is not on its way")
        taken_at = self._on_the_way.pop(number)
        self._delay_ms = (time.monotonic() - taken_at) * 1e3
        self._room.release()

    async def _send_all(self) -> None:
        await asyncio.wait_for(self._has_session.wait(), PATIENCE_S)
        assert self._session is not None
        screen, number = self._session.screen, 0
        while True:
            await asyncio.wait_for(self._room.acquire(), PATIENCE_S)
            shown = await screen.newer_than(number)
            if shown is None:
                return
            number = shown.number
            jpeg = await asyncio.to_thread(shown.jpeg)
            self._on_the_way[number] = shown.frame.timestamp
            if self._camera is not None:
                mark = self._camera.number_of(shown.frame)
            else:
                mark = max(0, round((time.monotonic() - shown.frame.timestamp) * 1e3))
            await self._socket.send_bytes(struct.pack("<II", number, min(mark, 1 << 31)) + jpeg)

    async def _report(self) -> None:
        await self._has_session.wait()
        assert self._session is not None
        while True:
            state = self._session.state() | {"delay_ms": round(self._delay_ms, 1)}
            await self._socket.send_json({"state": state})
            await asyncio.sleep(STATE_S)
