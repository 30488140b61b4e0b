"""How throughput goes with the service time: a line per variant and concurrency, any two of which
can be held against each other."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from bench.measure.contrasts import Contrasts
from bench.measure.statistics import MIN_ROUNDS
from bench.report.cells import Cell, contrasts_of, in_order
from bench.report.measures import Ratio
from bench.report.wording import base_name, caption, figure, joined, params_text
from scenarios import all_scenarios

#: The parameter that is swept.
SERVICE = "service_s"
#: Of fewer service times there is no course to tell.
FEWEST = 3

Name = tuple[str, int]


@dataclass(frozen=True)
class Line:
    """One variant at one concurrency, its cells by service time (s)."""

    variant: str
    concurrency: int
    cells: Mapping[float, Cell]

    @property
    def name(self) -> Name:
        """What names it within its sweep."""
        return self.variant, self.concurrency


@dataclass(frozen=True)
class At:
    """One line against another at one service time (s); no ratio where nothing can be said."""

    service_s: float
    ratio: Ratio | None

    @property
    def side(self) -> int | None:
        """1: more than the other; -1: less; 0: not told apart; ``None``: cannot say."""
        if self.ratio is None or not self.ratio.has_interval:
            return None
        if not self.ratio.differs:
            return 0
        return 1 if self.ratio.value > 1 else -1


@dataclass(frozen=True)
class Crossing:
    """Where one line overtakes the other.

    Attributes:
        low, high: the nearest service times (s) at which the two are told apart, each on another
            side.
        at: between these, on logarithms; ``None`` where they are not told apart between, where
            there is a gap, or where ``low`` is 0, which has no logarithm.
    """

    low: float
    high: float
    at: float | None

    @property
    def told(self) -> str:
        """``at about 35 ms, between 10 and 100 ms``."""
        between = f"between {joined_times([self.low, self.high])}"
        return f"at about {time_text(self.at)}, {between}" if self.at else between


@dataclass(frozen=True)
class Sweep:
    """All lines of the same work.

    Attributes:
        params: all but the service time.
        cells: by concurrency and service time all of the place, twins and limits with them.
    """

    scenario: str
    load: str
    params: Mapping[str, Any]
    metric: str
    lines: tuple[Line, ...]
    cells: Mapping[tuple[int, float], Sequence[Cell]]

    @property
    def times(self) -> list[float]:
        """The service times, s."""
        return sorted({time for line in self.lines for time in line.cells})

    @property
    def concurrencies(self) -> list[int]:
        """Ascending."""
        return sorted({line.concurrency for line in self.lines})

    @property
    def work(self) -> str:
        """``add, surge``."""
        told = params_text(self.params)
        return ", ".join(part for part in (self.scenario, self.load, told) if part)

    def caption(self, concurrency: int) -> str:
        """``add, surge, concurrency 4``."""
        return caption(self.scenario, self.load, self.params, concurrency)

    def at(self, concurrency: int) -> list[Line]:
        """The lines of one concurrency."""
        return [line for line in self.lines if line.concurrency == concurrency]

    def line(self, name: Name) -> Line | None:
        """The line of that name."""
        return next((line for line in self.lines if line.name == name), None)

    def contrasts(self, concurrency: int, service_s: float) -> Contrasts:
        """Those of the table of that place."""
        return contrasts_of(self.cells[concurrency, service_s], self.metric)

    def course(self, line: Line, base: Line) -> tuple[At, ...]:
        """A line against another where both were to be measured, by service time."""
        times = sorted(line.cells.keys() & base.cells.keys())
        return tuple(At(time, self._ratio(line, base, time)) for time in times)

    def counts(self, cell: Cell) -> bool:
        """Whether anything is said of its value: it is sound and has rounds enough."""
        return cell.is_sound and len(cell.rounds.get(self.metric, ())) >= MIN_ROUNDS

    def _ratio(self, line: Line, base: Line, time: float) -> Ratio | None:
        one, other = line.cells[time], base.cells[time]
        if not (self.counts(one) and self.counts(other)):
            return None
        if line.concurrency == base.concurrency:
            known = self.contrasts(line.concurrency, time)
            return Ratio.of(known.ratio(line.variant, base.variant))
        # Of different tables: only the two themselves tell of their scatter.
        pair = Contrasts({"one": one.rounds[self.metric], "other": other.rounds[self.metric]})
        return Ratio.of(pair.ratio("one", "other"))


def sweeps(cells: Iterable[Cell]) -> list[Sweep]:
    """Of each work that was measured at :data:`FEWEST` service times or more, in order."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        if SERVICE in cell.params and base_name(_metric(cell)) == "throughput":
            rest = json.dumps(_rest(cell), sort_keys=True)
            groups.setdefault(f"{cell.scenario} {cell.load} {rest}", []).append(cell)
    found = [_sweep(group) for group in groups.values()]
    return [sweep for sweep in found if len(sweep.times) >= FEWEST]


def _metric(cell: Cell) -> str:
    return all_scenarios()[cell.scenario].headline[cell.load]


def _rest(cell: Cell) -> dict[str, Any]:
    return {name: value for name, value in cell.params.items() if name != SERVICE}


def _sweep(cells: Sequence[Cell]) -> Sweep:
    lines: dict[Name, dict[float, Cell]] = {}
    for cell in in_order(cells):
        own = lines.setdefault((cell.variant, cell.concurrency), {})
        own[float(cell.params[SERVICE])] = cell
    places: dict[tuple[int, float], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.concurrency, float(cell.params[SERVICE])), []).append(cell)
    first = cells[0]
    return Sweep(
        first.scenario,
        first.load,
        _rest(first),
        _metric(first),
        tuple(Line(*name, own) for name, own in lines.items()),
        places,
    )


def crossings(course: Sequence[At]) -> list[Crossing]:
    """Where the sides change between two service times at which they are told."""
    told = [(n, at) for n, at in enumerate(course) if at.side]
    return [
        Crossing(a.service_s, b.service_s, _between(a, b) if j == i + 1 else None)
        for (i, a), (j, b) in pairwise(told)
        if a.side != b.side
    ]


def _between(a: At, b: At) -> float | None:
    """Where the straight line between the logarithms of two ratios meets that of 1."""
    if not a.service_s or a.ratio is None or b.ratio is None:
        return None
    before, after = math.log(a.ratio.value), math.log(b.ratio.value)
    share = before / (before - after)
    return float(a.service_s * (b.service_s / a.service_s) ** share)


_SIDES = {1: "ahead", -1: "behind", 0: "not told apart", None: "cannot say"}


def course_told(course: Sequence[At]) -> str:
    """``behind at 10 ms (0.05x [0.04, 0.06]), ahead at 100 ms and 1 s (2.1x [2.0, 2.2] at 1 s); the
    lines cross at about 35 ms, between 10 and 100 ms``."""
    parts = []
    for side, group in groupby(course, key=lambda at: at.side):
        own = list(group)
        told = f"{_SIDES[side]} at {joined_times([at.service_s for at in own])}"
        parts.append(told + (_farthest(own) if side else ""))
    crossed = [crossing.told for crossing in crossings(course)]
    return ", ".join(parts) + (f"; the lines cross {joined(crossed)}" if crossed else "")


def _farthest(own: Sequence[At]) -> str:
    ratios = [(at.service_s, at.ratio) for at in own if at.ratio is not None]
    time, ratio = max(ratios, key=lambda pair: abs(math.log(pair[1].value)))
    return f" ({ratio.figures}{f' at {time_text(time)}' if len(own) > 1 else ''})"


def time_text(seconds: float) -> str:
    """``0 ms``, ``10 ms``, ``1 s``."""
    return f"{_figure(seconds)} s" if seconds >= 1 else f"{_figure(1000 * seconds)} ms"


def _figure(value: float) -> str:
    return f"{value:g}" if value == round(value) else figure(value)


def joined_times(times: Sequence[float]) -> str:
    """``0, 1 and 10 ms``, ``10, 100 ms and 1 s``: each unit once."""
    told = [time_text(time).split(" ") for time in times]
    following = [unit for _, unit in told[1:]] + [""]
    return joined(
        [
            value if unit == after else f"{value} {unit}"
            for (value, unit), after in zip(told, following, strict=True)
        ]
    )
