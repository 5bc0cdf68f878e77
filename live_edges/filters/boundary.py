"""The boundary filter: how likely the boundary of an object runs through each pixel."""

import copy

import torch
import torch.nn.functional as nnf
from torch import Tensor

from live_edges.filters import functional as F
from live_edges.filters.boundary_net import UNIT, BoundaryNet
from live_edges.filters.filter import Detail, LinearFilter, Run

FLOOR = 0.1  # likelihood that counts as none; what the net answers on flat areas lies below
MARGIN = 8  # pixels around the picture


class BoundaryFilter(LinearFilter):
    """A net at two sizes of the picture, the mean of whose answers is the map.

    It has no kernels of its own to slide: its ``weight`` only says that it reads three colours.

    Args:
        net: gives log odds.
        detail: ``fine`` looks at the picture and at half of its size, ``fast`` at a half and a
            quarter.
    """

    is_linear = False
    is_net = True

    def __init__(self, net: BoundaryNet, detail: Detail = "fine") -> None:
        super().__init__(torch.ones(1, 3, 1, 1))
        self.net, self.detail = net, detail
        self._narrow: BoundaryNet | None = None

    def edges(self, run: Run, padded: Tensor, gain: Tensor, threshold: Tensor) -> Tensor:
        """As for a linear filter; ``padded`` is the picture itself, and ``run`` has no part."""
        return F.to_gray_levels(self.forward(padded), gain, threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)``, float in [0, 1] or uint8, to ``(N, 1, H, W)``: the likelihood.

        It is 0 on flat areas.
        """
        return _mirrored_alike(self._net_for(x), x, self.detail)

    def _net_for(self, x: Tensor) -> BoundaryNet:
        """Return the net in numbers of 16 bits where these are fast."""
        dtype = torch.float16 if x.is_cuda else torch.bfloat16
        if not x.is_cuda and not (x.is_cpu and has_fast_bfloat16()):
            return self.net
        if self._narrow is None:
            self._narrow = copy.deepcopy(self.net)
            self._narrow.narrow(dtype)
        return self._narrow


def has_fast_bfloat16() -> bool:
    """Return True if this CPU multiplies bfloat16: twice as fast as float32."""
    is_supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(is_supported and is_supported())


def _mirrored_alike(net: BoundaryNet, x: Tensor, detail: Detail) -> Tensor:
    """Return the likelihood, which is mirrored with the picture.

    The net sees to that where the width is even. An odd one cannot be halved or put in the middle:
    then the mean of both sides is taken.
    """
    likely = _at_half(net, x) if detail == "fast" else _at_two_sizes(net, x)
    if x.shape[-1] % 2:
        mirrored = x.flip(-1)
        other = _at_half(net, mirrored) if detail == "fast" else _at_two_sizes(net, mirrored)
        likely = (likely + other.flip(-1)) / 2
    return likely


def _at_half(net: BoundaryNet, x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        x = nnf.pad(_as_float(x), (0, width % 2, 0, height % 2), "replicate")
    return _doubled(_mirrored_alike(net, _halved(x), "fine"))[..., :height, :width]


def _at_two_sizes(net: BoundaryNet, x: Tensor) -> Tensor:
    """Return the mean of what the net answers to a picture and to half of its size, less `FLOOR`.

    In place, because new memory would cost more time than the sums.
    """
    height, width = x.shape[-2:]
    (above, below), (left, right) = _missing(height), _missing(width)
    # In a mirror textures and lines go on; repeated, the last pixels are stripes, with boundaries.
    can_mirror = height > max(above, below) and width > max(left, right)
    mode = "reflect" if can_mirror else "replicate"
    x = nnf.pad(_as_float(x), (left, right, above, below), mode)
    likely = _answer(net, x).add_(_doubled(_answer(net, _halved(x)))).div_(2)
    inner = likely[..., above : above + height, left : left + width]
    return inner.sub_(FLOOR).div_(1 - FLOOR).clamp_(min=0)


def _answer(net: BoundaryNet, x: Tensor) -> Tensor:
    odds: Tensor = net(x.contiguous(memory_format=torch.channels_last))
    return odds.float().sigmoid_()


def _missing(size: int) -> tuple[int, int]:
    """How much to add on both sides, so that the net can halve the picture, and half of it.

    At least `MARGIN`, because the net takes what lies outside for an edge now and then.
    """
    total = 2 * MARGIN + -size % (2 * UNIT)
    return total // 2, total - total // 2


def _as_float(x: Tensor) -> Tensor:
    return x.float() / 255 if x.dtype == torch.uint8 else x


def _halved(x: Tensor) -> Tensor:
    """Take the mean of four pixels; of bytes faster than torch's pooling."""
    four = [x[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    total = sum((each.float() if x.dtype == torch.uint8 else each for each in four[1:]), four[0])
    return total / (4 * 255) if x.dtype == torch.uint8 else total / 4


def _doubled(x: Tensor) -> Tensor:
    return nnf.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
