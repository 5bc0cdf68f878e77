"""A file that is being made is left alone by others, until its writer is known to have ended."""

import os
import subprocess
import sys
import time

import pytest

from live_edges.recording import claims
from live_edges.recording.claims import FRESH_S, claimed
from live_edges.recording.partials import (
    claim_path,
    machine,
    partial_path,
    remove_abandoned,
    remove_those_of,
)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "a.mkv"


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def claim_of(target, writer, pid, *, age_s=0.0):
    """Claim a file as another process does, and stop; returns its partial file."""
    part = target.with_name(f"{target.name}.{writer}-{pid}-0a1b2c.partial")
    claim_path(target).write_bytes(os.fsencode(part.name))
    os.utime(claim_path(target), (time.time() - age_s,) * 2)
    return part


def is_free(target):
    with claimed(target, partial_path(target)) as is_ours:
        return is_ours


def test_one_of_two_writers_has_the_claim_and_leaves_no_trace(target):
    with claimed(target, partial_path(target)) as first:
        assert (first, is_free(target)) == (True, False)

    assert is_free(target)
    assert not list(target.parent.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="a process is not looked for there")
def test_the_claim_of_an_ended_process_does_not_count(target, ended):
    claim_of(target, machine(), ended)

    assert is_free(target)


def test_the_claim_of_another_machine_counts_while_its_file_grows(target, ended):
    part = claim_of(target, "other_1", ended, age_s=2 * FRESH_S)

    part.touch()
    assert not is_free(target)
    os.utime(part, (time.time() - 2 * FRESH_S,) * 2)
    assert is_free(target)


def test_a_claim_that_is_not_written_yet_counts(target):
    claim_path(target).touch()

    assert not is_free(target)


@pytest.mark.parametrize("is_written", [False, True])
def test_ctrl_c_while_a_claim_is_made_leaves_none(target, monkeypatch, is_written):
    take = claims._take

    def interrupted(*given):
        if is_written:
            take(*given)
        else:
            claim_path(target).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(claims, "_take", interrupted)
    with pytest.raises(KeyboardInterrupt), claimed(target, partial_path(target)):
        pass

    assert not list(target.parent.iterdir())


def test_where_no_claim_can_be_written_there_is_none(tmp_path):
    assert is_free(tmp_path / "none" / "a.mkv")


def test_claims_are_removed_with_the_partial_files_but_not_counted(target, ended):
    for remove in (remove_those_of, lambda _pid, targets: remove_abandoned(targets)):
        part = claim_of(target, machine(), ended)
        part.touch()

        assert remove(ended, [target]) == 1

        assert not list(target.parent.iterdir())
