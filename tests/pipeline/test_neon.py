import numpy as np

from live_edges import EdgePipeline
from live_edges.pipeline.views import VIEWS, Picture
from live_edges.settings import Settings

PIPELINE = EdgePipeline("sobel", device="cpu", engine="torch")


def shown(image, edges):
    return VIEWS["neon"].paint(Picture(image, edges, Settings(view="neon"), PIPELINE))


def line(height=720, width=640):
    edges = np.zeros((height, width), np.uint8)
    edges[:, width // 2 - 1 : width // 2 + 1] = 255
    return edges


def test_an_edge_glows_in_its_own_colour_and_more_saturated():
    image = np.full((720, 640, 3), (60, 90, 120), np.uint8)

    blue, green, red = shown(image, line())[360, 320].astype(int)

    assert red >= 250
    assert blue < green < red
    assert blue / red < 60 / 120


def test_the_halo_fades_with_the_distance_and_is_black_far_away():
    image = np.full((720, 640, 3), 200, np.uint8)

    profile = shown(image, line())[360, 324:, 1].astype(int)

    assert (np.diff(profile) <= 1).all()  # it is made of a small picture
    assert 10 < profile[4] < 128
    assert profile[100] == 0


def test_the_halo_is_part_of_the_height_whatever_that_is():
    reach = [
        np.flatnonzero(shown(np.full((h, 400, 3), 200, np.uint8), line(h, 400))[h // 2, 200:, 1])[
            -1
        ]
        for h in (180, 720)
    ]

    assert 2 < reach[1] / reach[0] < 6


def test_without_edges_all_is_black_and_nothing_else_matters():
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)

    assert not shown(noise, np.zeros((37, 53), np.uint8)).any()
