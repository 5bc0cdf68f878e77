import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from live_edges.errors import LiveEdgesError, WeightsError
from live_edges.filters.catalog import catalog
from live_edges.filters.filter import make_filter
from live_edges.filters.kernels import sobel, step_response
from live_edges.filters.weights import load_weights, shipped_weights

BANKS = [path for path in shipped_weights() if path.stem != "boundary"]


def high_pass(out=1, planes=1, size=3):
    weight = torch.zeros(out, planes, size, size)
    weight[..., size // 2, size // 2] = 1
    weight[..., size // 2, 0] = -1
    return weight


def test_safetensors_come_back_scaled(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"weight": torch.from_numpy(sobel()) * 7}, path, {"target": "sobel"})

    np.testing.assert_allclose(load_weights(path), sobel())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_state_dict_of_a_conv2d_is_read(tmp_path, dtype):
    conv = nn.Conv2d(3, 2, 5, bias=False)
    torch.save(conv.to(dtype).state_dict(), tmp_path / "mine.pt")

    bank = load_weights(tmp_path / "mine.pt")

    assert bank.shape == (2, 3, 5, 5)
    assert step_response(bank) == pytest.approx(1)


def test_a_bias_is_left_out_and_said_so(tmp_path, caplog):
    torch.save(nn.Conv2d(1, 1, 3).state_dict(), tmp_path / "mine.pt")

    assert load_weights(tmp_path / "mine.pt").shape == (1, 1, 3, 3)
    assert "bias is left out" in caplog.text


def test_a_pickle_with_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"weight": Evil()}, tmp_path / "evil2.pt")

    for name in ("evil.pt", "evil2.pt"):
        with pytest.raises(WeightsError, match="which are never run"):
            load_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "weight",
    [
        torch.zeros(3, 3),
        torch.zeros(1, 2, 3, 3),
        high_pass(size=33),
        torch.ones(65, 1, 3, 3),
        torch.full((1, 1, 3, 3), float("nan")),
        torch.zeros(1, 1, 3, 3),
        torch.zeros(0, 1, 3, 3),
    ],
    ids=["2d", "2 planes", "too large", "too many", "nan", "zero", "empty"],
)
def test_a_wrong_tensor_is_refused_in_one_sentence(tmp_path, weight):
    save_file({"weight": weight}, tmp_path / "bad.safetensors")

    with pytest.raises(WeightsError, match=r"^weights file bad\.safetensors") as error:
        load_weights(tmp_path / "bad.safetensors")

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("content", ["half", "empty", "text"])
def test_a_damaged_file_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    if suffix == ".pt":
        torch.save({"weight": high_pass()}, path)
    else:
        save_file({"weight": high_pass()}, path)
    whole = path.read_bytes()
    path.write_bytes({"half": whole[: len(whole) // 2], "empty": b"", "text": b"hello"}[content])

    with pytest.raises(WeightsError, match="bad"):
        load_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pt does not exist"):
        load_weights(tmp_path / "none.pt")


def test_a_weights_file_becomes_a_filter_of_its_name(tmp_path):
    save_file({"weight": high_pass()}, tmp_path / "mine.safetensors")

    entry = catalog([tmp_path / "mine.safetensors"])["mine"]

    assert make_filter(entry)(torch.zeros(1, 1, 4, 4)).max() == 0


def test_a_file_may_not_take_the_name_of_a_filter(tmp_path):
    with pytest.raises(LiveEdgesError, match=r"sobel\.pt .* another name"):
        catalog([tmp_path / "sobel.pt"])


@pytest.mark.parametrize("path", BANKS, ids=lambda path: path.stem)
def test_shipped_weights_load(path):
    assert step_response(load_weights(path)) == pytest.approx(1)
