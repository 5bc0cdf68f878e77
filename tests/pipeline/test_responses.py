import numpy as np
import pytest
import torch

from live_edges import EdgePipeline
from live_edges.filters.catalog import catalog
from live_edges.filters.filter import make_filter
from live_edges.filters.functional import correlate

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("engine", ["torch", "numba"])
@pytest.mark.parametrize("name", [name for name, entry in catalog().items() if not entry.net])
@pytest.mark.parametrize("is_gray", [False, True])
def test_responses_are_what_the_definition_takes_the_length_of(name, is_gray, engine):
    image = IMAGE[..., 0] if is_gray else IMAGE
    pipeline = EdgePipeline(name, device="cpu", engine=engine)
    weight = make_filter(catalog()[name]).weight.double()
    planes = pipeline._plan.filter.window
    padded = np.empty((weight.shape[1], 37 + planes[0] - 1, 53 + planes[1] - 1), np.uint8)
    pipeline._plan.write_planes(image, padded)
    margin = pipeline._plan.filter.margin // 2
    inner = torch.from_numpy(padded)[None].double()[..., margin : padded.shape[1] - margin,
                                                    margin : padded.shape[2] - margin]  # fmt: skip
    expected = correlate(inner, weight)[0] / 255

    actual = pipeline.responses(image)

    torch.testing.assert_close(torch.from_numpy(actual).double(), expected, rtol=1e-4, atol=1e-5)
