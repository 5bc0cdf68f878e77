"""The layer rule of the design: a module imports only from layers above its own line."""

import ast
from pathlib import Path

import pytest

import live_edges

PACKAGE = Path(live_edges.__file__).parent
LAYERS = [
    {"errors", "platforms", "settings", "timing", "lifecycle", "frame"},
    {"screen_text", "sizing"},
    {"sources", "filters"},
    {"pipeline", "recording", "display"},
    {"options", "info"},
    {"live", "process", "training"},
    {"web"},
    {"bench"},
    {"cli"},
    {"__main__", "__init__"},
]  # fmt: skip
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_parts(tree, *, top_level_only=False):
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "live_edges":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("live_edges."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_layers_above(path):
    part = part_of(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))

    below = {name for name in imported_parts(tree) if name != part and LEVEL[name] >= LEVEL[part]}

    assert not below


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_the_window_module_calls_highgui(path):
    highgui = {"imshow", "namedWindow", "waitKey", "waitKeyEx", "pollKey", "destroyWindow",
               "destroyAllWindows", "createTrackbar", "setWindowProperty",
               "setMouseCallback"}  # fmt: skip
    tree = ast.parse(path.read_text(encoding="utf-8"))

    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "cv2"
    } & highgui

    assert not called or path.name == "window.py"


def test_no_import_goes_round_in_a_circle():
    graph = {}
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = set(imported_parts(tree, top_level_only=True))
        graph.setdefault(part_of(path), set()).update(imported - {part_of(path)})

    while leaves := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in leaves:
            del graph[name]

    assert not graph
