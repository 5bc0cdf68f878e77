"""The HTTP server: the page, the pictures, the settings and the recordings, on one port."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
from aiohttp import web

from live_edges.live.keymap import bindings
from live_edges.settings import HUDS, LINE_COLORS, VIEWS
from live_edges.web.screen import NOT_HERE
from live_edges.web.security import COOKIE, refusal
from live_edges.web.session import Session
from live_edges.web.viewer import MAX_MESSAGE, MakeSession, Viewer

MAX_VIEWERS = 32
MAX_CAMERAS = 4  # browsers that send pictures of their own
TOO_MANY = "too many browsers look at this already\n"
MAX_BODY = 16384  # bytes of a request
PAGE = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "style.css": "text/css",
}
# The page uses what lies beside it, and nothing of another site.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers browsers.

    Args:
        session: what everybody looks at.
        make_session: makes a session for a browser's own camera.
        filters: that can be chosen.
        token: that each request must carry; None for no token.
        recordings: returns the files recorded so far.
    """

    def __init__(
        self,
        session: Session,
        *,
        make_session: MakeSession,
        filters: list[str],
        token: str | None,
        recordings: Callable[[], list[Path]],
    ) -> None:
        self._session, self._make_session = session, make_session
        self._filters, self._token, self._recordings = filters, token, recordings
        self._viewers = self._cameras = 0
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        """Return what aiohttp runs."""
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/{name:app\\.js|style\\.css}", self._page),
                web.get("/live", self._live),
                web.get("/stream.mjpg", self._stream),
                web.get("/snapshot.png", self._snapshot),
                web.get("/stats", self._stats),
                web.get("/settings", self._settings),
                web.patch("/settings", self._change),
                web.get("/recordings/", self._list_recordings),
                web.get("/recordings/{name}", self._recording),
            ]
        )
        app.on_shutdown.append(self._take_leave)
        return app

    async def _take_leave(self, _: web.Application) -> None:
        for socket in tuple(self._sockets):
            await socket.close(code=1001, message=b"the server ends")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if reason := refusal(request, self._token):
            return web.Response(status=403, text=reason + "\n", headers=HEADERS)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
            if self._token is not None and request.query.get("token"):
                response.set_cookie(COOKIE, self._token, httponly=True, samesite="Strict")
        return response

    async def _page(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        text = files("live_edges.web").joinpath("page", name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=PAGE[name])

    async def _live(self, request: web.Request) -> web.StreamResponse:
        is_camera = request.query.get("source") == "camera"
        if self._viewers >= MAX_VIEWERS or (is_camera and self._cameras >= MAX_CAMERAS):
            return web.Response(status=503, text=TOO_MANY)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, heartbeat=20)
        await socket.prepare(request)
        viewer = Viewer(
            socket,
            None if is_camera else self._session,
            make_session=self._make_session,
            filters=self._filters,
            hello=self._hello("camera" if is_camera else self._session.app.source_name),
        )
        self._viewers += 1
        self._cameras += is_camera
        self._sockets.add(socket)
        try:
            await viewer.serve()
        finally:
            self._sockets.discard(socket)
            self._viewers -= 1
            self._cameras -= is_camera
        return socket

    def _hello(self, source: str) -> dict[str, Any]:
        keys = [each for each in bindings(self._filters) if each.keys[0] not in NOT_HERE]
        return {
            "source": source,
            "filters": self._filters,
            "views": VIEWS,
            "huds": HUDS,
            "colors": {name: list(reversed(bgr)) for name, bgr in LINE_COLORS.items()},
            "keys": [
                {"keys": each.keys, "label": each.label, "help": each.help, "group": each.group}
                for each in keys
            ],
        }

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Motion JPEG, for `<img>`, VLC, OBS and notebooks; the newest picture each time."""
        if self._viewers >= MAX_VIEWERS:
            return web.Response(status=503, text=TOO_MANY)
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "multipart/x-mixed-replace"
        response.headers["Content-Type"] = "multipart/x-mixed-replace; boundary=frame"
        await response.prepare(request)
        self._viewers += 1
        try:
            number = 0
            while shown := await self._session.screen.newer_than(number):
                number, jpeg = shown.number, await asyncio.to_thread(shown.jpeg)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                await response.write(head.encode() + jpeg + b"\r\n")
        except ConnectionError:
            pass  # it looks no longer
        finally:
            self._viewers -= 1
        return response

    async def _snapshot(self, request: web.Request) -> web.Response:
        rendered = self._session.app.in_flight.rendered
        if rendered is None:
            return web.Response(status=503, text="there is no picture yet\n")
        png = await asyncio.to_thread(lambda: cv2.imencode(".png", rendered.view)[1].tobytes())
        return web.Response(body=png, content_type="image/png")

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(asdict(self._session.app.summary()))

    async def _settings(self, request: web.Request) -> web.Response:
        return web.json_response(asdict(self._session.app.settings))

    async def _change(self, request: web.Request) -> web.Response:
        """Apply what is asked for; the answer has the settings as they will be."""
        try:
            after = self._session.change(json.loads(await request.text()), self._filters)
        except (ValueError, RecursionError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(asdict(after))

    async def _list_recordings(self, request: web.Request) -> web.Response:
        return web.json_response([path.name for path in self._recordings() if path.is_file()])

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        """A file that this run has recorded: only those have a name here."""
        wanted = request.match_info["name"]
        for path in self._recordings():
            if path.name == wanted and path.is_file():
                return web.FileResponse(path)
        return web.Response(status=404, text="there is no such recording\n")
