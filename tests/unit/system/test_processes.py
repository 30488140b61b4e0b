"""Processes of a virtual environment's interpreter, which on Windows starts the real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import uv

from bench.system import processes
from bench.system.platforms import here

#: Says its number, and ends with 7 when nobody listens any more.
SAY_WHO = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read(); sys.exit(7)"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment as a backend's is made, in a folder with a space and other letters."""
    folder = tmp_path_factory.mktemp("env") / "Окружение 1"
    subprocess.run(
        [uv.find_uv_bin(), "--no-config", "venv", "-q", "--python", sys.executable, folder],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return here.interpreter_in(folder)


def started(interpreter: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    process = processes.start(
        [interpreter, "-c", SAY_WHO],
        env=processes.clean_environment({}),
        cwd=folder,
        log=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_the_real_interpreter_is_of_the_tree_and_its_exit_code_comes_through(interpreter, tmp_path):
    process, real = started(interpreter, tmp_path)
    with process:
        pids = [member.pid for member in processes.tree(process.pid)]
        assert pids[0] == process.pid
        assert real in pids
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 7


def test_both_are_gone_when_the_tree_was_killed(interpreter, tmp_path):
    process, real = started(interpreter, tmp_path)
    with process:
        processes.kill(processes.tree(process.pid))
        process.wait(60)
        assert not psutil.pid_exists(real)


def test_one_that_stands_apart_is_served_and_ended_like_any_other(tmp_path):
    """As the guard is started, which must outlive a window that is closed."""
    process = processes.start(
        [sys.executable, "-c", SAY_WHO],
        env=processes.clean_environment({}),
        cwd=tmp_path,
        log=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        apart=True,
    )
    with process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 7
