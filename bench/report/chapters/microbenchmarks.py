"""Microbenchmarks: single calls, timed without a queue in between."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.report.sections import Grid, Section, section_of
from bench.report.wording import figure, number


def missing(problems: Mapping[str, str]) -> list[str]:
    """A sentence per variant of which some or all are missing.

    Args:
        problems: why, by variant.
    """
    return [f"{variant}: microbenchmarks are missing: {why}" for variant, why in problems.items()]


def section(table: pd.DataFrame) -> Section | None:
    """One row per group, one column per variant.

    Args:
        table: ``variant, group, median_us`` and more; ``None`` is told of a table without rows.
    """
    if table.empty:
        return None
    variants = list(dict.fromkeys(map(str, table["variant"])))
    rows = []
    for name in dict.fromkeys(map(str, table["group"])):
        own = table[table["group"] == name]
        medians = {str(row["variant"]): float(row["median_us"]) for row in own.to_dict("records")}
        best = min(medians.values())
        rows.append([name, *(_text(medians.get(variant), best) for variant in variants)])
    grid = Grid("", ("median, us", *variants), rows, right=range(1, 1 + len(variants)))
    return section_of(
        "Microbenchmarks",
        "Median us of one call, and how many times the best of its row that is. These are single "
        "calls in one process: they tell what a library's own code costs, not how fast a queue "
        "is.",
        [grid],
    )


def _text(median: float | None, best: float) -> str:
    if median is None:
        return "-"
    if median <= best or best <= 0:
        return number(median)
    return f"{number(median)} ({figure(median / best)}x)"
