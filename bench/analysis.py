"""A run folder's facts -> ``rounds.csv``, ``summary.csv`` and ``verdicts.csv``.

Everything here can be done again from the stored events; nothing here is measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from backends import choose
from bench.events import COLUMNS, read_lease
from bench.measure.checks import Finding, trial_checks
from bench.measure.metrics import HIGHER_IS_BETTER, Value, trial_metrics, unit
from bench.measure.statistics import estimate
from bench.store import RunFolder, write_text
from scenarios import all_scenarios

CELL = ["variant", "version", "scenario", "load", "concurrency", "params"]
ROUND_COLUMNS = ["run_id", *CELL, "metric", "unit", "round", "value", "samples", "better"]
SUMMARY_COLUMNS = [
    *("run_id", *CELL, "metric", "unit"),
    *("value", "ci_low", "ci_high", "rounds", "better"),
]
VERDICT_COLUMNS = [
    *("run_id", *CELL, "check"),
    *("verdict", "expected", "observed", "violations", "detail"),
]


@dataclass(frozen=True)
class Tables:
    """A run's three tables, with the columns above."""

    rounds: pd.DataFrame
    summary: pd.DataFrame
    verdicts: pd.DataFrame


def analyse(run: RunFolder) -> Tables:
    """Compute all tables from the recorded events and write them into the run folder."""
    rounds: list[dict[str, Any]] = []
    findings: dict[tuple[Any, ...], list[tuple[int, Finding]]] = defaultdict(list)
    run_id = run.id
    for lease_id, trials in trials_by_lease(run.read_trials()).items():
        events = read_lease(run.leases / lease_id)
        groups = dict(tuple(events.groupby(events["task_id"] // 2**32)))
        for trial in trials:
            own = groups.get(trial["number"], events.iloc[:0])[list(COLUMNS)]
            cell = cell_of(trial)
            values, found = _measure(trial, own)
            rounds += [_round_row(run_id, cell, trial["round"], *v) for v in values.items()]
            for finding in found:
                findings[(*cell.values(), finding.check)].append((trial["round"], finding))
    table = pd.DataFrame(rounds, columns=ROUND_COLUMNS)
    verdicts = [_verdict_row(run_id, key, group) for key, group in findings.items()]
    tables = Tables(
        table.sort_values([*CELL, "metric", "round"], ignore_index=True),
        summarise(table),
        pd.DataFrame(verdicts, columns=VERDICT_COLUMNS).sort_values(
            [*CELL, "check"], ignore_index=True
        ),
    )
    for name in ("rounds", "summary", "verdicts"):
        text = getattr(tables, name).to_csv(index=False, lineterminator="\n")
        write_text(run.path / f"{name}.csv", text)
    return tables


def read_tables(path: Path) -> Tables:
    """The tables of a run as they were written."""
    exact = {"version": str, "params": str, "detail": str, "observed": str}
    return Tables(
        *(
            pd.read_csv(
                path / f"{name}.csv", dtype=exact, keep_default_na=False, na_values=[""]
            ).fillna({"version": "", "detail": "", "observed": ""})
            for name in ("rounds", "summary", "verdicts")
        )
    )


def cell_of(trial: dict[str, Any]) -> dict[str, Any]:
    """What names the cell of a recorded trial, in the tables' terms."""
    return {name: trial[name] for name in CELL if name != "params"} | {
        "params": json.dumps(trial["params"], sort_keys=True)
    }


def trials_by_lease(trials: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Trials that have events to look at: those that ended well, and those that timed out."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for trial in trials:
        if trial["status"] in ("ok", "timeout") and trial["lease_id"]:
            groups[trial["lease_id"]].append(trial)
    return groups


def _measure(trial: dict[str, Any], events: pd.DataFrame) -> tuple[dict[str, Value], list[Finding]]:
    """Metrics of a trial that ended well; checks also of one that timed out."""
    scenario = all_scenarios()[trial["scenario"]]
    choice = choose(trial["variant"])[0]
    items = scenario.items(trial["number"] << 32, trial["tasks"], trial["params"], trial["seed"])
    fifo = choice.variant.semantics.fifo and trial["concurrency"] == 1
    found = trial_checks(
        events,
        items,
        sees_failure=choice.backend.capabilities.sees_failure,
        fifo=fifo and trial["load"] == "drain",
    )
    if trial["status"] != "ok":
        return {}, found
    values = trial_metrics(events, items, trial["params"], trial["concurrency"], trial["load"])
    return values, found


def _round_row(
    run_id: str, cell: dict[str, Any], number: int, metric: str, value: Value
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        **cell,
        "metric": metric,
        "unit": unit(metric),
        "round": number,
        "value": value.value,
        "samples": value.samples,
        "better": "higher" if metric in HIGHER_IS_BETTER else "lower",
    }


def summarise(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and metric: median over rounds with its interval."""
    rows = []
    keys = ["run_id", *CELL, "metric", "unit", "better"]
    for key, group in rounds.groupby(keys, sort=True):
        over = estimate(group.sort_values("round")["value"].tolist())
        row = dict(zip(keys, key, strict=True))
        row |= {"value": over.value, "ci_low": over.low, "ci_high": over.high}
        rows.append(row | {"rounds": over.rounds})
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def _verdict_row(
    run_id: str, key: tuple[Any, ...], group: list[tuple[int, Finding]]
) -> dict[str, Any]:
    """One check over all rounds of a cell."""
    *cell, check = key
    violations = [
        f"round {number}: {text}" if len(group) > 1 else text
        for number, finding in group
        for text in finding.violations
    ]
    checked = sum(finding.checked for _, finding in group)
    return {
        "run_id": run_id,
        **dict(zip(CELL, cell, strict=True)),
        "check": check,
        "verdict": "fail" if violations else "pass",
        "expected": group[0][1].expected,
        "observed": f"{checked - len(violations)} of {checked}" if check != "order" else "",
        "violations": len(violations),
        "detail": "; ".join(violations),
    }
