"""The walk-throughs in ``docs/``, carried out in a copy of the checkout.

How their code blocks are read is told in ``guide.py``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guide import blocks, carry_out
from support import ROOT, bench_environment, first_trials, run_folders

from bench.analysis.tables import read_tables

pytestmark = pytest.mark.integration

COPIED = ("backends", "scenarios", "bench", "tests/contract", "tests/conftest.py")
COPIED += ("tests/support.py", "pyproject.toml", "README.md")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout's source, changed or not, without what runs have left in it."""
    target = tmp_path / "checkout"
    for part in COPIED:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, target / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, target / part)
    return target


def python(copy: Path, *arguments: str) -> str:
    """``python -m ARGUMENTS`` in the copy, which must find itself; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=copy,
        env=bench_environment(PYTHONPATH=str(copy)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def names(copy: Path, kind: str) -> set[str]:
    return {row["name"] for row in json.loads(python(copy, "bench", "list", kind, "--json"))}


def check_code(copy: Path, *paths: str) -> None:
    python(copy, "ruff", "check", "--no-cache", *paths)
    python(copy, "ruff", "format", "--check", "--no-cache", *paths)


def check_run(copy: Path, trials: int) -> set[str]:
    """That the copy's only run has so many trials and all is well; gives the checks it made."""
    (run,) = run_folders(copy / "results")
    assert [trial["status"] for trial in first_trials(run)] == ["ok"] * trials
    verdicts = read_tables(run.path).verdicts
    assert set(verdicts["verdict"]) == {"pass"}
    return set(verdicts["check"])


def test_what_the_guide_quotes_is_there() -> None:
    quoted = blocks("add-a-backend.md", "excerpt")
    assert len(quoted) >= 3
    missing = [b for b in quoted if b.text not in (ROOT / b.path).read_text(encoding="utf-8")]
    assert missing == []


@pytest.mark.skipif(sys.platform == "win32", reason="huey has no orderly stop on Windows")
def test_add_a_backend(copy: Path) -> None:
    shown = blocks("add-a-backend.md")
    profile = "huey.toml"
    python(copy, "bench", "new", "backend", "huey")
    assert "huey" in names(copy, "backends")
    written = {path.relative_to(copy).as_posix() for path in (copy / "backends/huey").glob("*.*")}
    assert {block.path for block in shown} == written | {profile}
    lock = copy / "backends/huey/requirements.lock"
    for block in shown:
        if block.path == lock.relative_to(copy).as_posix():
            # What it gives today need not be what the page shows, which is used from here on.
            lock.unlink()  # or never made
            python(copy, "bench", "env", "lock", "huey")
            assert "huey==" in lock.read_text(encoding="utf-8")
            lock.unlink()
        carry_out(block, copy)
    check_code(copy, "backends/huey")
    python(copy, "pytest", "tests/contract", "-k", "huey", "-p", "no:cacheprovider")
    python(copy, "bench", "run", profile, "-b", "huey")
    # c=1 for speed and order, c=4 for what takes its time.
    checks = check_run(copy, trials=5)
    assert checks >= {"order", "attempts", "outcome", "results", "retry_delay", "delivered"}


def test_add_a_scenario(copy: Path) -> None:
    python(copy, "bench", "new", "scenario", "primes")
    assert "primes" in names(copy, "scenarios")
    for block in blocks("add-a-scenario.md"):
        carry_out(block, copy)
    check_code(copy, "backends", "scenarios")
    python(copy, "bench", "run", "primes.toml", "-b", "fake:honest", "-b", "celery:solo")
    # Two variants, two loads, one and two at a time.
    assert check_run(copy, trials=8) >= {"lost", "repeated", "results", "outcome"}
