from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bench.system import scratch
from bench.system.identity import running, this_process
from bench.system.processes import TOKEN_VARIABLE


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A folder for temporary ones that no other harness uses."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def ended():
    """The identity of a process that has ended."""
    code = "from bench.system.identity import this_process; print(this_process())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def start():
    """Starts processes that wait, and ends them."""
    started = []

    def start(cwd, **variables):
        process = subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()"],
            cwd=cwd,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def left_by(owner: str) -> tuple[str, Path]:
    """A token and a folder, as the process ``owner`` would have made them."""
    token, folder = scratch.make()
    theirs = folder.rename(folder.with_name(folder.name.replace(this_process(), owner)))
    (theirs / "redis.log").write_text("x", encoding="utf-8")
    return token, theirs


def test_what_a_killed_harness_left_is_ended(tmp_path, ended, start):
    token, folder = left_by(ended)
    server, worker, other = start(folder), start(tmp_path, **{TOKEN_VARIABLE: token}), start("/")
    assert scratch.end_orphans() == [folder]
    assert not folder.exists()
    assert server.wait(60) != 0
    assert worker.wait(60) != 0
    assert other.poll() is None
    assert scratch.end_orphans() == []


def test_what_a_living_harness_uses_is_left_alone(tmp_path, start):
    token, folder = scratch.make()
    server, worker = start(folder), start(tmp_path, **{TOKEN_VARIABLE: token})
    assert scratch.end_orphans() == []
    assert folder.is_dir()
    assert server.poll() is worker.poll() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.replace(scratch._machine(), "00000000"),
        lambda name: f"{name}-mine",
        lambda name: "tqb-0123456789",
    ],
    ids=["another machine", "another name", "no owner"],
)
def test_what_cannot_be_told_to_be_an_orphans_is_left_alone(ended, change):
    _, folder = left_by(ended)
    folder = folder.rename(folder.with_name(change(folder.name)))
    assert scratch.end_orphans() == []
    assert folder.is_dir()


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can give away")
def test_another_users_folder_is_left_alone(ended):
    _, folder = left_by(ended)
    os.chown(folder, 12345, 12345)
    assert scratch.end_orphans() == []
    assert folder.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such modes")
def test_only_this_user_may_look_into_it():
    _, folder = scratch.make()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_process_is_known_by_its_start_too(ended):
    assert running(this_process()) == os.getpid()
    assert running(ended) is None
    assert running(f"{os.getpid()}-1") is None
