"""What a reader must know before believing the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.tables import key_of
from bench.measure.statistics import MIN_ROUNDS
from bench.measure.warnings import stalls
from bench.plan.cells import TWIN
from bench.report.cells import NOT_RUN
from bench.report.chapters.disturbed import Trial, disturbed_trials
from bench.report.chapters.outliers import outliers
from bench.report.parts import Table
from bench.report.wording import caption, listed, number, plural
from scenarios.loads import LOADS

#: A percentile of fewer samples than this is told apart.
FEW_SAMPLES = 10


def cautions(
    run: Mapping[str, Any],
    recorded: Sequence[Trial],
    trials: Mapping[str, int],
    tables: Sequence[Table],
    rounds: pd.DataFrame,
) -> tuple[str, ...]:
    """One sentence each, the gravest first.

    Args:
        recorded: every trial, repetitions included.
        trials: how many of the plan's have which status.
    """
    told = [
        *_interrupted(run, trials),
        *_resumed(run),
        *_no_baseline(run, tables),
        *_few_rounds(tables),
        *_imprecise(run),
        *_few_samples(tables, rounds),
        *disturbed_trials(recorded),
        *outliers(tables),
        *stalls(rounds),
        *_imitated(run),
        *_crowded(run, tables),
        *_changed_code(run),
    ]
    told += [
        f"{name}: {variant['caveat']}"
        for name, variant in run["variants"].items()
        if variant.get("caveat") and not name.endswith(TWIN)
    ]
    return tuple(told)


def _interrupted(run: Mapping[str, Any], trials: Mapping[str, int]) -> list[str]:
    if run["status"] == "complete":
        return []
    planned, missing = sum(trials.values()), trials.get(NOT_RUN, 0)
    state = "was interrupted" if run["status"] == "interrupted" else "has not ended properly"
    if not missing:
        return [f"the run {state}, after its trials: what it was to do besides may be missing"]
    return [f"the run {state}: {missing} of {plural(planned, 'trial')} did not run"]


def _no_baseline(run: Mapping[str, Any], tables: Sequence[Table]) -> list[str]:
    name = run["baseline"]
    if not name:  # microbenchmarks alone
        return []
    if name not in run["variants"]:
        return [f"the baseline {name} is not in this run: there are no ratios"]
    without = [
        table.caption
        for table in tables
        if not any(row.is_baseline and row.headline for row in table.rows)
    ]
    if not without:
        return []
    return [f"the baseline {name} has no value, so there is no ratio, in {listed(without)}"]


def _resumed(run: Mapping[str, Any]) -> list[str]:
    """The rounds of a resumed run were not all measured at one time; what differed is told."""
    times = len(run.get("resumed", []))
    told = [f"the run was cut short and resumed {plural(times, 'time')}"] if times else []
    return told + list(run.get("warnings", []))


def _few_rounds(tables: Sequence[Table]) -> list[str]:
    known = [table for table in tables if any(row.headline for row in table.rows)]
    short = [table.caption for table in known if _rounds(table) < MIN_ROUNDS]
    if not short:
        return []
    where = "in this run" if len(short) == len(known) else f"in {listed(short)}"
    return [f"fewer than {MIN_ROUNDS} rounds {where}: no intervals, and a ratio may be chance"]


def _rounds(table: Table) -> int:
    """Those of the row that has most: what is missing in others is told there."""
    return max(row.headline.rounds for row in table.rows if row.headline)


def _imprecise(run: Mapping[str, Any]) -> list[str]:
    """What was to be known more exactly than it is."""
    wanted = run.get("precision")
    if not wanted or wanted.get("reached"):
        return []
    missed: dict[str, list[str]] = defaultdict(list)
    for cell in wanted.get("missed", []):
        where = caption(cell["scenario"], cell["load"], cell["params"], cell["concurrency"])
        width = cell.get("half_width")
        missed[cell["variant"]].append(f"{where} ({f'{width:.1%}' if width else 'no interval'})")
    told = (
        f"the budget of {number(wanted['budget_s'])} s ended before the interval was within "
        f"{wanted['within']:.1%} of the value"
    )
    if not missed:
        return [f"{told} everywhere"]
    return [f"{variant}: {told} in {listed(places)}" for variant, places in missed.items()]


def _few_samples(tables: Sequence[Table], rounds: pd.DataFrame) -> list[str]:
    """Percentiles are ranked although a slow queue gave only a handful of samples."""
    scarce: dict[str, list[str]] = defaultdict(list)
    fewest = rounds[["variant", "scenario", "load", "concurrency", "params", "metric", "samples"]]
    samples = {
        (*key_of(row), str(row["metric"])): int(row["samples"])
        for row in fewest.sort_values("samples", ascending=False).to_dict("records")
    }
    for table in tables:
        if LOADS[table.load].single_figure:
            continue
        for row in table.ordered:
            count = samples.get((*row.cell.key, table.headline), FEW_SAMPLES)
            if count < FEW_SAMPLES:
                scarce[row.variant].append(f"{table.caption} ({count})")
    return [
        f"{variant}: fewer than {FEW_SAMPLES} samples a round in {listed(places)}"
        for variant, places in scarce.items()
    ]


def _imitated(run: Mapping[str, Any]) -> list[str]:
    guest = run.get("guest")
    if not guest:
        return []
    return [
        f"workers and producers ran on {guest}: the code paths are those of Windows, the kernel is "
        "Linux's, so compare variants of this run and take no figure for one of Windows; their CPU "
        "time, memory and context switches are left out, for much of their work is done by a "
        "server that all of them share, and none was sent a signal to stop, for Wine has none"
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
    code = run.get("code", {})
    if "dirty" in code and code["dirty"] is None:
        return [
            "whether the code had changes that are in no commit is not known: git did not run here"
        ]
    if not code.get("dirty"):
        return []
    return ["the code had changes that are in no commit: the run cannot be repeated exactly"]
