"""The command `live-edges train`: its flags, and what happens when it is typed."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live_edges.errors import TrainingError
from live_edges.recording.files import atomic_write, check_writable
from live_edges.training.files import (
    check_checkpoint,
    check_data,
    check_out,
    load_checkpoint,
    save_checkpoint,
)
from live_edges.training.recipe import FIELDS, LOSSES, PRESETS, SOBEL, Recipe

if TYPE_CHECKING:
    from live_edges.training.loop import OnCheckpoint, Trained
    from live_edges.training.pictures import Pictures
    from live_edges.training.report import Watch

INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended
_MAY_CHANGE = ("steps", "lr")  # when a run is resumed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `live-edges train`."""
    parser.add_argument(
        "data",
        nargs="*",
        metavar="DATA",
        help="images, folders, globs, video files or a camera number; none: synthetic dead leaves",
    )
    _add_recipe_arguments(parser.add_argument_group("what to learn"))
    files = parser.add_argument_group("files and machine")
    files.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N, mps or xpu")
    files.add_argument(
        "--out", type=Path, help="weights file to write (default: NAME.safetensors, here)"
    )
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
    checks = parser.add_argument_group("instead of training something new")
    checks.add_argument(
        "--check", action="store_true", help="retrain --preset and compare with the shipped file"
    )
    checks.add_argument(
        "--evaluate",
        type=Path,
        metavar="WEIGHTS",
        help="table of how a weights file finds edges through noise, on the pictures in DATA; "
        "--out FILE.png draws the first two",
    )


def _add_recipe_arguments(group: Any) -> None:
    """Add a flag for each field of `Recipe`; None where not given, so that a preset's stays."""
    base = Recipe()
    group.add_argument("--preset", choices=PRESETS, help="recipe of a file that is shipped")
    group.add_argument(
        "--target", metavar="T", help="blur-difference (default), sobel, or a folder of pictures"
    )
    group.add_argument("--in-channels", type=int, choices=(1, 3), help="1 luma (default), 3 RGB")
    group.add_argument("--loss", choices=LOSSES, help="what is compared (default magnitude)")
    numbers = {
        "sigma": f"blur in pixels (default {base.sigma:g})",
        "kernel-size": f"odd (default {base.kernel_size})",
        "out-channels": "number of kernels (default 1; sobel 2)",
        "noise": "sensor noise on the input, in levels of 255",
        "steps": f"at most (default {base.steps})",
        "batch": f"pieces of pictures, one of each at least (default {base.batch})",
        "crop": f"their side in pixels (default {base.crop})",
        "lr": f"first step length (default {base.lr:g})",
        "seed": f"decides all that is random (default {base.seed})",
    }
    for flag, text in numbers.items():
        kind = type(getattr(base, flag.replace("-", "_")))
        group.add_argument(f"--{flag}", type=kind, help=text)


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit code.

    Raises:
        LiveEdgesError: something the user can act on, in one sentence.
    """
    resume = None
    if args.resume and not args.evaluate:
        check_checkpoint(args.resume)
        resume = load_checkpoint(args.resume)
    recipe = chosen_recipe(args, resume)
    recipe.check()
    if args.evaluate:
        return _evaluate(args, recipe)
    if args.check:
        return _check(args, recipe)
    return _train(args, recipe, resume)


def chosen_recipe(args: argparse.Namespace, resume: dict[str, Any] | None = None) -> Recipe:
    """Lay the flags that were given over the preset, the checkpoint's recipe or the default."""
    given = {name: getattr(args, name) for name in FIELDS if getattr(args, name) not in (None, [])}
    if "data" in given:
        given["data"] = tuple(given["data"])
    if resume is not None:
        base = Recipe.from_json(resume["recipe"])
        for name, value in given.items():
            if name not in _MAY_CHANGE and value != getattr(base, name):
                flag = "DATA" if name == "data" else "--" + name.replace("_", "-")
                raise TrainingError(
                    f"the checkpoint was made with {flag} {getattr(base, name)}, not {value}; "
                    "leave that out, or start anew without --resume"
                )
        return replace(base, **given)
    base = PRESETS[args.preset] if args.preset else Recipe()
    if given.get("target") == SOBEL and not args.preset:
        base = replace(base, loss="signed", out_channels=2, kernel_size=3)
    return replace(base, **given)


def _train(args: argparse.Namespace, recipe: Recipe, resume: dict[str, Any] | None) -> int:
    """Train, and keep whatever came of it."""
    default = f"{args.preset or 'learned'}.safetensors"
    out = args.out or Path((resume or {}).get("out", default))
    check_out(out)
    check_data(recipe.data)

    if args.watch:  # OpenCV before PyAV: with the libxcb that PyAV brings, its windows never open
        import live_edges.display.window  # noqa: F401
    from live_edges.training.outcome import packed, summary
    from live_edges.training.pictures import find_pictures

    checkpoint = out.with_suffix(".checkpoint")

    def keep(state: dict[str, Any]) -> None:
        save_checkpoint(checkpoint, state | {"out": str(out)})

    pictures = find_pictures(recipe)
    trained = _fit(args, recipe, pictures, resume=resume, on_checkpoint=keep)
    if trained.ended != "finished":
        keep(trained.checkpoint)
    if trained.ended == "interrupted":
        _say(f"stopped after step {trained.steps}; go on with: --resume {checkpoint}")
        return INTERRUPTED
    with atomic_write(out) as part:
        part.write_bytes(packed(trained))
    if trained.ended == "diverged":
        raise TrainingError(
            f"the loss was no number at step {trained.steps + 1}; the weights of the last "
            f"good step are kept in {out}; try a smaller --lr than {recipe.lr:g}"
        )
    checkpoint.unlink(missing_ok=True)
    print(summary(trained))
    print(f"weights: {out}")
    if args.report:
        _report(trained, pictures, out)
    print(f"see it live: live-edges run --weights {out} --filter {out.stem}")
    return 0


def _fit(
    args: argparse.Namespace,
    recipe: Recipe,
    pictures: "Pictures",
    *,
    resume: dict[str, Any] | None = None,
    on_checkpoint: "OnCheckpoint" = lambda _state: None,
) -> "Trained":
    """Train on the device asked for, in a window if one is asked for and can be opened."""
    import torch

    from live_edges.pipeline.devices import choose_device
    from live_edges.training.loop import precision, train

    device, reason = choose_device(args.device)
    if precision(device) != torch.float64:
        if args.device == "auto":
            device, reason = torch.device("cpu"), f"{device.type} has no float64"
        else:
            _say(f"{device.type} has no float64: the kernels will miss their last digits")
    _say(f"training on {device} ({reason})")
    with ExitStack() as stack:
        watch = _watch(recipe, pictures, stack) if args.watch else None
        return train(
            recipe,
            pictures,
            device=device,
            resume=resume,
            on_step=watch or (lambda _progress: None),
            on_checkpoint=on_checkpoint,
        )


def _watch(recipe: Recipe, pictures: "Pictures", stack: ExitStack) -> "Watch | None":
    """Open the app's window; where that cannot be, say so and go on."""
    from live_edges.display.window import Window, display_problem
    from live_edges.training.report import Watch, held_out_example

    problem = display_problem()
    if problem:
        _say(f"no window to watch in ({problem}); training goes on")
        return None
    example = held_out_example(pictures.held_out, recipe)
    return Watch(stack.enter_context(Window("live-edges train")), example)


def _report(trained: "Trained", pictures: "Pictures", out: Path) -> None:
    from live_edges.training.report import draw, held_out_example, png

    example = held_out_example(pictures.held_out, trained.recipe)
    path = out.with_suffix(".png")
    with atomic_write(path) as part:
        part.write_bytes(png(draw(trained, example, out.stem)))
    print(f"report: {path}")


def _check(args: argparse.Namespace, recipe: Recipe) -> int:
    """Retrain a preset and hold it against the shipped file."""
    from live_edges.filters.weights import load_weights, shipped_weights

    if not args.preset:
        raise TrainingError(f"--check needs --preset, one of: {', '.join(PRESETS)}")
    shipped = next((path for path in shipped_weights() if path.stem == args.preset), None)
    if shipped is None:
        raise TrainingError(f"no file {args.preset}.safetensors came with the program")

    import torch

    from live_edges.training.outcome import agreement, summary
    from live_edges.training.pictures import find_pictures

    trained = _fit(args, recipe, find_pictures(recipe))
    found = agreement(trained, torch.from_numpy(load_weights(shipped)))
    print(summary(trained))
    is_same = found > 0.9999
    print(f"cosine with {shipped.name}: {found:.8f} ({'the same' if is_same else 'NOT the same'})")
    return 0 if is_same else 1


def _evaluate(args: argparse.Namespace, recipe: Recipe) -> int:
    """Print how a weights file, the analytic kernel and Sobel find edges through noise."""
    from live_edges.filters.weights import check_exists

    check_exists(args.evaluate)
    check_data(recipe.data)
    if args.out:
        check_writable(args.out, "--out")

    from live_edges.training.evaluate import evaluate

    print(evaluate(args.evaluate, recipe, args.out))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
