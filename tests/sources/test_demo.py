import threading

import cv2
import numpy as np
import pytest
from fakes import FakeClock

from live_edges.sources import Mode
from live_edges.sources.demo import Demo
from live_edges.sources.scene import Scene
from live_edges.sources.sprites import polygon, regular, sprite

SMALL = (160, 90)


def test_the_demo_is_a_camera_of_common_size_and_rate():
    assert Demo().mode == Mode(1280, 720, 30.0, "")


def test_the_same_seed_and_index_give_the_same_picture():
    one, other = Scene(SMALL, seed=3), Scene(SMALL, seed=3)
    one.at(0, 0.0)

    np.testing.assert_array_equal(one.at(7, 0.3), other.at(7, 0.3))


def test_another_seed_gives_another_picture():
    assert (Scene(SMALL, seed=1).at(0, 0.0) != Scene(SMALL, seed=2).at(0, 0.0)).any()


def test_the_scene_moves():
    scene = Scene(SMALL)
    before, after = scene.at(0, 0.0), scene.at(0, 1.0)  # the same index: the same noise

    changed = cv2.absdiff(before, after).max(axis=2) > 20

    assert 0.02 < changed.mean() < 0.5


def test_the_noise_is_small_without_bias_and_new_in_every_frame():
    scene = Scene((640, 360))

    difference = scene.at(0, 0.0).astype(int) - scene.at(1, 0.0)

    assert abs(difference.mean()) < 0.2
    assert 1.5 < difference.std() < 8


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (53, 37), (2, 300), (300, 2)])
def test_any_size_can_be_drawn(size):
    image = Scene(size).at(5, 2.5)

    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8


def test_frames_come_at_the_rate_asked_for():
    clock = FakeClock(50.0)
    demo = Demo(SMALL, fps=25, clock=clock, wait=clock.wait)

    frames = [demo.read() for _ in range(6)]

    times = [frame.timestamp for frame in frames]
    assert times == pytest.approx([50.0 + i / 25 for i in range(6)])
    assert [frame.pts for frame in frames] == pytest.approx([i / 25 for i in range(6)])


def test_a_late_reader_does_not_get_the_missed_frames_in_a_burst():
    clock = FakeClock()
    demo = Demo(SMALL, fps=10, clock=clock, wait=clock.wait)
    demo.read()

    clock.advance(5.0)
    times = [demo.read().timestamp for _ in range(3)]

    assert times == pytest.approx([5.0, 5.1, 5.2])


def test_a_little_lateness_is_made_up_for():
    clock = FakeClock()
    demo = Demo(SMALL, fps=10, clock=clock, wait=clock.wait)
    demo.read()

    clock.advance(0.15)
    times = [demo.read().timestamp for _ in range(2)]

    assert times == pytest.approx([0.15, 0.2])


def test_interrupt_ends_the_wait_for_the_next_frame():
    demo = Demo(SMALL, fps=0.001)
    demo.read()
    results = []
    reader = threading.Thread(target=lambda: results.append(demo.read()))

    reader.start()
    demo.interrupt()
    reader.join(5)

    assert results == [None]
    assert demo.read() is None


@pytest.mark.parametrize(("size", "fps"), [((0, 5), 30), ((5, -1), 30), ((5, 5), 0)])
def test_an_impossible_size_or_rate_is_refused(size, fps):
    with pytest.raises(ValueError, match="the demo needs a positive size and rate"):
        Demo(size, fps=fps)


def test_a_sprite_hides_the_ground_where_it_is_solid_and_nowhere_else():
    ground = np.full((60, 60, 3), 100, np.uint8)
    square = sprite(np.full((20, 20, 3), 200.0), np.ones((20, 20)))

    square.over(ground, 30, 30)

    assert (ground[21:39, 21:39] == 200).all()
    assert (ground[:5] == 100).all()
    assert ground.min() < 90  # its shadow


@pytest.mark.parametrize("at", [(0, 0), (59, 59), (-5, 30), (30, 65)])
def test_a_sprite_is_cut_at_the_border(at):
    ground = np.full((60, 60, 3), 100, np.uint8)

    sprite(np.full((20, 20, 3), 200.0), np.ones((20, 20))).over(ground, *at)

    assert ground.max() == 200
    assert (ground[25:30, 25:30] == 100).all()


def test_a_sprite_outside_the_picture_leaves_it_alone():
    ground = np.full((60, 60, 3), 100, np.uint8)

    sprite(np.full((20, 20, 3), 200.0), np.ones((20, 20))).over(ground, 500, -500)

    assert (ground == 100).all()


@pytest.mark.parametrize(
    ("corners", "area"), [(4, 0.5), (180, np.pi / 4)], ids=["a square on its tip", "a disc"]
)
def test_polygons_cover_their_area(corners, area):
    assert polygon(101, regular(corners, 0.0)).mean() == pytest.approx(area, abs=0.02)
