"""Trials and tables of a run -> its cells -> the report's ranked tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.analysis.tables import CELL, Key, Tables, key_of, rounds_of
from bench.measure.contrasts import Contrasts
from bench.measure.metrics import HIGHER_IS_BETTER
from bench.measure.tiers import standing
from bench.report.cells import NOT_RUN, Cell, by_place, contrasts_of, kind_of
from bench.report.limits import alike, limit_text
from bench.report.measures import Measure, Ratio
from bench.report.parts import Row, Table
from scenarios import all_scenarios


@dataclass(frozen=True)
class Stored:
    """What is known of a run, by cell."""

    run: Mapping[str, Any]
    trials: Mapping[Key, list[dict[str, Any]]]
    measures: Mapping[Key, Mapping[str, Measure]]
    rounds: Mapping[Key, Mapping[str, Mapping[int, float]]]
    verdicts: Mapping[Key, list[tuple[str, int]]]


def stored(run: Mapping[str, Any], trials: list[dict[str, Any]], tables: Tables) -> Stored:
    """Group a run's facts by cell."""
    by_cell: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for trial in trials:
        by_cell[key_of(trial)].append(trial)
    verdicts: dict[Key, list[tuple[str, int]]] = defaultdict(list)
    for row in tables.verdicts[[*CELL, "check", "violations"]].to_dict("records"):
        verdicts[key_of(row)].append((str(row["check"]), int(row["violations"])))
    rounds: dict[Key, dict[str, Mapping[int, float]]] = defaultdict(dict)
    for (key, metric), values in rounds_of(tables.rounds).items():
        rounds[key][metric] = values
    return Stored(run, by_cell, measures_of(tables.summary), rounds, verdicts)


def measures_of(summary: pd.DataFrame) -> dict[Key, dict[str, Measure]]:
    """``summary.csv`` by cell and metric."""
    found: dict[Key, dict[str, Measure]] = defaultdict(dict)
    for row in summary.to_dict("records"):
        low, high = (None if pd.isna(row[k]) else float(row[k]) for k in ("ci_low", "ci_high"))
        metric = str(row["metric"])
        measure = Measure(metric, float(row["value"]), low, high, int(row["rounds"]))
        found[key_of(row)][metric] = measure
    return dict(found)


def better(metric: str) -> str:
    """``higher`` or ``lower``."""
    return "higher" if metric in HIGHER_IS_BETTER else "lower"


# --- cells -------------------------------------------------------------------------------------


def cells_of(known: Stored) -> tuple[Cell, ...]:
    """Every cell with what is known of it, in the profile's order."""
    return tuple(_cell(known, cell) for cell in known.run["cells"])


def _cell(known: Stored, cell: Mapping[str, Any]) -> Cell:
    key = key_of(cell)
    trials = known.trials.get(key, [])
    checks = known.verdicts.get(key, [])
    status, reason = _status(trials, cell["rounds"])
    rates = [trial["offered_per_s"] for trial in trials if trial.get("offered_per_s")]
    return Cell(
        key=key,
        params=cell["params"],
        kind=kind_of(cell["variant"], known.run),
        measures=known.measures.get(key, {}),
        rounds=known.rounds.get(key, {}),
        status=status,
        reason=reason,
        failed={check: count for check, count in checks if count},
        checked=bool(checks),
        ended=sum(trial["status"] == "ok" for trial in trials),
        planned=cell["rounds"],
        version=_version(known.run, cell["variant"], trials),
        asked_per_s=sorted(rates)[len(rates) // 2] if rates else cell["params"].get("rate_per_s"),
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
    if first.get("explained"):
        return status, f"{reason} - {first['explained']}".strip()
    # An invalid trial is the harness's doing: the worker's log has nothing to say of it.
    if first.get("log_tail") and status != "invalid":
        reason += f" (last line of the log: {' '.join(first['log_tail'][-1].split())[:160]})"
    return status, reason.strip()


def _version(run: Mapping[str, Any], variant: str, trials: list[dict[str, Any]]) -> str:
    if trials:
        return str(trials[0]["version"])
    backend = run["backends"].get(variant.partition(":")[0], {})
    return str(backend.get("version", ""))


# --- tables ------------------------------------------------------------------------------------


def build_tables(cells: Sequence[Cell], run: Mapping[str, Any]) -> tuple[Table, ...]:
    """One table per scenario, load, parameters and concurrency, in the profile's order.

    Args:
        cells: what :func:`cells_of` gives.
        run: ``run.json``.
    """
    limits = [cell for cell in cells if cell.kind == "limit"]
    groups = by_place(cells)
    order = list(dict.fromkeys(_without_concurrency(place) for place in groups))
    scenarios = list(dict.fromkeys(place[0] for place in order))
    ordered = sorted(
        groups,
        key=lambda place: (
            scenarios.index(place[0]),
            order.index(_without_concurrency(place)),
            place[2],
        ),
    )
    return tuple(_table(groups[place], run, limits) for place in ordered)


def _without_concurrency(place: tuple[Any, ...]) -> tuple[Any, ...]:
    scenario, load, _, params = place
    return scenario, load, params


def _table(cells: Sequence[Cell], run: Mapping[str, Any], limits: Sequence[Cell]) -> Table:
    first, baseline = cells[0], run["baseline"]
    scenario = all_scenarios()[first.scenario]
    headline = scenario.headline[first.load]
    contrasts = contrasts_of(cells, headline)
    has_base = any(cell.variant == baseline and headline in cell.measures for cell in cells)
    rows = [
        Row(
            cell=cell,
            metric=headline,
            ratio=_ratio(contrasts, cell, baseline),
            is_baseline=cell.variant == baseline,
            has_base=has_base,
            limit=limit_text(cell, headline, alike(limits, cell.variant, run)),
        )
        for cell in cells
    ]
    return Table(
        scenario=first.scenario,
        load=first.load,
        params=first.params,
        concurrency=first.concurrency,
        headline=headline,
        better=better(headline),
        columns=tuple(scenario.columns[first.load]),
        rows=_ranked(rows, better(headline), contrasts),
        contrasts=contrasts,
    )


def _ratio(contrasts: Contrasts, cell: Cell, baseline: str) -> Ratio | None:
    if cell.variant == baseline or cell.overloaded:
        return None
    return Ratio.of(contrasts.ratio(cell.variant, baseline))


def _ranked(rows: list[Row], direction: str, contrasts: Contrasts) -> tuple[Row, ...]:
    """By tier, and within one by value; then, in the order of the plan, what cannot be ranked, the
    baseline's twin and the limits. Those of a tier share its rank, which counts who is above."""

    def badness(row: Row) -> tuple[float, str]:
        assert row.headline is not None
        value = row.headline.value
        return (-value if direction == "higher" else value, row.variant)

    able = {row.variant: row for row in sorted((r for r in rows if r.comparable), key=badness)}
    found = standing(list(able), contrasts, direction)
    told: list[Row] = []
    # Who is first of those that nothing can be told of is told nothing of either.
    if len(able) - len(found.untold) > 1 or _has_interval(able):
        for tier in found.tiers:
            own = [row for name, row in able.items() if name in tier.names]
            rank, shared = len(told) + 1, len(own) > 1
            told += [replace(row, rank=rank, shared=shared) for row in own]
    ranked = {row.variant for row in told}
    others = [row for row in rows if not row.comparable]
    others.sort(key=lambda row: ("variant", "twin", "limit").index(row.kind))
    return (*told, *(row for name, row in able.items() if name not in ranked), *others)


def _has_interval(able: Mapping[str, Row]) -> bool:
    """Whether a variant is the only one, and known well enough to be called so."""
    return len(able) == 1 and all(row.headline and row.headline.low for row in able.values())


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
