"""The harness notices a queue that does wrong: real trials on queues that do, one by one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import (
    Ran,
    bench_process,
    files_with,
    run_bench,
    run_folders,
    wait_until,
    write_profile,
)

from backends.fake.behaviour import BEHAVIOURS
from bench.measure.warnings import stalls
from bench.server.redis_server import Server
from bench.server.url import secrets_of
from bench.system import processes

pytestmark = pytest.mark.integration

RunCells = Callable[..., Ran]

ADD = 'scenario = "add"; load = "drain"; tasks = 20'
DRAIN = 'scenario = "add"; load = "drain"; tasks = 40'
CLOSED = 'scenario = "add"; load = "closed"; for_s = 0.3'
CHAIN = 'scenario = "chain"; load = "closed"; for_s = 0.3; tasks = 20; length = 3'
FLAKY = 'scenario = "flaky"; load = "burst"; tasks = 10; retry_delay_s = 0.1'

#: Variant, cell, the checks that fail, and how many violations the first of them has.
CAUGHT = [
    # Nobody can be told how a lost task ended, so that check fails as well.
    ("loses", DRAIN, {"lost": 5, "outcome": 5}),
    ("duplicates", DRAIN, {"repeated": 5}),
    ("reorders", DRAIN, {"order": 39}),
    ("early", FLAKY, {"retry_delay": 18}),
    ("persistent", FLAKY, {"attempts": 2, "outcome": 2}),
    # Tasks that fail 2, 3 or 4 times need more attempts; of these, 2 and 3 should have succeeded.
    ("gives-up", FLAKY, {"attempts": 6, "outcome": 4}),
    ("wrong-result", DRAIN, {"results": 5}),
    # Worker and caller both have the wrong number.
    ("wrong-work", DRAIN, {"results": 10}),
    ("silent", DRAIN, {"outcome": 40}),
    ("optimist", FLAKY, {"outcome": 2}),
    ("refuses", DRAIN, {"enqueued": 5}),
]

#: Those with a test of their own below.
TOLD_OTHERWISE = {
    *("honest", "stalls", "late", "crashes", "unready", "dies", "lingers", "skewed", "stuck"),
    "jittery",
    "leaky-log",
}


def test_every_behaviour_has_a_test() -> None:
    assert {name for name, _, _ in CAUGHT} | TOLD_OTHERWISE == set(BEHAVIOURS)


@pytest.mark.parametrize(("name", "cell", "failing"), CAUGHT, ids=[row[0] for row in CAUGHT])
def test_caught_by_exactly(
    run_cells: RunCells, name: str, cell: str, failing: dict[str, int]
) -> None:
    ran = run_cells(f"fake:{name}", cell)
    assert [trial["status"] for trial in ran.trials] == ["ok"]
    assert {check: ran.violations(check) for check in ran.failed_checks()} == failing


def test_honest_passes_everything(run_cells: RunCells) -> None:
    ran = run_cells("fake:honest", DRAIN, CLOSED, CHAIN, FLAKY, concurrency=[1, 4])
    assert {trial["status"] for trial in ran.trials} == {"ok"}
    assert set(ran.tables.verdicts["verdict"]) == {"pass"}
    assert set(ran.tables.verdicts["check"]) == {
        *("enqueued", "lost", "repeated", "attempts", "results", "outcome", "retry_delay"),
        "order",
    }
    assert stalls(ran.tables.rounds) == []
    for lease in _leases(ran):
        assert (lease["stopped"], lease["stragglers"], lease["keys_left"]) == ("gracefully", 0, [])


def test_stalls_are_warned_of(run_cells: RunCells) -> None:
    ran = run_cells("fake:stalls", 'scenario = "add"; load = "drain"; tasks = 30')
    assert ran.failed_checks() == set()
    (warning,) = stalls(ran.tables.rounds)
    assert warning.startswith("fake:stalls at concurrency 1 started no task for up to 1.5 s")
    assert ran.value("longest_stall_ms") >= 1500


def test_a_surge_of_which_nothing_is_done_is_no_success(run_cells: RunCells) -> None:
    """As under workers that start, take tasks and do none."""
    surge = 'scenario = "add"; load = "surge"; for_s = 0.5; tasks = 4; service_s = 9.0'
    (trial,) = run_cells("fake:honest", surge).trials
    assert trial["status"] == "timeout"
    assert trial["reason"] == "none of 4 tasks ended within 0.5 s"


def test_late_retries_show_in_the_lateness(run_cells: RunCells) -> None:
    ran = run_cells(
        "fake:late",
        'scenario = "flaky"; load = "burst"; tasks = 2; retry_delay_s = 0.1',
    )
    assert ran.failed_checks() == set()
    assert 2000 <= ran.value("retry_lateness_ms_max") < ran.took_s * 1000


def test_skewed_service_shows_in_the_percentiles(run_cells: RunCells) -> None:
    ran = run_cells("fake:skewed", DRAIN)
    assert ran.failed_checks() == set()
    assert ran.value("service_ms_p95") >= 50
    assert ran.value("service_ms_p50") < 25


def test_crash_fails_the_trial_with_its_reason(run_cells: RunCells) -> None:
    ran = run_cells("fake:crashes", DRAIN)
    (trial,) = ran.trials
    assert trial["status"] == "failed"
    assert trial["reason"] == "the worker ended by itself with exit code 3"
    assert any("fake worker ready" in line for line in trial["log_tail"])
    assert "fake worker ready" in ran.lease_file("worker.log").read_text(encoding="utf-8")
    # What the 9 tasks before it recorded is kept, but nothing is computed of it.
    assert ran.lease_file("events.parquet").exists()
    assert ran.tables.rounds.empty


def test_crash_costs_one_trial_only(run_cells: RunCells) -> None:
    """The trials that were to share the lease get a new one."""
    small = 'scenario = "add"; load = "closed"; for_s = 5; tasks = 4'
    ran = run_cells("fake:crashes", DRAIN, small)
    assert [(t["load"], t["status"]) for t in _in_order(ran)] == [
        ("drain", "failed"),
        ("closed", "ok"),
    ]
    assert len({trial["lease_id"] for trial in ran.trials}) == 2


@pytest.mark.parametrize(
    ("name", "timeout_s", "reason", "told"),
    [
        ("unready", 2.0, "the worker was not ready within 2 s", None),
        (
            "dies",
            60.0,
            "the worker ended by itself with exit code 1",
            "fake worker: bad setting, cannot start",
        ),
    ],
)
def test_worker_that_does_not_start_fails_its_lease(
    run_cells: RunCells, name: str, timeout_s: float, reason: str, told: str | None
) -> None:
    ran = run_cells(f"fake:{name}", DRAIN, CLOSED, FLAKY, trial_timeout_s=timeout_s)
    assert [(t["status"], t["reason"]) for t in ran.trials] == [("failed", reason)] * 3
    if told:
        assert all(told in trial["log_tail"] for trial in ran.trials)
    # It was waited for once, and tried once.
    assert len(list(ran.folder.leases.iterdir())) == 1
    assert len([trial for trial in ran.trials if trial["took_s"] >= timeout_s]) <= 1


def test_lingering_worker_is_killed_with_its_child(run_cells: RunCells, token: str) -> None:
    ran = run_cells("fake:lingers", ADD)
    assert [trial["status"] for trial in ran.trials] == ["ok"]
    (lease,) = _leases(ran)
    assert lease["stopped"] == "killed"
    assert lease["stop_s"] >= 5
    assert lease["exit_codes"] == [-9]
    assert processes.carrying(lease["namespace"], "BENCH_NAMESPACE") == []


def test_stuck_worker_times_out_and_the_next_trial_runs(run_cells: RunCells) -> None:
    ran = run_cells(
        "fake:stuck",
        'scenario = "add"; load = "drain"; tasks = 10',
        'scenario = "add"; load = "closed"; for_s = 5; tasks = 3',
        trial_timeout_s=5.0,
    )
    first, second = _in_order(ran)
    assert first["status"] == "timeout"
    assert first["reason"] == "not done within 5 s: 6 of 10 attempts ended"
    assert second["status"] == "ok"
    assert first["lease_id"] != second["lease_id"]
    # The task that began and never ended, those behind it, and what the caller was not told.
    assert "lost" in ran.failed_checks()


def test_leaked_password_is_masked_on_disk(run_cells: RunCells, server: Server) -> None:
    ran = run_cells("fake:leaky-log", ADD)
    assert ran.failed_checks() == set()
    assert "connecting to redis://:***@" in ran.lease_file("worker.log").read_text(encoding="utf-8")
    assert files_with(ran.folder.path, *secrets_of(server.url)) == []


def test_leaked_password_is_masked_in_a_failed_trial(run_cells: RunCells, server: Server) -> None:
    ran = run_cells("fake:leaky-log", ADD, trial_timeout_s=0.001)
    (trial,) = ran.trials
    assert trial["status"] in ("timeout", "failed")
    assert files_with(ran.folder.path, *secrets_of(server.url)) == []


def test_run_goes_on_after_a_failed_cell(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    made_environments("fake")
    profile = write_profile(
        tmp_path / "mixed.toml", ADD, variants="fake:dies fake:crashes fake:honest fake:loses"
    )
    done = run_bench("run", profile, "--out", tmp_path / "results", cwd=tmp_path)
    assert done.code == 1, done.all
    assert "Traceback" not in done.all
    (run,) = run_folders(tmp_path / "results")
    assert {trial["variant"]: trial["status"] for trial in run.read_trials()} == {
        "fake:dies": "failed",
        "fake:crashes": "failed",
        "fake:honest": "ok",
        "fake:loses": "ok",
    }
    assert run.read_run()["status"] == "complete"
    # What the log's line means stands where the failure is told, and nowhere else.
    told = "ended by itself with exit code 1 - it dies on purpose: choose another of its variants"
    shown = " ".join(done.err.split())  # a terminal breaks lines
    assert told in shown
    assert told in " ".join((run.path / "report.md").read_text(encoding="utf-8").split())
    assert "dies on purpose" not in shown.replace(told, "")


def test_what_is_found_of_a_queue_ends_with_1_only_where_asked_for(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    made_environments("fake")
    arguments = ("--out", tmp_path / "results", "--strict")
    fine = write_profile(tmp_path / "fine.toml", ADD, FLAKY)
    done = run_bench("run", fine, *arguments, cwd=tmp_path)
    assert done.code == 0, done.all
    early = write_profile(tmp_path / "early.toml", FLAKY, variants="fake:early")
    done = run_bench("run", early, *arguments, cwd=tmp_path)
    assert done.code == 1, done.all
    done = run_bench("run", early, *arguments[:2], cwd=tmp_path)
    assert done.code == 0, done.all
    last = done.out[done.out.index("In short") :].splitlines()
    assert (
        "Correctness: fake:early retried early (see Failed checks); no variant lost a task"
        in (last[1])
    )
    assert last[-3] == ""
    assert last[-2].startswith(f"report: {tmp_path / 'results'}")
    assert last[-1].startswith(f"next: bench run {early} --out {tmp_path / 'results'} --rounds 3 ")


def _leases(ran: Ran) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(ran.folder.leases.glob("*/lease.json"))
    ]


def _in_order(ran: Ran) -> list[dict[str, Any]]:
    """Trials in the order they ran."""
    return sorted(ran.trials, key=lambda trial: trial["started_at"])


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(
    "load",
    [
        'load = "closed"; for_s = 4.0',
        'load = "open"; for_s = 4.0; rate_per_s = [50]',
        'load = "drain"; tasks = 40; service_s = 0.1',  # its only slot is always busy
    ],
)
def test_a_worker_that_was_stopped_for_a_while_is_warned_of(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None], load: str
) -> None:
    """Everything is done in the end and right: only the pause tells of it."""
    made_environments("fake:honest")
    profile = write_profile(tmp_path / "p.toml", f'scenario = "add"; {load}')
    with bench_process("run", profile, cwd=tmp_path) as bench:
        bench.token()
        run = wait_until(lambda: run_folders(tmp_path / "results"), "the run has begun")[0]
        recorded = wait_until(
            lambda: [f for f in run.leases.glob("*/events/worker-*") if f.stat().st_size > 24 * 20],
            "the workers work",
        )
        assert recorded
        workers = bench.members("worker")
        for worker in workers:
            worker.suspend()
        time.sleep(1.5)  # the pause is what is tested, not waited for
        for worker in workers:
            worker.resume()
        done = bench.end()
    assert done.code == 0, done.all
    (trial,) = run.read_trials()
    assert trial["status"] == "ok"
    line = next(line for line in done.out.splitlines() if "started no task for" in line)
    assert line.endswith("(1 of 1 trials paused for over 1 s): the queue's pause, or the machine's")
