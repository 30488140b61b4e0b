"""``--resume`` where it cannot be: one line, exit code 2, and the run is as it was."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import killing
import pytest
from killing import Place
from support import run_bench
from warm import refuse

from bench.record.store import RunFolder

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("resume refused"),
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]


@pytest.fixture(scope="module")
def killed(server_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run that was killed after its first trial."""
    return killing.killed(tmp_path_factory.mktemp("killed"), lambda run: len(run.finished()) == 1)


def _content(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder, of files with their content; not the lock of the killed harness."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.startswith(".lock-")
    }


def _refused(run: Path, *arguments: str) -> str:
    """What is told; the folder must be as it was."""
    before = _content(run)
    done = refuse("run", "--resume", run, *arguments, cwd=run.parent)
    assert done.code == 2, done.all
    assert done.out == ""
    line = done.err.splitlines()[-1]
    assert line.startswith("bench: ")
    assert "Traceback" not in done.err
    assert _content(run) == before
    return line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("quick",), "leave out PROFILE"),
        (("-b", "rq", "--rounds", "2"), "leave out -b, --rounds"),
        (("-s", "add", "--precision", "5%", "--out", "x"), "leave out -s, --precision, --out"),
        (("--redis-url", "redis://127.0.0.1:1/0"), "leave --redis-url and REDIS_URL out"),
    ],
)
def test_options_of_another_run(killed: Place, arguments: tuple[str, ...], told: str) -> None:
    assert told in _refused(killed.run.path, *arguments)


def _change(facts: dict, *path: str, value: object) -> None:
    for name in path[:-1]:
        facts = facts[name]
    facts[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("host", "cores"), 4096, "host cores was 4096, is "),
        (("host", "cpu"), "Z80", "host cpu was Z80, is "),
        (("redis", "version"), "1.0", "redis version was 1.0, is "),
        (("backends", "fake", "versions"), {"lib": "1.0"}, "fake's lib was 1.0, is missing"),
        (("plan_digest",), "0", "this code makes another plan of it than that of commit "),
        (("request", "profile", "rounds"), 3, "this code makes another plan"),
        (("request", "profile", "variants"), ["fake:gone"], "unknown variant 'fake:gone'"),
        (("request", "profile", "rounds"), "two", "rounds = 'two'"),
        (("request",), {}, "run.json is damaged: request.profile is missing: restore it from"),
        (("plan_digest",), None, "plan_digest should be a valid string, found None"),
        (("cells",), 5, "cells should be a valid list, found 5"),
        (("cells",), [], "its cells are not those of its request"),
        (("token",), "", "token should match pattern"),
        (("schema_version",), 99, "has schema_version 99"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_run_that_cannot_go_on_here(
    killed: Place, tmp_path: Path, path: tuple[str, ...], value: object, told: str
) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    _change(facts, *path, value=value)
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    assert told in _refused(run.path)
    assert json.loads(run.run_json.read_text(encoding="utf-8")) == facts
    assert len(run.finished()) == 1


def test_a_run_of_an_older_version(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    del facts["request"]
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    assert "written by a version that kept no plan; run again" in _refused(run.path)


def test_a_finished_trial_without_its_events(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    (lease,) = run.leases.iterdir()
    shutil.rmtree(lease)
    line = _refused(run.path)
    assert f"the events of {lease} are missing: remove the 1 files in {run.trials}" in line


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("status", "good", "status should be 'ok', 'failed'"),
        ("lease_id", "gone", "gone are missing: remove the 1 files in "),
        ("number", 77, "number is 77, expected "),
        ("marks", [{}], "does not fit the events of its lease"),
    ],
)
def test_a_damaged_trial(killed: Place, tmp_path: Path, key: str, value: object, told: str) -> None:
    """The events of the lease it was in stay, for the file may be mended."""
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    (trial,) = run.read_trials()
    run.write_trial(trial["trial_id"], trial | {key: value})
    line = _refused(run.path)
    assert told in line
    assert f"bench run --resume {run.path}" in line
    assert (run.leases / trial["lease_id"]).is_dir()
    assert len(run.finished()) == 1


def test_damaged_events(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    (lease,) = run.leases.iterdir()
    (lease / "events.parquet").write_text("hi", encoding="utf-8")
    for command in (("run", "--resume"), ("report",)):
        done = refuse(*command, run.path, cwd=tmp_path)
        assert done.code == 2, done.all
        (line,) = done.err.splitlines()
        assert f"the events of {lease} cannot be read: remove the 1 files in {run.trials}" in line
        assert len(run.finished()) == 1


def test_what_was_removed_of_a_finished_run_is_measured(
    server_program: Path, tmp_path: Path
) -> None:
    """The lease that the trial was in is kept for another one, and its events with it."""
    place = Place(tmp_path, variants="fake:honest", rounds=1)
    with place.begin() as bench:
        assert bench.end().code == 0
    # A lease has the number of its first trial.
    first, second = sorted(
        place.run.read_trials(),
        key=lambda trial: not trial["lease_id"].startswith(f"r1-{trial['number']:04d}"),
    )
    assert first["lease_id"] == second["lease_id"]
    (place.run.trials / f"{first['trial_id']}.json").unlink()
    done = place.resume()
    assert done.code == 0, done.all
    assert "2 trials ok" in done.out
    place.assert_whole()
    after = {trial["trial_id"]: trial for trial in place.run.read_trials()}
    assert after[second["trial_id"]] == second
    assert after[first["trial_id"]]["lease_id"] == f"{first['lease_id']}-2"
    done = place.resume()
    assert done.code == 0, done.all
    assert "is complete: nothing is left to measure" in done.err


def test_other_code_is_remarked_on(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    facts["code"] = {"commit": "abc", "dirty": False}
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    done = run_bench("run", "--resume", run.path, cwd=tmp_path)
    assert done.code == 0, done.all
    now = run.read_run()
    assert now["warnings"][0].startswith("the run was begun with code of commit abc and resumed")
    assert now["run_id"] == killed.run.read_run()["run_id"]
    assert now["code"] == facts["code"]


def test_no_run(tmp_path: Path) -> None:
    assert "is not a run: it has no run.json" in _refused(tmp_path)
    assert "is not a folder" in _refused(tmp_path / "nothing")


def test_what_is_left_is_shown(killed: Place) -> None:
    done = run_bench("run", "--resume", killed.run.path, "--dry-run", cwd=killed.folder)
    assert done.code == 0, done.all
    assert done.out.splitlines()[-1].startswith("7 trials in 4 leases, ")
    assert len(killed.finished()) == 1
