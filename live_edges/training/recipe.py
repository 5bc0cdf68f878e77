"""Recipes: everything that decides what a training run makes, as one value without torch."""

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from live_edges.errors import TrainingError
from live_edges.filters.ranges import MAX_KERNEL_SIZE, MAX_KERNELS, MAX_SIGMA, MIN_SIGMA

BLUR_DIFFERENCE, SOBEL = "blur-difference", "sobel"


def _option(default: Any, help: str, low: float = 0, high: float = 0, choices: Any = None) -> Any:
    """Declare a field that is also a flag, with its help text and its range or choices."""
    return field(
        default=default, metadata={"help": help, "low": low, "high": high, "choices": choices}
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to learn from what; equal recipes make equal bytes on one CPU and library version."""

    target: str = _option(
        BLUR_DIFFERENCE, "blur-difference, sobel, or a folder with a target picture for each input"
    )
    sigma: float = _option(1.0, "radius of the target's blur in pixels", MIN_SIGMA, MAX_SIGMA)
    kernel_size: int = _option(7, "height and width of a kernel, odd", 3, MAX_KERNEL_SIZE)
    in_channels: int = _option(1, "1 reads luma, 3 reads red, green and blue", choices=(1, 3))
    out_channels: int = _option(
        1, "number of kernels, whose responses make one edge strength; sobel: 2", 1, MAX_KERNELS
    )
    noise: float = _option(
        0.0, "sensor noise on the input: its deviation at mid gray, in levels of 255", 0, 128
    )
    loss: str = _option("magnitude", "what the loss compares", choices=("signed", "magnitude"))
    steps: int = _option(60, "L-BFGS steps at most; training ends once no step helps", 1, 100_000)
    batch: int = _option(64, "pieces to learn from, at least one of each picture", 1, 100_000)
    crop: int = _option(96, "height and width of a piece in pixels", 8, 4096)
    lr: float = _option(1.0, "length of the optimizer's first step", 1e-6, 100)
    seed: int = _option(0, "decides pieces, noise, synthetic pictures, first kernels", 0, 2**31 - 1)
    data: tuple[str, ...] = ()  # images, folders, globs, videos, cameras; none: dead leaves

    @property
    def blur_size(self) -> int:
        """Taps in a row of the blur that the target subtracts: three sigma to each side."""
        return 2 * math.ceil(3 * self.sigma) + 1

    @property
    def reach(self) -> int:
        """Pixels to each side that the kernel or the target reads, whichever is more."""
        by_target = {BLUR_DIFFERENCE: self.blur_size, SOBEL: 3}.get(self.target, 1)
        return max(self.kernel_size, by_target) // 2

    @property
    def is_linear(self) -> bool:
        """True if the best kernels solve a linear system, so that their loss is known."""
        return self.loss == "signed" or (self.target == BLUR_DIFFERENCE and self.out_channels == 1)

    def check(self) -> None:
        """Raise `TrainingError` for the first value that cannot work, and say which would."""
        for name, option in OPTIONS.items():
            value = getattr(self, name)
            low, high, choices = (option.metadata[key] for key in ("low", "high", "choices"))
            if choices and value not in choices:
                raise TrainingError(f"{flag(name)} is {value}; choose {choices[0]} or {choices[1]}")
            if low < high and not low <= value <= high:
                raise TrainingError(f"{flag(name)} is {value:g}; choose from {low:g} to {high:g}")
        self._check_sizes()
        self._check_target()

    def _check_sizes(self) -> None:
        size, least = self.kernel_size, 2 * math.ceil(2 * self.sigma) + 1
        if size % 2 == 0:
            raise TrainingError(f"--kernel-size {size} has no middle; choose an odd number")
        if self.target == BLUR_DIFFERENCE and size < least:
            raise TrainingError(
                f"sigma {self.sigma:g} is too large for a {size}x{size} kernel: it needs "
                f"--kernel-size {least} at least, {self.blur_size} to hold all of the blur"
            )
        if self.crop < 2 * self.reach + 8:
            raise TrainingError(
                f"--crop {self.crop} leaves too little inside the border that the kernel and the "
                f"target need; choose {2 * self.reach + 8} or more"
            )

    def _check_target(self) -> None:
        is_folder = self.target not in (BLUR_DIFFERENCE, SOBEL)
        planes = 2 if self.target == SOBEL else 1
        if is_folder and not Path(self.target).is_dir():
            raise TrainingError(
                f"--target {self.target} is neither blur-difference nor sobel nor a folder of "
                "target pictures named like the inputs"
            )
        if is_folder and self.loss == "signed":
            raise TrainingError("target pictures have no sign; use --loss magnitude with them")
        if self.loss == "signed" and self.out_channels != planes:
            raise TrainingError(
                f"--loss signed with --target {self.target} needs --out-channels {planes}, got "
                f"{self.out_channels}; --loss magnitude takes any number"
            )


OPTIONS = {each.name: each for each in fields(Recipe) if each.metadata}


def flag(name: str) -> str:
    """Return what a user types for a field of `Recipe`."""
    return f"--{name.replace('_', '-')}" if name in OPTIONS else "DATA"


_SIGNED = Recipe(loss="signed")
PRESETS: dict[str, Recipe] = {
    "blur-difference-s1": _SIGNED,
    "blur-difference-s2": replace(_SIGNED, sigma=2.0, kernel_size=13),
    "blur-difference-rgb": replace(_SIGNED, in_channels=3),
    "learned-sobel": replace(_SIGNED, target=SOBEL, kernel_size=3, out_channels=2),
    "low-light": replace(_SIGNED, kernel_size=11, noise=15.0, batch=128),
}
BOUNDARY = "boundary"  # the one preset that is a net


@dataclass(frozen=True, slots=True)
class BoundaryRecipe:
    """What decides the boundary net; `live_edges.training.boundary` says what each is for."""

    steps: int = 2400
    batch: int = 8
    crop: int = 192
    lr: float = 4e-3
    seed: int = 0
    scenes: int = 600

    def check(self) -> None:
        """Raise `TrainingError` for a value that cannot work."""
        if self.crop % 16 or not 32 <= self.crop <= 256:
            raise TrainingError(f"--crop {self.crop} does not fit; choose 32 to 256 in steps of 16")
        for name in ("steps", "batch", "lr"):
            low, high = (OPTIONS[name].metadata[key] for key in ("low", "high"))
            if not low <= getattr(self, name) <= high:
                raise TrainingError(
                    f"{flag(name)} is {getattr(self, name):g}; choose from {low:g} to {high:g}"
                )
