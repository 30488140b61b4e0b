"""Trials among strangers: which ran once more, which did not, and what counts of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from small_runs import SmallRun

from bench.record.store import RunFolder, write_json
from bench.report.chapters.disturbed import MOST
from bench.report.model import load_report
from bench.report.parts import Report

WHERE = "slow:base, add, drain, concurrency 4, round 1"
BUSY = "others used more than 10% of the processors during"


def marks(share: float) -> list[dict[str, Any]]:
    """Of a trial of 2 s on 2 cores of which others used such a share."""
    machine = {"busy_s": 0.0, "stolen_s": 0.0, "harness_s": 0.0, "cores": 2}
    start = {"t_ns": 0, "cpu_s": {"worker": 0.0}, "machine": machine}
    return [start, {**start, "t_ns": 2 * 10**9, "machine": machine | {"busy_s": 4.0 * share}}]


def disturb(run: RunFolder, number: int, share: float) -> dict[str, Any]:
    path = run.trials / f"r1-{number:04d}.json"
    trial: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) | {"marks": marks(share)}
    write_json(path, trial)
    return trial


def repeat(run: RunFolder, trial: dict[str, Any], share: float, status: str = "ok") -> None:
    name = f"r1-1{trial['number']:06d}"
    again = {"trial_id": name, "number": 1_000_000 + trial["number"], "repeats": trial["trial_id"]}
    run.write_trial(name, trial | again | {"marks": marks(share), "status": status})


def of(run: RunFolder) -> tuple[Report, list[str]]:
    report = load_report(run)
    return report, [line for line in report.warnings if line.startswith(BUSY)]


def test_what_ran_once_more_is_told_and_counts_once(tmp_path: Path) -> None:
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0, 101.0, 102.0]).write()
    repeat(run, disturb(run, 1, 0.25), 0.03)
    report, told = of(run)
    assert told == [
        f"{BUSY} 1 trial that ran once more, the figures are those of the less disturbed one: "
        f"{WHERE} (25%, then 3%)"
    ]
    assert report.summary == "3 of 3 trials ok, 1 repeated; 2 of 2 checks passed"
    assert report.is_measured
    assert (report.cells[0].ended, report.cells[0].planned) == (3, 3)


def test_a_repetition_that_went_wrong_spoils_nothing(tmp_path: Path) -> None:
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0, 101.0, 102.0]).write()
    repeat(run, disturb(run, 1, 0.25), 0.0, "timeout")
    report, told = of(run)
    assert told[0].endswith(f"{WHERE} (25%, then timeout)")
    assert report.summary.startswith("3 of 3 trials ok, 1 repeated;")
    assert report.cells[0].status == "ok"


def test_a_repetition_does_not_hide_that_a_trial_is_missing(tmp_path: Path) -> None:
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0, 101.0], rounds=3).write()
    repeat(run, disturb(run, 1, 0.25), 0.03)
    report, _ = of(run)
    assert report.trials == {"ok": 2, "not run": 1}


def test_of_what_did_not_run_once_more_the_first_are_named(tmp_path: Path) -> None:
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0] * 8).write()
    for number in range(1, 8):
        disturb(run, number, 0.2)
    disturb(run, 8, 0.05)
    _, told = of(run)
    named = "; ".join([f"{WHERE} (20%)"] * MOST)
    assert told == [f"{BUSY} 7 trials that did not run once more: {named}; and 2 more"]


def test_a_quiet_run_has_nothing_to_tell(tmp_path: Path) -> None:
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0] * 3).write()
    disturb(run, 1, 0.09)
    report, told = of(run)
    assert told == []
    assert "repeated" not in report.summary
