"""Two runs, or two variants of one run, side by side. A pure function of run folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.analysis.tables import rounds_of
from bench.errors import UsageError, unknown
from bench.measure.statistics import MIN_ROUNDS, unpaired_ratio
from bench.record.store import RunFolder
from bench.report.model import load_report, tables_of
from bench.report.noise import Noise
from bench.report.parts import Ratio, Report
from bench.report.tables import better, ratio_by_round

Values = dict[int, float]


@dataclass(frozen=True)
class Line:
    """One metric of one cell that both sides have.

    Attributes:
        variant: empty where variants are what is compared.
        caption: the cell without its variant.
    """

    variant: str
    caption: str
    metric: str
    a: float
    b: float
    ratio: Ratio | None

    @property
    def winner(self) -> str:
        """``A`` or ``B`` where interval and noise tell them apart, else ``-``."""
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
    """

    a: str
    b: str
    method: str
    lines: tuple[Line, ...]
    verdicts: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """What one side has of a cell: values by metric and round, and how it ended."""

    scenario: str
    load: str
    values: Mapping[str, Values]
    headline: str
    state: str


Name = tuple[str, str]
Side = dict[Name, Cell]


def compare_variants(run: RunFolder, a: str, b: str, *, all_metrics: bool = False) -> Comparison:
    """Two variants of one run.

    Raises:
        UsageError: the run has no such variant, or the two have no cell in common.
        RunFolderError: a file of the run is missing or damaged.
    """
    report = load_report(run)
    for name in (a, b):
        if name not in report.how:
            raise UsageError(f"in {run.path}: {unknown('variant', name, report.how)}")
    cells = _cells(report, run)
    one, other = (
        {("", caption): cell for (variant, caption), cell in cells.items() if variant == name}
        for name in (a, b)
    )
    if not one.keys() & other.keys():
        raise UsageError(f"in {run.path}, {a} and {b} have no cell in common: {_first(one, other)}")
    lines = _lines(one, other, ratio_by_round, all_metrics, [_noise(report, run)])
    return Comparison(
        a=a,
        b=b,
        method=f"B/A is paired by round of run {run.id}",
        lines=lines,
        verdicts=_differences(one, other),
        warnings=tuple(_limits(one, other, lines)),
    )


def compare_runs(a: RunFolder, b: RunFolder, *, all_metrics: bool = False) -> Comparison:
    """Two runs, cell by cell.

    Raises:
        UsageError: they have no cell in common.
        RunFolderError: a file of a run is missing or damaged.
    """
    reports = [load_report(run) for run in (a, b)]
    one, other = (_cells(report, run) for report, run in zip(reports, (a, b), strict=True))
    if not one.keys() & other.keys():
        raise UsageError(
            f"{a.path} and {b.path} have no cell in common: {_first(one, other)}; "
            "compare runs of the same profile"
        )
    circumstances = _circumstances(reports[0].facts, reports[1].facts)
    noise = [_noise(report, run) for report, run in zip(reports, (a, b), strict=True)]
    lines = _lines(one, other, _ratio_of_runs, all_metrics, noise)
    return Comparison(
        a=str(a.path),
        b=str(b.path),
        method="B/A divides the medians; its interval joins those of both medians, unpaired",
        lines=lines,
        verdicts=_differences(one, other),
        warnings=(*circumstances, *_limits(one, other, lines)),
    )


def _first(a: Side, b: Side) -> str:
    """One cell of each side, if it has any."""
    names = [", ".join(part for part in next(iter(side), ()) if part) for side in (a, b)]
    return "; ".join(
        f"{title}'s first is {name}" if name else f"{title} has none"
        for title, name in zip("AB", names, strict=True)
    )


def _ratio_of_runs(b: Values, a: Values) -> Ratio | None:
    found = unpaired_ratio(b, a)
    return Ratio(found.value, found.low, found.high, found.rounds) if found else None


def _cells(report: Report, run: RunFolder) -> Side:
    """A run's cells by variant and caption, in the order of its tables."""
    by_key: dict[Any, dict[str, Values]] = {}
    for (key, metric), values in rounds_of(tables_of(run).rounds).items():
        by_key.setdefault(key, {})[metric] = dict(values)
    cells = {}
    for table in report.tables:
        params = json.dumps(table.params, sort_keys=True)
        for row in table.rows:
            key = (row.variant, table.scenario, table.load, table.concurrency, params)
            measured = by_key.get(key, {})
            cells[row.variant, table.caption] = Cell(
                table.scenario, table.load, measured, table.headline, row.state
            )
    return cells


def _noise(report: Report, run: RunFolder) -> Noise:
    return Noise(rounds_of(tables_of(run).rounds), report.baseline)


def _lines(
    a: Side,
    b: Side,
    ratio: Callable[[Values, Values], Ratio | None],
    all_metrics: bool,
    noise: Sequence[Noise],
) -> tuple[Line, ...]:
    """One line per cell and metric that both sides have.

    Args:
        noise: of each run; the noisier one tells what is a difference.
    """
    lines = []
    for name, cell in a.items():
        other = b.get(name)
        for metric in sorted(cell.values, key=lambda metric: (metric != cell.headline, metric)):
            if other is None or metric not in other.values:
                continue
            if all_metrics or metric == cell.headline:
                one, two = cell.values[metric], other.values[metric]
                values = _median(one), _median(two)
                found = ratio(two, one)
                if found:
                    where = (cell.scenario, cell.load, metric, found.rounds)
                    factors = [factor for n in noise if (factor := n.factor(*where))]
                    found = replace(found, noise=max(factors, default=None))
                lines.append(Line(*name, metric, *values, found))
    return tuple(lines)


def _median(values: Values) -> float:
    return float(np.median(list(values.values())))


def _differences(a: Side, b: Side) -> tuple[str, ...]:
    """Cells that did not end alike."""
    return tuple(
        f"{', '.join(part for part in name if part)}: A {a[name].state}, B {b[name].state}"
        for name in a
        if name in b and a[name].state != b[name].state
    )


def _limits(a: Side, b: Side, lines: Iterable[Line]) -> Iterable[str]:
    """What could not be compared, or not well."""
    for title, side, other in (("A", a, b), ("B", b, a)):
        alone = [name for name in side if name not in other]
        if alone:
            first = ", ".join(part for part in alone[0] if part)
            yield f"cells that only {title} has are left out: {len(alone)}, the first is {first}"
    if any(line.ratio and not line.ratio.has_interval for line in lines):
        yield f"ratios of fewer than {MIN_ROUNDS} rounds have no interval and may be chance"


def _circumstances(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterable[str]:
    """What else differs between two runs."""
    plan = ("profile", "seed", "tuning")
    for title, one, other in (
        ("machine", a["host"], b["host"]),
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
