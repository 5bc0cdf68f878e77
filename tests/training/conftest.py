"""What the tests of several trainings need."""

from functools import cache

import pytest

from live_edges.training import pictures


@pytest.fixture(scope="module")
def few_pictures():
    """Learn from few synthetic pictures, which are drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "SYNTHETIC_PICTURES", 4)
        patch.setattr(pictures, "_synthetic", cache(pictures._synthetic))
        yield
