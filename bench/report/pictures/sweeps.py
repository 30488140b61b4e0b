"""Lines on two logarithmic axes: throughput over service time, a panel per concurrency."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.report.pictures import svg
from bench.report.pictures.curves import (
    COLUMNS,
    HEAD,
    LEFT,
    NOTE,
    RIGHT,
    SAMPLE,
    TOP,
    Axis,
    End,
    axis,
    names_at_ends,
    tick,
)
from bench.report.sweep import time_text

PLOT = 360.0
PANEL = PLOT + HEAD + 52
#: Lines of one family have one colour and differ by these.
DASHES = ("", "8 4", "2 3", "12 3 2 3", "5 2", "1 5")
#: No task takes no time at all: 0 stands so many times left of the least service time.
ASIDE = 6.0
#: The name of what waiting alone would allow.
IDEAL = "ideal"


@dataclass(frozen=True)
class Drawn:
    """One line.

    Attributes:
        family: lines of one family have one colour.
        points: service time (s), from 0, and throughput (tasks/s), by time.
    """

    name: str
    family: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        notes: what is not drawn and why.
    """

    title: str
    concurrency: int
    lines: tuple[Drawn, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Across:
    """The axis of service times; 0, which has no logarithm, has a place of its own beside it."""

    axis: Axis
    zero: float

    def at(self, service_s: float) -> float:
        """Where a time lies."""
        return self.axis.at(service_s or self.zero)


def picture(panels: Sequence[Panel]) -> str:
    """The panels, one below the other."""
    names = [line.name for panel in panels for line in panel.lines]
    families = list(dict.fromkeys(line.family for panel in panels for line in panel.lines))
    right = min(RIGHT, svg.WIDTH - SAMPLE - svg.room_for(names))
    body, top = [], TOP
    for panel in panels:
        body.append(_panel(panel, top, right, families))
        notes = [row for note in panel.notes for row in textwrap.wrap(note, COLUMNS)]
        for n, row in enumerate(notes):
            body.append(svg.text(12, top + PANEL + NOTE * n, row, colour=svg.FAINT, size=12))
        top += PANEL + NOTE * len(notes) + (10 if notes else 0)
    subtitle = "tasks/s, over how long a task sleeps; both axes are logarithmic, higher is better"
    return svg.document("Throughput by service time", subtitle, top + 4, body)


def _panel(panel: Panel, top: float, right: float, families: Sequence[str]) -> str:
    times = sorted({time for line in panel.lines for time, _ in line.points})
    head, floor = top + HEAD, top + HEAD + PLOT
    across = _across(times, right)
    up = axis((rate for line in panel.lines for _, rate in line.points), floor, head)
    body = [
        svg.text(12, top + 16, panel.title, weight=600),
        *_grid(across, up, times),
        *_ideal(across, up, times, panel.concurrency),
    ]
    ends = []
    seen: dict[str, int] = {}
    for line in panel.lines:
        colour = svg.LINES[families.index(line.family) % len(svg.LINES)]
        dash = DASHES[seen.setdefault(line.family, 0) % len(DASHES)]
        seen[line.family] += 1
        places = [(across.at(time), up.at(rate)) for time, rate in line.points]
        body.append(svg.line(places, colour, width=2, dash=dash))
        body += [svg.dot(x, y, colour) for x, y in places]
        ends.append(End(places[-1], line.name, colour, dash))
    return "".join([*body, *names_at_ends(ends, right, head, floor)])


def _across(times: Sequence[float], right: float) -> Across:
    least = min((time for time in times if time), default=1.0)
    zero = least / ASIDE
    return Across(axis((zero if 0.0 in times else least, max(*times, least)), LEFT, right), zero)


def _ideal(across: Across, up: Axis, times: Sequence[float], concurrency: int) -> Iterable[str]:
    """Concurrency / service time, as far as it is on the plot."""
    first = max(min((time for time in times if time), default=1.0), concurrency / up.high)
    last = min(across.axis.high, concurrency / up.low)
    if first >= last:
        return
    ends = [(across.at(time), up.at(concurrency / time)) for time in (first, last)]
    yield svg.line(ends, svg.FAINT, width=1.2, dash="3 3")
    x, y = ends[0]
    told = f"{IDEAL}: {concurrency} / service time"
    yield svg.text(x, y - 6, told, colour=svg.FAINT, size=12)


def _grid(across: Across, up: Axis, times: Sequence[float]) -> Iterable[str]:
    for time in times:
        x = across.at(time)
        yield svg.line([(x, up.start), (x, up.end)], svg.GRID)
        yield svg.text(x, up.start + 18, time_text(time), anchor="middle", colour=svg.FAINT)
    for rate in up.ticks:
        y = up.at(rate)
        yield svg.line([(across.axis.start, y), (across.axis.end, y)], svg.GRID)
        yield svg.text(LEFT - 8, y + 4.5, tick(rate), anchor="end", colour=svg.FAINT)
    corner = [(LEFT, up.end), (LEFT, up.start), (across.axis.end, up.start)]
    yield svg.line(corner, svg.FAINT)
    if 0.0 in times:  # where the axis is no longer one
        x = (across.at(0.0) + across.at(min(time for time in times if time))) / 2
        for shift in (-3, 3):
            stroke = [(x + shift - 3, up.start + 6), (x + shift + 3, up.start - 6)]
            yield svg.line(stroke, svg.FAINT)
    middle = (across.axis.start + across.axis.end) / 2
    yield svg.text(middle, up.start + 38, "service time", anchor="middle", colour=svg.FAINT)
    yield svg.text(LEFT, up.end - 8, "tasks/s", anchor="middle", colour=svg.FAINT)
