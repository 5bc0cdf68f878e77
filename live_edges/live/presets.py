"""Presets: flags under a name, in a file ``live-edges.toml``.

[focus]
view = "peaking"
line-color = "red"
size = "1920x1080"
"""

import argparse
import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from live_edges.errors import LiveEdgesError, reason
from live_edges.platforms import config_folder
from live_edges.recording.files import atomic_write
from live_edges.settings import WHOLE, Settings

FILE = "live-edges.toml"
SAVED = "saved"  # the preset that the key writes

Table = dict[str, Any]
Flags = Mapping[str, argparse.Action]  # of a command, by their names without the dashes


def typed_in(name: str, config: Path | None, flags: Flags, known: Sequence[str]) -> list[str]:
    """Return what a preset stands for, as it would be typed.

    Args:
        name: of the preset.
        config: file to look in; None for the usual ones.
        flags: that the command has.
        known: names of the flags of every command that takes presets; what another one has is
            left out.

    Raises:
        LiveEdgesError: there is no such preset, or something in it is not a flag.
    """
    tables = read_presets(config)
    if name not in tables:
        raise LiveEdgesError(_missing(name, sorted(tables)))
    where, typed = f"preset {name!r}", list[str]()
    for flag, value in tables[name].items():
        if flag in flags:
            typed += _as_typed(flags[flag], flag, value, where)
        elif flag not in known:
            raise LiveEdgesError(f"{where} has {flag!r}, which is no flag{_nearest(flag, known)}")
    return typed


def read_presets(config: Path | None = None) -> dict[str, Table]:
    """Read the presets of a file, or of the user's and the current folder's together.

    Raises:
        LiveEdgesError: the file is not there, or is not TOML with a table for each preset.
    """
    found: dict[str, Table] = {}
    for path in [config] if config else [config_folder() / FILE, Path(FILE)]:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if config:
                raise LiveEdgesError(f"{config} does not exist; check the path") from None
            continue
        except (OSError, ValueError) as error:
            raise LiveEdgesError(f"{path} cannot be read as TOML: {reason(error)}") from error
        for name, table in content.items():
            if not isinstance(table, dict):
                raise LiveEdgesError(f"{path}: {name} stands outside a preset; put [NAME] above it")
            found[name] = table
    return found


def save_preset(settings: Settings) -> Path:
    """Write settings as the preset `SAVED` into the user's file, whose other lines stay.

    Raises:
        LiveEdgesError: it cannot be written.
    """
    path = config_folder() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        with atomic_write(path) as part:
            part.write_text(_with_table(text, SAVED, as_flags(settings)), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise LiveEdgesError(f"{path} cannot be written ({reason(error)})") from error
    return path


def as_flags(settings: Settings) -> Table:
    """Return the flags that bring settings back."""
    table: Table = {
        "filter": settings.filter,
        "view": settings.view,
        "threshold": settings.threshold,
        "sigma": settings.sigma,
        "line-color": settings.line_color,
        "mirror": settings.is_mirrored,
        "thin": settings.is_thin,
        "smooth": settings.is_smooth,
    }
    if settings.against:
        table["against"] = settings.against
    if not settings.auto_gain:
        table["gain"] = round(settings.gain, 4)
    if settings.region != WHOLE:
        table["roi"] = ",".join(f"{side:.5g}" for side in settings.region)
    return table


def _as_typed(action: argparse.Action, name: str, value: Any, where: str) -> list[str]:
    """Return what would be typed for a value of the file."""
    flag = f"--{name}"
    if isinstance(action, argparse.BooleanOptionalAction) or action.nargs == 0:
        if not isinstance(value, bool):
            raise LiveEdgesError(f"{where}: {name} is true or false, not {value!r}")
        is_optional = isinstance(action, argparse.BooleanOptionalAction)
        return [flag] if value else [f"--no-{name}"] * is_optional
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, (str, int, float)) for each in values):
        raise LiveEdgesError(f"{where}: {name} is a text or a number, not {value!r}")
    return [f"{flag}={each}" for each in values]


def _missing(name: str, there: list[str]) -> str:
    if not there:
        return f"there is no preset {name!r}: {config_folder() / FILE} and {FILE} have none"
    return f"there is no preset {name!r}; there {'is' if len(there) == 1 else 'are'} " + ", ".join(
        there
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name.replace("_", "-"), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else "; `live-edges run --help` lists them"


def _with_table(text: str, name: str, table: Table) -> str:
    """Replace a table in a TOML text, or put it at the end."""
    lines = [f"[{name}]", *(f"{key} = {_as_toml(value)}" for key, value in table.items()), ""]
    before, after = text, ""
    if match := re.search(rf"^\[{re.escape(name)}\][^\n]*\n?", text, re.M):
        rest = text[match.end() :]
        following = re.search(r"^\[", rest, re.M)
        before, after = text[: match.start()], rest[following.start() :] if following else ""
    joined = before.rstrip("\n") + "\n\n" if before.strip() else ""
    return joined + "\n".join(lines) + ("\n" + after if after else "")


def _as_toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # of texts, numbers and booleans TOML has the same
