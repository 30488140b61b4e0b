"""Two runs, or two variants of one run, side by side. A pure function of run folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench.errors import UsageError, unknown
from bench.measure.contrasts import Contrasts
from bench.measure.statistics import MIN_ROUNDS, estimate, unpaired_ratio
from bench.record.store import RunFolder
from bench.report.cells import Cell, by_place, contrasts_of
from bench.report.measures import Ratio
from bench.report.model import load_report
from bench.report.parts import Report
from bench.report.quote import of_runs, of_variants
from bench.report.quote_sweep import by_service_time
from bench.report.setups import setups
from bench.report.tables import better
from bench.report.wording import base_name
from scenarios import all_scenarios
from scenarios.loads import LOADS

#: Where the queue is filled before the workers start, these contain the workers' boot: in such a
#: load they compare how long two commands take to start.
_WITH_BOOT = frozenset({"end_to_end", "queue_wait", "round_trip", "result_delivery"})


@dataclass(frozen=True)
class Line:
    """One metric of one cell that both sides have.

    Attributes:
        variant: empty where variants are what is compared.
        cell: that of A.
        is_headline: whether the cell's table ranks by it.
    """

    variant: str
    cell: Cell
    metric: str
    a: float
    b: float
    ratio: Ratio | None
    is_headline: bool

    @property
    def caption(self) -> str:
        """The cell without its variant."""
        return self.cell.caption

    @property
    def winner(self) -> str:
        """``A`` or ``B`` where the interval tells them apart, else ``-``."""
        if self.ratio is None or not self.ratio.differs:
            return "-"
        return "B" if (self.ratio.value > 1) == (better(self.metric) == "higher") else "A"


@dataclass(frozen=True)
class Comparison:
    """What ``bench compare`` prints.

    Attributes:
        a, b: what is compared.
        method: how the ratios' intervals were made.
        verdicts: sentences about cells that ended differently.
        sentence: all of it in one sentence, fit to quote.
    """

    a: str
    b: str
    method: str
    lines: tuple[Line, ...]
    verdicts: tuple[str, ...]
    warnings: tuple[str, ...]
    sentence: str


#: Cells of one side: by variant (empty where variants are compared) and place.
Name = tuple[str, tuple[Any, ...]]
Side = dict[Name, Cell]


def compare_variants(run: RunFolder, a: str, b: str, *, all_metrics: bool = False) -> Comparison:
    """Two variants of one run, by the statistics of its tables; neither need be the baseline.

    Raises:
        UsageError: the run has no such variant, or the two have no cell in common.
        RunFolderError: a file of the run is missing or damaged.
    """
    report = load_report(run)
    if a == b:
        raise UsageError(f"{a} would be compared with itself: name two variants")
    for name in (a, b):
        if own := [known for known in report.how if known.partition(":")[0] == name != known]:
            raise UsageError(f"in {run.path}: {name!r} is several variants: {', '.join(own)}")
    (a, b), notes = _as_run(a, b, report)
    for name in (a, b):
        if name not in report.how:
            raise UsageError(f"in {run.path}: {unknown('variant', name, report.how)}")
    one, other = (
        {("", cell.place): cell for cell in _cells(report) if cell.variant == name}
        for name in (a, b)
    )
    if not one.keys() & other.keys():
        raise UsageError(f"in {run.path}, {a} and {b} have no cell in common: {_first(one, other)}")
    groups = by_place(report.cells)

    @cache
    def contrasts(place: tuple[Any, ...], metric: str) -> Contrasts:
        return contrasts_of(groups[place], metric)

    def ratio(first: Cell, second: Cell, metric: str) -> Ratio | None:
        return Ratio.of(contrasts(first.place, metric).ratio(second.variant, first.variant))

    lines = list(_lines(one, other, ratio))
    return Comparison(
        a=a,
        b=b,
        method=f"B/A is paired by round of run {run.id}",
        lines=_shown(lines, all_metrics),
        verdicts=_differences(one, other),
        warnings=(*notes, *_limits(one, other, lines)),
        sentence=of_variants(
            a, b, lines, _pairs(one, other), by_service_time(a, b, report.cells, report.facts)
        ),
    )


def _as_run(a: str, b: str, report: Report) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The names as the run has them: where it has one of the two only as it is on the platform
    that it emulates, both are taken so; a sentence says it."""
    emulated = {
        f"{setup.base}{''.join(f'+{option}' for option in named)}": setup.name
        for setup in setups(report.facts).values()
        if setup.emulating
        for named in [[o for o in setup.name.split("+")[1:] if o in setup.own]]
    }
    asked = (a, b)
    if any(name not in emulated and name not in report.how for name in asked):
        return asked, ()
    stand_in = tuple(emulated.get(name, name) for name in asked)
    if stand_in == asked:
        return asked, ()
    told = " and ".join(name for name in stand_in if name not in asked)
    if all(name in report.how for name in asked):
        command = f"bench compare {' '.join(stand_in)}"
        return asked, (f"the run also has {told}: '{command}' compares these",)
    return (stand_in[0], stand_in[1]), (f"the run has such as {told}: these are compared",)


def compare_runs(a: RunFolder, b: RunFolder, *, all_metrics: bool = False) -> Comparison:
    """Two runs, cell by cell.

    Raises:
        UsageError: they are the same, or have no cell in common.
        RunFolderError: a file of a run is missing or damaged.
    """
    if a.path.resolve() == b.path.resolve():
        raise UsageError(f"{a.path} would be compared with itself: name two runs")
    reports = [load_report(run) for run in (a, b)]
    one, other = ({(c.variant, c.place): c for c in _cells(report)} for report in reports)
    if not one.keys() & other.keys():
        raise UsageError(
            f"{a.path} and {b.path} have no cell in common: {_first(one, other)}; "
            "compare runs of the same profile"
        )

    def ratio(first: Cell, second: Cell, metric: str) -> Ratio | None:
        return Ratio.of(unpaired_ratio(second.rounds[metric], first.rounds[metric]))

    circumstances = _circumstances(reports[0].facts, reports[1].facts)
    lines = list(_lines(one, other, ratio))
    return Comparison(
        a=str(a.path),
        b=str(b.path),
        method="B/A divides the means over rounds; its interval joins those of both, unpaired",
        lines=_shown(lines, all_metrics),
        verdicts=_differences(one, other),
        warnings=(*circumstances, *_limits(one, other, lines)),
        sentence=of_runs(reports[0].run_id, reports[1].run_id, lines, _pairs(one, other)),
    )


def _cells(report: Report) -> list[Cell]:
    """In the order of the tables."""
    return [row.cell for table in report.tables for row in table.rows]


def _pairs(a: Side, b: Side) -> list[tuple[Cell, Cell]]:
    return [(cell, b[name]) for name, cell in a.items() if name in b]


def _shown(lines: Sequence[Line], all_metrics: bool) -> tuple[Line, ...]:
    return tuple(line for line in lines if all_metrics or line.is_headline)


def _told(name: Name, cell: Cell) -> str:
    return ", ".join(part for part in (name[0], cell.caption) if part)


def _first(a: Side, b: Side) -> str:
    """One cell of each side, if it has any."""
    firsts = [next((_told(name, cell) for name, cell in side.items()), "") for side in (a, b)]
    return "; ".join(
        f"{title}'s first is {first}" if first else f"{title} has none"
        for title, first in zip("AB", firsts, strict=True)
    )


def _lines(a: Side, b: Side, ratio: Callable[[Cell, Cell, str], Ratio | None]) -> Iterable[Line]:
    """One line per cell and metric that both sides have, the headline first."""
    for name, cell in a.items():
        other = b.get(name)
        if other is None:
            continue
        headline = all_scenarios()[cell.scenario].headline[cell.load]
        overloaded = cell.overloaded or other.overloaded
        for metric in sorted(cell.rounds, key=lambda metric: (metric != headline, metric)):
            if metric not in other.rounds or _contains_boot(cell, metric):
                continue
            if overloaded and metric == headline:  # as in the tables: it says how long was offered
                continue
            yield Line(
                variant=name[0],
                cell=cell,
                metric=metric,
                a=_mean(cell.rounds[metric]),
                b=_mean(other.rounds[metric]),
                ratio=ratio(cell, other, metric),
                is_headline=metric == headline,
            )


def _contains_boot(cell: Cell, metric: str) -> bool:
    return LOADS[cell.load].fills and base_name(metric) in _WITH_BOOT


def _mean(values: Mapping[int, float]) -> float:
    return estimate(list(values.values())).value


def _differences(a: Side, b: Side) -> tuple[str, ...]:
    """Cells that did not end alike."""
    return tuple(
        f"{_told(name, a[name])}: A {a[name].ending}, B {b[name].ending}"
        for name in a
        if name in b and a[name].ending != b[name].ending
    )


def _limits(a: Side, b: Side, lines: Iterable[Line]) -> Iterable[str]:
    """What could not be compared, or not well."""
    for title, side, other in (("A", a, b), ("B", b, a)):
        alone = [(name, cell) for name, cell in side.items() if name not in other]
        if alone:
            first = _told(*alone[0])
            yield f"cells that only {title} has are left out: {len(alone)}, the first is {first}"
    if any(line.ratio and not line.ratio.has_interval for line in lines):
        yield f"fewer than {MIN_ROUNDS} rounds have no interval: a ratio of them may be chance"


def _circumstances(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterable[str]:
    """What else differs between two runs."""
    plan = ("profile", "seed", "tuning")
    for title, one, other in (
        ("machine", a["host"], b["host"]),
        ("workers", _interpreter(a), _interpreter(b)),
        ("server", a["redis"], b["redis"]),
        ("code", a.get("code", {}), b.get("code", {})),
        ("plan", {k: a[k] for k in plan}, {k: b[k] for k in plan}),
    ):
        changed = [k for k in dict.fromkeys((*one, *other)) if one.get(k) != other.get(k)]
        if changed:
            told = ", ".join(f"{k} {one.get(k)} / {other.get(k)}" for k in changed)
            yield f"A and B differ in {title}: {told}"
    for name in sorted(a["backends"].keys() & b["backends"].keys()):
        before, after = a["backends"][name]["version"], b["backends"][name]["version"]
        if before != after:
            yield f"{name} is {before} in A, {after} in B"


def _interpreter(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """What workers ran on."""
    return {"python": run.get("guest", "the harness's")}
