"""Latency against offered load: a table per concurrency, and lines."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.cells import Cell, by_variant
from bench.report.pictures.curves import Gap, Line, Panel, Point, picture
from bench.report.sections import Grid, Picture, Section, section_of
from bench.report.wording import caption, ending, number
from scenarios import all_scenarios
from scenarios.loads import LOADS

#: The first of these that every cell has is told of all: a p99 beside a p95 would compare two
#: things.
_TAILS = ("latency_ms_p99", "latency_ms_p95", "latency_ms_p50")

#: The place of its columns: behind shares and rates.
_SATURATION = 2

METRICS = ("latency_ms_p50", "offered_tasks_per_s", "saturation_tasks_per_s")


def section(cells: Sequence[Cell]) -> Section | None:
    """All open loads and the saturation beside them; ``None`` where the run has no open load."""
    groups = _groups(cells)
    if not groups:
        return None
    panels = [panel for title, group in groups.items() if (panel := _panel(title, group))]
    return section_of(
        "Latency against offered load",
        "Each cell: latency p50 / p99 in ms @ tasks per second really offered; p95 where not all "
        "have the samples for a p99, as the line below a table says. A share is of what "
        "the variant itself drains, so the rows of such a column are offered different rates; the "
        "rows of a column per s are offered the same. Saturation is the highest rate at which the "
        "p99 stayed under the bound.",
        [_grid(title, group) for title, group in groups.items()],
        METRICS,
        Picture("latency.svg", "Latency against offered load", picture(panels)) if panels else None,
    )


def _groups(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """By caption without the rate: open and saturation cells that differ in nothing else."""
    groups: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.concurrency):
        if _by_rate(cell) and _is_of_latency(cell):
            kept = {
                name: value
                for name, value in cell.params.items()
                if name not in ("offered", "rate_per_s", "p99_bound_ms")
            }
            title = caption(cell.scenario, "open", kept, cell.concurrency)
            groups.setdefault(title, []).append(cell)
    return {
        title: group
        for title, group in groups.items()
        if any(LOADS[cell.load].scheduled for cell in group)
    }


def _by_rate(cell: Cell) -> bool:
    return LOADS[cell.load].scheduled or LOADS[cell.load].searches


def _is_of_latency(cell: Cell) -> bool:
    """Not of a scenario that waits on purpose, as for a retry."""
    headline = all_scenarios()[cell.scenario].headline
    return headline["open"].startswith("latency")


def _grid(title: str, cells: Sequence[Cell]) -> Grid:
    columns = sorted({_column(cell) for cell in cells})
    tail = _tail(cells)
    rows = []
    for variant, own in by_variant(cells).items():
        found = {_column(cell): cell for cell in own}
        texts = [_text(found[key], tail) if key in found else "-" for key in columns]
        rows.append([variant, *texts])
    bounds = {value for place, value in columns if place == _SATURATION}
    note = f"Latencies: p50 / {ending(tail)}."
    note += f" Saturation: p99 under {next(iter(bounds)):g} ms." if len(bounds) == 1 else ""
    heads = [_head(column, bounded=len(bounds) > 1) for column in columns]
    return Grid(title, ("variant", *heads), rows, range(1, 1 + len(columns)), note)


def _column(cell: Cell) -> tuple[int, float]:
    """Shares first, then rates, then the saturation with its bound."""
    for place, name in enumerate(("offered", "rate_per_s")):
        if name in cell.params:
            return place, float(cell.params[name])
    return _SATURATION, float(cell.params.get("p99_bound_ms", 0.0))


def _head(column: tuple[int, float], *, bounded: bool) -> str:
    place, value = column
    return (
        f"{value:g} of own drain",
        f"{value:,g} per s",
        f"saturation, p99 under {value:g} ms" if bounded else "saturation",
    )[place]


def _text(cell: Cell, tail: str) -> str:
    if LOADS[cell.load].searches or cell.status != "ok":
        return cell.text("saturation_tasks_per_s")
    if cell.overloaded:
        return "overloaded"
    values = [cell.value(metric) for metric in ("latency_ms_p50", tail, "offered_tasks_per_s")]
    if values[0] is None:
        return "-"
    p50, late, offered = map(number, values)
    return f"{p50} / {late} @ {offered}" + (" FAIL" if cell.failed else "")


def _tail(cells: Sequence[Cell]) -> str:
    drawn = [cell for cell in cells if LOADS[cell.load].scheduled and not cell.state]
    return next(
        (tail for tail in _TAILS if all(tail in cell.measures for cell in drawn)), _TAILS[-1]
    )


def _panel(title: str, cells: Sequence[Cell]) -> Panel | None:
    tail = _tail(cells)
    lines = []
    for variant, own in by_variant(cells).items():
        offered = [cell for cell in own if LOADS[cell.load].scheduled]
        points = [point for cell in offered if (point := _point(cell, tail))]
        gaps = [_gap(cell) for cell in sorted(offered, key=_column) if not _point(cell, tail)]
        ordered = tuple(sorted(points, key=lambda point: point.rate))
        lines.append(Line(variant, ordered, tuple(gaps), is_limit=own[0].kind == "limit"))
    # Of one rate alone there is nothing to see that the table does not say.
    curved = any(len(line.points) > 1 for line in lines)
    return Panel(title, ending(tail), tuple(lines)) if curved else None


def _point(cell: Cell, tail: str) -> Point | None:
    """None of what was not ranked: an invalid latency is no latency."""
    rate, latency = cell.value("offered_tasks_per_s"), cell.value(tail)
    if cell.state or not rate or not latency or latency <= 0:
        return None
    return Point(rate, latency)


def _gap(cell: Cell) -> Gap:
    """A line that just ends would look as if the variant stopped there of its own accord."""
    place, value = _column(cell)
    if cell.failed and cell.status == "ok":
        why = cell.verdict
    elif cell.state:
        why = ": ".join(part for part in (cell.state, cell.reason.partition(":")[0]) if part)
    else:
        why = "too few tasks ended to tell"
    unit = "of own drain" if place == 0 else "per s"
    return Gap(cell.asked_per_s, f"{value:,g}", unit, why, beyond=cell.state == "overloaded")
