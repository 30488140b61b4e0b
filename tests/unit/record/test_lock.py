from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from bench.errors import RunFolderError
from bench.record.lock import held


def locks(folder):
    return sorted(path.name for path in folder.glob(".lock*"))


def lock_of(folder, pid, started):
    path = folder / f".lock-{pid}-{int(started)}"
    path.touch()
    return path


@pytest.fixture
def other():
    """Another process that lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    yield psutil.Process(process.pid)
    process.communicate(b"\n")


def test_it_is_there_while_held_and_gone_afterwards(tmp_path):
    with held(tmp_path):
        (name,) = locks(tmp_path)
        assert name.startswith(f".lock-{os.getpid()}-")
    assert locks(tmp_path) == []


def test_it_goes_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), held(tmp_path):
        _ = 1 / 0
    assert locks(tmp_path) == []


def test_another_living_process_is_respected(tmp_path, other):
    theirs = lock_of(tmp_path, other.pid, other.create_time())
    with pytest.raises(RunFolderError, match=f"process {other.pid} is at work on "), held(tmp_path):
        pytest.fail("two at once")
    assert locks(tmp_path) == [theirs.name]


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_start_may_be_told_a_second_off(tmp_path, other, shift):
    lock_of(tmp_path, other.pid, other.create_time() + shift)
    with pytest.raises(RunFolderError), held(tmp_path):
        pytest.fail("two at once")


def test_a_lock_is_stale_when_another_process_has_the_number(tmp_path, other):
    lock_of(tmp_path, other.pid, other.create_time() - 60)
    with held(tmp_path):
        assert len(locks(tmp_path)) == 1


def test_a_lock_is_stale_when_its_process_has_ended(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(process.pid).create_time()
    process.wait()
    lock_of(tmp_path, process.pid, started)
    with held(tmp_path):
        assert len(locks(tmp_path)) == 1


def test_a_file_that_is_no_lock_is_cleared_away(tmp_path):
    (tmp_path / ".lock-mine").touch()
    with held(tmp_path):
        assert ".lock-mine" not in locks(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(RunFolderError, match=r"cannot write to .*Permission"), held(tmp_path):
        pytest.fail("not reached")
