"""How the baseline's rivals do by service time, and where the lines cross."""

from __future__ import annotations

from bench.report.chapters.service_time import how, rivals
from bench.report.findings import Kind
from bench.report.findings.material import Material
from bench.report.platforms import platform_of
from bench.report.setups import of_here_alone, setups
from bench.report.sweep import Line, Sweep, course_told, sweeps


def find(material: Material) -> str | None:
    """Of the sweep that has most lines, at the concurrency that has most: the baseline's rivals
    that were measured wherever it was, against it, and the first of them against fewer of it.
    Silent where nothing of them can be told."""
    base = str(material.facts["baseline"])
    known = [sweep for sweep in sweeps(material.cells) if _lines(sweep, base)]
    if not known:
        return None
    sweep = max(known, key=lambda sweep: len(sweep.lines))
    own = max(_lines(sweep, base), key=lambda line: len(sweep.at(line.concurrency)))
    here = of_here_alone(setups(material.facts))
    others = [
        line
        for line in rivals(sweep, base, material.facts, here)
        if line.concurrency == own.concurrency and own.cells.keys() <= line.cells.keys()
    ]
    if not others:
        return None
    told = _told(material, sweep, others, own)
    least = min(_lines(sweep, base), key=lambda line: line.concurrency)
    if least.concurrency < own.concurrency:
        told += _told(material, sweep, others[:1], least)
    if not told:
        return None
    where = platform_of(material.facts).brief
    head = f"{where}, by service time" if where else "By service time"
    return f"{head} ({sweep.caption(own.concurrency)}): {'; '.join(told)}."


def _lines(sweep: Sweep, name: str) -> list[Line]:
    return [line for line in sweep.lines if line.variant == name]


def _told(material: Material, sweep: Sweep, lines: list[Line], base: Line) -> list[str]:
    """Those of which anything can be said, against one other."""
    parts = []
    for line in lines:
        course = sweep.course(line, base)
        if any(at.side is not None for at in course):
            parts.append(f"{line.variant} ({how(line, material.facts)}) {course_told(course)}")
    if not parts:
        return []
    return [f"against {base.variant} ({how(base, material.facts)}): {'; '.join(parts)}"]


KIND = Kind(5, find)
