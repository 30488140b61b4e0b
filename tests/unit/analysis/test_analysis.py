"""From recorded events to the tables, on made-up runs."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from recorded import write_lease, write_run

from backends.kit import events as kinds
from bench.analysis.tables import analyse
from bench.record.events import PARQUET, RECORD, read_columns, read_raw, write_parquet
from bench.record.store import RunFolder


def edit_trial(run, **changes):
    """Change the facts of a run's first trial."""
    path = sorted(run.trials.iterdir())[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | changes), encoding="utf-8")


def add_events(folder, *rows):
    """A further event file: (time, trial, sequence, kind, value)."""
    with (folder / "worker-999.events").open("ab") as file:
        for t_ns, trial, sequence, kind, value in rows:
            record = np.zeros(1, RECORD)
            record["t_ns"], record["task_id"] = t_ns, trial << 32 | sequence
            record["kind"], record["value"] = kind, value
            record.tofile(file)


def value(tables, metric):
    (found,) = tables.rounds[tables.rounds["metric"] == metric]["value"]
    return found


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """One lease with one drain of 2,000 tasks."""
    return write_run(tmp_path / "run", 2000)


# --- numbers ---------------------------------------------------------------------------------


def test_a_made_up_run_has_the_numbers_it_was_made_of(run):
    """Enqueue calls take 25 to 35 us, bodies 400 to 700 us; a task starts every 250 us."""
    tables = analyse(run)
    assert value(tables, "throughput_tasks_per_s") == pytest.approx(4000, rel=1e-3)
    assert value(tables, "enqueue_us_p50") == pytest.approx(30, rel=0.02)
    assert value(tables, "enqueue_us_p99") == pytest.approx(34.9, rel=0.01)
    assert value(tables, "service_ms_p50") == pytest.approx(0.55, rel=0.02)
    assert value(tables, "attempts_per_task") == 1
    assert set(tables.rounds["samples"]) == {2000}
    assert set(tables.verdicts["check"]) == {"enqueued", "lost", "repeated", "results", "outcome"}
    assert set(tables.verdicts["verdict"]) == {"pass"}
    assert set(tables.verdicts["observed"]) == {"2000 of 2000"}


def test_a_run_of_many_leases_has_a_row_per_cell_and_metric(tmp_path):
    tables = analyse(write_run(tmp_path / "run", 2050, per_lease=100))
    rates = tables.summary[tables.summary["metric"] == "throughput_tasks_per_s"]
    assert rates["rounds"].sum() == 21
    assert rates["value"].tolist() == [pytest.approx(4000, rel=0.02)] * len(rates)
    assert len(rates) == rates["variant"].nunique() > 5
    lost = tables.verdicts[tables.verdicts["check"] == "lost"]["observed"]
    assert sum(int(text.split(" of ")[1]) for text in lost) == 2050


def test_raw_files_and_their_parquet_file_give_the_same_tables(run):
    raw = analyse(run)
    (lease,) = run.leases.iterdir()
    write_parquet(read_raw(lease / "events"), lease / PARQUET)
    shutil.rmtree(lease / "events")
    kept = analyse(run)
    for one, other in zip(vars(raw).values(), vars(kept).values(), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_columns_are_read_alike_from_both(run):
    (lease,) = run.leases.iterdir()
    raw = read_columns(lease)
    write_parquet(read_raw(lease / "events"), lease / PARQUET)
    kept = read_columns(lease)
    for one, other in zip(raw, kept, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert (np.diff(raw.t_ns) >= 0).all()


def test_nanoseconds_are_kept_however_late_the_clock(run):
    """Beyond 2**53 ns a float has no nanoseconds left."""
    (lease,) = run.leases.iterdir()
    before = analyse(run)
    for path in (lease / "events").iterdir():
        records = np.fromfile(path, RECORD)
        records["t_ns"] += 2**60 + 1
        records.tofile(path)
    pd.testing.assert_frame_equal(analyse(run).rounds, before.rounds, check_exact=True)


# --- what may go wrong -----------------------------------------------------------------------


def test_lost_and_repeated_tasks_of_a_big_trial_are_named(run):
    (lease,) = run.leases.iterdir()
    path = lease / "events" / "worker-200.events"
    records = np.fromfile(path, RECORD)
    records[records["task_id"] & 0xFFFFFFFF != 8].tofile(path)
    add_events(lease / "events", (10**13, 1, 9, kinds.START, 0), (10**13 + 5, 1, 9, kinds.END, -1))
    verdicts = analyse(run).verdicts.set_index("check")["detail"]
    assert verdicts["lost"] == "task 8: never ran"
    assert verdicts["repeated"] == "task 9: 2 attempts instead of 1"
    assert verdicts["results"].startswith("task 9: the worker got -1 instead of ")


def test_events_of_nobody_change_nothing(run):
    (lease,) = run.leases.iterdir()
    before = analyse(run)
    add_events(
        lease / "events",
        (10**13, 1, 2000, kinds.START, 0),  # one more than were sent
        (10**13, 1, 2**32 - 1, kinds.END, 0),
        (10**13, 77, 5, kinds.START, 0),  # of another trial
        (10**13, -1, 5, kinds.START, 0),
        (10**13, 1, 5, 99, 0),  # of no kind we know
        (10**13, 1, 5, -128, 0),
    )
    after = analyse(run)
    for one, other in zip(vars(before).values(), vars(after).values(), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_trials_of_a_lease_are_told_apart_though_their_events_mix(run):
    (lease,) = run.leases.iterdir()
    before = analyse(run)
    write_lease(lease / "more", 2, 300)
    for path in (lease / "more").iterdir():
        records = np.fromfile(path, RECORD)
        records["t_ns"] -= 10**12 - 777  # at the same time as the first trial
        records.tofile(lease / "events" / f"{path.stem}0.events")
    (trial,) = run.read_trials()
    changes = {"number": 2, "tasks": 300, "round": 2, "trial_id": "second"}
    run.write_trial("second", trial | changes)
    rounds = analyse(run).rounds
    pd.testing.assert_frame_equal(
        rounds[rounds["round"] == 1].reset_index(drop=True), before.rounds, check_exact=True
    )
    assert set(rounds[rounds["round"] == 2]["samples"]) == {300}


def test_a_lease_without_events_has_no_metrics_and_nothing_to_check(run):
    (lease,) = run.leases.iterdir()
    for path in (lease / "events").iterdir():
        path.unlink()
    tables = analyse(run)
    assert tables.rounds.empty
    assert tables.verdicts.empty


@pytest.mark.parametrize("status", ["timeout", "invalid"])
def test_a_trial_that_is_no_measurement_has_checks_but_no_metrics(run, status):
    edit_trial(run, status=status)
    tables = analyse(run)
    assert tables.rounds.empty
    assert "lost" in set(tables.verdicts["check"])


def test_a_failed_trial_has_neither(run):
    edit_trial(run, status="failed")
    tables = analyse(run)
    assert tables.rounds.empty
    assert tables.verdicts.empty


# --- cells -----------------------------------------------------------------------------------


def test_a_twin_is_a_cell_of_its_own_and_runs_what_it_was_chosen_as(run):
    edit_trial(run, variant="arq (A/A)", choice="arq", twin=True)
    assert set(analyse(run).summary["variant"]) == {"arq (A/A)"}


def test_a_saturation_sends_more_than_was_planned(run):
    steps = [
        {"rate_per_s": 50.0, "first": 0, "count": 500, "sustained": False, "late": False},
        {"rate_per_s": 40.0, "first": 500, "count": 1500, "sustained": False, "late": False},
    ]
    params = {"service_s": 0.0, "p99_bound_ms": 100.0, "arrival": "poisson"}
    edit_trial(run, load="saturation", steps=steps, params=params, tasks=1)
    tables = analyse(run)
    (rate,) = tables.rounds.to_dict("records")
    assert (rate["metric"], rate["value"]) == ("saturation_tasks_per_s", 0)  # none was sustained
    assert set(tables.verdicts["observed"]) == {"2000 of 2000"}
