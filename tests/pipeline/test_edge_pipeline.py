import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from live_edges import EdgePipeline
from live_edges.errors import DeviceError, LiveEdgesError, WeightsError
from live_edges.filters.catalog import catalog
from live_edges.pipeline.devices import choose_device, share_cores
from live_edges.timing import Stages


def step_image(low=0, high=255):
    image = np.full((9, 12, 3), low, np.uint8)
    image[:, 6:] = high
    return image


@pytest.mark.parametrize("name", [name for name, entry in catalog().items() if not entry.net])
@pytest.mark.parametrize("gain", [0.25, 1.0])
def test_a_unit_step_reads_255_times_gain(name, gain, device):
    edges = EdgePipeline(name, device=device, gain=gain)(step_image())

    assert (edges.shape, edges.dtype) == ((9, 12), np.uint8)
    assert abs(int(edges.max()) - round(255 * gain)) <= 1


def test_gain_saturates(device):
    assert EdgePipeline(gain=50, device=device)(step_image(0, 100)).max() == 255


def test_the_result_belongs_to_the_caller():
    pipeline = EdgePipeline(device="cpu")
    first = pipeline(step_image())
    kept = first.copy()

    pipeline(step_image(255, 0)[:, ::-1].copy())

    np.testing.assert_array_equal(first, kept)
    first[...] = 0  # and may be written to


def test_the_picture_is_not_written_to(device):
    image = step_image()
    image.flags.writeable = False

    EdgePipeline(device=device)(image)


def test_gray_and_colour_input_agree():
    pipeline = EdgePipeline("scharr", device="cpu")
    image = step_image(30, 200)

    np.testing.assert_array_equal(pipeline.edges_of_luma(image[..., 0]), pipeline(image))


def test_a_bank_of_three_planes_reads_red_green_blue(tmp_path):
    weight = torch.zeros(1, 3, 3, 3)
    weight[0, 0, 1] = torch.tensor([-1.0, 1.0, 0.0])  # red alone
    save_file({"weight": weight}, tmp_path / "red.safetensors")
    pipeline = EdgePipeline(str(tmp_path / "red.safetensors"), device="cpu")
    red, blue = np.zeros((5, 8, 3), np.uint8), np.zeros((5, 8, 3), np.uint8)
    red[:, 4:, 2] = blue[:, 4:, 0] = 255

    assert (pipeline(red).max(), pipeline(blue).max()) == (255, 0)
    with pytest.raises(ValueError, match="reads colours"):
        pipeline.edges_of_luma(red[..., 0])


def test_select_changes_the_filter_and_its_sigma():
    pipeline = EdgePipeline("log", device="cpu", sigma=1.0)
    sharp = pipeline(step_image())

    pipeline.select("log", sigma=2.0)
    wide = pipeline(step_image())
    pipeline.select("sobel")

    assert (wide > 0).sum() > (sharp > 0).sum()
    assert pipeline.entry.name == "sobel"


def test_select_keeps_the_old_filter_when_the_new_one_fails():
    pipeline = EdgePipeline("sobel", device="cpu")

    with pytest.raises(LiveEdgesError, match=r"no filter 'soble'; choose one of: sobel, scharr"):
        pipeline.select("soble")

    assert pipeline(step_image()).max() == 255


def test_every_stage_is_timed_once(device):
    stages = Stages()

    EdgePipeline(device=device)(step_image(), stages=stages)

    expected = {"filter"} if device == "cpu" else {"upload", "filter", "download"}
    assert set(stages.durations) == expected


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 1), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
        [[1, 2], [3, 4]],
    ],
    ids=["rgba", "one channel", "row", "float", "empty", "list"],
)
def test_a_wrong_picture_is_refused(image):
    with pytest.raises(ValueError, match="a picture needs"):
        EdgePipeline(device="cpu")(image)


@pytest.mark.parametrize(
    "luma", [np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5)), np.zeros((0, 5))]
)
def test_a_wrong_gray_picture_is_refused(luma):
    with pytest.raises(ValueError, match=r"luma needs to be \(H, W\) uint8"):
        EdgePipeline(device="cpu").edges_of_luma(luma)


@pytest.mark.parametrize("name", ["cuda:97", "nonsense", "meta", "xpu:5"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(DeviceError, match="choose one of: auto, cpu"):
        choose_device(name)


def test_auto_says_why():
    device, reason = choose_device("auto")

    assert device.type == ("cuda" if torch.cuda.is_available() else device.type)
    assert reason


def test_auto_prefers_a_gpu(monkeypatch):
    monkeypatch.setattr(
        "live_edges.pipeline.devices._device_count", lambda kind: int(kind == "mps")
    )

    assert choose_device("auto") == (torch.device("mps"), "the first of mps, cpu")


@pytest.mark.parametrize(
    ("asked", "cores", "environment", "expected"),
    [
        (3, 8, {}, [3, 3]),
        (1, 2, {}, [1, 1]),
        (None, 8, {}, [4, 4]),
        (None, 2, {}, [2, 1]),
        (None, 1, {}, [1, 1]),
        (None, None, {}, [1, 1]),
        (None, 8, {"OMP_NUM_THREADS": "7"}, []),
    ],
)
def test_half_of_the_cores_are_left_to_others_but_by_a_net_on_two(
    monkeypatch, asked, cores, environment, expected
):
    chosen = []
    monkeypatch.setattr("live_edges.pipeline.devices.os.cpu_count", lambda: cores)
    monkeypatch.setattr("live_edges.pipeline.devices.os.environ", environment)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.setattr(cv2, "setNumThreads", chosen.append)

    share_cores(asked)

    assert chosen == expected  # of torch, and of OpenCV


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 5), (1, 15), (15, 1), (4, 7)], ids=str)
@pytest.mark.parametrize("planes", [1, 3])
def test_kernels_that_are_not_square_are_what_opencv_computes(tmp_path, device, size, planes):
    weight = torch.randn(1, planes, *size, generator=torch.Generator().manual_seed(1))
    weight -= weight.mean()
    save_file({"weight": weight}, tmp_path / "mine.safetensors")
    pipeline = EdgePipeline(str(tmp_path / "mine.safetensors"), device=device)
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)

    edges = pipeline(image)

    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    seen = [gray] if planes == 1 else list(cv2.split(image[..., ::-1]))
    bank = pipeline.entry.bank(1.0)[0]
    replicate = cv2.BORDER_REPLICATE
    parts = [
        cv2.filter2D(plane, cv2.CV_64F, kernel, borderType=replicate)
        for plane, kernel in zip(seen, bank, strict=True)
    ]
    expected = np.abs(sum(parts)).round().clip(0, 255)
    assert np.abs(edges - expected).max() <= 1


def _cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def _become_a_folder(path):
    path.unlink()
    path.mkdir()


BREAKS = {
    "deleted": lambda path: path.unlink(),
    "cut short": _cut,
    "empty": lambda path: path.write_bytes(b""),
    "a folder": _become_a_folder,
    "another file": lambda path: path.write_text("# notes"),
    "no kernels": lambda path: save_file({"bias": torch.ones(3)}, path),
    "two": lambda path: save_file({"a": torch.ones(1, 1, 3, 3), "b": torch.ones(1, 1, 3, 3)}, path),
    "flat": lambda path: save_file({"weight": torch.zeros(1, 1, 3, 3)}, path),
    "meta": lambda path: torch.save({"weight": torch.empty(1, 1, 3, 3, device="meta")}, path),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_weights_that_break_in_mid_run_leave_the_old_filter_in_place(tmp_path, break_it, suffix):
    path = tmp_path / f"mine{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save({"weight": torch.tensor([[[[-1.0, 1.0]]]])}, path)
    pipeline = EdgePipeline("laplacian", weights=[path], device="cpu")
    expected = pipeline(step_image())
    break_it(path)

    with pytest.raises(WeightsError) as error:
        pipeline.select("mine")

    assert "\n" not in str(error.value)
    assert pipeline.entry.name == "laplacian"
    np.testing.assert_array_equal(pipeline(step_image()), expected)


def test_weights_that_are_replaced_in_mid_run_are_those_of_the_new_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"weight": torch.tensor([[[[-1.0, 1.0]]]])}, path)
    pipeline = EdgePipeline("sobel", weights=[path], device="cpu")
    save_file({"weight": torch.tensor([[[[-1.0], [1.0]]]]).expand(1, 3, 2, 1).contiguous()}, path)

    pipeline.select("mine")

    assert not pipeline.reads_luma
    assert pipeline(step_image()).max() == 0  # a step along the rows, which it is blind to
