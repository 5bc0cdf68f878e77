import cv2
import numpy as np
import pytest

from live_edges import EdgePipeline
from live_edges.cli import main


@pytest.mark.parametrize(
    ("view", "color"), [("edges", (255, 255, 255)), ("overlay", (80, 255, 80))]
)
def test_alpha_is_how_strong_the_edges_are(tmp_path, view, color):
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    out = tmp_path / "cutout.png"

    assert main(["process", str(tmp_path / "a.png"), "-o", str(out), "--alpha", "--view", view,
                 "--gain", "1", "--engine", "torch"]) == 0  # fmt: skip

    cutout = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert (cutout[..., :3] == color).all()
    expected = EdgePipeline("sobel", device="cpu", engine="torch")(image)
    np.testing.assert_array_equal(cutout[..., 3], expected)


@pytest.mark.parametrize(
    ("out", "flags", "told"),
    [
        ("b.jpg", [], "--alpha makes PNG images"),
        ("b.png", ["--view", "side"], "--alpha needs --view"),
    ],
)
def test_alpha_that_cannot_be_is_reported(tmp_path, capsys, out, flags, told):
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))[1])
    command = ["process", str(tmp_path / "a.png"), "-o", str(tmp_path / out), "--alpha", *flags]

    assert main(command) == 1

    assert told in capsys.readouterr().err
