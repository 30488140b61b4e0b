"""The walk-throughs in ``docs/``, carried out in a copy of the checkout.

How their code blocks are read is told in ``guide.py``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from checkout import PYTEST, copy_checkout, python
from guide import blocks, carry_out
from support import ROOT, run_folders

from bench.analysis.tables import read_tables

pytestmark = pytest.mark.integration


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout without the runs that are kept in it."""
    return copy_checkout(tmp_path / "checkout", "results")


def names(copy: Path, kind: str) -> set[str]:
    return {row["name"] for row in json.loads(python(copy, "bench", "list", kind, "--json"))}


def check_code(copy: Path, *paths: str) -> None:
    python(copy, "ruff", "check", "--no-cache", *paths)
    python(copy, "ruff", "format", "--check", "--no-cache", *paths)


def check_run(copy: Path, trials: int) -> set[str]:
    """That the copy's only run has so many trials and all is well; gives the checks it made."""
    (run,) = run_folders(copy / "results")
    made = run.read_trials()
    assert {trial["status"] for trial in made} == {"ok"}
    # As its reader's run, it repeats what was disturbed.
    assert len([trial for trial in made if not trial.get("repeats")]) == trials
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
    python(copy, *PYTEST, "tests/contract", "-k", "huey")
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
