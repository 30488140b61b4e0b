"""Two variants by service time, as part of the sentence that a comparison ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.cells import Cell
from bench.report.platforms import platform_of
from bench.report.sweep import course_told, sweeps


def by_service_time(a: str, b: str, cells: Sequence[Cell], facts: Mapping[str, Any]) -> str:
    """B against A in the sweep and at the concurrency that both have most cells of.

    Returns:
        Empty where no sweep has both, or nothing can be said at any service time.
    """
    found = [
        (len(course), concurrency, sweep, course)
        for sweep in sweeps(cells)
        for concurrency in sweep.concurrencies
        if (one := sweep.line((a, concurrency))) and (other := sweep.line((b, concurrency)))
        for course in [sweep.course(other, one)]
        if any(at.side is not None for at in course)
    ]
    if not found:
        return ""
    _, concurrency, sweep, course = max(found, key=lambda entry: entry[:2])
    where = platform_of(facts).brief
    on = f"on {where}, " if where else ""
    told = f"{on}{sweep.caption(concurrency)}, by service time"
    return f"Against {a} ({told}) {b} is {course_told(course)}"
