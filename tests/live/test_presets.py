import tomllib

import pytest

from live_edges import platforms
from live_edges.cli import main, parse
from live_edges.errors import LiveEdgesError
from live_edges.live import presets
from live_edges.live.presets import FILE, read_presets, save_preset
from live_edges.options import settings_of
from live_edges.settings import Settings

TRIPOD = """
[tripod]
size = "1920x1080"
filter = "gaussian-gradient"
sigma = 1.5
mirror = true
threshold = 0.25
loop = false
weights = ["a.safetensors", "b.safetensors"]
no-sound = true
"""


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """A configuration folder and a current folder of the test's own."""
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(presets, "config_folder", lambda: home)
    return home, here


def write(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(text, encoding="utf-8")


def test_a_preset_is_typed_in_front_of_what_is_typed(folders):
    write(folders[1], TRIPOD)

    args = parse(["run", "0", "--sigma", "2", "--preset", "tripod"])

    assert args.size == (1920, 1080)
    assert (args.filter, args.sigma, args.mirror) == ("gaussian-gradient", 2.0, True)
    assert (args.threshold, args.loop) == (0.25, False)
    assert [path.name for path in args.weights] == ["a.safetensors", "b.safetensors"]


def test_flags_of_another_command_are_left_out(folders):
    write(folders[1], TRIPOD)

    args = parse(["process", "a.mp4", "-o", "b.mp4", "--preset", "tripod"])

    assert args.no_sound
    assert args.filter == "gaussian-gradient"
    assert not hasattr(args, "size")


def test_the_current_folder_hides_the_users_preset_of_the_same_name(folders):
    write(folders[0], '[a]\nfilter = "log"\n[b]\nfilter = "canny"\n')
    write(folders[1], '[a]\nview = "side"\n')

    assert read_presets() == {"a": {"view": "side"}, "b": {"filter": "canny"}}


def test_a_file_can_be_named(folders, tmp_path):
    (tmp_path / "mine.toml").write_text('[a]\nview = "side"\n')
    write(folders[1], '[b]\nview = "edges"\n')

    args = parse(["run", "--preset", "a", "--config", str(tmp_path / "mine.toml")])

    assert args.view == "side"
    with pytest.raises(LiveEdgesError, match="there is a"):
        parse(["run", "--preset", "b", "--config", str(tmp_path / "mine.toml")])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[a]\nfiltr = "log"\n', "did you mean 'filter'"),
        ('[a]\nline_color = "red"\n', "did you mean 'line-color'"),
        ("[a]\nzzz = 1\n", "--help"),
        ('[a]\nmirror = "yes"\n', "true or false"),
        ("[a]\nview = {}\n", "a text or a number"),
        ('filter = "log"\n', "stands outside a preset"),
        ("[a\n", "cannot be read as TOML"),
        ("", "there is no preset 'a'"),
        ("[b]\n[c]\n", "there are b, c"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(folders, capsys, text, told):
    write(folders[1], text)

    assert main(["run", "demo", "--preset", "a"]) == 1

    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_value_that_the_flag_does_not_take_is_told_as_if_it_were_typed(folders, capsys):
    write(folders[1], '[a]\nview = "none"\n')

    with pytest.raises(SystemExit) as ended:
        parse(["run", "--preset", "a"])

    assert ended.value.code == 2
    assert "--view" in capsys.readouterr().err


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(filter="canny", against="log", view="side", sigma=2.5, threshold=0.3),
        Settings(gain=2.5, auto_gain=False, line_color="red", is_mirrored=True),
        Settings(is_thin=True, is_smooth=True),
        Settings(region=(0.25, 0.125, 0.5, 0.5)),
    ],
)
def test_what_is_saved_comes_back(folders, settings):
    save_preset(settings)
    args = parse(["run", "--preset", "saved"])

    assert settings_of(args, args.filter) == settings


def test_saving_leaves_the_rest_of_the_file_alone(folders):
    text = '# mine\n[a]\nview = "side"  # so\n\n[saved]\nview = "edges"\n\n[b]\nview = "mask"\n'
    write(folders[0], text)

    save_preset(Settings(filter='odd "name" \\ é'))
    save_preset(Settings(filter='odd "name" \\ é', view="original"))

    after = (folders[0] / FILE).read_text(encoding="utf-8")
    assert after.startswith('# mine\n[a]\nview = "side"  # so\n')
    tables = tomllib.loads(after)
    assert list(tables) == ["a", "saved", "b"]
    assert (tables["saved"]["filter"], tables["saved"]["view"]) == ('odd "name" \\ é', "original")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_folder_is_where_the_system_keeps_such_files(platform, monkeypatch, tmp_path):
    monkeypatch.setattr(platforms.sys, "platform", platform)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))

    folder = platforms.config_folder()

    assert folder.name == "live-edges"
    assert platform == "darwin" or folder.parent == tmp_path
