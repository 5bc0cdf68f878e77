import numpy as np
import pytest

from live_edges.pipeline.autogain import MAX_AUTO_GAIN, TARGET, AutoGain
from live_edges.settings import MIN_GAIN


def edges_of(strength, gain):
    """A tenth of the pixels are edges of this strength."""
    edges = np.zeros((100, 100), np.uint8)
    edges[:, ::10] = min(255, round(255 * strength * gain))
    edges[::8, ::8] = edges[0, 0]  # where the gain is measured
    return edges


def settled(strength, gain=1.0):
    auto = AutoGain()
    for _ in range(20):
        better = auto.settle(gain, edges_of(strength, gain))
        if better == gain:
            return gain
        gain = better
    raise AssertionError("it never settles")


@pytest.mark.parametrize("strength", [0.06, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("gain", [MIN_GAIN, 1.0, MAX_AUTO_GAIN])
def test_strong_edges_become_bright_in_any_light(strength, gain):
    assert strength * settled(strength, gain) == pytest.approx(TARGET, rel=0.15)


def test_the_gain_of_a_black_picture_is_limited():
    assert settled(0.0) == MAX_AUTO_GAIN


def test_a_small_change_of_light_changes_nothing():
    auto, gain = AutoGain(), settled(0.5)

    assert auto.follow(gain, edges_of(0.52, gain), now=0.0) == gain
    assert auto.follow(gain, edges_of(0.48, gain), now=0.1) == gain


def test_a_large_change_is_followed_slowly():
    auto, gain = AutoGain(), settled(0.8)
    auto.follow(gain, edges_of(0.8, gain), now=0.0)

    gains = []
    for frame in range(1, 91):
        gain = auto.follow(gain, edges_of(0.1, gain), now=frame / 30)
        gains.append(gain)

    steps = np.diff(np.log(gains))
    assert steps.min() >= 0
    assert steps.max() < 0.2  # a fifth from one frame to the next is no flicker
    assert gains[-1] * 0.1 == pytest.approx(TARGET, rel=0.15)
