"""A pinned version resolves an environment of its own, in which the suite runs as in the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import run_bench, run_folders, write_profile

pytestmark = pytest.mark.integration


def test_an_older_celery_runs_with_libraries_that_fit_it(
    tmp_path: Path, server_program: Path
) -> None:
    cells = ('scenario = "add"; load = "drain"; tasks = 20',)
    profile = write_profile(tmp_path / "old.toml", *cells, variants="celery@5.3.4:solo", rounds=1)
    done = run_bench("run", profile, "--out", tmp_path / "results", cwd=tmp_path)
    assert done.code == 0, done.all
    (run,) = run_folders(tmp_path / "results")
    facts = run.read_run()["backends"]["celery@5.3.4"]
    assert facts["version"] == "5.3.4"
    assert facts["versions"]["redis"].startswith("4.")  # what it asks for
    assert not facts["versions"]["kombu"].startswith("5.7")  # which refuses that one


def test_a_version_that_does_not_exist_is_one_line(tmp_path: Path, server_program: Path) -> None:
    done = run_bench("env", "sync", "celery@99.0", cwd=tmp_path)
    assert done.code == 2
    (line,) = [row for row in done.err.splitlines() if row.startswith("bench:")]
    assert "celery@99.0" in line
    assert "Traceback" not in done.all


def test_a_version_that_does_not_exist_is_told_and_the_others_are_measured(
    tmp_path: Path, server_program: Path
) -> None:
    cells = ('scenario = "add"; load = "drain"; tasks = 20',)
    profile = write_profile(tmp_path / "some.toml", *cells, variants="celery@99.0:solo floor:one")
    done = run_bench("run", profile, "--out", tmp_path / "results", cwd=tmp_path)
    assert done.code == 1, done.all
    assert "left out: cannot make the environment of celery@99.0" in done.err
    (run,) = run_folders(tmp_path / "results")
    status = {trial["variant"]: (trial["status"], trial["reason"]) for trial in run.read_trials()}
    assert status["floor:one"] == ("ok", "")
    assert status["celery@99.0:solo"] == (
        "failed",
        "has no environment: 'bench env sync celery@99.0' says why",
    )
    assert "has no environment" in (run.path / "report.md").read_text(encoding="utf-8")
