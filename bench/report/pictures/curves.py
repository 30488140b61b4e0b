"""Lines on two logarithmic axes: latency over offered load, a panel per concurrency."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.report.pictures import svg
from bench.report.wording import figure

LEFT = 62.0
#: The plot is at most so wide; long names right of it take from that.
RIGHT = 560.0
PLOT = 300.0
#: Over a plot: its title, and the marks of what has no latency.
HEAD = 58.0
PANEL = PLOT + HEAD + 60
TOP = 62.0
#: Of a line of notes below a panel, and how many characters go into one.
NOTE = 16.0
COLUMNS = 112
#: The marks, in the notes.
NONE, ABOVE = "\u00d7", "\u25b2"
#: Marks at one rate stand so far from each other.
MARK = 11.0
#: Length of the sample of a line at its name.
SAMPLE = 26.0
#: Names at the lines' ends are kept so far apart.
LEADING = 16.0


@dataclass(frozen=True)
class Point:
    """A latency (ms) at a rate (tasks/s)."""

    rate: float
    latency: float


@dataclass(frozen=True)
class Gap:
    """A rate at which there is no latency to draw.

    Attributes:
        rate: tasks/s; ``None`` where it is not known.
        asked: the rate as it was asked for.
        unit: of that.
        why: in some words.
        beyond: whether the latency is off any scale, since more was offered than is worked off.
    """

    rate: float | None
    asked: str
    unit: str
    why: str
    beyond: bool = False


@dataclass(frozen=True)
class Line:
    """One variant, its points by rate."""

    name: str
    points: tuple[Point, ...]
    gaps: tuple[Gap, ...] = ()
    is_limit: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        statistic: of every point: ``p95``.
    """

    title: str
    statistic: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class End:
    """Where a line ends, and its name.

    Attributes:
        dash: of the sample that stands at the name; ``None`` for no sample.
    """

    place: tuple[float, float]
    name: str
    colour: str
    dash: str | None = None


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
    right = min(RIGHT, svg.WIDTH - svg.room_for(names))
    body, top = [], TOP
    for panel in panels:
        notes = _notes(panel)
        body += [_panel(panel, top, right, names), _told(notes, top + PANEL)]
        top += PANEL + NOTE * len(notes) + (8 if notes else 0)
    subtitle = "ms, over tasks per second really offered; both axes are logarithmic"
    return svg.document("Latency against offered load", subtitle, top, body)


def _panel(panel: Panel, top: float, right: float, names: Sequence[str]) -> str:
    points = [point for line in panel.lines for point in line.points]
    rates = [gap.rate for line in panel.lines for gap in line.gaps if gap.rate]
    head, floor = top + HEAD, top + HEAD + PLOT
    across = axis((*(point.rate for point in points), *rates), LEFT, right)
    up = axis((point.latency for point in points), floor, head)
    title = f"{panel.title}: latency {panel.statistic}"
    body = [svg.text(12, top + 16, title, weight=600), *_grid(across, up)]
    ends = []
    taken: list[float] = []
    for line in panel.lines:
        colour, dash = _style(line, names)
        for part in _unbroken(line):
            places = [(across.at(point.rate), up.at(point.latency)) for point in part]
            body.append(svg.line(places, colour, width=2, dash=dash))
            body += [svg.dot(x, y, colour) for x, y in places]
        body += _marks(line, across, up, colour, taken)
        if line.points:
            last = line.points[-1]
            ends.append(End((across.at(last.rate), up.at(last.latency)), line.name, colour))
    return "".join([*body, *names_at_ends(ends, right, head, floor)])


def _unbroken(line: Line) -> list[list[Point]]:
    """The points in runs: across a rate without a latency nothing is drawn."""
    breaks = sorted(gap.rate for gap in line.gaps if gap.rate)
    runs: dict[int, list[Point]] = {}
    for point in line.points:
        runs.setdefault(sum(rate < point.rate for rate in breaks), []).append(point)
    return list(runs.values())


def _marks(line: Line, across: Axis, up: Axis, colour: str, taken: list[float]) -> Iterable[str]:
    """A mark over the plot at each rate without a latency, beside those that are there; the line
    leads to the first that is beyond the scale."""
    leads = False
    for gap in line.gaps:
        if not gap.rate:
            continue
        x, y = across.at(gap.rate), up.end - 12
        while any(abs(x - other) < MARK for other in taken):
            x += MARK
        taken.append(x)
        if gap.beyond and line.points and not leads:
            leads = True
            last = line.points[-1]
            yield svg.line(
                [(across.at(last.rate), up.at(last.latency)), (x, y + 5)], colour, dash="2 4"
            )
        yield svg.triangle(x, y, colour) if gap.beyond else svg.cross(x, y, colour)


def _notes(panel: Panel) -> list[str]:
    """Why there is no latency, by reason: the variants and their rates."""
    groups: dict[tuple[bool, str], list[str]] = {}
    for line in panel.lines:
        places: dict[tuple[bool, str, str], list[str]] = {}
        for gap in line.gaps:
            places.setdefault((gap.beyond, gap.why, gap.unit), []).append(gap.asked)
        for (beyond, why, unit), asked in places.items():
            groups.setdefault((beyond, why), []).append(f"{line.name} at {', '.join(asked)} {unit}")
    lines = []
    for (beyond, why), told in groups.items():
        text = f"{ABOVE if beyond else NONE} {why}: {'; '.join(told)}"
        lines += textwrap.wrap(text, COLUMNS)
    return lines


def _told(notes: Sequence[str], top: float) -> str:
    lines = (
        svg.text(12, top + NOTE * n, note, colour=svg.FAINT, size=12)
        for n, note in enumerate(notes)
    )
    return "".join(lines)


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
        body.append(svg.text(x, up.start + 18, tick(value), anchor="middle", colour=svg.FAINT))
    for value in up.ticks:
        y = up.at(value)
        body.append(svg.line([(across.start, y), (across.end, y)], svg.GRID))
        body.append(svg.text(LEFT - 8, y + 4.5, tick(value), anchor="end", colour=svg.FAINT))
    corner = [(across.start, up.end), (across.start, up.start), (across.end, up.start)]
    told = "offered, tasks/s"
    middle = (across.start + across.end) / 2
    return [
        *body,
        svg.line(corner, svg.FAINT),
        svg.text(middle, up.start + 38, told, anchor="middle", colour=svg.FAINT),
        svg.text(LEFT, up.end - 8, "ms", anchor="middle", colour=svg.FAINT),
    ]


def tick(value: float) -> str:
    """A number at an axis."""
    return f"{value:,g}" if value < 1 else figure(value).removesuffix(".0")


def names_at_ends(ends: Sequence[End], right: float, top: float, floor: float) -> list[str]:
    """Names right of the plot, each as near to its line's end as the others allow."""
    ordered = sorted(ends, key=lambda end: end.place[1])
    heights = spread([end.place[1] for end in ordered], top, floor)
    body = []
    for end, height in zip(ordered, heights, strict=True):
        (x, y), start = end.place, right + 10
        leader = [(x + 5, y), (right + 4, height), (start, height)]
        body.append(svg.line(leader, end.colour, width=0.6))
        if end.dash is not None:
            stroke = [(start + 2, height), (start + SAMPLE, height)]
            body.append(svg.line(stroke, end.colour, width=2, dash=end.dash))
            start += SAMPLE
        body.append(svg.text(start + 4, height + 4.5, end.name, colour=end.colour))
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
