"""What a run on a Ray cluster does with its tasks; Ray itself is in test_ray_cluster.py."""

import pickle
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from media import serve, write_video
from test_worker import RECIPE

import live_edges
from live_edges.cli import main
from live_edges.errors import LiveEdgesError
from live_edges.process import ray_cluster, ray_run, ray_task
from live_edges.process.file_plan import Conversion
from live_edges.process.worker import Outcome


class RayError(Exception):
    pass


class FakeRay:
    """A cluster on which a task runs when somebody waits for it."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=type("T", (RayError,), {}))

    def __init__(self, *machines):
        self.machines = machines or ({"CPU": 4.0},)
        self.waiting, self.most, self.cancelled, self.options = {}, 0, [], {}
        self.fate = lambda job: Outcome(job.source, job.target, "converted", frames=1)

    def nodes(self):
        return [{"Alive": True, "Resources": machine} for machine in self.machines]

    def remote(self, _function):
        def options(**given):
            self.options = given
            return SimpleNamespace(remote=self._start)

        return SimpleNamespace(options=options)

    def _start(self, sent):
        self.waiting[reference := object()] = pickle.loads(sent)
        self.most = max(self.most, len(self.waiting))
        return reference

    def wait(self, references, *, num_returns=1, timeout=None):
        return references[:1], references[1:]

    def get(self, reference):
        self.recipe, job, self.folder = self.waiting.pop(reference)
        self.job = job
        outcome = self.fate(job)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def cancel(self, reference):
        self.cancelled.append(reference)


@pytest.fixture
def cluster(monkeypatch):
    ray = FakeRay()

    class Joined:
        __enter__ = lambda _self: ray  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731

    monkeypatch.setattr(ray_run, "joined", lambda _address: Joined())
    return ray


def jobs(count):
    return [
        Conversion(Path(f"{n}.mp4"), Path(f"out/{n}.mp4"), is_image=False) for n in range(count)
    ]


def convert(todo, recipe=RECIPE, gpus=0.0):
    outcomes = []
    ray_run.convert_on_ray(todo, recipe, outcomes.append, address="auto", gpus=gpus)
    return outcomes


def test_each_file_has_one_outcome_that_names_it_as_the_user_does(cluster):
    todo = jobs(30)

    outcomes = convert(todo)

    assert [outcome.source for outcome in outcomes] == [job.source for job in todo]
    assert cluster.job.source == Path.cwd() / "29.mp4"  # as it was sent
    assert cluster.job.target == Path.cwd() / "out" / "29.mp4"


def test_no_more_tasks_wait_than_keep_the_cluster_busy(cluster):
    cluster.machines = {"CPU": 4.0}, {"CPU": 7.0}

    convert(jobs(100))

    assert cluster.most == 5 * ray_run.AHEAD


@pytest.mark.parametrize(
    ("threads", "gpus", "slots"), [(None, 0.0, 3), (1, 0.0, 7), (1, 0.5, 2), (3, 0.25, 1)]
)
def test_a_machine_has_as_many_files_as_it_has_room_for(cluster, caplog, threads, gpus, slots):
    cluster.machines = {"CPU": 4.0, "GPU": 1.0}, {"CPU": 3.0}
    recipe = replace(RECIPE, pipeline=replace(RECIPE.pipeline, threads=threads))

    with caplog.at_level("INFO"):
        convert(jobs(1), recipe, gpus)

    assert f"2 machines, {slots} files at a time" in caplog.text
    needs = {"num_cpus": threads or 2, "num_gpus": gpus}
    assert cluster.options == {"name": "convert", "max_retries": 1} | needs
    assert cluster.recipe.pipeline.threads == (threads or 1)


def test_a_gpu_is_used_only_if_a_share_is_asked_for(cluster):
    recipe = replace(RECIPE, pipeline=replace(RECIPE.pipeline, device="auto"))

    devices = []
    for gpus in (0.0, 0.5):
        cluster.machines = ({"CPU": 2.0, "GPU": 1.0},)
        convert(jobs(1), recipe, gpus)
        devices.append(cluster.recipe.pipeline.device)

    assert devices == ["cpu", "auto"]


def test_a_cluster_without_room_is_told_and_waited_for(cluster, caplog):
    outcomes = convert(jobs(1), gpus=0.25)

    assert "no machine of the cluster has 2 CPU and 0.25 GPU for a file" in caplog.text
    assert len(outcomes) == 1


def test_a_file_whose_process_dies_each_time_is_reported_and_the_rest_goes_on(cluster):
    healthy = cluster.fate
    cluster.fate = lambda job: RayError() if job.source.name == "1.mp4" else healthy(job)

    outcomes = convert(jobs(3))

    assert [outcome.status for outcome in outcomes] == ["converted", "failed", "converted"]
    assert "1.mp4 cannot be converted: the process that does it died" in outcomes[1].error


def test_a_machine_that_cannot_run_the_program_ends_the_run_with_its_sentence(cluster):
    cluster.fate = lambda _job: "node7 has live-edges 0.0.1"

    with pytest.raises(LiveEdgesError, match="node7 has"):
        convert(jobs(9))

    assert len(cluster.cancelled) == 2 * ray_run.AHEAD - 1


def test_ctrl_c_cancels_what_runs(cluster):
    cluster.fate = lambda _job: KeyboardInterrupt()
    cluster.get = lambda _reference: (_ for _ in ()).throw(KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        convert(jobs(9))

    assert len(cluster.cancelled) == 2 * ray_run.AHEAD - 1


def test_a_pipe_cannot_be_read_by_another_machine(cluster):
    with pytest.raises(LiveEdgesError, match="- is a pipe"):
        convert([Conversion(Path("-"), Path("a.mp4"), is_image=False)])


def test_a_machine_with_another_version_says_so():
    answer = ray_run._task("0.0.1", "convert")(b"")

    assert f"has live-edges {live_edges.__version__}, and this machine 0.0.1" in answer


def test_a_machine_without_the_program_says_so(monkeypatch):
    task = ray_run._task(live_edges.__version__, "convert")
    monkeypatch.setitem(sys.modules, "live_edges.process", None)

    assert "live-edges cannot run on" in task(b"")


def test_a_task_converts(tmp_path):
    job = Conversion(write_video(tmp_path / "a.mp4", 3), tmp_path / "b.mkv", is_image=False)
    task = ray_run._task(live_edges.__version__, "convert")

    outcome = task(pickle.dumps((RECIPE, job, Path.cwd())))

    ray_task._worker.cache_clear()
    assert (outcome.status, outcome.frames) == ("converted", 3)


@pytest.mark.parametrize("missing", ["source", "target"])
def test_a_machine_that_does_not_see_a_file_says_so(tmp_path, missing):
    source, target = write_video(tmp_path / "a.mp4", 3), tmp_path / "b.mkv"
    job = replace(Conversion(source, target, is_image=False), **{missing: Path("/none/a.mp4")})

    outcome = ray_task.convert(pickle.dumps((RECIPE, job, Path.cwd())))

    assert "/none" in outcome.error
    assert "must lie on a file system that every machine of the cluster has" in outcome.error


def test_a_pipeline_that_cannot_be_opened_names_the_machine(tmp_path):
    job = Conversion(write_video(tmp_path / "a.mp4", 3), tmp_path / "b.mkv", is_image=False)
    recipe = replace(RECIPE, pipeline=replace(RECIPE.pipeline, device="cuda:77"))

    answer = ray_task.convert(pickle.dumps((recipe, job, Path.cwd())))

    assert "cuda:77" in answer
    assert "(on " in answer


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("clip.mp4", "'clip.mp4' is no address of a Ray cluster"),
        ("host:none", "is no address"),
        ("host:99999999", "is no address"),
        ("ray://host:10001", "run this there, with --ray alone"),
        ("127.0.0.1:1", "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_an_address_that_is_none_or_does_not_answer_is_told(tmp_path, capsys, address, says):
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    movie = write_video(tmp_path / "a.mp4", 3)

    assert main(["process", str(movie), "-o", str(tmp_path / "b.mp4"), "--ray", address]) == 1

    assert says in capsys.readouterr().err


def test_without_ray_the_command_that_installs_it_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    movie = write_video(tmp_path / "a.mp4", 3)

    assert main(["process", str(movie), "-o", str(tmp_path / "b.mp4"), "--ray"]) == 1

    assert "pip install 'live-edges[cluster]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--gpus-per-job", "0.5"], "add --ray"),
        (["--ray", "--device", "cuda"], "needs --gpus-per-job"),
        (["--ray", "--gpus-per-job", "1.5"], "give 1 or less"),
    ],
)
def test_flags_that_do_not_go_together_are_told(tmp_path, capsys, flags, says):
    movie = write_video(tmp_path / "a.mp4", 3)

    assert main(["process", str(movie), "-o", str(tmp_path / "b.mp4"), *flags]) == 1

    assert says in capsys.readouterr().err


def test_a_cluster_that_is_gone_but_still_noted_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")

    assert ray_cluster._found() == "local"


def test_the_cluster_that_is_noted_is_found(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    with serve(stays_open=True) as url:
        address = url.removeprefix("http://").removesuffix("/live")
        (tmp_path / "ray" / "ray_current_cluster").write_text(address)

        assert ray_cluster._found() == address


def test_of_what_ray_prints_the_first_sentence_is_logged(capsys, caplog):
    text = "(raylet) A worker died or was killed. To troubleshoot, read.\n [dump] more. And more"

    with caplog.at_level("INFO"), redirect_stdout(ray_cluster._Events()):
        print(f"\033[33m(raylet, ip=10.0.0.7)\033[0m{text.removeprefix('(raylet)')}")
        print(text)
        print("(autoscaler +1s) Resized to 8 CPUs")

    assert [record.getMessage() for record in caplog.records] == [
        "Ray: A worker died or was killed",
        "Ray: A worker died or was killed",
    ]
    assert capsys.readouterr().out == ""
