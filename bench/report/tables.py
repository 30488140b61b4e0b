"""Trials and tables of a run -> the report's ranked tables."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.analysis.tables import CELL, Key, Tables, key_of, rounds_of
from bench.measure.metrics import HIGHER_IS_BETTER
from bench.measure.statistics import paired_ratio
from bench.report.cells import Cell, kind_of
from bench.report.limits import limit_text
from bench.report.noise import Noise
from bench.report.parts import NOT_RUN, How, Measure, Ratio, Row, Table
from scenarios import all_scenarios


@dataclass(frozen=True)
class Stored:
    """What is known of a run, by cell."""

    run: Mapping[str, Any]
    trials: Mapping[Key, list[dict[str, Any]]]
    measures: Mapping[Key, Mapping[str, Measure]]
    rounds: Mapping[tuple[Key, str], Mapping[int, float]]
    verdicts: Mapping[Key, list[tuple[str, int]]]


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


def ratio_by_round(values: dict[int, float], baseline: dict[int, float]) -> Ratio | None:
    """``values`` / ``baseline`` paired by round; ``None`` where that has no meaning."""
    found = paired_ratio(values, baseline)
    return Ratio(found.value, found.low, found.high, found.rounds) if found else None


def better(metric: str) -> str:
    """``higher`` or ``lower``."""
    return "higher" if metric in HIGHER_IS_BETTER else "lower"


def speaking(tables: Sequence[Table]) -> list[Table]:
    """Per scenario and load the last table of the highest concurrency, then of the lowest."""
    highest: dict[tuple[str, str], Table] = {}
    lowest: dict[tuple[str, str], Table] = {}
    for table in tables:
        key = (table.scenario, table.load)
        if table.concurrency >= highest.setdefault(key, table).concurrency:
            highest[key] = table
        if table.concurrency <= lowest.setdefault(key, table).concurrency:
            lowest[key] = table
    others = [table for key, table in lowest.items() if table is not highest[key]]
    return [*highest.values(), *others]


def cells_of(known: Stored) -> tuple[Cell, ...]:
    """Every cell with what is known of it, in the profile's order."""
    return tuple(_cell(known, cell) for cell in known.run["cells"])


def _cell(known: Stored, cell: Mapping[str, Any]) -> Cell:
    key = key_of(cell)
    return Cell(
        variant=cell["variant"],
        scenario=cell["scenario"],
        load=cell["load"],
        params=cell["params"],
        concurrency=cell["concurrency"],
        measures=known.measures.get(key, {}),
        status=_status(known.trials.get(key, []), cell["rounds"])[0],
        failed=any(count for _, count in known.verdicts.get(key, [])),
        kind=kind_of(cell["variant"], known.run),
    )


def build_tables(
    known: Stored, how: Mapping[str, How], cells: Sequence[Cell], noise: Noise
) -> tuple[Table, ...]:
    """One table per scenario, load, parameters and concurrency, in the profile's order.

    Args:
        cells: what :func:`cells_of` gives.
    """
    limits = [cell for cell in cells if cell.kind == "limit"]
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for plan, cell in zip(known.run["cells"], cells, strict=True):
        _, scenario, load, concurrency, params = key_of(plan)
        row = _row(known, how[cell.variant], plan, cell, limits)
        groups[scenario, load, params, concurrency].append(row)
    order = list(dict.fromkeys(key[:3] for key in groups))
    ordered = sorted(groups, key=lambda key: (order.index(key[:3]), key[3]))
    scenario_order = list(dict.fromkeys(key[0] for key in order))
    ordered.sort(key=lambda key: scenario_order.index(key[0]))
    return tuple(_table(key, groups[key], noise) for key in ordered)


def _table(key: tuple[Any, ...], rows: list[Row], noise: Noise) -> Table:
    name, load, params, concurrency = key
    scenario = all_scenarios()[name]
    headline = scenario.headline[load]
    factor = noise.factor(name, load, headline, max(row.planned for row in rows))
    heard = [
        replace(row, ratio=row.ratio and replace(row.ratio, noise=factor)) if factor else row
        for row in rows
    ]
    return Table(
        scenario=name,
        load=load,
        params=json.loads(params),
        concurrency=concurrency,
        headline=headline,
        better=better(headline),
        columns=tuple(scenario.columns[load]),
        rows=_ranked(heard, better(headline)),
        noise=factor,
    )


def _ranked(rows: list[Row], direction: str) -> tuple[Row, ...]:
    """Best first; then, in the order of the plan, what cannot be ranked, the baseline's twin and
    the limits. What broke a rule has no rank, however fast: a retry that comes too early is not
    better than one on time."""

    def badness(row: Row) -> tuple[float, str]:
        assert row.headline is not None
        value = row.headline.value
        return (-value if direction == "higher" else value, row.variant)

    able = [
        row
        for row in rows
        if row.kind == "variant" and row.status == "ok" and row.headline and not row.failed
    ]
    others = [row for row in rows if row not in able]
    others.sort(key=lambda row: ("variant", "twin", "limit").index(row.kind))
    ranked = [replace(row, rank=n) for n, row in enumerate(sorted(able, key=badness), 1)]
    return (*ranked, *others)


def _row(
    known: Stored, how: How, plan: Mapping[str, Any], cell: Cell, limits: Sequence[Cell]
) -> Row:
    key = key_of(plan)
    trials = known.trials.get(key, [])
    status, reason = _status(trials, plan["rounds"])
    scenario = all_scenarios()[cell.scenario]
    headline = scenario.headline[cell.load]
    if status == "ok" and headline not in cell.measures:
        reason = "too few tasks ended to tell"
    checks = known.verdicts.get(key, [])
    is_baseline = cell.variant == known.run["baseline"]
    return Row(
        variant=cell.variant,
        version=_version(known.run, cell.variant, trials),
        rank=None,
        headline=cell.measures.get(headline),
        ratio=None if is_baseline else _ratio(known, key, headline),
        is_baseline=is_baseline,
        columns=tuple(cell.measures.get(column) for column in scenario.columns[cell.load]),
        status=status,
        reason=reason,
        failed={check: count for check, count in checks if count},
        checked=bool(checks),
        rounds=sum(trial["status"] == "ok" for trial in trials),
        planned=plan["rounds"],
        how=how,
        kind=cell.kind,
        limit=limit_text(cell, headline, limits),
    )


def _status(trials: list[dict[str, Any]], planned: int) -> tuple[str, str]:
    """Status and reason of a cell: those of its first trial that did not end well, one that is
    merely invalid last; then how many others ended otherwise."""
    bad = [trial for trial in trials if trial["status"] != "ok"]
    if not trials:
        return NOT_RUN, "the run ended before its turn"
    if not bad:
        return "ok", ""
    first = min(bad, key=lambda trial: trial["status"] == "invalid")
    status = first["status"]
    reason = " ".join(first["reason"].split())
    counts = Counter(trial["status"] for trial in bad)
    if planned > 1:
        others = [f", {count} {name}" for name, count in counts.items() if name != status]
        reason += f" ({counts[status]} of {planned} rounds{''.join(others)})"
    # An invalid trial is the harness's doing: the worker's log has nothing to say of it.
    if first.get("log_tail") and status != "invalid":
        reason += f" (last line of the log: {' '.join(first['log_tail'][-1].split())[:160]})"
    return status, reason.strip()


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
