"""Where the time of a round trip goes: its parts, as a table and as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.cells import Cell, alike, any_has, in_order
from bench.report.pictures import svg
from bench.report.sections import Grid, Picture, Section, section_of
from bench.report.wording import caption, number
from scenarios.loads import LOADS

PARTS = {
    "part_enqueue_ms": "enqueue call",
    "part_queue_wait_ms": "queue wait",
    "part_service_ms": "service",
    "part_delivery_ms": "result delivery",
}

ROW = 26
HEAD = 34
#: Kept free behind a bar, for the length of the round trip.
BEHIND = 90
#: A part that is narrower than this has no room for its share.
ROOM = 34


@dataclass(frozen=True)
class Split:
    """One variant's round trip: each part in ms, in the order of :data:`PARTS`."""

    name: str
    parts: tuple[float, ...]

    @property
    def total(self) -> float:
        """The whole, ms."""
        return sum(self.parts)

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the whole; they add up to 1."""
        return tuple(part / self.total for part in self.parts)


def section(cells: Sequence[Cell]) -> Section | None:
    """Round trips of ``add`` under the closed load; ``None`` where nothing was split."""
    panels = _panels(cells)
    grids = [
        Grid(title, ("variant", "total, ms", *PARTS.values()), rows, range(1, 2 + len(PARTS)))
        for title, group in panels.items()
        for rows in [[_row(cell) for cell in group]]
    ]
    if not grids:
        return None
    drawn = {
        title: splits
        for title, group in panels.items()
        if (splits := [found for cell in group if (found := _split(cell))])
    }
    return section_of(
        "Where the time goes",
        "The parts of a round trip, from the enqueue call to the result in the caller's hands: "
        "mean ms of each part, and its share. In the picture every bar is as long as 100%; the "
        "round trip's length stands behind it.",
        grids,
        tuple(PARTS),
        Picture("time.svg", "Where the time of a round trip goes", picture(drawn)),
    )


def _panels(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """Per caption its cells, the shortest round trip first, those without numbers after them."""
    closed = [cell for cell in cells if cell.scenario == "add" and LOADS[cell.load].awaited]
    panels = {}
    for concurrency in sorted({cell.concurrency for cell in closed}):
        for group in alike(cell for cell in closed if cell.concurrency == concurrency).values():
            if any_has(group, *PARTS):
                first = group[0]
                title = caption(first.scenario, first.load, first.params, concurrency)
                panels[title] = sorted(in_order(group), key=_length)
    return panels


def _length(cell: Cell) -> tuple[bool, float]:
    found = _split(cell)
    return (cell.kind == "limit", found.total if found else float("inf"))


def _split(cell: Cell) -> Split | None:
    values = [cell.value(metric) for metric in PARTS]
    known = tuple(value for value in values if value is not None)
    if len(known) < len(PARTS) or sum(known) <= 0:
        return None
    return Split(f"{cell.name} ({cell.state})" if cell.state else cell.name, known)


def _row(cell: Cell) -> list[str]:
    found = _split(cell)
    if found is None:
        return [cell.name, cell.state or "-", *["-"] * len(PARTS)]
    told = [
        f"{number(part)} ({share:.0%})"
        for part, share in zip(found.parts, found.shares, strict=True)
    ]
    return [found.name, number(found.total), *told]


def picture(panels: dict[str, list[Split]]) -> str:
    """Stacked bars, all of the same length, with the round trip's ms behind each.

    Args:
        panels: by title.
    """
    left = svg.room_for(split.name for splits in panels.values() for split in splits)
    body = [_legend(left, 72)]
    y = 94
    for title, splits in panels.items():
        body.append(svg.text(12, y + 20, title, weight=600))
        y += HEAD
        for split in splits:
            body.append(_bar(split, left, y))
            y += ROW
        y += 10
    subtitle = "share of each part; behind the bar the whole round trip"
    return svg.document("Where the time of a round trip goes", subtitle, y + 8, body)


def _legend(x: float, y: float) -> str:
    parts = []
    for name, colour in zip(PARTS.values(), svg.PARTS, strict=True):
        parts.append(svg.box(x, y - 11, 13, 13, colour))
        parts.append(svg.text(x + 18, y, name))
        x += 34 + svg.width_of(name)
    return "".join(parts)


def _bar(split: Split, left: float, y: float) -> str:
    bar, x = svg.WIDTH - left - BEHIND, left
    drawn = [svg.text(left - 8, y + 17, split.name, anchor="end")]
    for share, colour in zip(split.shares, svg.PARTS, strict=True):
        width = share * bar
        drawn.append(svg.box(x, y + 3, width, ROW - 6, colour))
        if width >= ROOM:
            middle = x + width / 2
            told = f"{share:.0%}"
            drawn.append(svg.text(middle, y + 17, told, anchor="middle", colour="#ffffff", size=12))
        x += width
    drawn.append(svg.text(left + bar + 8, y + 17, f"{number(split.total)} ms"))
    return "".join(drawn)
