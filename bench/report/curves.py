"""Lines on two logarithmic axes: latency over offered load, a panel per concurrency."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.report import svg
from bench.report.wording import figure

LEFT, RIGHT = 62.0, 560.0
PLOT = 300.0
PANEL = PLOT + 104
TOP = 62.0
#: Names at the lines' ends are kept so far apart.
LEADING = 16.0


@dataclass(frozen=True)
class Point:
    """A latency (ms) at a rate (tasks/s); ``exact`` if it is the p99, else it is the p95."""

    rate: float
    latency: float
    exact: bool


@dataclass(frozen=True)
class Line:
    """One variant, its points by rate."""

    name: str
    points: tuple[Point, ...]
    is_limit: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Axis:
    """Logarithmic, from ``low`` to ``high``, drawn from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value lies."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """1, 2 and 5 of each power of ten; only the powers where that would be many."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 2, 5) if self.high / self.low <= 150 else (1,)
        values = [step * 10.0**power for power in powers for step in steps]
        return [value for value in values if self.low <= value <= self.high]


def axis(values: Iterable[float], start: float, end: float) -> Axis:
    """An axis that holds all values with some air, and at least a factor of 4."""
    known = list(values)
    low, high = min(known) / 1.25, max(known) * 1.25
    widen = max(1.0, math.sqrt(4 / (high / low)))
    return Axis(low / widen, high * widen, start, end)


def picture(panels: Sequence[Panel]) -> str:
    """The panels, one below the other."""
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    hollow = any(not p.exact for panel in panels for line in panel.lines for p in line.points)
    subtitle = "latency p99, ms, over tasks per second really offered"
    subtitle += "; hollow: p95, where too few tasks ended for a p99" if hollow else ""
    body = [_panel(panel, TOP + PANEL * i, names) for i, panel in enumerate(panels)]
    height = TOP + PANEL * len(panels)
    return svg.document("Latency against offered load", subtitle, height, body)


def _panel(panel: Panel, top: float, names: Sequence[str]) -> str:
    points = [point for line in panel.lines for point in line.points]
    floor = top + 44 + PLOT
    across = axis((point.rate for point in points), LEFT, RIGHT)
    up = axis((point.latency for point in points), floor, top + 44)
    body = [svg.text(12, top + 16, panel.title, weight=600), *_grid(across, up)]
    ends = []
    for line in panel.lines:
        colour, dash = _style(line, names)
        places = [(across.at(point.rate), up.at(point.latency)) for point in line.points]
        body.append(svg.line(places, colour, width=2, dash=dash))
        body += [
            svg.dot(x, y, colour, hollow=not point.exact)
            for (x, y), point in zip(places, line.points, strict=True)
        ]
        ends.append((places[-1], line.name, colour))
    return "".join([*body, *_names(ends, top + 44, floor)])


def _style(line: Line, names: Sequence[str]) -> tuple[str, str]:
    if line.is_limit:
        return svg.FAINT, "2 4"
    place = names.index(line.name)
    return svg.LINES[place % len(svg.LINES)], "" if place < len(svg.LINES) else "7 4"


def _grid(across: Axis, up: Axis) -> list[str]:
    body = []
    for value in across.ticks:
        x = across.at(value)
        body.append(svg.line([(x, up.start), (x, up.end)], svg.GRID))
        body.append(svg.text(x, up.start + 18, _tick(value), anchor="middle", colour=svg.FAINT))
    for value in up.ticks:
        y = up.at(value)
        body.append(svg.line([(across.start, y), (across.end, y)], svg.GRID))
        body.append(svg.text(LEFT - 8, y + 4.5, _tick(value), anchor="end", colour=svg.FAINT))
    corner = [(across.start, up.end), (across.start, up.start), (across.end, up.start)]
    told = "offered, tasks/s"
    middle = (across.start + across.end) / 2
    return [
        *body,
        svg.line(corner, svg.FAINT),
        svg.text(middle, up.start + 38, told, anchor="middle", colour=svg.FAINT),
        svg.text(LEFT, up.end - 8, "ms", anchor="middle", colour=svg.FAINT),
    ]


def _tick(value: float) -> str:
    return f"{value:,g}" if value < 1 else figure(value).removesuffix(".0")


def _names(
    ends: Sequence[tuple[tuple[float, float], str, str]], top: float, floor: float
) -> list[str]:
    """Names right of the plot, each as near to its line's end as the others allow."""
    ordered = sorted(ends, key=lambda end: end[0][1])
    heights = spread([y for (_, y), _, _ in ordered], top, floor)
    body = []
    for ((x, y), name, colour), height in zip(ordered, heights, strict=True):
        body.append(
            svg.line([(x + 5, y), (RIGHT + 4, height), (RIGHT + 10, height)], colour, width=0.6)
        )
        body.append(svg.text(RIGHT + 14, height + 4.5, name, colour=colour))
    return body


def spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Heights at least :data:`LEADING` apart, near the ones wanted, which ascend."""
    placed: list[float] = []
    for value in wanted:
        placed.append(max(value, placed[-1] + LEADING if placed else low))
    limit = max(high, low + LEADING * (len(placed) - 1))
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - LEADING
    return placed
