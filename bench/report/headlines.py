"""The few sentences worth quoting. A difference is claimed only where the interval allows it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.parts import Row, Table
from bench.report.tables import speaking
from bench.report.wording import (
    base_name,
    interval,
    label,
    number,
    params_text,
    plural,
    unit_text,
    with_unit,
)

MOST = 5

_VERBS = {
    "drain": "drains {}",
    "burst": "works off the burst of {}",
    "closed": "runs {}",
    "open": "runs {}",
    "saturation": "sustains {}",
}
#: Metrics of which a sentence can say faster or slower; others stay in the tables.
_SPEEDS = frozenset({"throughput", "end_to_end", "round_trip", "latency", "saturation"})


def headlines(tables: Sequence[Table], baseline: str) -> tuple[str, ...]:
    """At most five sentences about the tables; none where the baseline has no numbers.

    Of each scenario and load the table with the highest concurrency speaks: how the best variant
    compares to the baseline; then, while there is room, that with the lowest. The first of them
    also tells of the baseline's own library. A table in which the baseline has no interval says
    nothing, and is no reason for another to be silent.
    """
    told: list[str] = []
    for table in speaking([t for t in tables if _can_speak(t) and _base(t)]):
        base = _base(table)
        rivals = [row for row in table.ranked if not row.is_baseline and not row.failed]
        if base is None or not rivals:
            continue
        best = _best(table, rivals)
        told.append(_compare(table, best, base) if best else _none_better(table, base))
        if len(told) == 1:
            library = baseline.partition(":")[0]
            kin = [row for row in rivals if row.variant.partition(":")[0] == library]
            best_kin = _best(table, kin)
            if best_kin and best_kin is not best:
                told.append(_compare(table, best_kin, base))
            elif kin and best and not best_kin:
                told.append(_none_better(table, base, f"way to run {library}"))
    return tuple(told[:MOST])


def _base(table: Table) -> Row | None:
    """The baseline's row, if it passed and has an interval: without one nothing is claimed."""
    base = next((row for row in table.ranked if row.is_baseline), None)
    if base is None or base.failed or base.headline is None or base.headline.low is None:
        return None
    return base


def _can_speak(table: Table) -> bool:
    """A load that is a share of what each variant drains gives each another rate: latencies under
    it are not compared. A longer queue is drained no differently than a drain's."""
    fair = table.load != "backlog" and "offered" not in table.params
    return fair and base_name(table.headline) in _SPEEDS


def _best(table: Table, rows: Sequence[Row]) -> Row | None:
    """The first in rank that is better than the baseline, as far as can be told."""
    for row in rows:
        if row.ratio is None or not row.ratio.differs:
            continue
        if (row.ratio.value > 1) == (table.better == "higher"):
            return row
    return None


def _compare(table: Table, row: Row, base: Row) -> str:
    assert row.ratio is not None
    assert row.headline is not None
    assert base.headline is not None
    ratio, where = row.ratio.figures, f"At concurrency {table.concurrency}, "
    mine = with_unit(row.headline.value, table.headline)
    theirs = number(base.headline.value)
    doubt = _doubt(row)
    if table.better == "higher":
        work = _VERBS[table.load].format(_work(table))
        return (
            f"{where}{row.variant} {work} {ratio} as fast as {base.variant} "
            f"({mine} against {theirs}{doubt})."
        )
    return (
        f"{where}{_work(table)} takes {row.variant} {ratio} as long as {base.variant} "
        f"({label(table.headline)} {mine} against {theirs}{doubt})."
    )


def _none_better(table: Table, base: Row, kind: str = "variant") -> str:
    assert base.headline is not None
    value = number(base.headline.value) + interval(base.headline.low, base.headline.high)
    found = f"{value} {unit_text(table.headline)}".strip() + _doubt(base)
    told = found if table.better == "higher" else f"{label(table.headline)} {found}"
    work = _VERBS[table.load].format(_work(table))
    return (
        f"At concurrency {table.concurrency}, no other {kind} {work} demonstrably faster than "
        f"{base.variant} ({told})."
    )


def _work(table: Table) -> str:
    """The scenario, with its parameter where it has just one, or the rate it is offered at."""
    if "rate_per_s" in table.params:
        return f"{table.scenario} at {params_text({'rate_per_s': table.params['rate_per_s']})}"
    if table.load == "saturation":
        bound = params_text({"p99_bound_ms": table.params.get("p99_bound_ms")})
        return f"{table.scenario} with its {bound}" if bound else table.scenario
    params = params_text(table.params)
    return f"{table.scenario} ({params})" if params and "," not in params else table.scenario


def _doubt(row: Row) -> str:
    """What is said after the values where the rounds are too few for an interval."""
    assert row.headline is not None
    if row.headline.low is not None:
        return ""
    return f"; {plural(row.headline.rounds, 'round')}, no interval"
