"""Every view is what it was when somebody last looked at it, within one gray level."""

import cv2
import numpy as np
import pytest
from make_golden import FOLDER, NAMES, SIZE, rendered


@pytest.mark.parametrize("engine", ["torch", "numba"])
@pytest.mark.parametrize("view", NAMES)
def test_a_view_is_its_golden_picture(view, engine):
    golden = cv2.imread(str(FOLDER / f"{view}.png"))
    assert golden is not None, "run: python tests/make_golden.py, and look at the picture"

    picture = rendered(view, engine)

    assert picture.shape == golden.shape
    assert np.abs(picture.astype(int) - golden).max() <= 1


def test_there_is_one_golden_picture_a_view_and_all_are_small():
    paths = sorted(FOLDER.iterdir())

    assert [path.stem for path in paths] == sorted(NAMES)
    assert sum(path.stat().st_size for path in paths) < 200_000
    assert SIZE == (96, 64)
