"""Weights files as trainers write them: one convolution somewhere inside, or no such thing."""

import itertools
import json
import pickle
import struct
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from live_edges import EdgePipeline
from live_edges.errors import WeightsError
from live_edges.filters.catalog import catalog
from live_edges.filters.kernels import unit_scaled
from live_edges.filters.weights import filter_name, load_weights


def conv(out=1, planes=1, size=3, seed=0):
    torch.manual_seed(seed)
    return nn.Conv2d(planes, out, size, bias=False)


ONE = conv(2, 3, seed=0)
STATE = ONE.state_dict()
OPTIMIZER = {"state": {0: {"exp_avg": torch.ones(2, 3, 3, 3)}}, "param_groups": [{"lr": 0.1}]}
CONTAINERS = {
    "alone": STATE,
    "state_dict": {"state_dict": STATE, "epoch": 3},
    "model_state_dict": {"model_state_dict": STATE, "optimizer_state_dict": OPTIMIZER, "loss": 0.5},
    "model": {"model": STATE, "optimizer": OPTIMIZER},
    "lightning": {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {"net.0.weight": STATE["weight"], "head.weight": torch.ones(4, 8)},
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_path": "x.ckpt"}},
        "optimizer_states": [OPTIMIZER],
        "lr_schedulers": [],
    },
    "nested name": {"net.0.weight": STATE["weight"], "net.0.bias": torch.ones(2)},
    "with batch norm": nn.Sequential(ONE, nn.BatchNorm2d(2)).state_dict(),
    "parameter": {"weight": nn.Parameter(STATE["weight"].clone())},
    "another name": {"kernels": STATE["weight"]},
    "list": [STATE["weight"]],
    "tensor": STATE["weight"],
    "twice the same": {"model": STATE, "ema": STATE},
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".CKPT"])
@pytest.mark.parametrize("content", CONTAINERS.values(), ids=CONTAINERS)
def test_one_convolution_is_found_wherever_it_is(tmp_path, content, suffix):
    torch.save(content, tmp_path / f"mine{suffix}")

    bank = load_weights(tmp_path / f"mine{suffix}")

    np.testing.assert_allclose(bank, unit_scaled(STATE["weight"].numpy()), rtol=1e-6)


DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
DTYPES += [torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.int64, torch.uint8]


@pytest.mark.parametrize("name", ["weight", "0.weight", "net.0.weight", "kernel"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_safetensors_and_torch_files_are_read_alike(tmp_path, dtype, name):
    weight = (torch.tensor([[[[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]]]])).to(dtype)
    save_file({name: weight}, tmp_path / "a.safetensors")
    torch.save({name: weight}, tmp_path / "b.pt")

    banks = [load_weights(tmp_path / file) for file in ("a.safetensors", "b.pt")]

    for bank in banks:
        np.testing.assert_array_equal(bank, unit_scaled(weight.double().numpy()))


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 5), (15, 15), (1, 15)], ids=str)
def test_kernels_need_not_be_square(tmp_path, size):
    torch.save(conv(2, 1, size).state_dict(), tmp_path / "mine.pt")

    assert load_weights(tmp_path / "mine.pt").shape == (2, 1, *size)


@pytest.fixture
def two(tmp_path):
    state = {"conv1.weight": conv(seed=1).weight, "conv2.weight": conv(seed=2).weight}
    torch.save({"state_dict": state}, tmp_path / "mine.ckpt")
    save_file({name: w.detach() for name, w in state.items()}, tmp_path / "mine.safetensors")
    return tmp_path


@pytest.mark.parametrize("file", ["mine.ckpt", "mine.safetensors"])
def test_several_convolutions_are_named_with_how_to_choose(two, file):
    with pytest.raises(WeightsError, match=f"choose one: {file}#conv1, {file}#conv2$"):
        load_weights(two / file)
    with pytest.raises(WeightsError, match=f"no convolution called c9; .* {file}#conv1, "):
        load_weights(f"{two / file}#c9")


@pytest.mark.parametrize(
    "choice", ["conv2", "conv2.weight", "state_dict.conv2", "state_dict.conv2.weight"]
)
def test_a_convolution_is_chosen_behind_the_path(two, choice):
    bank = load_weights(f"{two / 'mine.ckpt'}#{choice}")

    np.testing.assert_allclose(bank, unit_scaled(conv(seed=2).weight.detach().numpy()))


def test_every_name_that_is_told_can_be_typed(tmp_path):
    inner = {"conv": {"weight": conv(seed=1).weight}, "net.0.weight": conv(seed=2).weight}
    torch.save(
        {"model": inner, "ema": {"conv": {"weight": conv(seed=3).weight}}}, tmp_path / "m.pt"
    )
    with pytest.raises(WeightsError) as error:
        load_weights(tmp_path / "m.pt")
    told = str(error.value).split("choose one: ")[1].split(", ")

    banks = [load_weights(tmp_path / name) for name in told]

    assert len(banks) == 3
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(banks, 2))


def test_a_chosen_convolution_is_a_filter_of_its_own_name(two):
    paths = [f"{two / 'mine.ckpt'}#conv{number}" for number in (1, 2)]
    assert {"mine#conv1", "mine#conv2"} <= catalog(paths).keys()

    pipeline = EdgePipeline(paths[1], weights=[paths[0]], device="cpu")

    assert pipeline.entry.name == "mine#conv2"
    pipeline.select("mine#conv1")
    assert pipeline.entry.name == "mine#conv1"


def test_a_file_may_have_the_sign_in_its_name(tmp_path):
    torch.save(STATE, tmp_path / "take#2.pt")

    assert load_weights(tmp_path / "take#2.pt").shape == (2, 3, 3, 3)
    assert filter_name(tmp_path / "take#2.pt") == "take#2"


class _Object:
    pass


def _cycle():
    content = {}
    content["self"] = content
    return content


NO_WEIGHTS = {
    "meta": {"weight": torch.empty(1, 1, 3, 3, device="meta")},
    "complex": {"weight": torch.ones(1, 1, 3, 3, dtype=torch.complex64)},
    "sparse": {"weight": torch.eye(3)[None, None].to_sparse()},
    "nan": {"weight": torch.full((1, 1, 3, 3), float("nan"))},
    "infinite": {"weight": torch.full((1, 1, 3, 3), float("inf"))},
    "flat answers nothing": {"weight": torch.zeros(1, 1, 3, 3)},
    "zero rows": {"weight": torch.zeros(1, 1, 0, 3)},
    "zero kernels": {"weight": torch.zeros(0, 1, 3, 3)},
    "zero planes": {"weight": torch.zeros(1, 0, 3, 3)},
    "two planes": {"weight": torch.ones(1, 2, 3, 3)},
    "huge, of one number": {"weight": torch.ones(1).expand(64, 3, 10**6, 10**6)},
    "linear": nn.Linear(3, 3).state_dict(),
    "only an optimizer": {"optimizer": OPTIMIZER},
    "empty": {},
    "none": None,
    "number": 3,
    "text": "weight",
    "cycle": _cycle(),
    "object": {"weight": _Object()},
    "module": ONE,
}


@pytest.mark.parametrize("content", NO_WEIGHTS.values(), ids=NO_WEIGHTS)
def test_whatever_else_torch_saves_is_one_sentence(tmp_path, content):
    torch.save(content, tmp_path / "mine.pt")

    with pytest.raises(WeightsError, match=r"^weights file mine\.pt") as error:
        load_weights(tmp_path / "mine.pt")

    assert "\n" not in str(error.value)


def test_lists_in_lists_without_end_are_one_sentence(tmp_path):
    torch.save({}, tmp_path / "empty.pt")
    with ZipFile(tmp_path / "empty.pt") as empty, ZipFile(tmp_path / "mine.pt", "w") as deep:
        for name in empty.namelist():
            is_pickle = name.endswith("data.pkl")
            lists = b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b"."
            deep.writestr(name, lists if is_pickle else empty.read(name))

    with pytest.raises(WeightsError, match=r"^weights file mine\.pt is damaged"):
        load_weights(tmp_path / "mine.pt")


@pytest.mark.filterwarnings("ignore")
def test_a_quantized_tensor_is_one_sentence(tmp_path):
    weight = torch.quantize_per_tensor(torch.eye(3)[None, None], 0.1, 0, torch.qint8)
    torch.save({"weight": weight}, tmp_path / "mine.pt")

    with pytest.raises(WeightsError, match=r"^weights file mine\.pt: holds a quantized"):
        load_weights(tmp_path / "mine.pt")


def _safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


KIND = {"dtype": "F32", "shape": [1, 1, 1, 2], "data_offsets": [0, 8]}
BROKEN = {
    "no header": struct.pack("<Q", 2**60),
    "no json": _safetensors(b"{nothing"),
    "a list": _safetensors([1, 2]),
    "no tensors": _safetensors({}),
    "unknown kind": _safetensors({"weight": KIND | {"dtype": "X7"}}, bytes(8)),
    "complex": _safetensors({"weight": KIND | {"dtype": "C64", "shape": [1, 1, 1, 1]}}, bytes(8)),
    "too short": _safetensors({"weight": KIND}, bytes(4)),
    "offsets turned": _safetensors({"weight": KIND | {"data_offsets": [8, 0]}}, bytes(8)),
    "pickle": pickle.dumps({"weight": [1.0]}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_whatever_else_a_file_holds_is_one_sentence(tmp_path, content, suffix):
    (tmp_path / f"mine{suffix}").write_bytes(content)

    with pytest.raises(WeightsError, match=r"^weights file mine\.") as error:
        load_weights(tmp_path / f"mine{suffix}")

    assert "\n" not in str(error.value)


def test_a_folder_is_no_weights_file(tmp_path):
    with pytest.raises(WeightsError, match="is a folder"):
        load_weights(tmp_path)
