"""What a reader must know before believing the tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.measure.statistics import MIN_ROUNDS, SHORT_COVERAGE
from bench.measure.warnings import stalls
from bench.report.parts import NOT_RUN, Table
from bench.report.tables import key_of
from bench.report.wording import plural

#: A median of fewer samples than this is told apart.
FEW_SAMPLES = 10


def cautions(
    run: Mapping[str, Any],
    trials: Mapping[str, int],
    tables: Sequence[Table],
    rounds: pd.DataFrame,
) -> tuple[str, ...]:
    """One sentence each, the gravest first."""
    told = [
        *_interrupted(run, trials),
        *_no_baseline(run, tables),
        *_few_rounds(tables),
        *_short_intervals(tables),
        *_few_samples(tables, rounds),
        *stalls(rounds),
        *_crowded(run, tables),
        *_changed_code(run),
    ]
    told += [f"{name}: {v['caveat']}" for name, v in run["variants"].items() if v.get("caveat")]
    return tuple(told)


def _interrupted(run: Mapping[str, Any], trials: Mapping[str, int]) -> list[str]:
    if run["status"] == "complete":
        return []
    planned, missing = sum(trials.values()), trials.get(NOT_RUN, 0)
    state = "was interrupted" if run["status"] == "interrupted" else "has not ended properly"
    return [f"the run {state}: {missing} of {plural(planned, 'trial')} did not run"]


def _no_baseline(run: Mapping[str, Any], tables: Sequence[Table]) -> list[str]:
    name = run["baseline"]
    if name not in run["variants"]:
        return [f"the baseline {name} is not in this run: there are no ratios and no headlines"]
    without = [
        table.caption
        for table in tables
        if not any(row.is_baseline and row.headline for row in table.rows)
    ]
    if not without:
        return []
    return [f"the baseline {name} has no value, so there is no ratio, in {'; '.join(without)}"]


def _few_rounds(tables: Sequence[Table]) -> list[str]:
    loads = {(table.scenario, table.load) for table in tables if table.ranked}
    short = {
        f"{table.scenario} {table.load}": None
        for table in tables
        for row in table.rows
        if row.headline and row.headline.rounds < MIN_ROUNDS
    }
    if not short:
        return []
    where = "in this run" if len(short) == len(loads) else f"for {', '.join(short)}"
    return [f"fewer than {MIN_ROUNDS} rounds {where}: no intervals, and a ratio may be chance"]


def _short_intervals(tables: Sequence[Table]) -> list[str]:
    """A nominal 95 % is not what few rounds give."""
    short = {
        row.headline.rounds
        for table in tables
        for row in table.rows
        if row.headline and row.headline.rounds in SHORT_COVERAGE
    }
    return [
        f"an interval of {rounds} rounds holds the true median in about "
        f"{SHORT_COVERAGE[rounds]:.0%} of cases, not 95%: of equal variants about 1 in "
        f"{1 / (1 - SHORT_COVERAGE[rounds]):.0f} looks different by chance"
        for rounds in sorted(short)
    ]


def _few_samples(tables: Sequence[Table], rounds: pd.DataFrame) -> list[str]:
    """Medians are ranked although a slow queue gave only a handful of samples."""
    scarce: dict[str, list[str]] = defaultdict(list)
    fewest = rounds[["variant", "scenario", "load", "concurrency", "params", "metric", "samples"]]
    samples = {
        (*key_of(row), str(row["metric"])): int(row["samples"])
        for row in fewest.sort_values("samples", ascending=False).to_dict("records")
    }
    for table in tables:
        for row in table.ranked:
            params = json.dumps(table.params, sort_keys=True)
            where = (row.variant, table.scenario, table.load, table.concurrency, params)
            count = samples.get((*where, table.headline), FEW_SAMPLES)
            if count < FEW_SAMPLES:
                scarce[row.variant].append(f"{table.caption} ({count})")
    return [
        f"{variant}: fewer than {FEW_SAMPLES} samples a round in {'; '.join(places)}"
        for variant, places in scarce.items()
    ]


def _crowded(run: Mapping[str, Any], tables: Sequence[Table]) -> list[str]:
    cores = run.get("host", {}).get("cores")
    most = max((table.concurrency for table in tables), default=0)
    if not cores or most <= cores:
        return []
    return [
        f"concurrency {most} on {plural(cores, 'core')}, shared with the caller and the server: "
        "processes compete here that would not on a larger machine"
    ]


def _changed_code(run: Mapping[str, Any]) -> list[str]:
    if not run.get("code", {}).get("dirty"):
        return []
    return ["the code had changes that are in no commit: the run cannot be repeated exactly"]
