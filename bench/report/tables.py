"""Trials and tables of a run -> the report's ranked tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.analysis import CELL, Tables
from bench.measure.metrics import HIGHER_IS_BETTER
from bench.measure.statistics import paired_ratio
from bench.report.parts import NOT_RUN, How, Measure, Ratio, Row, Table
from scenarios import all_scenarios

#: A cell without its variant and version: what names a table, and the variant in front.
Key = tuple[str, str, str, int, str]


@dataclass(frozen=True)
class Stored:
    """What is known of a run, by cell."""

    run: Mapping[str, Any]
    trials: Mapping[Key, list[dict[str, Any]]]
    measures: Mapping[Key, Mapping[str, Measure]]
    rounds: Mapping[tuple[Key, str], Mapping[int, float]]
    verdicts: Mapping[Key, list[tuple[str, int]]]


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


def stored(run: Mapping[str, Any], trials: list[dict[str, Any]], tables: Tables) -> Stored:
    """Group a run's facts by cell."""
    by_cell: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for trial in trials:
        by_cell[key_of(trial)].append(trial)
    verdicts: dict[Key, list[tuple[str, int]]] = defaultdict(list)
    for row in tables.verdicts[[*CELL, "check", "violations"]].to_dict("records"):
        verdicts[key_of(row)].append((str(row["check"]), int(row["violations"])))
    return Stored(run, by_cell, measures_of(tables.summary), rounds_of(tables.rounds), verdicts)


def measures_of(summary: pd.DataFrame) -> dict[Key, dict[str, Measure]]:
    """``summary.csv`` by cell and metric."""
    found: dict[Key, dict[str, Measure]] = defaultdict(dict)
    for row in summary.to_dict("records"):
        low, high = (None if pd.isna(row[k]) else float(row[k]) for k in ("ci_low", "ci_high"))
        metric = str(row["metric"])
        measure = Measure(metric, float(row["value"]), low, high, int(row["rounds"]))
        found[key_of(row)][metric] = measure
    return dict(found)


def rounds_of(rounds: pd.DataFrame) -> dict[tuple[Key, str], dict[int, float]]:
    """``rounds.csv`` by cell and metric: value by round."""
    found: dict[tuple[Key, str], dict[int, float]] = defaultdict(dict)
    for row in rounds[[*CELL, "metric", "round", "value"]].to_dict("records"):
        found[key_of(row), str(row["metric"])][int(row["round"])] = float(row["value"])
    return dict(found)


def ratio_by_round(values: dict[int, float], baseline: dict[int, float]) -> Ratio | None:
    """``values`` / ``baseline`` paired by round; ``None`` where that has no meaning."""
    if any(value <= 0 for value in (*values.values(), *baseline.values())):
        return None
    found = paired_ratio(values, baseline)
    return Ratio(found.value, found.low, found.high) if found else None


def better(metric: str) -> str:
    """``higher`` or ``lower``."""
    return "higher" if metric in HIGHER_IS_BETTER else "lower"


def build_tables(known: Stored, how: Mapping[str, How]) -> tuple[Table, ...]:
    """One table per scenario, load, parameters and concurrency, in the profile's order."""
    groups: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for cell in known.run["cells"]:
        _, scenario, load, concurrency, params = key_of(cell)
        groups[scenario, load, params, concurrency][cell["variant"]] = cell
    order = list(dict.fromkeys(key[:3] for key in groups))
    ordered = sorted(groups, key=lambda key: (order.index(key[:3]), key[3]))
    scenario_order = list(dict.fromkeys(key[0] for key in order))
    ordered.sort(key=lambda key: scenario_order.index(key[0]))
    return tuple(_table(known, how, list(groups[key].values())) for key in ordered)


def _table(known: Stored, how: Mapping[str, How], cells: list[Mapping[str, Any]]) -> Table:
    first = cells[0]
    scenario = all_scenarios()[first["scenario"]]
    headline = scenario.headline[first["load"]]
    columns = tuple(scenario.columns[first["load"]])
    direction = better(headline)
    rows = [_row(known, how[cell["variant"]], cell, headline, columns) for cell in cells]
    return Table(
        scenario=scenario.name,
        load=first["load"],
        params=first["params"],
        concurrency=first["concurrency"],
        headline=headline,
        better=direction,
        columns=columns,
        rows=_ranked(rows, direction),
    )


def _ranked(rows: list[Row], direction: str) -> tuple[Row, ...]:
    """Best first; what cannot be ranked last, in the order of the plan. What broke a rule has no
    rank, however fast: a retry that comes too early is not better than one on time."""

    def badness(row: Row) -> tuple[float, str]:
        assert row.headline is not None
        value = row.headline.value
        return (-value if direction == "higher" else value, row.variant)

    able = [
        row for row in rows if row.status == "ok" and row.headline is not None and not row.failed
    ]
    others = [row for row in rows if row not in able]
    ranked = [replace(row, rank=n) for n, row in enumerate(sorted(able, key=badness), 1)]
    return (*ranked, *others)


def _row(
    known: Stored, how: How, cell: Mapping[str, Any], headline: str, columns: tuple[str, ...]
) -> Row:
    key = key_of(cell)
    trials = known.trials.get(key, [])
    status, reason = _status(trials, cell["rounds"])
    measures = known.measures.get(key, {})
    if status == "ok" and headline not in measures:
        reason = "too few tasks ended to tell"
    checks = known.verdicts.get(key, [])
    baseline = known.run["baseline"]
    return Row(
        variant=cell["variant"],
        version=_version(known.run, cell["variant"], trials),
        rank=None,
        headline=measures.get(headline),
        ratio=None if cell["variant"] == baseline else _ratio(known, key, headline),
        is_baseline=cell["variant"] == baseline,
        columns=tuple(measures.get(column) for column in columns),
        status=status,
        reason=reason,
        failed={check: count for check, count in checks if count},
        checked=bool(checks),
        rounds=sum(trial["status"] == "ok" for trial in trials),
        planned=cell["rounds"],
        how=how,
    )


def _status(trials: list[dict[str, Any]], planned: int) -> tuple[str, str]:
    """Status and reason of a cell: those of its first trial that did not end well."""
    bad = [trial for trial in trials if trial["status"] != "ok"]
    if not trials:
        return NOT_RUN, "the run ended before its turn"
    if not bad:
        return "ok", ""
    reason = " ".join(bad[0]["reason"].split())
    if planned > 1:
        alike = sum(trial["status"] == bad[0]["status"] for trial in bad)
        reason += f" ({alike} of {planned} rounds)"
    if bad[0].get("log_tail"):
        reason += f" (last line of the log: {' '.join(bad[0]['log_tail'][-1].split())[:160]})"
    return bad[0]["status"], reason.strip()


def _version(run: Mapping[str, Any], variant: str, trials: list[dict[str, Any]]) -> str:
    if trials:
        return str(trials[0]["version"])
    backend = run["backends"].get(variant.partition(":")[0], {})
    return str(backend.get("version", ""))


def _ratio(known: Stored, key: Key, metric: str) -> Ratio | None:
    baseline = (known.run["baseline"], *key[1:])
    return ratio_by_round(
        dict(known.rounds.get((key, metric), {})),
        dict(known.rounds.get((baseline, metric), {})),
    )
