"""The boundary net: a small convolutional network whose map is mirrored with the picture.

Its channels come in pairs: the second half sees the picture as the first half sees it in a mirror,
because its kernels are those of the first half, mirrored. So half of the kernels are learned.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

UNIT = 8  # pixels: the net halves the picture three times
MEAN = 0.45  # of the intensities of photographs


class Block(nn.Module):
    """A convolution, batch normalization and ReLU.

    Args:
        planes: of the input.
        out: planes of the output, an even number.
        size: of the kernels; 4 with ``stride`` 2, so that the smaller grid is symmetric, too.
        stride: pixels from one output to the next.
        dilation: pixels from one tap to the next.
        is_paired: False if the input is a picture, whose planes are no pairs.
        is_relu: False if the output may be negative.
    """

    def __init__(
        self,
        planes: int,
        out: int,
        size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        is_paired: bool = True,
        is_relu: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.dilation, self.is_relu = stride, dilation, is_relu
        self.padding = (size - 1) * dilation // 2
        self.shift = planes // 2 if is_paired else 0
        self.weight = nn.Parameter(torch.empty(out // 2, planes, size, size))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.scale = nn.Parameter(torch.ones(out // 2))
        self.bias = nn.Parameter(torch.zeros(out // 2))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(out // 2))
        self.register_buffer("variance", torch.ones(out // 2))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, planes, H, W)`` to ``(N, out, H / stride, W / stride)``."""
        x = nnf.conv2d(x, self._both(self.weight), None, self.stride, self.padding, self.dilation)
        mean, variance = self.mean.repeat(2), self.variance.repeat(2)
        scale, bias = self.scale.repeat(2), self.bias.repeat(2)
        x = nnf.batch_norm(x, mean, variance, scale, bias, self.training, 0.05)
        if self.training:  # a pair has one mean and one variance
            with torch.no_grad():
                self.mean.copy_(mean.view(2, -1).mean(0))
                self.variance.copy_(variance.view(2, -1).mean(0))
        return x.relu_() if self.is_relu else x

    def folded(self) -> nn.Module:
        """Return one convolution, with a ReLU where there was one, that does the same."""
        factor = self.scale / (self.variance + 1e-5).sqrt()
        weight = self._both(self.weight * factor[:, None, None, None])
        out, planes, size, _ = weight.shape
        conv = nn.Conv2d(planes, out, size, self.stride, self.padding, self.dilation)
        conv.weight = nn.Parameter(weight.detach())
        conv.bias = nn.Parameter((self.bias - self.mean * factor).repeat(2).detach())
        return nn.Sequential(conv, nn.ReLU(inplace=True)) if self.is_relu else conv

    def _both(self, weight: Tensor) -> Tensor:
        """Put the mirrored kernels below; they see the halves of the input exchanged."""
        return torch.cat([weight, weight.roll(self.shift, 1).flip(-1)])


class BoundaryNet(nn.Module):
    """Says for every pixel how likely the boundary of an object runs through it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Block(3, 16, 4, stride=2, is_paired=False)
        self.by_2 = Block(16, 16)
        self.by_4 = nn.Sequential(Block(16, 32, 4, stride=2), Block(32, 32))
        self.by_8 = nn.Sequential(
            Block(32, 48, 4, stride=2), Block(48, 48), Block(48, 48, dilation=2)
        )
        self.context = nn.ModuleList(Block(48, 48, dilation=pixels) for pixels in (2, 4, 8))
        self.at_eighth = Block(48, 32)
        self.from_quarter = Block(32, 32, 1, is_relu=False)
        self.at_quarter = Block(32, 32)
        self.to_half = Block(32, 16, 1, is_relu=False)
        self.from_half = Block(16, 16, 1, is_relu=False)
        self.at_half = Block(16, 16)
        self.answer = nn.Parameter(torch.randn(2, 16) * 0.1)  # of the left pixel, above and below
        self.side_quarter = nn.Parameter(torch.randn(16) * 0.1)  # the sides only help to learn
        self.side_eighth = nn.Parameter(torch.randn(16) * 0.1)
        self.offset = nn.Parameter(torch.full((3,), -2.0))  # boundaries are rare

    def forward(self, x: Tensor) -> Tensor:
        """Find boundaries.

        Args:
            x: ``(N, 3, H, W)`` red, green and blue in [0, 1]; sizes that `UNIT` divides.

        Returns:
            Log odds of a boundary, ``(N, 1, H, W)``.
        """
        return self._odds(self._decoded(x)[0])

    def with_sides(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `forward`, and the same at a quarter and an eighth of the size, to learn from."""
        at_half, at_quarter, at_eighth = self._decoded(x)
        return (
            self._odds(at_half),
            _weighted(at_quarter, self.side_quarter) + self.offset[1],
            _weighted(at_eighth, self.side_eighth) + self.offset[2],
        )

    def _decoded(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See ever more of the picture at ever smaller sizes, then return to half of its size."""
        half = self.by_2(self.first(x - MEAN).to(self.offset.dtype))
        quarter = self.by_4(half)
        eighth = self.by_8(quarter)
        for block in self.context:
            eighth = eighth + block(eighth)

        at_eighth = self.at_eighth(eighth)
        y = self.from_quarter(quarter) + _doubled(at_eighth)
        at_quarter = self.at_quarter(y.relu())
        y = self.from_half(half) + _doubled(self.to_half(at_quarter))
        return self.at_half(y.relu()), at_quarter, at_eighth

    def _odds(self, at_half: Tensor) -> Tensor:
        """Answer for four pixels at each place: left and right above, left and right below."""
        weight = torch.stack([self.answer, self.answer.roll(8, 1)], 1).flatten(0, 1)
        pixels = nnf.conv2d(at_half, weight[:, :, None, None])
        return nnf.pixel_shuffle(pixels, 2) + self.offset[0]

    def fold(self) -> None:
        """Put the normalization into the convolutions, for faster answers; no more training.

        The weights are rounded to 8 significant bits, so that they are the same in `narrow`.
        """
        for parent in list(self.modules()):
            for name, block in list(parent.named_children()):
                if isinstance(block, Block):
                    setattr(parent, name, block.folded())
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(weight.bfloat16())

    def narrow(self, dtype: torch.dtype) -> None:
        """Compute in numbers of 16 bits, but for the first block: they are too few for its input.

        Rounding changes the likelihood by up to 2 of 255 levels.
        """
        self.to(dtype)
        self.first.float()


def _doubled(x: Tensor) -> Tensor:
    return nnf.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _weighted(x: Tensor, weight: Tensor) -> Tensor:
    return nnf.conv2d(x, weight.repeat(2)[None, :, None, None])
