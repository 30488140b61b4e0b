"""The versions of a library side by side, in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from bench.measure.contrasts import Contrasts
from bench.measure.statistics import MIN_ROUNDS
from bench.report.cells import Cell, any_has, by_place, contrasts_of
from bench.report.measures import NO_DIFFERENCE, Ratio
from bench.report.platforms import platform_of
from bench.report.sections import Block, Grid, Items, Paragraph, Section
from bench.report.versions import LONGEST, Way, stalls_told, ways
from bench.report.wording import joined, label, label_with_unit
from scenarios import all_scenarios
from scenarios.loads import LOADS

_LEAD = (
    "Rows are versions, oldest first, each installed with what it was released with as far as that "
    "still resolves; all ran in this run, in shuffled order. A difference is told where the "
    "interval of the ratio leaves out 1."
)


def section(cells: Sequence[Cell], facts: Mapping[str, Any]) -> Section | None:
    """What each version did; ``None`` where the run has one version of each library."""
    found = ways(cells, facts)
    if not found:
        return None
    groups = by_place(cells)
    platform = platform_of(facts)
    lead = f"{platform.told} {_LEAD}" if platform.is_windows else _LEAD
    sentences = [told for way in found for told in _sentences(way, groups)]
    blocks: list[Block] = [Paragraph(lead), *([Items(sentences)] if sentences else [])]
    blocks += [_grid(way) for way in found]
    shown = [metric for way in found for place in way.places for metric in _metrics(way, place)]
    return Section("Versions", blocks, tuple(dict.fromkeys(shown)))


def _headline(place: tuple[Any, ...]) -> str:
    return all_scenarios()[place[0]].headline[place[1]]


def _metrics(way: Way, place: tuple[Any, ...]) -> list[str]:
    """The headline; where workers are kept busy also the longest stall."""
    own = list(way.at(place).values())
    wanted = [_headline(place), *([LONGEST] if LOADS[place[1]].busy else [])]
    return [metric for metric in wanted if any_has(own, metric) or metric == wanted[0]]


def _grid(way: Way) -> Grid:
    columns = [(place, metric) for place in way.places for metric in _metrics(way, place)]
    captions = {place: next(iter(way.at(place).values())).caption for place in way.places}
    rows = [
        [
            version,
            *(own[place].text(metric) if place in own else "-" for place, metric in columns),
        ]
        for version, own in way.cells.items()
    ]
    head = (
        "version",
        *(f"{label_with_unit(metric)} ({captions[place]})" for place, metric in columns),
    )
    return Grid(way.name, head, rows, right=range(1, len(head)))


def _sentences(way: Way, groups: Mapping[tuple[Any, ...], Sequence[Cell]]) -> Iterator[str]:
    for place in way.places:
        cells = way.at(place)
        where = f"{way.name} ({next(iter(cells.values())).caption})"
        if told := stalls_told(way, place):
            yield f"{where}: {told}"
        if told := _differences(cells, contrasts_of(groups[place], _headline(place)), place):
            yield f"{where}: {told}"
    reasons = {
        (version, cell.status, cell.reason): None
        for version, own in way.cells.items()
        for cell in own.values()
        if cell.status != "ok"
    }
    for (version, status), group in groupby(reasons, key=lambda reason: reason[:2]):
        yield f"{way.name} at {version}: {status}: {next(group)[2]}"


def _differences(
    cells: Mapping[str, Cell], contrasts: Contrasts, place: tuple[Any, ...]
) -> str | None:
    """Each version's headline against the newest's; ``None`` where fewer than two can be told."""
    metric = _headline(place)
    able = {
        version: cell
        for version, cell in cells.items()
        if cell.is_sound and len(cell.rounds.get(metric, ())) >= MIN_ROUNDS
    }
    if len(able) < 2:
        return None
    *older, newest = able
    ratios = {
        version: Ratio.of(contrasts.ratio(able[version].variant, able[newest].variant))
        for version in older
    }
    known = {version: ratio for version, ratio in ratios.items() if ratio and ratio.has_interval}
    told = [f"{version} {ratio.figures}" for version, ratio in known.items() if ratio.differs]
    if same := [version for version, ratio in known.items() if not ratio.differs]:
        told.append(f"{joined(same)} {NO_DIFFERENCE}")
    return f"{label(metric)} against {newest}: {', '.join(told)}" if told else None
