import numpy as np
import pytest

from live_edges.pipeline.autogain import MAX_AUTO_GAIN, TARGET, AutoGain
from live_edges.settings import MIN_GAIN, Settings


def edges_of(strength, gain):
    """A tenth of the pixels are edges of this strength."""
    edges = np.zeros((100, 100), np.uint8)
    edges[:, ::10] = min(255, round(255 * strength * gain))
    edges[::8, ::8] = edges[0, 0]  # where the gain is measured
    return edges


def play(strengths, gain=1.0):
    """The gain after each picture of so strong edges, at 30 pictures a second."""
    auto, settings, gains = AutoGain(), Settings(gain=gain), []
    for frame, strength in enumerate(strengths):

        def find(settings, strength=strength):
            return edges_of(strength, settings.gain)

        _, settings = auto(find(settings), settings, now=frame / 30, find=find)
        gains.append(settings.gain)
    return gains


def settled(strength, gain=1.0):
    [gain] = play([strength], gain)
    return gain


def test_the_first_picture_is_shown_with_the_gain_that_it_asks_for():
    settings = Settings(gain=1.0)

    def find(settings):
        return edges_of(0.1, settings.gain)

    edges, settings = AutoGain()(find(settings), settings, now=0.0, find=find)

    assert settings.gain > 5
    np.testing.assert_array_equal(edges, find(settings))


@pytest.mark.parametrize("strength", [0.06, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("gain", [MIN_GAIN, 1.0, MAX_AUTO_GAIN])
def test_strong_edges_become_bright_in_any_light(strength, gain):
    assert strength * settled(strength, gain) == pytest.approx(TARGET, rel=0.15)


def test_the_gain_of_a_black_picture_is_limited():
    assert settled(0.0) == MAX_AUTO_GAIN


def test_a_small_change_of_light_changes_nothing():
    gains = play([0.5, 0.52, 0.48])

    assert len(set(gains)) == 1


def test_a_large_change_is_followed_slowly():
    gains = play([0.8] + [0.1] * 90)

    steps = np.diff(np.log(gains))
    assert steps.min() >= 0
    assert steps.max() < 0.2  # a fifth from one frame to the next is no flicker
    assert gains[-1] * 0.1 == pytest.approx(TARGET, rel=0.15)


def test_edges_made_with_an_older_gain_do_not_change_the_right_one():
    auto, settings = AutoGain(), Settings(gain=settled(0.2))

    for frame in range(30):
        old = settings.gain / 4
        edges = edges_of(0.2, old)
        find = pytest.fail if frame else lambda settings: edges_of(0.2, settings.gain)
        _, after = auto(edges, settings, now=frame / 30, find=find, made_with=old)

    assert after.gain == pytest.approx(settings.gain)
