from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from small_runs import mixed

from bench.analysis.tables import check_events, check_events_exist
from bench.errors import RunFolderError
from bench.record.events import RECORD, read_columns, read_raw, write_parquet
from bench.record.inspection import check_resumable, open_checked
from bench.record.store import RunFolder, create_run, damage

KEPT = Path(__file__).parents[2] / "golden" / "schema-1"


@pytest.mark.parametrize("run", [KEPT, KEPT.parents[2] / "results" / "reference"], ids=str)
def test_runs_of_earlier_versions_pass(run):
    assert open_checked(run).path == run


def change(path, key, value):
    content = json.loads(path.read_text(encoding="utf-8"))
    content[key] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def told(folder: Path) -> str:
    with pytest.raises(RunFolderError) as caught:
        open_checked(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("cells", 5, "cells should be a valid list, found 5"),
        ("cells", [{}], "cells.0.variant is missing"),
        ("redis", 3, "redis should be an object, found 3"),
        ("host", None, "host should be an object, found None"),
        ("seed", "x" * 90, "seed should be a valid integer, found 'xxxxx"),
        ("planned_trials", True, "planned_trials should be a valid integer, found True"),
        ("precision", {"within": 0.1}, "precision.budget_s is missing"),
    ],
)
def test_a_damaged_run_json_is_told_with_its_key(tmp_path, key, value, expected):
    run = mixed(tmp_path / "run")
    change(run.run_json, key, value)
    line = told(run.path)
    assert line.startswith(f"{run.run_json} is damaged: {expected}")
    assert line.endswith(": restore it from a copy, or run again")
    assert len(line) < len(str(run.run_json)) + 160


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("status", "good", "status should be 'ok', 'failed', 'timeout', 'invalid' or"),
        ("lease_id", "../..", "lease_id should match pattern"),
        ("lease_id", "", "it names no lease"),
        ("number", "1", "number should be a valid integer, found '1'"),
        ("params", [], "params should be an object, found []"),
        ("params", {"service_s": 10**400}, "params.service_s is 1000"),
        ("params", {"service_s": "x"}, "params.service_s is 'x', which no profile may ask for"),
        ("tasks", 10**18, "tasks should be less than or equal to 1000000, found 10000"),
        ("tasks", 1e18, "tasks should be a valid integer, found 1e+18"),
        ("tasks", -1, "tasks should be greater than or equal to 0, found -1"),
        ("sent", 10**18, "sent should be less than or equal to 1000000, found 10000"),
        ("offered_tasks", 10**18, "offered_tasks should be less than or equal to 1000000"),
        ("steps", [{"first": 0, "count": 10**18}], "steps.0.count should be less than or equal to"),
        ("trial_id", "r1-0002", "trial_id is 'r1-0002', not its name"),
    ],
)
def test_a_damaged_trial_is_told_with_what_to_do(tmp_path, key, value, expected):
    run = mixed(tmp_path / "run")
    trial = run.trials / "r1-0001.json"
    change(trial, key, value)
    line = told(run.path)
    assert line.startswith(f"{trial} is damaged: {expected}")
    assert line.endswith(
        f": remove {trial} and measure the trial anew with: bench run --resume {run.path}"
    )


def test_a_trial_that_is_no_json_is_told_without_the_parsers_words(tmp_path):
    run = mixed(tmp_path / "run")
    trial = run.trials / "r1-0001.json"
    trial.write_text("hi", encoding="utf-8")
    assert told(run.path).startswith(f"cannot read {trial}: it is not valid JSON: remove {trial}")


def test_going_on_needs_more_than_a_report():
    run = RunFolder(KEPT)
    with pytest.raises(RunFolderError, match=r"redis\.embedded|request"):
        check_resumable(run, run.read_run())


# --- events ----------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    """A lease with two finished trials."""
    run = create_run(tmp_path, "small", {"profile": "small"})
    events = run.leases / "one" / "events"
    events.mkdir(parents=True)
    records = np.zeros(2, RECORD)
    records["task_id"] = np.array([1, 2], "int64") << 32
    (events / "worker-7.events").write_bytes(records.tobytes())
    write_parquet(read_raw(events), run.leases / "one" / "events.parquet")
    for number in (1, 2):
        trial = {"trial_id": f"r1-{number}", "number": number, "sent": 1}
        run.write_trial(f"r1-{number}", {**trial, "lease_id": "one", "status": "ok"})
    return run


def test_whole_events_pass(run):
    check_events_exist(run)
    check_events(run)


@pytest.mark.parametrize("content", [b"", b"hi", b"PAR1" * 9])
def test_a_damaged_table_is_told_with_its_lease(run, content):
    lease = run.leases / "one"
    (lease / "events.parquet").write_bytes(content)
    with pytest.raises(ValueError, match="is no Parquet file"):
        read_columns(lease)
    expected = f"the events of {lease} cannot be read: remove the 2 files in {run.trials} "
    with pytest.raises(RunFolderError, match=re.escape(expected)), damage(run.path):
        check_events(run)


def test_a_trial_of_another_lease_is_told(run):
    run.write_trial("r1-3", {"trial_id": "r1-3", "number": 3, "sent": 1, "status": "ok"})
    change(run.trials / "r1-3.json", "lease_id", "one")
    misfit = pytest.raises(RunFolderError, match=r"r1-3\.json does not fit the .*: remove ")
    with misfit, damage(run.path):
        check_events(run)


def test_a_lease_that_is_not_there_is_told(run):
    change(run.trials / "r1-2.json", "lease_id", "gone")
    with pytest.raises(RunFolderError, match=r"gone are missing: remove the 1 files in "):
        check_events_exist(run)
