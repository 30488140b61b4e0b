"""A run folder's facts -> ``rounds.csv``, ``summary.csv`` and ``verdicts.csv``.

Everything here can be done again from the stored events; nothing here is measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backends import UnknownVariant, choose
from bench.errors import RunFolderError, quoted
from bench.measure import truth
from bench.measure.attempts import Attempts, attempts
from bench.measure.checks import Finding, trial_checks
from bench.measure.contrasts import Contrasts
from bench.measure.cost import cost_metrics
from bench.measure.disturbance import disturbance
from bench.measure.metrics import HIGHER_IS_BETTER, Value, trial_metrics, unit
from bench.measure.trace import Events, Trace
from bench.record.events import PARQUET, read_columns
from bench.record.store import RunFolder, advice_for, write_text
from scenarios import all_scenarios
from scenarios.loads import LOADS

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
    tables = compute(run)
    for name in ("rounds", "summary", "verdicts"):
        text = getattr(tables, name).to_csv(index=False, lineterminator="\n")
        write_text(run.path / f"{name}.csv", text)
    return tables


def compute(run: RunFolder) -> Tables:
    """All tables from the recorded events. What is raised has a note on the file it comes from."""
    rounds: list[dict[str, Any]] = []
    findings: dict[tuple[Any, ...], list[tuple[int, Finding]]] = defaultdict(list)
    run_id, recorded = run.id, run.read_trials()
    outdone = without_figures(recorded)
    for lease_id, trials in trials_by_lease(recorded).items():
        with _noted(unreadable(run, lease_id, len(trials))):
            events = list(_by_trial(read_columns(run.leases / lease_id), trials))
        for trial, own in zip(trials, events, strict=True):
            with _noted(_unfit(run, trial)):
                cell = cell_of(trial)
                values, found = _measure(trial, own)
            if trial["trial_id"] in outdone:
                values = {}
            rounds += [_round_row(run_id, cell, trial["round"], *v) for v in values.items()]
            for finding in found:
                findings[(*cell.values(), finding.check)].append((trial["round"], finding))
    table = pd.DataFrame(rounds, columns=ROUND_COLUMNS)
    verdicts = [_verdict_row(run_id, key, group) for key, group in findings.items()]
    return Tables(
        table.sort_values([*CELL, "metric", "round"], ignore_index=True),
        summarise(table),
        pd.DataFrame(verdicts, columns=VERDICT_COLUMNS).sort_values(
            [*CELL, "check"], ignore_index=True
        ),
    )


@contextmanager
def _noted(note: str) -> Iterator[None]:
    """Add a note to what is raised, for :func:`bench.record.store.damage` to tell."""
    try:
        yield
    except UnknownVariant:
        raise
    except Exception as error:
        error.add_note(note)
        raise


def unreadable(run: RunFolder, lease_id: str, trials: int, why: str = "cannot be read") -> str:
    """What to do about a lease whose events are no use.

    Args:
        trials: how many finished ones need them.
    """
    return (
        f"the events of {run.leases / lease_id} {why}: remove the {trials} files in {run.trials} "
        f"that name this lease, and measure these trials anew with: bench run --resume "
        f"{quoted(run.path)}"
    )


def has_events(run: RunFolder, lease_id: str) -> bool:
    """Whether a lease's events are there, in whatever form."""
    lease = run.leases / lease_id
    return (lease / PARQUET).is_file() or (lease / "events").is_dir()


def check_events_exist(run: RunFolder) -> None:
    """Make sure that no finished trial lacks its events.

    Raises:
        RunFolderError: the events of a lease are missing.
    """
    for lease_id, needing in trials_by_lease(run.read_trials()).items():
        if not has_events(run, lease_id):
            raise RunFolderError(unreadable(run, lease_id, len(needing), "are missing"))


def check_events(run: RunFolder) -> None:
    """Make sure that trials which ended well name the lease that they ran in.

    Raises:
        ValueError: a lease has no event of such a trial, or is damaged; a note has the file.
    """
    for lease_id, trials in trials_by_lease(run.read_trials()).items():
        with _noted(unreadable(run, lease_id, len(trials))):
            recorded = set(np.unique(read_columns(run.leases / lease_id).task_id >> 32).tolist())
        for trial in trials:
            if trial["status"] == "ok" and trial["sent"] and trial["number"] not in recorded:
                with _noted(_unfit(run, trial)):
                    raise ValueError("a trial that ended well has events")


def _unfit(run: RunFolder, trial: dict[str, Any]) -> str:
    path = run.trials / f"{trial.get('trial_id')}.json"
    return f"{path} does not fit the events of its lease: {advice_for(run.path, path)}"


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
    """Trials that have events to look at: those that came to an end, whatever it was worth."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for trial in trials:
        if trial["status"] in ("ok", "timeout", "invalid") and trial["lease_id"]:
            groups[trial["lease_id"]].append(trial)
    return groups


def without_figures(trials: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids of trials whose figures stay out of the tables: of a trial and its repetition, those
    of the one that was disturbed more. What the checks found in it counts all the same."""
    by_id = {trial["trial_id"]: trial for trial in trials}
    outdone = set()
    for again in by_id.values():
        first = by_id.get(again.get("repeats", ""))
        if first is None:
            continue
        before, after = (disturbance(trial.get("marks", ())) for trial in (first, again))
        quieter = before is not None and after is not None and after < before
        taken = quieter and again["status"] == "ok"
        outdone.add((first if taken else again)["trial_id"])
    return outdone


def with_figures(trials: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The others: as many as the plan has, of a trial and its repetition one."""
    known = list(trials)
    outdone = without_figures(known)
    return [trial for trial in known if trial["trial_id"] not in outdone]


def _by_trial(events: Events, trials: Iterable[dict[str, Any]]) -> Iterator[Events]:
    """Of a lease's events those of each of these trials, in the order of time."""
    of_event = events.task_id >> 32
    if (of_event[1:] < of_event[:-1]).any():  # what came late lies among the next trial's
        order = np.argsort(of_event, kind="stable")
        events, of_event = events.at(order), of_event[order]
    for number in (trial["number"] for trial in trials):
        begin, end = np.searchsorted(of_event, [number, number + 1])
        yield events.at(slice(begin, end))


def _measure(trial: dict[str, Any], events: Events) -> tuple[dict[str, Value], list[Finding]]:
    """Metrics of a trial that ended well; checks also of one that timed out or is invalid."""
    scenario = all_scenarios()[trial["scenario"]]
    choice = choose(trial.get("choice", trial["variant"]))[0]
    expected = truth.of_scenario(scenario, _items(trial), trial["params"], trial["seed"])
    trace = Trace(events, expected)
    tried = attempts(trace)
    fifo = choice.variant.semantics.fifo and trial["concurrency"] == 1
    found = trial_checks(
        trace,
        tried,
        sees_failure=choice.backend.capabilities_of(choice.variant).sees_failure,
        fifo=fifo and LOADS[trial["load"]].fills,
        load=trial["load"],
        cut_short=trial.get("cut_short", False),
    )
    return (_values(trial, trace, tried) if trial["status"] == "ok" else {}), found


def _values(trial: dict[str, Any], trace: Trace, tried: Attempts) -> dict[str, Value]:
    """Everything that was measured in a trial that ended well."""
    steps, filled = trial.get("steps", ()), trial.get("filled", ())
    found = trial_metrics(
        trace, tried, trial["params"], trial["concurrency"], trial["load"], steps, filled
    )
    if "sustained_tasks_per_s" in found or trial.get("cut_short"):
        return found  # what is left undone has cost, too
    # The marks are of the first window.
    first = int(filled[0]["count"]) if filled else 0
    tasks = first or int(trial.get("sent", 0)) * trace.truth.steps
    costs = cost_metrics(trial.get("marks", ()), tasks)
    return found | {name: Value(value, max(tasks, 1)) for name, value in costs.items()}


def _items(trial: dict[str, Any]) -> int:
    """At least as many items as were sent: where a rate that was measured decided, so many as the
    trial found out; earlier versions wrote that over the cell's own ``tasks``."""
    sent = [int(step["first"]) + int(step["count"]) for step in trial.get("steps", ())]
    filled = int(trial["tasks"]) * int(trial.get("windows", 1))
    return max([filled, int(trial.get("offered_tasks", 0)), *sent])


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
    """One row per cell and metric: mean over rounds with its interval."""
    rows = []
    shared = ["run_id", "scenario", "load", "concurrency", "params", "metric", "unit", "better"]
    in_order = rounds.sort_values("round", kind="stable")
    for key, table in in_order.groupby(shared, sort=True):
        by_cell = {
            cell: dict(zip(values["round"], values["value"], strict=True))
            for cell, values in table.groupby(["variant", "version"], sort=True)
        }
        contrasts = Contrasts({str(name): values for (name, _), values in by_cell.items()})
        for name, version in by_cell:
            over = contrasts.estimate(name)
            row = dict(zip(shared, key, strict=True)) | {"variant": name, "version": version}
            row |= {"value": over.value, "ci_low": over.low, "ci_high": over.high}
            rows.append(row | {"rounds": over.rounds})
    keys = ["run_id", *CELL, "metric", "unit", "better"]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS).sort_values(keys, ignore_index=True)


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


# --- tables by cell ----------------------------------------------------------------------------

#: A cell without its version: what names a table, and the variant in front.
Key = tuple[str, str, str, int, str]


def key_of(cell: Mapping[str, Any]) -> Key:
    """The key of a cell of ``run.json``, of a trial, or of a row of a table."""
    params = cell["params"]
    if not isinstance(params, str):
        params = json.dumps(params, sort_keys=True)
    return (
        str(cell["variant"]),
        str(cell["scenario"]),
        str(cell["load"]),
        int(cell["concurrency"]),
        params,
    )


def rounds_of(rounds: pd.DataFrame) -> dict[tuple[Key, str], dict[int, float]]:
    """``rounds.csv`` by cell and metric: value by round."""
    found: dict[tuple[Key, str], dict[int, float]] = defaultdict(dict)
    for row in rounds[[*CELL, "metric", "round", "value"]].to_dict("records"):
        found[key_of(row), str(row["metric"])][int(row["round"])] = float(row["value"])
    return dict(found)
