"""Consumer stalls: in which settings, how likely, how often, how long; and the longest one seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.analysis.stalled import TracedStall
from bench.analysis.tables import key_of
from bench.report.cells import Cell
from bench.report.pictures.stall import picture
from bench.report.sections import Block, Grid, Paragraph, Picture, Section
from bench.report.wording import caption, listed, number, params_text, plural

COUNT, SHARE, LONGEST = "consumer_stalls", "stalled_share", "longest_stall_ms"
METRICS = (COUNT, SHARE, LONGEST)

_HEAD = (
    "variant",
    "at once",
    "parameters",
    "stalled",
    "each",
    "share",
    "longest, s",
)

#: Gives what happened around the longest stall of a recorded trial, where that is known.
Tracer = Callable[[dict[str, Any]], TracedStall | None]


def section(
    cells: Sequence[Cell], trials: Iterable[dict[str, Any]] = (), tracer: Tracer | None = None
) -> Section | None:
    """Every cell in which a consumer stalled; ``None`` where stalls were not counted.

    Args:
        trials: those whose figures count, to look up the longest stall's.
    """
    counted = [cell for cell in cells if COUNT in cell.rounds and cell.kind != "twin"]
    if not counted:
        return None
    stalled = [cell for cell in counted if _stalls(cell)]
    blocks: list[Block] = [Paragraph(_lead(counted, stalled) + _unseen(cells))]
    if stalled:
        worst = max(stalled, key=_longest)
        traced = tracer and _traced(worst, trials, tracer)
        blocks += _drawn(worst, traced) if traced else []
        blocks += _grids(stalled)
        blocks.append(Paragraph(_others(counted, stalled)))
    return Section("Consumer stalls", blocks, METRICS if stalled else ())


def _stalls(cell: Cell) -> float:
    return sum(cell.rounds[COUNT].values())


def _longest(cell: Cell) -> float:
    """ms, of the trials that had a stall: elsewhere it may be a slot that was busy for long."""
    known = cell.rounds.get(LONGEST, {})
    return max(
        (value for number, value in known.items() if cell.rounds[COUNT].get(number)), default=0.0
    )


def _lead(counted: Sequence[Cell], stalled: Sequence[Cell]) -> str:
    rule = (
        "A stall: for at least 0.5 s no task started although tasks were waiting and a slot was "
        "free. While every slot is busy nothing is stalled, however long the tasks take."
    )
    if stalled:
        return (
            f"{rule} Per trial: how many stalls; share: of the time watched. Both are means over "
            "all trials of the row."
        )
    return f"{rule} There was none in {plural(len(counted), 'cell')}."


def _unseen(cells: Sequence[Cell]) -> str:
    """Trials that timed out have no figures: the one that stalls most would be missing silently."""
    late = dict.fromkeys(cell.name for cell in cells if cell.status == "timeout")
    return f" Not looked at, for it timed out: {listed(list(late), 20)}." if late else ""


def _grids(stalled: Sequence[Cell]) -> list[Grid]:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in stalled:
        groups.setdefault((cell.scenario, cell.load), []).append(cell)
    return [
        Grid(
            f"Consumer stalls: {scenario}, {load}",
            _HEAD,
            [_row(cell) for cell in sorted(own, key=_in_order)],
            right=(1, 3, 4, 5, 6),
        )
        for (scenario, load), own in groups.items()
    ]


def _in_order(cell: Cell) -> tuple[Any, ...]:
    numbers = [value for value in cell.params.values() if isinstance(value, int | float)]
    return cell.name, cell.concurrency, numbers


def _row(cell: Cell) -> list[str]:
    counts = list(cell.rounds[COUNT].values())
    hit = sum(count > 0 for count in counts)
    shares = list(cell.rounds.get(SHARE, {}).values())
    return [
        cell.name,
        str(cell.concurrency),
        params_text(cell.params) or "-",
        f"{hit} of {len(counts)}",
        number(sum(counts) / len(counts)),
        f"{sum(shares) / len(shares):.0%}" if shares else "-",
        number(_longest(cell) / 1e3),
    ]


def _others(counted: Sequence[Cell], stalled: Sequence[Cell]) -> str:
    """Who did not stall, in a line."""
    of_cells = f"No stall in the other {len(counted) - len(stalled)} of {len(counted)} cells"
    some = {cell.name for cell in stalled}
    never = list(dict.fromkeys(cell.name for cell in counted if cell.name not in some))
    return f"{of_cells}; none at all: {listed(never, 20)}." if never else f"{of_cells}."


def _traced(
    worst: Cell, trials: Iterable[dict[str, Any]], tracer: Tracer
) -> tuple[dict[str, Any], TracedStall] | None:
    longest, stalled = worst.rounds.get(LONGEST, {}), worst.rounds[COUNT]
    hit = [number for number, count in stalled.items() if count]
    round_ = max(hit, key=lambda number: longest.get(number, 0.0))
    for trial in trials:
        if key_of(trial) == worst.key and trial["round"] == round_ and trial.get("lease_id"):
            found = tracer(trial)
            return (trial, found) if found else None
    return None


def _drawn(worst: Cell, traced: tuple[Mapping[str, Any], TracedStall]) -> list[Block]:
    trial, stall = traced
    place = caption(worst.scenario, worst.load, worst.params, worst.concurrency)
    title = "The longest consumer stall, event by event"
    subtitle = f"{worst.name}; {place}; round {trial['round']}"
    told = (
        f"{title}: {subtitle}. Each line is a slot, each bar a task that ran there, from its "
        "start (green) to its end (orange); violet marks are tasks being sent. In the shaded time "
        "a slot was free and tasks were waiting, and none was started."
    )
    drawn = Picture("stall.svg", f"{title}: {subtitle}", picture(stall, title, subtitle))
    return [Paragraph(told), drawn]
