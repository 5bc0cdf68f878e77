"""The command `live-edges train`: its flags, and what is checked before torch is imported."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from live_edges.errors import TrainingError
from live_edges.options import add_device_flag
from live_edges.recording.files import check_writable
from live_edges.sources.paths import check_readable, is_glob
from live_edges.training.recipe import (
    BOUNDARY,
    OPTIONS,
    PRESETS,
    SOBEL,
    BoundaryRecipe,
    Recipe,
    flag,
)

_MAY_CHANGE = ("steps", "lr")  # when a run is resumed


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `live-edges train`."""
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="images, folders, globs, video files or a camera number; none: synthetic dead leaves",
    )
    what = parser.add_argument_group("what to learn")
    what.add_argument(
        "--preset", choices=(*PRESETS, BOUNDARY), help="recipe of a file that is shipped"
    )
    for name, option in OPTIONS.items():  # None where not given, so that a preset's value stays
        what.add_argument(
            flag(name),
            type=type(option.default),
            choices=option.metadata["choices"],
            help=f"{option.metadata['help']} (default {option.default})",
        )
    files = parser.add_argument_group("files and machine")
    add_device_flag(files)
    files.add_argument("--out", type=Path, help="weights file (default: NAME.safetensors, here)")
    files.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="go on from this checkpoint; one is kept beside --out while training runs",
    )
    files.add_argument("--watch", action="store_true", help="show the training in a window")
    files.add_argument(
        "--report",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="draw a picture of the result beside --out (default: yes)",
    )
    _add_net_flags(parser.add_argument_group("--preset boundary"))
    other = parser.add_argument_group("instead of training something new")
    other.add_argument("--check", action="store_true", help="retrain --preset and compare")
    other.add_argument(
        "--evaluate",
        type=Path,
        metavar="WEIGHTS",
        help="show how well WEIGHTS finds edges through noise in DATA; --out FILE.png draws some",
    )


def _add_net_flags(net: argparse._ActionsContainer) -> None:
    net.add_argument(
        "--validate",
        type=Path,
        metavar="DIR",
        help="keep the net that is best on these photographs, DIR/images/NAME.jpg, and what people "
        "drew on them, DIR/groundTruth/NAME.mat or .png, as in BSDS500 (default: on new scenes)",
    )
    net.add_argument(
        "--keep-nets",
        action="store_true",
        help="keep every net that is judged, ten in a run, in the folder NAME.nets beside --out",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit code.

    Raises:
        LiveEdgesError: something the user can act on, in one sentence.
    """
    if args.preset == BOUNDARY and not args.evaluate:
        return _run_boundary(args)
    if args.validate or args.keep_nets:
        wrong = "--validate" if args.validate else "--keep-nets"
        raise TrainingError(f"{wrong} needs --preset boundary; leave it out")
    if args.resume and not args.evaluate:
        return _resume(args)
    recipe = chosen_recipe(args)
    recipe.check()
    if args.evaluate:
        return _evaluate(args, recipe)
    if args.check:
        return _check(args, recipe)
    out = args.out or Path(f"{args.preset or 'learned'}.safetensors")
    _check_files(recipe.data, out)

    from live_edges.training.commands import train_to_file

    return train_to_file(args, recipe, out)


def _run_boundary(args: argparse.Namespace) -> int:
    """Train the net, or check the shipped one; most flags are about kernels."""
    known = [each.name for each in fields(BoundaryRecipe)]
    given = {name: value for name in OPTIONS if (value := getattr(args, name)) is not None}
    refused = [flag(name) for name in given if name not in known]
    refused += ["DATA"] * bool(args.data) + ["--watch"] * args.watch
    if refused:
        raise TrainingError(f"--preset boundary takes no {refused[0]}; leave that out")
    recipe = BoundaryRecipe(**given)
    recipe.check()
    if args.resume and not args.resume.is_file():
        raise TrainingError(f"--resume {args.resume} does not exist; check the path")
    if args.check:
        return _check(args, recipe)
    out = args.out or (args.resume or Path("boundary")).with_suffix(".safetensors")
    _check_files((), out)

    from live_edges.training import boundary_commands

    return boundary_commands.run(args, recipe, out)


def _resume(args: argparse.Namespace) -> int:
    if not args.resume.is_file():
        raise TrainingError(f"--resume {args.resume} does not exist; check the path")
    from live_edges.training.commands import train_to_file
    from live_edges.training.descent import load_checkpoint

    made_with, state = load_checkpoint(args.resume)
    recipe = chosen_recipe(args, made_with)
    for name in (name for name in (*OPTIONS, "data") if name not in _MAY_CHANGE):
        if (old := getattr(made_with, name)) != (new := getattr(recipe, name)):
            raise TrainingError(
                f"the checkpoint was made with {flag(name)} {old}, not {new}; leave that out, or "
                "start anew without --resume"
            )
    recipe.check()
    out = args.out or args.resume.with_suffix(".safetensors")
    _check_files(recipe.data, out)
    return train_to_file(args, recipe, out, state)


def _check(args: argparse.Namespace, recipe: Recipe | BoundaryRecipe) -> int:
    from live_edges.filters.weights import shipped_weights

    shipped = {path.stem: path for path in shipped_weights()}
    if args.preset not in shipped:
        raise TrainingError(f"--check needs --preset, one of: {', '.join(shipped)}")

    if isinstance(recipe, BoundaryRecipe):
        from live_edges.training import boundary_commands

        return boundary_commands.check(args, recipe, shipped[args.preset])

    from live_edges.training.commands import check

    return check(args, recipe, shipped[args.preset])


def _evaluate(args: argparse.Namespace, recipe: Recipe) -> int:
    from live_edges.filters.weights import check_exists

    check_exists(args.evaluate)
    _check_data(recipe.data)
    if args.out:
        check_writable(args.out, "--out")

    from live_edges.training.evaluate import evaluate

    print(evaluate(args.evaluate, recipe, args.out))
    return 0


def chosen_recipe(args: argparse.Namespace, base: Recipe | None = None) -> Recipe:
    """Put the flags that were given into the preset or the default, or into another recipe."""
    base = base or PRESETS.get(args.preset, Recipe())
    given = {name: value for name in OPTIONS if (value := getattr(args, name)) is not None}
    if args.data:
        given["data"] = tuple(args.data)
    if given.get("target") == SOBEL and base == Recipe():
        base = replace(base, loss="signed", out_channels=2, kernel_size=3)
    return replace(base, **given)


def _check_files(data: Sequence[str], out: Path) -> None:
    """Raise LiveEdgesError unless ``data`` is there and ``out`` can become a weights file."""
    check_writable(out, "--out")
    if out.is_dir() or out.suffix != ".safetensors":
        raise TrainingError(f"--out {out} should be a file that ends in .safetensors")
    _check_data(data)


def _check_data(data: Sequence[str]) -> None:
    for text in data:
        if not (text.isdecimal() or is_glob(text)):
            check_readable(Path(text).expanduser())
