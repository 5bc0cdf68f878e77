import json
import math
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from live_edges.errors import TrainingError
from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.filters.weights import load_weights, shipped_weights
from live_edges.training import descent
from live_edges.training.closed_form import (
    centred_patches,
    closed_form,
    cosine,
    moments,
    whitening,
)
from live_edges.training.commands import METADATA, analytic_cosine, metadata
from live_edges.training.dead_leaves import dead_leaves
from live_edges.training.descent import load_checkpoint
from live_edges.training.examples import add_noise, make_target, read_examples
from live_edges.training.loop import train
from live_edges.training.model import as_saved, loss_of, make_model
from live_edges.training.pictures import find_pictures
from live_edges.training.recipe import PRESETS, Recipe

TINY = Recipe(batch=6, crop=40, steps=60, loss="signed")


pytestmark = pytest.mark.usefixtures("few_pictures")


def packed(trained):
    return save({"weight": trained.weight}, metadata(trained))


def metadata_of(path):
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()[METADATA])
    facts["recipe"]["data"] = tuple(facts["recipe"]["data"])
    return facts


def some_examples(recipe, *, count=4):
    return read_examples(find_pictures(recipe).train, recipe, count=count, seed=0)


@pytest.fixture(scope="module")
def tiny_run(few_pictures):
    return train(replace(TINY, noise=10.0))


def test_training_ends_within_one_percent_of_the_closed_form(tiny_run):
    assert tiny_run.limit > 0.01
    assert tiny_run.limit <= tiny_run.losses[-1] <= 1.01 * tiny_run.limit


def test_no_kernel_beats_the_closed_form():
    recipe = replace(TINY, noise=10.0)
    examples = some_examples(recipe)
    best = closed_form(*moments(examples, 7), 7)
    generator = torch.Generator().manual_seed(1)

    for _ in range(5):
        other = best + 0.01 * torch.randn(best.shape, generator=generator, dtype=best.dtype)
        other -= other.mean(dim=(-2, -1), keepdim=True)

        assert loss_of(best, examples, "signed") < loss_of(other, examples, "signed")


@pytest.mark.parametrize("loss", ["signed", "magnitude"])
def test_the_analytic_kernel_is_found_again(loss):
    trained = train(replace(TINY, loss=loss))

    assert analytic_cosine(trained) > 0.999
    assert trained.ratio < 1.01


def test_whitened_patches_have_unit_power_in_every_direction_and_no_mean():
    recipe = replace(TINY, noise=10.0)
    examples = some_examples(replace(recipe, kernel_size=5))

    basis = whitening(moments(examples, 5)[0])

    patches = torch.cat([centred_patches(x, 5) for x in examples.input], dim=1)
    powers = torch.linalg.eigvalsh(basis @ (patches @ patches.T / patches.shape[1]) @ basis)
    torch.testing.assert_close(powers[1:], torch.ones(24, dtype=torch.float64))
    assert powers[0] < 1e-4  # the mean, which a zero-sum kernel does not see


def test_saving_rounds_below_what_float32_resolves_and_keeps_the_sum_at_exactly_zero():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 3, 7, 7, generator=generator, dtype=torch.float64)
    weight -= weight.mean(dim=(-2, -1), keepdim=True)

    saved = as_saved(weight)

    assert saved.dtype == torch.float32
    assert saved.double().sum(dim=(-2, -1)).abs().max() == 0
    assert (saved - weight).abs().max() < 49 * 2.0**-23 * weight.abs().max()
    assert torch.equal(as_saved(saved), saved)


@pytest.mark.slow
def test_all_pictures_give_pieces_and_threads_change_nothing():
    recipe = replace(TINY, batch=2)

    once, again = (some_examples(recipe, count=2) for _ in range(2))

    assert once.pictures == len(once.input) == len(find_pictures(recipe).train) == 3
    assert torch.equal(once.input, again.input)


def test_learning_finds_sobel_again():
    trained = train(replace(TINY, target="sobel", out_channels=2, kernel_size=3))

    for learned, known in zip(trained.weight, kernels.sobel(), strict=True):
        assert cosine(learned, torch.from_numpy(known)) > 0.9999
    assert trained.ratio <= 1.01


def test_a_kernel_that_reads_colour_finds_the_shares_of_luma():
    trained = train(replace(TINY, in_channels=3, steps=200, crop=64))

    peaks = trained.weight[0, :, 3, 3]

    torch.testing.assert_close(peaks / peaks.sum(), torch.tensor(F.LUMA_RGB), rtol=0, atol=0.005)


@pytest.mark.slow
def test_equal_recipes_make_equal_bytes_and_another_seed_other_ones():
    recipe = replace(TINY, steps=10)

    one, again, other = (packed(train(replace(recipe, seed=seed))) for seed in (0, 0, 1))

    assert one == again
    assert one != other


@pytest.fixture(scope="module")
def whole(few_pictures):
    return train(replace(TINY, steps=20))


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [1, 3, 4])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, whole, stop_after):
    part = train(replace(TINY, steps=stop_after))
    path = tmp_path / "run.checkpoint"
    part.save(path)
    made_with, state = load_checkpoint(path)
    resumed = train(replace(TINY, steps=20), resume=state)

    assert made_with == part.recipe
    assert packed(resumed) == packed(whole)
    assert resumed.losses == whole.losses


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(monkeypatch):
    real, calls = descent.relative_loss, 0

    def breaks(*args):
        nonlocal calls
        calls += 1
        return real(*args) * (math.nan if calls > 3 else 1)

    monkeypatch.setattr(descent, "relative_loss", breaks)

    trained = train(TINY)

    assert trained.ended == "diverged"
    assert torch.isfinite(trained.weight).all()
    assert math.isfinite(trained.losses[-1])


def test_every_kernel_sums_to_zero_and_flat_colour_answers_nothing():
    recipe = replace(TINY, in_channels=3)
    weight = make_model(recipe, whitening(moments(some_examples(recipe), 7)[0])).weight.float()
    colour = torch.tensor([0.9, 0.2, 0.5]).reshape(1, 3, 1, 1).expand(1, 3, 9, 11)

    assert F.edge_strength(colour, weight).max() < 1e-6


def test_the_metadata_rebuild_the_file(tmp_path, tiny_run):
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(packed(tiny_run))

    facts = metadata_of(path)

    assert facts["recipe"] == asdict(tiny_run.recipe)
    assert facts["loss"] <= 1.01 * facts["optimum"]
    assert {"pieces", "pictures", "steps", "torch", "torchvision"} <= set(facts)
    assert packed(train(Recipe(**facts["recipe"]))) == path.read_bytes()


def test_dead_leaves_are_equal_for_equal_seeds():
    first, again, other = (dead_leaves(np.random.default_rng(s), 96, 130) for s in (3, 3, 4))

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.shape == (96, 130, 3)


def test_dead_leaves_have_the_spectrum_of_photographs():
    slopes = [_spectrum_slope(dead_leaves(np.random.default_rng(s))) for s in range(3)]

    assert all(-3.0 < slope < -2.0 for slope in slopes)  # photographs: about -2 to -3


def _spectrum_slope(image):
    gray = image.mean(axis=2)
    side = min(gray.shape)
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    rings = np.geomspace(8 / side, 0.35, 13)
    means = [power[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(rings)]
    return np.polyfit(np.log(rings[1:] * rings[:-1]) / 2, np.log(means), 1)[0]


def test_sensor_noise_has_the_deviation_asked_for_at_mid_gray_and_more_in_the_light():
    flat = [torch.full((200_000,), level) for level in (0.2, 0.5, 0.8)]

    noisy = [add_noise(x, 15.0, seed=i).std() * 255 for i, x in enumerate(flat)]

    assert noisy[1] == pytest.approx(15, rel=0.01)
    assert noisy[2] / noisy[0] == pytest.approx(math.sqrt(1.3 / 0.7), rel=0.02)


def test_the_blur_target_is_the_analytic_filter_inside_the_border():
    luma = torch.rand(1, 1, 31, 37, generator=torch.Generator().manual_seed(0)).double()
    bank = torch.from_numpy(kernels.blur_difference(1.0))
    by_filter = F.correlate(F.pad_replicate(luma, (7, 7)), bank)

    target = make_target(luma, TINY)

    ratio = (target / by_filter)[..., 3:-3, 3:-3]
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio))


@pytest.mark.parametrize("name", PRESETS)
def test_a_shipped_file_is_its_preset_scaled_and_silent_on_flat_areas(name):
    path = next(path for path in shipped_weights() if path.stem == name)
    preset = PRESETS[name]

    shipped, facts = load_weights(path), metadata_of(path)

    size = preset.kernel_size
    assert shipped.shape == (preset.out_channels, preset.in_channels, size, size)
    assert facts["recipe"] == asdict(preset)
    assert kernels.step_response(shipped) == pytest.approx(1)
    assert np.abs(shipped.sum(axis=(2, 3))).max() < 1e-12
    assert facts["loss"] <= 1.01 * facts["optimum"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kernel_size": 6}, "odd number"),
        ({"sigma": 2.0}, "--kernel-size 9 at least"),
        ({"sigma": 9.0}, "choose from 0.3 to 5"),
        ({"crop": 10}, "choose 14 or more"),
        ({"noise": -1.0}, "choose from 0 to 128"),
        ({"out_channels": 2}, "needs --out-channels 1"),
        ({"target": "nothing-here"}, "neither blur-difference nor sobel"),
        ({"in_channels": 2}, "choose 1 or 3"),
    ],
)
def test_a_recipe_that_cannot_work_says_what_would(changes, says):
    with pytest.raises(TrainingError, match=says):
        replace(TINY, **changes).check()
