"""The live loop from source to screen, without a camera, a screen or a wait."""

import dataclasses
import json
from concurrent.futures import Future
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from fakes import (
    FakeCapture,
    FakeClock,
    FakeScreen,
    FakeSource,
    Loading,
    Stall,
    compute_on,
    make_frames,
    transfer_with,
)
from safetensors.torch import save_file

from live_edges.display.screen import MouseEvent
from live_edges.errors import DeviceError, SourceError
from live_edges.filters.catalog import catalog
from live_edges.frame import Frame
from live_edges.live.app import App
from live_edges.live.limits import Limits
from live_edges.live.stats import write_summary
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.settings import Settings
from live_edges.sources.capture import Capture

PLAIN = Settings(view="edges", auto_gain=False, hud="off")
ORIGINAL = Settings(view="original", hud="off")


def loaded(pipeline=None):
    future = Future()
    future.set_result(pipeline or EdgePipeline(device="cpu", engine="torch"))
    return future


def step_frames(count, *, size=(53, 37)):
    frames = []
    for frame in make_frames(count, size=size):
        image = np.zeros_like(frame.image)
        image[:, size[0] // 2 :] = 200
        frames.append(dataclasses.replace(frame, image=image))
    return frames


def make_app(source, screen, *, settings=PLAIN, weights=(), pipeline=None, capture=None, **options):
    clock = screen.clock or FakeClock()
    return App(
        capture or Capture(source, clock=clock),
        screen,
        pipeline=pipeline or loaded(EdgePipeline(device="cpu", weights=weights, engine="torch")),
        entries=catalog(weights),
        settings=settings,
        clock=clock,
        **options,
    )


def test_every_frame_of_a_file_is_shown_once():
    screen = FakeScreen(is_headless=True)
    app = make_app(FakeSource(make_frames(30)), screen, settings=Settings(view="original"))

    app.run()

    assert [int(picture[0, 0, 0]) for picture in screen.shown] == list(range(30))
    summary = app.summary()
    assert (summary.frames_in, summary.frames_shown, summary.frames_dropped) == (30, 30, 0)


@pytest.mark.parametrize(("view", "is_followed"), [("peaking", True), ("overlay", False)])
def test_the_focus_is_followed_while_it_is_shown(view, is_followed):
    app = make_app(FakeSource(make_frames(3)), FakeScreen(), settings=Settings(view=view))

    app.run()

    assert (app.status().focus.number is not None) == is_followed


def test_the_source_is_closed_once_in_the_end():
    source = FakeSource(make_frames(3))

    make_app(source, FakeScreen(is_headless=True)).run()

    assert source.closes == 1


def test_the_window_shows_the_edges():
    screen = FakeScreen(clock=FakeClock())
    make_app(FakeSource(step_frames(1)), screen).run()

    row = screen.shown[-1][20, :, 0]
    enlarged = len(row) // 53
    assert (row.max(), np.flatnonzero(row).min() // enlarged) == (200, 25)


def test_a_file_plays_at_its_own_speed_in_a_window():
    screen = FakeScreen(clock=FakeClock(), patience=10_000)
    app = make_app(FakeSource(make_frames(31, fps=10)), screen)

    app.run()

    assert app.summary().frames_shown == 31
    assert screen.clock.now >= 3.0


def test_q_quits():
    screen = FakeScreen([None, "q"], clock=FakeClock())
    app = make_app(FakeSource(make_frames(30)), screen)

    app.run()

    assert app.summary().frames_shown == 2


@pytest.mark.parametrize("key", ["v", "!"])
def test_the_bar_with_the_most_useful_keys_goes_at_the_first_key(key):
    screen = FakeScreen([None, key], clock=FakeClock(), patience=40)
    settings = Settings(view="original")

    make_app(FakeSource(make_frames(9)), screen, settings=settings).run()

    assert screen.shown[0][-20:, :60].max() > 200
    assert screen.shown[-1][-20:, :60].max() < 200


def test_esc_leaves_fullscreen_first():
    screen = FakeScreen(["f", "esc", None, "esc"], clock=FakeClock())
    app = make_app(FakeSource(make_frames(60)), screen)

    app.run()

    assert True in screen.fullscreens
    assert screen.fullscreens[-1] is False
    assert app.summary().frames_shown < 60


def test_closing_the_window_quits():
    screen = FakeScreen(clock=FakeClock(), patience=5)
    app = make_app(FakeSource(make_frames(200)), screen)

    app.run()

    assert app.summary().frames_shown < 200


def test_a_pause_keeps_the_picture_and_a_step_takes_one_more():
    keys = ["space", None, None, ".", None, None, "q"]
    screen = FakeScreen(keys, clock=FakeClock())
    app = make_app(
        FakeSource(make_frames(50)), screen, settings=Settings(view="original", hud="off")
    )

    app.run()

    assert app.settings.is_paused
    assert app.summary().frames_shown == 2


def test_a_filter_picked_in_a_pause_shows_at_once():
    screen = FakeScreen(["space", "5", "q"], clock=FakeClock())
    app = make_app(FakeSource(step_frames(9)), screen)

    app.run()

    assert app.settings.filter == "laplacian"
    expected = EdgePipeline("laplacian", device="cpu")(step_frames(1)[0].image)
    np.testing.assert_array_equal(app.in_flight.rendered.edges, expected)


def test_the_key_for_thin_lines_thins_the_picture_in_a_pause_and_tells_it():
    screen = FakeScreen(["space", "l", None, "q"], clock=FakeClock())
    frames = step_frames(9)
    app = make_app(FakeSource(frames), screen)

    app.run()

    assert app.settings.is_thin
    expected = EdgePipeline("sobel", device="cpu", is_thin=True)(frames[0].image)
    np.testing.assert_array_equal(app.in_flight.rendered.edges, expected)


def test_mirror_flips_before_the_edges_are_found():
    screen = FakeScreen(is_headless=True)
    app = make_app(
        FakeSource(step_frames(1)), screen, settings=dataclasses.replace(PLAIN, is_mirrored=True)
    )

    app.run()

    np.testing.assert_array_equal(app.in_flight.rendered.original, step_frames(1)[0].image[:, ::-1])


def test_the_first_picture_has_the_right_brightness():
    dim = [dataclasses.replace(f, image=f.image // 10) for f in step_frames(1, size=(33, 37))]
    screen = FakeScreen(is_headless=True)
    app = make_app(FakeSource(dim), screen, settings=Settings(view="edges"))

    app.run()

    assert 150 < app.in_flight.rendered.edges.max() < 256
    assert app.settings.gain > 5


def test_canny_lines_stay_white_whatever_the_gain_was():
    screen = FakeScreen(is_headless=True)
    settings = Settings(filter="canny", view="edges", gain=0.1)
    app = make_app(FakeSource(step_frames(2)), screen, settings=settings)

    app.run()

    assert app.in_flight.rendered.edges.max() == 255


def test_a_size_that_changes_in_mid_stream_is_followed():
    frames = make_frames(2) + [
        dataclasses.replace(f, index=f.index + 2, pts=f.pts + 1)
        for f in make_frames(2, size=(31, 64))
    ]
    screen = FakeScreen(is_headless=True)

    make_app(FakeSource(frames), screen).run()

    assert [picture.shape[:2] for picture in screen.shown] == [(37, 53)] * 2 + [(64, 31)] * 2


def test_the_picture_shown_never_writes_to_the_frame():
    frame = step_frames(1)[0]
    before = frame.image.copy()
    settings = Settings(view="original", hud="full", show_help=True)

    make_app(FakeSource([frame]), FakeScreen(clock=FakeClock()), settings=settings).run()

    np.testing.assert_array_equal(frame.image, before)


@pytest.mark.parametrize("view", ["original", "edges"])
def test_a_snapshot_holds_edges_and_original_without_text(tmp_path, view):
    screen = FakeScreen(["s", None, "s", "q"], clock=FakeClock())
    settings = dataclasses.replace(PLAIN, view=view, hud="full")
    frame = step_frames(1)[0]
    frames = [dataclasses.replace(frame, index=i, pts=i / 30) for i in range(20)]

    make_app(FakeSource(frames), screen, settings=settings, folder=tmp_path).run()

    edges, originals = (sorted(tmp_path.glob(f"*-{name}.png")) for name in ("edges", "original"))
    assert len(edges) == len(originals) == 2
    np.testing.assert_array_equal(cv2.imread(str(originals[0])), frame.image)
    np.testing.assert_array_equal(
        cv2.imread(str(edges[0]), cv2.IMREAD_GRAYSCALE), EdgePipeline(device="cpu")(frame.image)
    )


def test_a_snapshot_holds_the_view_as_well(tmp_path):
    screen = FakeScreen(["s", None, "q"], clock=FakeClock())
    frames = step_frames(9)

    settings = dataclasses.replace(PLAIN, view="side")
    make_app(FakeSource(frames), screen, settings=settings, folder=tmp_path).run()

    [side] = tmp_path.glob("*-side.png")
    [original] = tmp_path.glob("*-original.png")
    np.testing.assert_array_equal(np.hsplit(cv2.imread(str(side)), 2)[0], cv2.imread(str(original)))


def test_a_snapshot_that_fails_is_told_and_the_run_goes_on(tmp_path, caplog):
    screen = FakeScreen(["s", None, None, "q"], clock=FakeClock())
    app = make_app(FakeSource(make_frames(20)), screen, folder=tmp_path / "missing")

    app.run()

    assert "could not be saved" in caplog.text
    assert app.summary().frames_shown > 2


def test_a_broken_weights_file_keeps_the_old_filter(tmp_path, caplog):
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    good = torch.zeros(1, 1, 3, 3)
    good[0, 0, 1] = torch.tensor([-1.0, 0, 1])
    save_file({"weight": good}, tmp_path / "good.safetensors")
    weights = [tmp_path / "broken.safetensors", tmp_path / "good.safetensors"]
    start = dataclasses.replace(PLAIN, filter=list(catalog(weights))[-3])
    screen = FakeScreen(["n", None, "q"], clock=FakeClock())
    app = make_app(FakeSource(make_frames(20)), screen, weights=weights, settings=start)

    app.run()

    assert app.settings.filter == start.filter
    assert "damaged" in caplog.text


def test_frames_and_duration_end_a_run():
    clock = FakeClock()
    by_frames = make_app(
        FakeSource(make_frames(50)), FakeScreen(is_headless=True), limits=Limits(frames=7)
    )
    by_time = make_app(
        FakeSource(make_frames(50, fps=10)),
        FakeScreen(clock=clock, patience=10_000),
        limits=Limits(duration_s=2),
    )

    by_frames.run()
    by_time.run()

    assert by_frames.summary().frames_shown == 7
    assert 19 <= by_time.summary().frames_shown <= 22


def test_a_source_that_fails_is_reported_after_its_frames_were_shown():
    screen = FakeScreen(is_headless=True)
    source = FakeSource([*make_frames(3), SourceError("the camera was unplugged")])
    app = make_app(source, screen)

    with pytest.raises(SourceError, match="unplugged"):
        app.run()

    assert app.summary().frames_shown == 3
    assert source.closes == 1


@pytest.mark.slow
def test_a_live_source_that_stalls_leaves_the_keys_alive_and_says_so():
    stall = Stall()
    screen = FakeScreen([None, *[None] * 8, "q"], clock=FakeClock(), patience=10_000)
    source = FakeSource([*make_frames(1), stall], is_live=True, comebacks=[SourceError("gone")])
    app = make_app(source, screen, settings=Settings(view="original"))

    app.run()

    assert app.summary().frames_shown == 1
    assert screen.clock.now > 1
    assert not np.array_equal(screen.shown[-1], screen.shown[0])  # the text over it has changed
    assert source.closes == 1


def test_a_still_picture_stays_until_the_user_quits():
    source = FakeSource(step_frames(1))
    source.is_still = True
    screen = FakeScreen([None, "v", "v", None, "q"], clock=FakeClock(), patience=10_000)
    app = make_app(source, screen)

    app.run()

    assert app.settings.view == "side"
    assert app.in_flight.rendered.view.shape == (37, 106, 3)


def test_a_live_picture_shows_before_torch_is_there():
    pending = Future()
    screen = FakeScreen([None, "s", "n", "q"], clock=FakeClock())
    source = FakeSource([*make_frames(1), Stall()], is_live=True)
    app = make_app(source, screen, pipeline=pending, settings=Settings())

    app.run()

    assert screen.shown
    assert app.summary().device == ""


def test_a_pipeline_that_can_not_be_made_ends_the_run():
    failed = Future()
    failed.set_exception(DeviceError("device cuda is not on this machine"))
    source = FakeSource(make_frames(3))

    with pytest.raises(DeviceError, match="not on this machine"):
        make_app(source, FakeScreen(), pipeline=failed).run()

    assert source.closes == 1


def test_stop_ends_the_run_after_the_current_frame():
    screen = FakeScreen(is_headless=True)
    app = make_app(FakeSource(make_frames(30)), screen)
    app.stop()

    app.run()

    assert app.summary().frames_shown == 0


def test_the_statistics_are_complete_and_add_up(tmp_path):
    clock = FakeClock()
    app = make_app(FakeSource(make_frames(31, fps=10)), FakeScreen(clock=clock, patience=10_000))
    app.run()

    write_summary(app.summary(), tmp_path / "s.json")

    stats = json.loads((tmp_path / "s.json").read_text())
    assert stats["source"] == "fake"
    assert stats["mode"] == {"size": [53, 37], "fps": 30.0, "fourcc": ""}
    assert (stats["device"], stats["filter"], stats["view"]) == ("cpu", "sobel", "edges")
    assert (stats["frames_in"], stats["frames_shown"], stats["frames_dropped"]) == (31, 31, 0)
    assert stats["fps"] == pytest.approx(10, abs=0.5)
    assert set(stats["latency_ms"]) == {"p50", "p95", "p99"}
    assert {"capture wait", "filter", "view", "show"} <= set(stats["stages_ms"])


def test_a_headless_run_tells_its_state():
    screen = FakeScreen(is_headless=True)

    make_app(FakeSource(make_frames(3)), screen).run()

    assert "sobel on cpu" in screen.statuses[-1]


@pytest.mark.parametrize("size", [(1, 1), (5, 3)])
def test_tiny_pictures_go_through_the_whole_line(size):
    frames = [Frame(np.zeros((size[1], size[0], 3), np.uint8), 0, 0.0, 0.0)]
    screen = FakeScreen(["v", "v", "v", "h", "q"], clock=FakeClock())
    source = FakeSource(frames)
    source.is_still = True

    make_app(source, screen, settings=Settings()).run()

    assert min(screen.shown[0].shape[:2]) >= 240


@pytest.fixture
def busy_pipeline():
    """A pipeline with pictures in flight, as a GPU has them."""
    pipeline = EdgePipeline(device="cpu", engine="torch")
    compute_on(pipeline, transfer_with(in_flight=2))
    return pipeline


@pytest.mark.parametrize("is_headless", [True, False])
def test_with_pictures_in_flight_every_frame_is_still_shown_once_in_order(
    busy_pipeline, is_headless
):
    frames = step_frames(20)
    for number, frame in enumerate(frames):
        frame.image.flags.writeable = True
        frame.image[:, 26:] = 10 * number
    screen = FakeScreen(clock=FakeClock(), is_headless=is_headless)
    app = make_app(FakeSource(frames), screen, pipeline=loaded(busy_pipeline))

    app.run()

    shown = [int(picture.max()) for picture in screen.shown]
    assert [a for a, b in pairwise([*shown, None]) if a != b] == [10 * n for n in range(20)]
    assert app.summary().frames_shown == 20


def test_the_last_key_decides_over_pictures_in_flight(busy_pipeline):
    screen = FakeScreen([None, "4"], clock=FakeClock(), is_headless=True)
    app = make_app(FakeSource(step_frames(9)), screen, pipeline=loaded(busy_pipeline))

    app.run()

    wide = [np.count_nonzero(picture[5, :, 0]) for picture in screen.shown]
    assert app.summary().filter == "roberts"
    assert wide == [2, 2, 2, *[1] * 7]  # Sobel twice, again below the news, then Roberts alone


def levels_shown(screen):
    """The levels of the pictures shown, below the text, without those shown again."""
    levels = [int(picture[picture.shape[0] // 2, -1, 0]) for picture in screen.shown]
    return [a for a, b in pairwise([*levels, None]) if a != b], levels


@pytest.mark.parametrize("is_live", [False, True])
def test_a_pause_shows_no_more_of_the_pictures_in_flight(busy_pipeline, is_live):
    keys = [None, None, "space", *[None] * 4, "space", *[None] * 30]
    screen = FakeScreen(keys, clock=FakeClock())
    frames = [dataclasses.replace(frame, timestamp=0.0) for frame in make_frames(12)]
    source = FakeSource(frames, is_live=is_live)
    capture = FakeCapture(source, screen.clock)
    pipeline = loaded(busy_pipeline)
    app = make_app(source, screen, pipeline=pipeline, capture=capture, settings=ORIGINAL)

    app.run()

    shown, levels = levels_shown(screen)
    assert set(levels[3:8]) == {2}
    # What was in flight is old after a pause where frames are live; a file loses nothing.
    assert shown == [0, 1, 2, *range(5 if is_live else 3, 12)]
    assert app.summary().frames_dropped == (2 if is_live else 0)


def test_a_step_shows_the_next_of_the_pictures_in_flight(busy_pipeline):
    keys = [None, None, "space", None, ".", None, ".", None, "q"]
    screen = FakeScreen(keys, clock=FakeClock())
    source = FakeSource(make_frames(12))
    capture = FakeCapture(source, screen.clock)

    pipeline = loaded(busy_pipeline)
    make_app(source, screen, pipeline=pipeline, capture=capture, settings=ORIGINAL).run()

    assert levels_shown(screen)[0] == [0, 1, 2, 3, 4]


def test_a_pause_while_the_next_frame_is_waited_for_keeps_the_picture():
    frames = make_frames(6, fps=1)
    screen = FakeScreen([None, "space", None, None, "space"], clock=FakeClock(), patience=10_000)
    source = FakeSource(frames)
    capture = FakeCapture(source, screen.clock)

    make_app(source, screen, capture=capture, settings=ORIGINAL).run()

    shown, levels = levels_shown(screen)
    assert shown == list(range(6))
    assert levels[1:4] == [0, 0, 0]  # the key was pressed at the second of them


def test_a_key_pressed_in_a_pause_holds_for_the_frames_that_were_held_back(busy_pipeline):
    keys = [None, None, "space", "m", "space", *[None] * 9]
    screen = FakeScreen(keys, clock=FakeClock())
    frames = step_frames(9)  # the right half is bright
    source = FakeSource(frames)
    capture = FakeCapture(source, screen.clock)

    pipeline = loaded(busy_pipeline)
    make_app(source, screen, pipeline=pipeline, capture=capture, settings=ORIGINAL).run()

    is_mirrored = [bool(picture[120, 20, 0] > picture[120, -20, 0]) for picture in screen.shown]
    assert is_mirrored == sorted(is_mirrored)
    assert is_mirrored[0] is False
    assert is_mirrored[-1] is True


def test_the_duration_ends_a_run_whose_next_frame_is_far_away():
    frames = make_frames(2, fps=1 / 20)
    screen = FakeScreen(clock=FakeClock(), patience=10_000)
    source = FakeSource(frames)
    app = make_app(
        source,
        screen,
        limits=Limits(duration_s=3),
        capture=FakeCapture(source, screen.clock),
    )

    app.run()

    assert app.summary().frames_shown == 1
    assert screen.clock.now == pytest.approx(3, abs=0.1)


def test_the_text_is_kept_fresh_while_the_next_frame_is_far_away():
    screen = FakeScreen(["i"], clock=FakeClock(), patience=10_000)
    source = FakeSource(make_frames(2, fps=1 / 20))

    make_app(source, screen, capture=FakeCapture(source, screen.clock)).run()

    lower_edges = [int(picture[-60:, :, 0].max()) for picture in screen.shown]
    assert lower_edges[-2] < max(lower_edges)  # the message of the key has gone again


@pytest.mark.parametrize("is_headless", [True, False])
def test_the_first_live_frame_shown_is_never_old(is_headless):
    clock = FakeClock(100.0)
    frames = [dataclasses.replace(f, timestamp=97.0 + f.timestamp) for f in make_frames(3)]
    frames += [
        dataclasses.replace(f, index=3 + f.index, timestamp=99.9 + f.timestamp)
        for f in make_frames(40)
    ]
    screen = FakeScreen(clock=clock, is_headless=is_headless)
    source = FakeSource(frames, is_live=True)
    ages = []
    screen.show = lambda image: ages.append(
        clock.now - app.in_flight.frame.timestamp if app.in_flight.frame else 0.0
    )
    pipeline = Loading(EdgePipeline(device="cpu", engine="torch"), after=20, clock=clock)
    app = make_app(source, screen, pipeline=pipeline, capture=FakeCapture(source, clock))

    app.run()

    assert ages[0] <= 0.5
    assert len(ages) > 5


@pytest.mark.parametrize("is_headless", [False, True])
def test_the_statistics_say_when_each_way_to_filter_was_first_shown(is_headless):
    clock = FakeClock()
    source = FakeSource(make_frames(60), is_live=True)
    made = EdgePipeline(device="cpu", engine="torch")
    screen = FakeScreen(clock=clock, is_headless=is_headless)
    pipeline = Loading(made, after=10, clock=clock)
    app = make_app(source, screen, pipeline=pipeline, capture=FakeCapture(source, clock))

    app.run()

    first = app.summary().first_shown
    assert list(first) == ([made.execution] if is_headless else ["unfiltered", made.execution])
    assert sorted(first.values()) == list(first.values())
    assert 0.3 < first[made.execution] < clock.now  # ten times 0.03 s until it was loaded


def test_a_broken_weights_file_picked_while_torch_loads_keeps_the_filter(tmp_path, caplog):
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    weights = [tmp_path / "broken.safetensors"]
    clock = FakeClock()
    last = list(catalog(weights)).index("broken")
    start = dataclasses.replace(PLAIN, filter=list(catalog(weights))[last - 1])
    screen = FakeScreen(["n", *[None] * 30], clock=clock)
    source = FakeSource(make_frames(60), is_live=True)
    made = EdgePipeline(start.filter, device="cpu", weights=weights, engine="torch")
    app = make_app(
        source,
        screen,
        weights=weights,
        settings=start,
        pipeline=Loading(made, after=10, clock=clock),
        capture=FakeCapture(source, clock),
    )

    app.run()

    assert app.settings.filter == start.filter
    assert "damaged" in caplog.text
    assert app.summary().frames_shown > 20


def test_a_broken_weights_file_on_the_right_keeps_the_old_filter(tmp_path, caplog):
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    weights = [tmp_path / "broken.safetensors"]
    before = list(catalog(weights))[list(catalog(weights)).index("broken") - 1]
    start = dataclasses.replace(PLAIN, against=before)
    mouse = {1: [MouseEvent("move", 50, 10)]}
    screen = FakeScreen([None, "n", None, "q"], clock=FakeClock(), mouse=mouse)
    screen.size = (53, 37)
    app = make_app(FakeSource(make_frames(20)), screen, weights=weights, settings=start)

    app.run()

    assert "broken" in caplog.text
    assert (app.settings.filter, app.settings.against) == ("sobel", before)


def test_the_divider_follows_the_mouse_in_a_pause():
    mouse = {3: [MouseEvent("move", 40, 10)], 5: [MouseEvent("move", 10, 10)]}
    start = dataclasses.replace(PLAIN, against="canny", is_paused=False)
    screen = FakeScreen(["space", *[None] * 8, "q"], clock=FakeClock(), mouse=mouse)
    screen.size = (530, 370)
    app = make_app(FakeSource(make_frames(20)), screen, settings=start)

    app.run()

    dividers = [int((picture[5, :, 0] == 255).nonzero()[0].mean()) for picture in screen.shown]
    assert app.summary().frames_shown == 1
    moved = [d for d, after in pairwise([*dividers, 0]) if d != after]
    assert moved == pytest.approx([265, 51, 21], abs=2)  # the picture was scaled twice


def test_weights_that_are_deleted_in_mid_run_are_told_and_the_filter_stays(tmp_path, caplog):
    save_file({"weight": torch.ones(1, 1, 3, 3)}, tmp_path / "mine.safetensors")
    weights = [tmp_path / "mine.safetensors"]
    last = list(catalog(weights)).index("mine")
    start = dataclasses.replace(PLAIN, filter=list(catalog(weights))[last - 1])
    screen = FakeScreen(["n", None, "q"], clock=FakeClock())
    app = make_app(FakeSource(make_frames(20)), screen, weights=weights, settings=start)
    (tmp_path / "mine.safetensors").unlink()

    app.run()

    assert app.settings.filter == start.filter
    assert "mine.safetensors" in caplog.text
