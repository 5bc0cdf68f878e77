"""README.md, docs/*.md and .github are true: commands, Python, links, pictures, messages."""

import ast
import doctest
import importlib
import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from media import write_image, write_video

import live_edges
from live_edges import EdgePipeline
from live_edges.cli import main, parse
from live_edges.training.recipe import BoundaryRecipe

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "weights" / "README.md"]
PACKAGE = Path(live_edges.__file__).parent

# A line with one of these words is read by the parser, but not run.
NEEDS = {
    r"run( --| *$| [0-9]| /dev| logitech)|^live-edges$": "a camera",
    r"rtsp://": "a network camera",
    r"run screen": "a screen; see test_desktop.py",
    r"--watch": "a screen",
    r"bench|--check": "minutes",
    r"serve": "a browser; see tests/web",
    r"--ray": "a cluster; see test_ray_cluster.py",
    r"doctor|cameras": "every device of the machine; see test_cli.py",
    r"run -$": "a pipe; see test_pipes.py",
}
# Other programs are not run: they change the environment, or are not installed everywhere.
OTHER_PROGRAMS = {
    "cd", "ffmpeg", "git", "mypy", "pip", "pytest", "python", "ruff", ".ci/run", ".",
    "for", "do", "echo", "done", "ssh", "curl", "ray", "sbatch",
}  # fmt: skip
STANDS_FOR = {"FOLDER": "photos", "$what": ""}
SHORTER = {
    "run": ["--headless", "--frames", "2"],
    "train": ["--steps", "1", "--batch", "4", "--no-report"],
}


def blocks(page, kinds):
    """Fenced blocks of some kinds; indented ones are shell."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    found = [body for kind, body in fenced if kind in kinds]
    if "sh" in kinds:
        rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        found += re.findall(r"(?:^|\n\n)((?: {4}[^\n]*\n)+)", rest)
    return [body for body in found if "-->" not in body]  # a diagram


def command_lines():
    for page in PAGES:
        for block in blocks(page, ("sh", "bash", "shell", "console")):
            for word, meaning in STANDS_FOR.items():
                block = block.replace(word, meaning)
            for line in block.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\||;", line.split(" #")[0]):
                    if part.strip():
                        yield page, part.strip().removeprefix("$ ")


def spoken_commands():
    """What stands between backticks in a sentence; words in capitals stand for something."""
    for page in PAGES:
        for text in re.findall(r"`(live-edges(?: [^`]+)?)`", page.read_text(encoding="utf-8")):
            if not re.search(r"\b[A-Z]{3,}\b", text):
                yield page, text


def named(cases):
    return [
        pytest.param(
            text,
            id=f"{page.name}: {text}",
            marks=[pytest.mark.slow] * (text.startswith("live-edges train") or "--jobs" in text),
        )
        for page, text in dict.fromkeys(cases)
    ]


def is_ours(line):
    return shlex.split(line)[:1] == ["live-edges"]


def is_run(line):
    return is_ours(line) and not any(re.search(words, line) for words in NEEDS)


LINES = list(command_lines())
LINKS = [
    (page, target)
    for page in PAGES
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    if "://" not in target
]


@pytest.fixture
def presets(tmp_path, monkeypatch):
    """The file that the pages show, in the current folder, and the one that the key p writes."""
    shown = "\n".join(body for page in PAGES for body in blocks(page, ("toml",)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "live-edges.toml").write_text(f"{shown}\n[saved]\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Every file that a command names; there is little to learn from, and one job at a time."""
    monkeypatch.setattr("live_edges.process.side_by_side.MOST", 1)
    monkeypatch.setattr("live_edges.training.pictures.SYNTHETIC_PICTURES", 2)
    *others, _scenes = BoundaryRecipe.__init__.__defaults__
    monkeypatch.setattr(BoundaryRecipe.__init__, "__defaults__", (*others, 4))
    monkeypatch.setattr("live_edges.training.boundary.HELD_OUT", 1)
    monkeypatch.setattr("live_edges.training.boundary_scenes.TEXTURES", 2)
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mp4", 12, rate=1)
    for number in range(2):
        for name in ("photos", "holiday", "."):
            noise = np.random.default_rng(number).integers(0, 256, (260, 260, 3), np.uint8)
            (tmp_path / name).mkdir(exist_ok=True)
            write_image(tmp_path / name / f"photo{number or ''}.jpg", noise)
    write_video(tmp_path / "holiday" / "beach.mp4")
    torch.save(torch.nn.Conv2d(1, 1, 3, bias=False).state_dict(), tmp_path / "mine.pt")
    shutil.copytree(ROOT / "weights", tmp_path / "weights")
    (tmp_path / "mine.py").write_text("def edges(gray):\n    return gray\n", encoding="utf-8")
    for name in ("dim-room", "mine"):
        shutil.copy(ROOT / "weights" / "low-light.safetensors", f"{name}.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    "line", named((page, line) for page, line in LINES if is_ours(line) and not is_run(line))
)
def test_a_command_that_needs_more_than_a_test_has_is_understood(line, presets):
    parse(shlex.split(line)[1:])


@pytest.mark.parametrize("line", named((page, line) for page, line in LINES if is_run(line)))
def test_a_command_does_what_it_says(line, folder):
    words = shlex.split(line)[1:]
    shorter = SHORTER.get(parse(words).command, [])

    assert main([*words, *shorter]) == 0


@pytest.mark.parametrize("text", named(spoken_commands()))
def test_a_command_in_a_sentence_is_understood(text, presets):
    words = shlex.split(text)[1:]

    parse([*words, "in.mp4", "-o", "out.mp4"] if words == ["process"] else words)


@pytest.mark.parametrize("line", named((page, line) for page, line in LINES if not is_ours(line)))
def test_any_other_program_is_one_that_a_reader_is_told_to_have(line):
    assert shlex.split(line)[0] in OTHER_PROGRAMS


@pytest.mark.parametrize(
    ("page", "target"), [pytest.param(*link, id=f"{link[0].name}: {link[1]}") for link in LINKS]
)
def test_what_a_page_links_to_is_there(page, target):
    assert (page.parent / target).exists()


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "usage.md"], ids=str)
def test_the_lines_of_python_run(page, folder):
    found = blocks(page, ("python",))

    for block in found:
        names = {}
        exec(compile(block, str(page), "exec"), names)
        if "pipeline" in names:
            names["pipeline"].close()
    assert found


def test_the_lesson_prints_what_it_says():
    lesson = ROOT / "docs" / "training.md"

    outcome = doctest.testfile(str(lesson), module_relative=False)

    assert outcome.attempted > 15
    assert outcome.failed == 0


@pytest.mark.slow
def test_the_simulation_of_an_archive_prints_what_it_says():
    page = ROOT / "docs" / "archives.md"

    outcome = doctest.testfile(str(page), module_relative=False)

    assert outcome.attempted > 5
    assert outcome.failed == 0


def test_the_readme_is_short_and_its_moving_picture_small():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 170
    assert (ROOT / "docs" / "live.webp").stat().st_size < 2_000_000


def messages():
    """Every text in the code, with ... for what is filled in, however many parts that has."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", "") for part in node.values]
                texts = [part if isinstance(part, str) else "..." for part in parts]
                yield re.sub(r"(\.{3})+", "...", "".join(texts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"(\{\w+\}|%(\.\d)?[sdfg])+", "...", node.value)


def test_every_message_that_is_explained_is_one_that_the_program_knows():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^> (.+)$", text, re.M)
    known = list(messages())

    missing = [quote for quote in quoted if not any(quote in message for message in known)]

    assert len(quoted) > 30
    assert not missing


def test_the_scripts_of_the_pictures_still_fit_the_program(monkeypatch, tmp_path):
    pytest.importorskip("skimage", reason="the pictures need the extra `bench`")
    monkeypatch.syspath_prepend(ROOT / "docs")
    script = importlib.import_module("make_pictures")
    views = importlib.import_module("make_view_pictures")
    monkeypatch.setattr(views, "DOCS", tmp_path)
    image = np.zeros((script.SIZE[1], script.SIZE[0], 3), np.uint8)

    picture = script.captioned(image, "$ live-edges", "v")

    assert picture.size == (script.SIZE[0], script.SIZE[1] + script.CAPTION_HEIGHT)
    assert cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2GRAY)[script.SIZE[1] :].max() > 200
    views.make_window_picture("window.jpg", "demo", [(0.1, (50, 40)), (0.2, "k")], duration_s=0.5)
    assert cv2.imread(str(tmp_path / "window.jpg")).shape == (*views.SIZE[::-1], 3)


def test_the_script_that_measures_an_archive_still_fits_the_program(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "docs")
    script = importlib.import_module("measure_archive")
    clip = write_video(tmp_path / "clip.mp4", 5)

    with EdgePipeline("sobel", device="cpu", engine="torch") as pipeline:
        costs = script.measure(clip, pipeline, tmp_path / "edges.mp4")

    assert len(costs) == 4
    assert min(costs) > 0
    exec(script.START, {})


def test_the_workflow_runs_the_test_command_of_the_readme():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    [command] = re.findall(r"- run: (.+)", workflow)

    assert f"    {command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_and_the_classifiers_name_the_same_versions():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    versions = re.findall(r'"(3\.\d+)"', workflow)

    assert versions == re.findall(r"Python :: (3\.\d+)", project)
    assert f'requires-python = ">={versions[0]}"' in project


def test_the_issue_form_asks_for_the_report_of_the_doctor():
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")

    assert "`live-edges doctor`" in form
