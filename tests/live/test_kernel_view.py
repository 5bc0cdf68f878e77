"""The kernel view: its arithmetic held against the definition and the edge image itself."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from fakes import FakeClock, FakeScreen, FakeSource, make_frames
from test_app import make_app

from live_edges.display.screen import MouseEvent
from live_edges.filters import functional as F
from live_edges.filters import kernels as banks
from live_edges.filters.catalog import catalog
from live_edges.frame import Frame
from live_edges.live import kernel_maps, kernel_view
from live_edges.live.arithmetic import beneath, kernels_of, worked_out
from live_edges.live.hud import HeadUpDisplay, Status
from live_edges.live.in_flight import InFlight
from live_edges.live.looking import Look, look
from live_edges.pipeline.edge_pipeline import EdgePipeline
from live_edges.screen_text import Font, text_height
from live_edges.settings import Settings
from live_edges.timing import Durations, Stages

FILTERS = [name for name, entry in catalog().items() if not entry.net]
SIZE = (53, 37)
PLACES = [(0, 0), (52, 36), (26, 18), (1, 35), (40, 3)]
SETTINGS = Settings(show_kernel=True, auto_gain=False, gain=1.7)


def noise(size=SIZE):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (5, 5), 0), np.uint8)


def point(x, y, size=SIZE, panes=1):
    return (x + 0.5) / size[0] / panes, (y + 0.5) / size[1]


def shown(settings, image=None):
    image = noise() if image is None else image
    in_flight = InFlight(Stages())
    in_flight.use(EdgePipeline(device="cpu", engine="torch"))
    in_flight.send(Frame(image, 0, 0.0, 0.0), settings)
    _, settings = in_flight.receive(settings)
    return in_flight, settings


def seen_by(name, image):
    x = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None].double()
    if torch.from_numpy(catalog()[name].bank(1.0)).shape[1] == 3:
        return x
    return torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))[None, None].double()


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "canny"])
@pytest.mark.parametrize("at", PLACES)
def test_each_step_is_what_the_definition_says(name, at):
    weight = torch.from_numpy(catalog()[name].bank(1.0))
    x, y = at
    gray = seen_by(name, noise())
    responses = F.correlate(F.pad_replicate(gray, weight.shape[2:]), weight)[0, :, y, x]

    found = worked_out(kernels_of(name, weight.numpy()), noise(), at, gain=1.7)

    np.testing.assert_allclose(found.responses, responses.numpy(), atol=1e-9)
    assert found.length == pytest.approx(float(responses.square().sum().sqrt()))
    level = F.to_gray_levels(torch.tensor(found.length, dtype=torch.float64), 1.7, 0.0, white=255)
    assert found.result == int(level)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("auto_gain", [True, False])
@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_the_result_is_the_pixel_of_the_edge_image(name, auto_gain, threshold):
    settings = dataclasses.replace(SETTINGS, filter=name, auto_gain=auto_gain, threshold=threshold)
    in_flight, settings = shown(settings)

    found = [
        look(in_flight, dataclasses.replace(settings, pointer=point(x, y))).arithmetic.result
        for x in range(0, SIZE[0], 4)
        for y in range(0, SIZE[1], 3)
    ]

    assert found == in_flight.rendered.edges[::3, ::4].T.flatten().tolist()


@pytest.mark.parametrize("name", ["sobel", "log", "canny"])
@pytest.mark.parametrize("auto_gain", [True, False])
def test_a_pixel_that_is_thinned_away_says_so(name, auto_gain):
    thin = dataclasses.replace(
        SETTINGS, filter=name, auto_gain=auto_gain, threshold=0.1, is_thin=True
    )
    size = (29, 23)
    in_flight, settings = shown(thin, noise(size))
    edges, notes = in_flight.rendered.edges, set()

    for y, x in np.ndindex(*edges.shape):
        at = point(x, y, size)
        found = look(in_flight, dataclasses.replace(settings, pointer=at)).arithmetic
        assert found.result == edges[y, x]
        notes.add(found.note)

    assert ("a neighbour is higher: thinned to 0" in notes) is (name != "canny")


def test_products_and_sums_of_sobel_are_whole_numbers():
    image = np.zeros((3, 3, 3), np.uint8)
    image[:, 1] = 10
    image[:, 2] = 200

    found = worked_out(kernels_of("sobel", banks.sobel()), image, (1, 1), gain=1.0)

    assert found.products[0, 0].tolist() == [[0, 0, 200], [0, 0, 400], [0, 0, 200]]
    assert found.sums.tolist() == [[800], [0]]
    assert (found.responses.tolist(), found.length, found.result) == ([200, 0], 200, 200)


def test_the_steps_are_told_in_words():
    image = np.zeros((3, 3, 3), np.uint8)
    image[:, 2] = 41
    kernels = kernels_of("sobel", banks.sobel())

    words = kernel_maps.steps(kernels, worked_out(kernels, image, (1, 1), gain=2.0))

    assert words == [
        "gx = 164 / 4 = 41.00",
        "gy = 0 / 4 = 0",
        "length = root of 41.00^2 + 0^2 = 41.00",
        "41.00 x gain 2.000 = 82.00",
        "edge = 82",
    ]


@pytest.mark.parametrize(
    ("view", "panes", "pane"), [("overlay", 1, 0), ("side", 2, 0), ("side", 2, 1)]
)
def test_the_mouse_points_at_the_same_pixel_in_every_half(view, panes, pane):
    x, y = point(17, 9, panes=panes)
    settings = dataclasses.replace(SETTINGS, view=view, pointer=(x + pane / panes, y))

    found = look(*shown(settings))

    assert found.at == (17, 9)
    assert found.pixel[0] == "x 17, y 9"


def test_in_a_region_the_camera_s_own_pixel_is_named():
    settings = dataclasses.replace(SETTINGS, region=(0.5, 0.5, 0.5, 0.5), show_kernel=False)
    image = noise((80, 60))
    settings = dataclasses.replace(settings, pointer=point(3, 4, (40, 30)))

    found = look(shown(settings, image)[0], settings)

    blue, green, red = image[34, 43]
    assert found.pixel[:2] == ("x 43, y 34", f"red {red}, green {green}, blue {blue}")
    assert found.kernels is None


def test_a_filter_without_kernels_says_so(tmp_path):
    (tmp_path / "mine.py").write_text("def edges(gray):\n    return gray\n")
    name = f"{tmp_path / 'mine.py'}:edges"
    settings = dataclasses.replace(SETTINGS, filter=name, pointer=point(17, 9))

    found = look(*shown(settings))

    assert found.kernels is None
    assert found.pixel[-1] == f"{name} has no kernels to show"


def test_without_zoom_and_kernel_view_nobody_looks():
    settings = dataclasses.replace(SETTINGS, show_kernel=False, pointer=(0.5, 0.5))

    assert look(shown(settings)[0], settings) is None


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (7, 5)])
def test_border_pixels_are_repeated_as_the_filter_does(size):
    image = noise()
    gray = torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))[None, None].double()
    padded = F.pad_replicate(gray, size)[0, 0].numpy()

    for x, y in PLACES:
        expected = padded[y : y + size[0], x : x + size[1]]
        assert (beneath(image, (x, y), 1, size)[0] == expected).all()


def test_zero_is_white_in_the_middle_of_blue_and_red():
    colors = kernel_maps.heat(np.array([[-2.0, 0.0, 2.0]]), 2.0)

    assert colors[0].tolist() == [list(kernel_maps.BLUE), [255] * 3, list(kernel_maps.RED)]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720)])
def test_the_panel_fits_in_a_corner_for_every_filter(name, size):
    settings = dataclasses.replace(SETTINGS, filter=name, pointer=(0.9, 0.9))
    in_flight, settings = shown(settings, noise(size))
    found = look(in_flight, settings)
    canvas = in_flight.rendered.view.copy()

    left, top, right, bottom = kernel_view.KernelView().draw(
        canvas, found, found.kernels, bottom=size[1]
    )

    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]


def test_large_kernels_have_colours_alone():
    settings = dataclasses.replace(SETTINGS, filter="blur-difference-s2", pointer=(0.5, 0.5))
    in_flight, settings = shown(settings)
    found = look(in_flight, settings)
    rows = list(kernel_maps.rows_of(found.kernels, found.arithmetic))
    canvas = np.zeros((720, 1280, 3), np.uint8)

    _, style = kernel_view._fitting(canvas, found, found.kernels, rows, 720)

    assert style > 0


def test_a_bank_of_many_kernels_shows_the_first_ones():
    bank = banks.unit_scaled(np.random.default_rng(0).normal(size=(16, 3, 3, 3)))
    kernels = kernels_of("many", bank)
    found = worked_out(kernels, noise(), (9, 9), gain=1.0)
    rows = list(kernel_maps.rows_of(kernels, found))
    canvas = np.zeros((480, 640, 3), np.uint8)
    seen = Look(SIZE, (1, 1), (0, 0), SIZE, at=(9, 9), kernels=kernels, arithmetic=found)
    panel = kernel_view.laid_out(seen, kernels, rows, Font(0.5), style=3)

    assert len(rows) == kernel_maps.MAX_ROWS
    assert panel.words[0][0] == "many   3x3   and 42 more"
    assert kernel_view.KernelView().draw(canvas, seen, kernels, bottom=480)[3] <= 480


def test_the_mouse_moves_the_arithmetic_while_the_picture_is_paused():
    screen = FakeScreen(
        ["k", "space"],
        clock=FakeClock(),
        patience=900,
        mouse={20: [MouseEvent("move", 50, 90)], 30: [MouseEvent("move", 300, 200)]},
    )
    screen.size = (640, 480)
    frames = [dataclasses.replace(frame, image=noise((64, 48))) for frame in make_frames(60)]

    make_app(FakeSource(frames), screen, settings=Settings(view="original", hud="off")).run()

    without, first, later, second = (screen.shown[number] for number in (19, 23, 29, 33))
    assert (first == later).all()
    assert (first != without).any()
    assert (first != second).any()


def test_another_sigma_shows_another_bank_at_once():
    settings = dataclasses.replace(SETTINGS, filter="blur-difference")
    in_flight, settings = shown(settings)
    before = look(in_flight, settings).kernels

    in_flight.pipeline.select("blur-difference", sigma=1.5)

    assert before.size == (7, 7)
    assert look(in_flight, settings).kernels.size == (11, 11)


@pytest.mark.parametrize("view", ["edges", "side"])
@pytest.mark.parametrize(("x", "name"), [(0.1, "sobel"), (0.9, "blur-difference-rgb")])
def test_the_side_of_a_comparison_that_the_mouse_is_on_is_explained(view, x, name):
    settings = dataclasses.replace(
        SETTINGS, view=view, against="blur-difference-rgb", auto_gain=True, pointer=(x, 0.4)
    )
    in_flight, settings = shown(settings)

    found = look(in_flight, settings)

    assert found.kernels.name == name
    rendered = in_flight.rendered.right if x > 0.5 else in_flight.rendered
    assert found.arithmetic.result == rendered.edges[found.at[1], found.at[0]]


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720)])
def test_a_message_has_its_place_below_the_panel(size):
    settings = dataclasses.replace(SETTINGS, pointer=(0.2, 0.6), hud="off", is_paused=True)
    in_flight, settings = shown(settings, noise(size))
    status = Status("cpu", "torch", 30.0, 30.0, 0, Durations(), Stages())
    explained = dataclasses.replace(status, look=look(in_flight, settings))
    hud = HeadUpDisplay([], {}, clock=FakeClock())
    pictures = [in_flight.rendered.view.copy() for _ in range(2)]

    hud.draw(pictures[0], settings, status)
    hud.draw(pictures[1], settings, explained)

    below = text_height(pictures[0])
    assert (pictures[0][-below:] == pictures[1][-below:]).all()
    assert (pictures[0] != pictures[1]).any()
