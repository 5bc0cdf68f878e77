"""Recipes: everything that decides what a training run makes, as one value without torch."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from live_edges.errors import TrainingError
from live_edges.filters.ranges import MAX_KERNEL_SIZE, MAX_KERNELS, MAX_SIGMA, MIN_SIGMA

LOSSES = ("signed", "magnitude")
BLUR_DIFFERENCE, SOBEL = "blur-difference", "sobel"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to learn from what; equal recipes make equal bytes on one CPU and library version.

    Attributes:
        target: ``blur-difference``, ``sobel``, or a folder with one target picture for each input.
        sigma: radius of the target's blur in pixels.
        kernel_size: k of the k x k kernels, odd.
        in_channels: 1 reads luma; 3 reads red, green, blue.
        out_channels: number of kernels, whose responses make one edge strength.
        noise: sensor noise on the input, standard deviation at mid gray in levels of 255.
        loss: ``signed`` compares the responses themselves, ``magnitude`` the edge strength.
        steps: L-BFGS steps at most; training ends sooner where nothing is left to gain.
        batch: pieces of pictures to learn from, or as many as there are pictures.
        crop: height and width of such a piece in pixels.
        lr: the optimiser's first step length.
        seed: decides pieces, noise, synthetic pictures and starting kernels.
        data: images, folders, globs, video files, camera numbers; none: synthetic dead leaves.
    """

    target: str = BLUR_DIFFERENCE
    sigma: float = 1.0
    kernel_size: int = 7
    in_channels: int = 1
    out_channels: int = 1
    noise: float = 0.0
    loss: str = "magnitude"
    steps: int = 60
    batch: int = 64
    crop: int = 96
    lr: float = 1.0
    seed: int = 0
    data: tuple[str, ...] = ()

    @property
    def blur_size(self) -> int:
        """Taps per row of the blur that the target takes: three sigma to each side."""
        return 2 * math.ceil(3 * self.sigma) + 1

    @property
    def reach(self) -> int:
        """Pixels to each side that the kernel or the target looks at, whichever is more."""
        by_target = {BLUR_DIFFERENCE: self.blur_size, SOBEL: 3}.get(self.target, 1)
        return max(self.kernel_size, by_target) // 2

    def check(self) -> None:
        """Raise `TrainingError` for the first thing that can not work, saying what would."""
        self._check_numbers()
        self._check_kernel()
        if self.target not in (BLUR_DIFFERENCE, SOBEL):
            self._check_pairs()
        planes = 2 if self.target == SOBEL else 1
        if self.loss == "signed" and self.out_channels != planes:
            raise TrainingError(
                f"--loss signed with --target {self.target} needs --out-channels {planes}, got "
                f"{self.out_channels}; --loss magnitude takes any number"
            )

    def _check_numbers(self) -> None:
        bounds = {
            "steps": (1, 100_000),
            "batch": (1, 100_000),
            "crop": (8, 4096),
            "out_channels": (1, MAX_KERNELS),
            "noise": (0, 128),
            "lr": (1e-6, 100),
            "seed": (0, 2**31 - 1),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                flag = name.replace("_", "-")
                raise TrainingError(f"--{flag} is {value:g}; choose from {low:g} to {high:g}")
        if self.in_channels not in (1, 3) or self.loss not in LOSSES:
            raise TrainingError("--in-channels is 1 or 3 and --loss is signed or magnitude")

    def _check_kernel(self) -> None:
        size = self.kernel_size
        if size % 2 == 0 or not 3 <= size <= MAX_KERNEL_SIZE:
            raise TrainingError(
                f"--kernel-size {size} has no middle or is out of range; "
                f"choose an odd number from 3 to {MAX_KERNEL_SIZE}"
            )
        if self.target == BLUR_DIFFERENCE:
            if not MIN_SIGMA <= self.sigma <= MAX_SIGMA:
                raise TrainingError(
                    f"--sigma is {self.sigma:g}; choose from {MIN_SIGMA:g} to {MAX_SIGMA:g} pixels"
                )
            least = 2 * math.ceil(2 * self.sigma) + 1
            if size < least:
                raise TrainingError(
                    f"sigma {self.sigma:g} is too large for a {size}x{size} kernel: it takes "
                    f"--kernel-size {least} at least, {self.blur_size} to hold all of the blur"
                )
        if self.crop < 2 * self.reach + 8:
            raise TrainingError(
                f"--crop {self.crop} leaves too little inside the border that the kernel and the "
                f"target need; choose {2 * self.reach + 8} or more"
            )

    def _check_pairs(self) -> None:
        if not Path(self.target).is_dir():
            raise TrainingError(
                f"--target {self.target} is neither blur-difference nor sobel nor a folder of "
                "target pictures named like the inputs"
            )
        if self.loss == "signed":
            raise TrainingError("target pictures have no sign; use --loss magnitude with them")

    def to_json(self) -> str:
        """Write the recipe as JSON, the same text for the same recipe."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            TrainingError: it is no recipe.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            return cls(**{**values, "data": tuple(values["data"])})
        except (ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"this is no training recipe ({error})") from error


FIELDS = tuple(field.name for field in fields(Recipe))

_SIGNED = Recipe(loss="signed")
PRESETS: dict[str, Recipe] = {
    "blur-difference-s1": _SIGNED,
    "blur-difference-s2": replace(_SIGNED, sigma=2.0, kernel_size=13),
    "blur-difference-rgb": replace(_SIGNED, in_channels=3),
    "learned-sobel": replace(_SIGNED, target=SOBEL, kernel_size=3, out_channels=2),
    "low-light": replace(_SIGNED, kernel_size=11, noise=15.0, batch=128),
}
