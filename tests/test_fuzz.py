"""Whatever the program is given: it works or says in one sentence why not, and it ends.

Every run tries the same examples, a few of each kind. For a long run with new ones, set
``LIVE_EDGES_FUZZ`` to how many of each, and pytest's ``--hypothesis-seed`` to any number.
"""

import argparse
import contextlib
import functools
import io
import os
import tempfile
from pathlib import Path

import damage
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_edges import EdgePipeline
from live_edges.cli import build_parsers, parse
from live_edges.errors import LiveEdgesError
from live_edges.process.conversion import convert_image, convert_video
from live_edges.process.reading import Span
from live_edges.process.video_renderer import VideoRenderer
from live_edges.recording.encoding import Encoding
from live_edges.settings import LINE_COLORS, VIEWS, Settings
from live_edges.sources.images import Images
from live_edges.sources.video import VideoFile
from live_edges.training.cli import chosen_recipe

LONG = int(os.environ.get("LIVE_EDGES_FUZZ", "0"))
MOST_FRAMES = 1000  # what a few bytes may hold; a source that gives more would not end


def fuzz(examples: int, **strategies):
    """Try so many examples of what the strategies make, or as many as a long run asks for."""
    limits = settings(
        max_examples=LONG or examples,
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: limits(given(**strategies)(test))


def of_each(files):
    """A test for each ending of some files, and that ending's damaged content."""
    return pytest.mark.parametrize("ending", files)


@pytest.fixture(scope="module")
def pipeline():
    return EdgePipeline("sobel", device="cpu", engine="torch")


@functools.cache
def commands() -> dict[str, argparse.ArgumentParser]:
    return build_parsers()[1]


def flags(parser: argparse.ArgumentParser) -> list[str]:
    return [text for action in parser._actions for text in action.option_strings]


WORDS = st.one_of(
    st.sampled_from(
        ["", "-", "--", "demo", "0", "-1", "nan", "inf", "1e999", "9" * 5000, "²", "\u0661"]
    ),
    st.sampled_from(["1280x720", "0x0", "x", "MJPG", "%s", "%(prog)s", "a.mp4", "b.png", "cuda"]),
    st.sampled_from(["rtsp://a:b@c/d?e=f", "http://[", "http://a:99999/", "file:///x#y", "w.pt#"]),
    st.sampled_from([*VIEWS, "sobel", "off", "wait", "low", "auto", "blur-difference"]),
    st.floats().map(str),
    st.integers().map(str),
    st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8),
)


@st.composite
def command_lines(draw) -> list[str]:
    name = draw(st.sampled_from([*commands(), "", "rum"]))
    known = flags(commands().get(name, commands()["run"]))
    flag = st.sampled_from(known)
    part = st.one_of(
        st.tuples(flag, WORDS).map(list),
        st.tuples(flag, WORDS).map(lambda pair: ["=".join(pair)]),
        st.tuples(flag).map(list),
        st.tuples(WORDS).map(list),
    )
    parts = draw(st.lists(part, max_size=5))
    return [name] * bool(name) + [word for each in parts for word in each]


@pytest.mark.slow
@fuzz(200, argv=command_lines())
def test_any_command_line_is_understood_or_told_wrong(argv):
    told = io.StringIO()
    code = None
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        try:
            args = parse(argv)
        except SystemExit as end:
            code = end.code
        except LiveEdgesError:  # a preset that is not there
            return
        else:
            if args.command == "train":
                with contextlib.suppress(LiveEdgesError):
                    chosen_recipe(args).check()
    if code == 2:
        assert "error: " in told.getvalue()
    elif code is None:
        assert not told.getvalue()
    else:
        assert code == 0  # --help


@pytest.mark.parametrize("command", ["", *commands()])
def test_every_command_has_a_help_text(command, capsys):
    with pytest.raises(SystemExit) as end:
        parse([command, "--help"] if command else ["--help"])

    assert end.value.code == 0
    assert f"usage: live-edges {command}" in capsys.readouterr().out


@of_each(damage.WEIGHTS_ENDINGS)
def test_any_weights_file_is_a_filter_or_told_wrong(ending):
    @fuzz(30, content=damage.damaged(lambda: damage.weights()[ending]))
    def try_one(content):
        with saved(content, ending) as path, contextlib.suppress(LiveEdgesError):
            pipeline = EdgePipeline(path, device="cpu", engine="torch")
            assert pipeline(np.zeros((6, 7, 3), np.uint8)).shape == (6, 7)

    try_one()


@of_each(damage.PICTURE_ENDINGS)
def test_any_picture_is_shown_or_told_wrong(ending):
    @fuzz(25, content=damage.damaged(lambda: damage.pictures()[ending]))
    def try_one(content):
        with saved(content, ending) as path, contextlib.suppress(LiveEdgesError):
            assert count_frames(Images(path)) > 0

    try_one()


@of_each(damage.PICTURE_ENDINGS)
def test_any_picture_is_converted_or_told_wrong(ending, pipeline):
    @fuzz(15, content=damage.damaged(lambda: damage.pictures()[ending]))
    def try_one(content):
        with saved(content, ending) as path, contextlib.suppress(LiveEdgesError):
            render = VideoRenderer(pipeline, Settings(view="edges"))
            convert_image(path, path.with_name("out.png"), render)
            assert path.with_name("out.png").exists()

    try_one()


@pytest.mark.slow
@of_each(damage.VIDEO_ENDINGS)
def test_any_video_is_shown_or_told_wrong(ending):
    @fuzz(25, content=damage.damaged(lambda: damage.videos()[ending]))
    def try_one(content):
        with saved(content, ending) as path, contextlib.suppress(LiveEdgesError):
            assert count_frames(VideoFile(path)) > 0

    try_one()


@pytest.mark.slow
@of_each(damage.VIDEO_ENDINGS)
def test_any_video_is_converted_or_told_wrong(ending, pipeline):
    @fuzz(15, content=damage.damaged(lambda: damage.videos()[ending]), span=SPANS)
    def try_one(content, span):
        with saved(content, ending) as path, contextlib.suppress(LiveEdgesError):
            target = path.with_name("out.mkv")
            report = convert_video(
                path,
                target,
                VideoRenderer(pipeline, Settings(view="edges")),
                encoding=Encoding("libx264", preset="ultrafast"),
                span=span,
                on_start=lambda _total: lambda: None,
            )
            assert 0 < report.frames < MOST_FRAMES
            assert target.exists()

    try_one()


SPANS = st.sampled_from([Span(), Span(), Span(0.25, 0.45), Span(9.0), Span(0.0, 0.1)])

NUMBERS = st.one_of(
    st.floats(),
    st.floats(0.3, 5),
    st.integers(),
    st.sampled_from([10**400, True, None, "1", b"1", 1j, [1.0], np.float32(0.5), np.array([0.5])]),
    st.fractions(),
    st.decimals(),
)


@fuzz(100, gain=NUMBERS, threshold=NUMBERS, sigma=NUMBERS, name=st.sampled_from(["log", "canny"]))
def test_any_number_given_to_a_pipeline_works_or_is_a_value_error(gain, threshold, sigma, name):
    image = np.zeros((6, 7, 3), np.uint8)
    image[:, 3:] = 255
    ours = EdgePipeline(name, device="cpu", engine="torch")

    for change in (
        lambda: setattr(ours, "gain", gain),
        lambda: setattr(ours, "threshold", threshold),
        lambda: ours.select(name, sigma=sigma),
    ):
        with contextlib.suppress(ValueError):
            change()
        assert ours(image).shape == (6, 7)


@fuzz(
    60,
    gain=st.one_of(st.floats(), st.floats(0.1, 9)),
    threshold=st.floats(),
    sigma=st.floats(0.3, 5),
    is_automatic=st.booleans(),
    view=st.sampled_from(VIEWS),
    color=st.sampled_from(list(LINE_COLORS)),
)
def test_any_number_in_the_settings_works_or_is_a_value_error(
    gain, threshold, sigma, is_automatic, view, color, pipeline
):
    chosen = Settings(
        filter="log",
        view=view,
        gain=gain,
        auto_gain=is_automatic,
        threshold=threshold,
        sigma=sigma,
        line_color=color,
    )
    image = np.full((6, 7, 3), 9, np.uint8)

    with contextlib.suppress(ValueError):
        picture = VideoRenderer(pipeline, chosen).render_image(image, 0.0)
        assert picture.dtype == np.uint8

    assert VideoRenderer(pipeline, Settings("log")).render_image(image, 0.0).shape == (6, 7, 3)


@fuzz(
    60,
    shape=st.lists(st.integers(0, 5), max_size=4),
    kind=st.sampled_from(["u1", "i1", "u2", "f4", "f8", "?", "c8", "O", "U1", "M8[s]"]),
    order=st.sampled_from("CF"),
)
def test_any_array_is_a_picture_or_a_value_error(shape, kind, order, pipeline):
    image = np.zeros(shape, kind, order=order)

    with contextlib.suppress(ValueError):
        assert pipeline(image).shape == image.shape[:2]


@contextlib.contextmanager
def saved(content: bytes, ending: str):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"fuzz{ending}"
        path.write_bytes(content)
        yield path


def count_frames(source) -> int:
    count = 0
    with contextlib.closing(source):
        while (frame := source.read()) is not None:
            assert frame.image.ndim == 3
            assert frame.image.dtype == np.uint8
            count += 1
            assert count < MOST_FRAMES
    return count
