"""The command `live-edges train`: its flags, and what happens when it is typed."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from live_edges.errors import TrainingError
from live_edges.recording.folders import check_folder
from live_edges.training.files import check_data, check_there, check_writable, write_atomically
from live_edges.training.recipe import FIELDS, LOSSES, PRESETS, SOBEL, Recipe

if TYPE_CHECKING:
    from live_edges.training.loop import OnCheckpoint, OnStep, Trained

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
    group.add_argument("--sigma", type=float, help=f"blur in pixels (default {base.sigma:g})")
    group.add_argument("--kernel-size", type=int, help=f"odd (default {base.kernel_size})")
    group.add_argument("--in-channels", type=int, choices=(1, 3), help="1 luma (default), 3 RGB")
    group.add_argument("--out-channels", type=int, help="number of kernels (default 1; sobel 2)")
    group.add_argument("--noise", type=float, help="sensor noise on the input, in levels of 255")
    group.add_argument("--loss", choices=LOSSES, help="what is compared (default magnitude)")
    group.add_argument("--steps", type=int, help=f"at most (default {base.steps})")
    group.add_argument(
        "--batch", type=int, help=f"pieces of pictures, one of each at least (default {base.batch})"
    )
    group.add_argument("--crop", type=int, help=f"their side in pixels (default {base.crop})")
    group.add_argument("--lr", type=float, help=f"first step length (default {base.lr:g})")
    group.add_argument("--seed", type=int, help=f"decides all that is random (default {base.seed})")


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit code.

    Raises:
        LiveEdgesError: something the user can act on, in one sentence.
    """
    if args.evaluate:
        return _evaluate(args)
    resume = _checkpoint(args)
    recipe = chosen_recipe(args, resume)
    recipe.check()
    if args.check:
        return _check(args, recipe)
    out = args.out or _default_out(args, resume)

    check_writable(out)
    check_data(recipe.data)

    from live_edges.training.checkpoint import save_checkpoint
    from live_edges.training.outcome import packed, summary

    checkpoint = out.with_suffix(".checkpoint")

    def keep(state: dict[str, Any]) -> None:
        save_checkpoint(checkpoint, state | {"out": str(out)})

    trained = _train(args, recipe, resume=resume, on_checkpoint=keep)
    if trained.ended != "finished":
        keep(trained.checkpoint)
    if trained.ended == "interrupted":
        _say(f"stopped after step {len(trained.losses)}; go on with: --resume {checkpoint}")
        return INTERRUPTED
    write_atomically(out, packed(trained))
    if trained.ended == "diverged":
        raise TrainingError(
            f"the loss was no number at step {len(trained.losses) + 1}; the weights of the last "
            f"good step are kept in {out}; try a smaller --lr than {recipe.lr:g}"
        )
    checkpoint.unlink(missing_ok=True)
    print(summary(trained))
    print(f"weights: {out}")
    if args.report:
        _report(trained, out.with_suffix(".png"), out.stem)
    print(f"see it live: live-edges run --weights {out} --filter {out.stem}")
    return 0


def chosen_recipe(args: argparse.Namespace, resume: dict[str, Any] | None = None) -> Recipe:
    """Lay the flags that were given over the preset, the checkpoint's recipe or the default."""
    given = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    given["data"] = tuple(given["data"])
    if not given["data"]:
        del given["data"]
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


def _checkpoint(args: argparse.Namespace) -> dict[str, Any] | None:
    if not args.resume:
        return None
    check_there(args.resume)
    from live_edges.training.checkpoint import load_checkpoint

    return load_checkpoint(args.resume)


def _default_out(args: argparse.Namespace, resume: dict[str, Any] | None) -> Path:
    if resume is not None and "out" in resume:
        return Path(resume["out"])
    return Path(f"{args.preset or 'learned'}.safetensors")


def _train(
    args: argparse.Namespace,
    recipe: Recipe,
    *,
    resume: dict[str, Any] | None = None,
    on_checkpoint: "OnCheckpoint" = lambda _state: None,
) -> "Trained":
    """Train with a progress bar, and a window if one is asked for and can be opened."""
    import torch

    from live_edges.pipeline.devices import choose_device
    from live_edges.training.descent import Descent, precision
    from live_edges.training.loop import train
    from live_edges.training.progress import Bar

    device, reason = choose_device(args.device)
    if precision(device) != torch.float64:
        if args.device == "auto":
            device, reason = torch.device("cpu"), f"{device.type} has no float64"
        else:
            _say(f"{device.type} has no float64: the kernels will miss their last digits")
    _say(f"training on {device} ({reason})")
    with ExitStack() as stack:
        bar = stack.enter_context(Bar(recipe.steps))
        watch = _watch(recipe, stack) if args.watch else None

        def on_step(descent: Descent) -> None:
            bar(descent)
            if watch:
                watch(descent)

        return train(
            recipe, device=device, resume=resume, on_step=on_step, on_checkpoint=on_checkpoint
        )


def _watch(recipe: Recipe, stack: ExitStack) -> "OnStep | None":
    """Open the app's window; where that can not be, say so and go on."""
    from live_edges.display.window import Window, display_problem
    from live_edges.training.report import held_out_picture
    from live_edges.training.watch import Watch

    problem = display_problem()
    if problem:
        _say(f"no window to watch in ({problem}); training goes on")
        return None
    window = Window("live-edges train")
    stack.callback(window.close)
    return Watch(window, held_out_picture(recipe))


def _report(trained: "Trained", path: Path, title: str) -> None:
    from live_edges.training.report import draw_report

    write_atomically(path, draw_report(trained, title))
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

    trained = _train(args, recipe)
    found = agreement(trained, torch.from_numpy(load_weights(shipped).bank))
    print(summary(trained))
    is_same = found > 0.9999
    print(f"cosine with {shipped.name}: {found:.8f} ({'the same' if is_same else 'NOT the same'})")
    return 0 if is_same else 1


def _evaluate(args: argparse.Namespace) -> int:
    """Print how a weights file, the analytic kernel and Sobel find edges through noise."""
    from live_edges.filters.weights import check_exists, load_weights

    recipe = chosen_recipe(args)
    recipe.check()
    check_exists(args.evaluate)
    check_data(recipe.data)
    if args.out:
        check_folder(args.out, "--out")

    import torch

    from live_edges.training import evaluate as low_light
    from live_edges.training.pictures import find_pictures

    learned = torch.from_numpy(load_weights(args.evaluate).bank).float()
    found = find_pictures(recipe)
    pictures = low_light.read_all([*found.held_out, *found.train])
    if not pictures:
        raise TrainingError("none of the pictures could be read; are they damaged?")
    if learned.shape[1] == 3:
        recipe = replace(recipe, in_channels=3)
    banks = low_light.filters_to_compare(learned, recipe)
    for name in ("blur-difference", "sobel"):
        used = low_light.with_edges(pictures, recipe, banks[name])
        if not used:
            raise TrainingError(
                f"{name} finds no edge in any of {len(pictures)} pictures; choose other ones"
            )
        scores = low_light.compare(used, banks, recipe, banks[name])
        blank = len(pictures) - len(used)
        left_out = f" ({blank} without an edge left out)" if blank else ""
        print(f"Against the {name} of the clean picture, {len(used)} pictures{left_out}:\n")
        print(low_light.table(scores) + "\n")
    if args.out:
        write_atomically(args.out, low_light.draw_comparison(used, banks, recipe))
        print(f"picture: {args.out}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
