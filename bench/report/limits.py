"""What a variant is of the limit: of the least that a queue on this server can cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.measure.metrics import HIGHER_IS_BETTER
from bench.plan.cells import TWIN
from bench.report.cells import Cell
from bench.report.wording import base_name, figure
from scenarios.loads import LOADS

#: For the glossary.
RULE = (
    "of floor: what the value is of the best that a bare push and pop on the same server reaches: "
    "of throughputs the share, of times the multiple. It is taken from the same scenario, load, "
    "parameters and concurrency, and, where the run has such, from a floor with the same parser of "
    "replies. Where there is no such limit, or at an open load no valid one, it is borrowed and "
    "marked ~: throughputs from draining add, latencies, round trips and chains "
    "from the latency of add at the lowest open load, times the steps of a chain. Retries have none"
)

#: Metrics that may be measured against the same percentile of a borrowed latency.
_TRIPS = frozenset({"round_trip", "end_to_end", "latency"})


def alike(limits: Sequence[Cell], variant: str, run: Mapping[str, Any]) -> Sequence[Cell]:
    """The limits that a variant is to be seen against: those whose processes read Redis's replies
    with the same parser, where the run has any such; a faster parser alone makes a faster queue.

    Args:
        limits: the run's cells of the kind ``limit``.
        run: ``run.json``; runs of earlier versions say nothing of parsers.
    """

    def parser(name: str) -> str | None:
        found: str | None = run["variants"].get(name.removesuffix(TWIN), {}).get("parser")
        return found

    same = [limit for limit in limits if parser(limit.variant) == parser(variant)]
    return same or limits


def limit_text(cell: Cell, metric: str, limits: Sequence[Cell]) -> str:
    """``12%`` of a throughput, ``8.3x`` of a time; ``~`` in front where the limit is borrowed.

    Args:
        limits: the run's cells of the kind ``limit``.

    Returns:
        ``-`` where there is nothing to compare with; empty where the run has no limits.
    """
    if not limits:
        return ""
    if cell.state:  # what is left of it is not what was asked for
        return "-"
    value = cell.value(metric)
    here = [
        limit for limit in limits if limit.place == cell.place and limit.status != "unsupported"
    ]
    best, mark = _best(here, metric), ""
    if best is None and (not here or LOADS[cell.load].scheduled):
        best, mark = _borrowed(cell, metric, limits), "~"
    if not value or not best or value < 0:
        return "-"
    share = value / best
    told = f"{figure(100 * share)}%" if metric in HIGHER_IS_BETTER else f"{figure(share)}x"
    return mark + told


def _best(cells: Iterable[Cell], metric: str) -> float | None:
    """Of those that ended well."""
    values = [cell.value(metric) for cell in cells if not cell.state]
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if metric in HIGHER_IS_BETTER else min(known)


def _borrowed(cell: Cell, metric: str, limits: Sequence[Cell]) -> float | None:
    adds = [
        limit
        for limit in limits
        if (limit.scenario, limit.concurrency) == ("add", cell.concurrency)
        and limit.params.get("service_s", 0) == cell.params.get("service_s", 0)
    ]
    if base_name(metric) == "throughput":
        return _best(
            (limit for limit in adds if LOADS[limit.load].drains),
            metric,
        )
    percentile = metric.rpartition("_")[2]
    if base_name(metric) not in _TRIPS or not percentile.startswith("p"):
        return None
    # Variants of the limit differ in what they are offered: each counts at its own lowest load.
    lowest: dict[str, Cell] = {}
    for limit in sorted((limit for limit in adds if LOADS[limit.load].scheduled), key=_offered):
        lowest.setdefault(limit.variant, limit)
    latency = _best(lowest.values(), f"latency_ms_{percentile}")
    return latency * float(cell.params.get("length", 1)) if latency else None


def _offered(cell: Cell) -> float:
    value = cell.value("offered_tasks_per_s")
    return math.inf if value is None else value
