"""Throughput by service time: who is first where, where lines cross, what an option changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from bench.measure.tiers import standing
from bench.report.cells import Cell, any_has, by_place
from bench.report.findings.material import Material, backend_of
from bench.report.findings.tiers_told import tiers_told
from bench.report.pictures.sweeps import Drawn, Panel, picture
from bench.report.platforms import Platform, platform_of
from bench.report.sections import Block, Grid, Heading, Items, Paragraph, Picture, Section
from bench.report.setups import Setup, changes, of_here_alone, setup_of, setups
from bench.report.sweep import (
    SERVICE,
    At,
    Line,
    Sweep,
    course_told,
    joined_times,
    sweeps,
    time_text,
)
from bench.report.wording import apart_text, joined, label, label_with_unit, number

#: Beside the throughput, the first that the run has: how much of the time nothing was started.
STALLS = ("stalled_share", "longest_stall_ms")


def section(cells: Sequence[Cell], facts: Mapping[str, Any]) -> Section | None:
    """What a run says of service times; ``None`` where it swept none.

    Args:
        facts: ``run.json``.
    """
    found = sweeps(cells)
    if not found:
        return None
    platform, known = platform_of(facts), setups(facts)
    drawn = [panel for sweep in found for panel in _panels(sweep, known)]
    told = "Throughput by service time"
    blocks: list[Block] = [
        Paragraph(_lead(platform)),
        *([Picture("service-time.svg", told, picture(drawn))] if drawn else []),
    ]
    for sweep in found:
        blocks += _of_sweep(sweep, facts, known)
    material = Material(facts, cells, {}, {})
    blocks += _beside(material, found, platform)
    metrics = dict.fromkeys(metric for sweep in found for metric in _metrics(sweep))
    return Section(platform.title, blocks, tuple(metrics))


def _lead(platform: Platform) -> str:
    told = (
        "Tasks that sleep for a while, by how long: each line of the chart is one variant at one "
        "concurrency. A variant is called ahead or behind only where the interval of the ratio "
        "tells so; lines cross where straight lines between two such points, on logarithms, meet."
    )
    return f"{platform.told} {told}" if platform.is_windows else told


def _metrics(sweep: Sweep) -> list[str]:
    cells = [cell for own in sweep.cells.values() for cell in own]
    return [sweep.metric, *[metric for metric in STALLS if any_has(cells, metric)][:1]]


# --- the chart and the tables ------------------------------------------------------------------


def _panels(sweep: Sweep, known: Mapping[str, Setup]) -> Iterator[Panel]:
    for concurrency in sweep.concurrencies:
        lines, notes, single = [], [], []
        for line in sweep.at(concurrency):
            points = [
                (time, value)
                for time, cell in sorted(line.cells.items())
                if not cell.state and (value := cell.value(sweep.metric))
            ]
            missing = [time for time in sorted(line.cells) if time not in dict(points)]
            if missing:
                why = next(c.state or "no value" for t, c in line.cells.items() if t in missing)
                notes.append(f"{line.variant} at {joined_times(missing)}: {why}")
            if len(line.cells) == 1:
                single.append(line.variant)
            elif points:
                family = known[line.variant].base if line.variant in known else line.variant
                lines.append(Drawn(line.variant, family, tuple(points)))
        if single:
            notes.append(f"at one service time only, told in the table: {', '.join(single)}")
        if lines:
            title = sweep.caption(concurrency)
            yield Panel(title, concurrency, tuple(lines), tuple(notes))


def _grid(
    sweep: Sweep,
    concurrency: int,
    metric: str,
    facts: Mapping[str, Any],
    only: Callable[[Cell], bool] = bool,
) -> Grid:
    """A row per variant with a cell that is wanted, a column per service time."""
    lines = [line for line in sweep.at(concurrency) if any(map(only, line.cells.values()))]
    times = sorted({time for line in lines for time in line.cells})
    rows = [
        [
            line.variant,
            how(line, facts),
            *(line.cells[time].text(metric) if time in line.cells else "-" for time in times),
        ]
        for line in lines
    ]
    head = ("variant", "tasks at once", *map(time_text, times))
    title = f"{label_with_unit(metric)}: {sweep.caption(concurrency)}, by service time"
    return Grid(title, head, rows, right=range(2, len(head)))


def _some(metric: str) -> Callable[[Cell], bool]:
    """Whether a cell has any of it: tables of noughts are not read."""
    return lambda cell: bool(cell.value(metric))


def how(line: Line, facts: Mapping[str, Any]) -> str:
    """How so many tasks at once are reached: ``1 worker x 4 threads``."""
    told = str(facts["variants"].get(line.variant, {}).get("concurrency", ""))
    told = re.sub(r"\b1 (\w+ss)es\b", r"1 \1", told.replace("N", str(line.concurrency)))
    return re.sub(r"\b1 (\w*[^s])s\b", r"1 \1", told)


# --- the sentences -----------------------------------------------------------------------------


def _of_sweep(sweep: Sweep, facts: Mapping[str, Any], known: Mapping[str, Setup]) -> list[Block]:
    blocks: list[Block] = []
    for concurrency in sweep.concurrencies:
        blocks.append(_grid(sweep, concurrency, sweep.metric, facts))
    cells = [cell for own in sweep.cells.values() for cell in own]
    for metric in [metric for metric in STALLS if any_has(cells, metric)][:1]:
        found = [_grid(sweep, c, metric, facts, _some(metric)) for c in sweep.concurrencies]
        blocks += [grid for grid in found if grid.rows]
    here = of_here_alone(known)
    first = [told for c in sweep.concurrencies if (told := _first(sweep, c, here))]
    base = str(facts["baseline"])
    blocks += _listed(f"Who is first: {sweep.work}", first)
    blocks += _listed(f"Against {base}: {sweep.work}", [*_against(sweep, base, facts, here)])
    blocks += _listed(f"What an option changes: {sweep.work}", [*_options(sweep, known)])
    return blocks


def _listed(title: str, sentences: Sequence[str]) -> list[Block]:
    return [Heading(title, 3), Items(sentences)] if sentences else []


def _first(sweep: Sweep, concurrency: int, here: frozenset[str]) -> str:
    """By service time the first tier of those that run as they do on the platform in question."""
    firsts: list[tuple[str, str]] = []
    for time in sweep.times:
        values = {
            line.variant: value
            for line in sweep.at(concurrency)
            if line.variant not in here
            and time in line.cells
            and sweep.counts(line.cells[time])
            and (value := line.cells[time].value(sweep.metric))
        }
        order = sorted(values, key=lambda name: (-values[name], name))
        if len(order) < 2:
            continue
        tier = standing(order, sweep.contrasts(concurrency, time), "higher").tiers[0]
        several = f", {apart_text(tier.alike, tier.leader)}," if len(tier.names) > 1 else ""
        where = f"at {time_text(time)} ({number(values[tier.leader])} tasks/s)"
        firsts.append((f"{joined(tier.names)}{several}", where))
    parts = [
        f"{who} {', '.join(where for _, where in group)}"
        for who, group in groupby(firsts, key=lambda first: first[0])
    ]
    return f"{sweep.caption(concurrency)}: {'; '.join(parts)}" if parts else ""


def _against(
    sweep: Sweep, name: str, facts: Mapping[str, Any], here: frozenset[str]
) -> Iterator[str]:
    """Every line against the baseline's of its concurrency; rivals also against fewer of it."""
    own = [line for line in sweep.lines if line.variant == name]
    for base in own:
        for line in sweep.at(base.concurrency):
            if line.variant != name and len(line.cells) > 1:  # else its options tell it
                yield against(sweep, line, base, facts)
    if len(own) < 2:
        return
    least = min(own, key=lambda line: line.concurrency)
    for rival in rivals(sweep, name, facts, here):
        if rival.concurrency > least.concurrency:
            yield against(sweep, rival, least, facts)


def rivals(sweep: Sweep, name: str, facts: Mapping[str, Any], here: frozenset[str]) -> list[Line]:
    """The lines of the same library under the same options, but those that only the run's own
    platform has."""
    base = setup_of(name, facts)
    return [
        line
        for line in sweep.lines
        if line.variant != name
        and line.variant not in here
        and backend_of(line.variant) == backend_of(name)
        and setup_of(line.variant, facts).own == base.own
    ]


def against(sweep: Sweep, line: Line, base: Line, facts: Mapping[str, Any]) -> str:
    """``a (1 worker x 4 threads) against b (4 workers x 1 task), add, surge: behind at ...``."""
    course = sweep.course(line, base)
    sides = " against ".join(f"{one.variant} ({how(one, facts)})" for one in (line, base))
    if line.concurrency == base.concurrency:
        where = sweep.caption(line.concurrency)
    else:
        where = f"{sweep.work}, concurrency {line.concurrency} against {base.concurrency}"
    return f"{sides}, {where}: {course_told(course)}"


def _options(sweep: Sweep, known: Mapping[str, Setup]) -> Iterator[str]:
    """Pairs that differ in one option, at each concurrency."""
    for change in changes(known.values()):
        for concurrency in sweep.concurrencies:
            having = sweep.line((change.having, concurrency))
            without = sweep.line((change.without, concurrency))
            if having is None or without is None:
                continue
            if not (course := sweep.course(having, without)):
                continue
            where = sweep.caption(concurrency)
            yield f"+{change.option} added to {change.without}, {where}: {_changed(course)}"


def _changed(course: Sequence[At]) -> str:
    """``0.1x [0.09, 0.12] at 10 ms; no difference at 0 and 1 ms``."""
    told: dict[str, list[float]] = {}
    for at in course:
        said = at.ratio.text if at.ratio and at.ratio.has_interval else "cannot say"
        told.setdefault(said, []).append(at.service_s)
    return "; ".join(f"{said} at {joined_times(times)}" for said, times in told.items())


# --- what stands beside the sweep --------------------------------------------------------------


def _beside(material: Material, found: Sequence[Sweep], platform: Platform) -> list[Block]:
    """On Windows also what a task that computes, and a queue that is nearly empty, say."""
    if not platform.is_windows:
        return []
    groups = [material.group(place) for place in by_place(material.cells)]
    groups = [group for group in groups if group.rounds]
    computing = [group for group in groups if "loops" in group.cells[0].params]
    open_ = [
        group
        for group in groups
        if "rate_per_s" in group.cells[0].params and SERVICE in group.cells[0].params
    ]
    return [
        *_listed("Tasks that compute", [_tiers(group) for group in computing]),
        *_listed("A queue that is nearly always empty", [_tiers(group) for group in open_]),
    ]


def _tiers(group: Any) -> str:
    title = label(group.metric)
    return tiers_told(title[0].upper() + title[1:], group)
