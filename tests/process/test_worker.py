"""One file is converted by a worker that can be opened in any process."""

import pickle
from dataclasses import replace

import pytest
from media import write_video

from live_edges.pipeline.choice import PipelineChoice
from live_edges.process.file_plan import Conversion, plan_conversions
from live_edges.process.video_renderer import VideoRenderer
from live_edges.process.worker import Recipe, Worker, worker_name
from live_edges.settings import Settings

RECIPE = Recipe(PipelineChoice("sobel", device="cpu", engine="torch"), Settings(view="edges"))


@pytest.fixture
def job(tmp_path):
    return Conversion(write_video(tmp_path / "a.mp4", 3), tmp_path / "b.mkv", is_image=False)


def test_recipe_job_and_outcome_survive_the_way_to_another_process(job):
    recipe, sent = pickle.loads(pickle.dumps((RECIPE, job)))

    with Worker(recipe) as worker:
        outcome = worker.convert(sent)

    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert (outcome.status, outcome.frames, outcome.worker) == ("converted", 3, worker_name())
    assert outcome.fps > 0
    assert job.target.exists()


def test_a_file_that_another_worker_made_meanwhile_is_skipped(job):
    job.target.write_bytes(b"whole")

    with Worker(RECIPE) as worker:
        outcome = worker.convert(job)

    assert (outcome.status, outcome.frames) == ("skipped", 0)
    assert job.target.read_bytes() == b"whole"


def test_a_file_is_made_again_where_that_is_wanted(job):
    job.target.write_bytes(b"old")

    with Worker(replace(RECIPE, replaces=True)) as worker:
        outcome = worker.convert(job)

    assert outcome.status == "converted"


def test_a_damaged_file_is_part_of_the_outcome(job):
    job.source.write_bytes(b"broken")

    with Worker(RECIPE) as worker:
        outcome = worker.convert(job)

    assert outcome.status == "failed"
    assert "a.mp4 cannot be read" in outcome.error


def test_an_error_of_the_program_costs_one_file_and_says_where_it_is(job, monkeypatch):
    def fail(*_args):
        raise IndexError("list index out of range")

    monkeypatch.setattr(VideoRenderer, "__call__", fail)

    with Worker(RECIPE) as worker:
        outcome = worker.convert(job)

    assert "a.mp4 cannot be converted: IndexError in conversion.py:" in outcome.error
    assert "list index out of range" in outcome.error
    assert [path.name for path in job.source.parent.iterdir()] == ["a.mp4"]


def test_files_that_are_not_whole_are_no_inputs(tmp_path):
    write_video(tmp_path / "a.mp4", 3)
    (tmp_path / "b.mp4.host_1-17-0a1b2c.partial").write_bytes(b"half")

    plan = plan_conversions([str(tmp_path)], str(tmp_path / "out"))

    assert [each.source.name for each in plan] == ["a.mp4"]
