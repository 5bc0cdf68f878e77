"""A server in this process, over a small source, and a client that asks it."""

import asyncio
from concurrent.futures import Future
from contextlib import asynccontextmanager

import numpy as np
from aiohttp.test_utils import TestClient, TestServer

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.live.app import App
from live_edges.recording.session import RecordingOptions, RecordingSession
from live_edges.settings import Settings
from live_edges.sources.capture import Capture
from live_edges.sources.demo import Demo
from live_edges.web.screen import BrowserScreen
from live_edges.web.server import Server
from live_edges.web.session import Session

SIZE = (320, 240)


def session_of(source, folder, **settings):
    pipeline = Future()
    pipeline.set_result(EdgePipeline("sobel", device="cpu", engine="torch"))
    screen = BrowserScreen()
    app = App(
        Capture(source),
        screen,
        pipeline=pipeline,
        entries=catalog(),
        settings=Settings(hud="off", view="edges", auto_gain=False, **settings),
        recordings=RecordingSession(RecordingOptions(path=folder)),
    )
    return Session(app, screen, pipeline)


@asynccontextmanager
async def serving(folder, *, token=None, source=None):
    """Yield a client, the server's session, and the sessions made for cameras."""
    made = []

    def make_session(camera):
        made.append(session_of(camera, folder))
        return made[-1]

    with session_of(source or Demo(SIZE, fps=60), folder) as session:
        server = Server(
            session,
            make_session=make_session,
            filters=list(catalog()),
            token=token,
            recordings=lambda: list(folder.glob("*.mp4")),
        )
        async with TestClient(TestServer(server.application())) as client:
            session.start()
            yield client, session, made
        session.app.stop()


def run(test):
    """Run what a test does with its clients."""
    return asyncio.run(asyncio.wait_for(test(), 60))


def steps(count, size=(64, 48)):
    """Pictures with a step at another column each."""
    pictures = np.zeros((count, size[1], size[0], 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[:, 8 + number % 40 :] = 200
    return pictures
