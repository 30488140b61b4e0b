"""Two variants by service time, as part of the sentence that a comparison ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.cells import Cell
from bench.report.chapters.service_time import how
from bench.report.platforms import platform_of
from bench.report.setups import emulates_windows, setup_of
from bench.report.sweep import At, Line, Sweep, course_told, sweeps


def by_service_time(a: str, b: str, cells: Sequence[Cell], facts: Mapping[str, Any]) -> str:
    """B against A in the sweep and at the concurrency that both have most cells of; where the run
    has A with fewer tasks at once, also against the fewest.

    Returns:
        Empty where no sweep has both, or nothing can be said at any service time.
    """
    found = [
        (len(course), line.concurrency, sweep, line, base)
        for sweep in sweeps(cells)
        for line in sweep.lines
        if line.variant == b and (base := sweep.line((a, line.concurrency)))
        if (course := _told(sweep, line, base))
    ]
    if not found:
        return ""
    *_, sweep, line, base = max(found, key=lambda entry: entry[:2])
    where = _where(a, b, facts)
    on = f"on {where}, " if where else ""
    told = f"{on}by service time ({sweep.caption(line.concurrency)})"
    sentence = (
        f"Against {a} ({how(base, facts)}) {b} ({how(line, facts)}) is, {told}, "
        f"{course_told(sweep.course(line, base))}"
    )
    own = [one for one in sweep.lines if one.variant == a]
    least = min(own, key=lambda one: one.concurrency)
    if least.concurrency < line.concurrency and (course := _told(sweep, line, least)):
        sentence += f"; against {a} ({how(least, facts)}) {course_told(course)}"
    return sentence


def _where(a: str, b: str, facts: Mapping[str, Any]) -> str:
    """On what the two ran, if it is not simply this system."""
    if emulates_windows(facts) and not any(setup_of(name, facts).emulating for name in (a, b)):
        return ""
    return platform_of(facts).brief


def _told(sweep: Sweep, line: Line, base: Line) -> tuple[At, ...]:
    """Their course, if anything can be said of it."""
    course = sweep.course(line, base)
    return course if any(at.side is not None for at in course) else ()
