"""Targets: what a kernel should answer, made from the clean picture by known filters."""

import numpy as np
import torch
import torchvision.transforms.v2.functional as TF
from torch import Tensor

from live_edges.filters import functional as F
from live_edges.filters import kernels
from live_edges.training.recipe import BLUR_DIFFERENCE, SOBEL, Recipe


def make_target(luma: Tensor, recipe: Recipe) -> Tensor:
    """Answer that the kernels should give, with its sign, for the two analytic targets.

    Args:
        luma: ``(N, 1, H, W)`` float in [0, 1], without noise.
        recipe: names the target.

    Returns:
        ``(N, 1, H, W)``: picture minus blurred picture; or ``(N, 2, H, W)``: Sobel's gx and gy.
        The outermost pixels are torchvision's mirrored border; training leaves them out.
    """
    if recipe.target == SOBEL:
        bank = torch.from_numpy(kernels.sobel()).to(luma)
        return F.correlate(F.pad_replicate(luma, (3, 3)), bank)
    if recipe.target == BLUR_DIFFERENCE:
        size = [recipe.blur_size] * 2
        blurred: Tensor = TF.gaussian_blur(luma, size, [recipe.sigma] * 2)
        return luma - blurred
    raise AssertionError("target pictures come with the data")


def analytic_bank(recipe: Recipe) -> kernels.Bank | None:
    """Return the kernels that make the target, up to a factor; None for target pictures.

    Reading colour, they are the gray kernel in the shares that red, green and blue have in luma.
    """
    if recipe.target == SOBEL:
        bank = kernels.sobel()
    elif recipe.target == BLUR_DIFFERENCE:
        bank = kernels.blur_difference(recipe.sigma)
    else:
        return None
    if recipe.in_channels == 1:
        return bank
    return np.asarray(bank * np.array(F.LUMA_RGB)[None, :, None, None])
