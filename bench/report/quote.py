"""A comparison in one sentence: throughput, latency, memory, CPU, correctness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.report.cells import Cell
from bench.report.measures import Ratio
from bench.report.wording import ending, params_text, plural
from scenarios.loads import LOADS


class Compared(Protocol):
    """One metric of one cell that both sides have, as a comparison has it."""

    @property
    def cell(self) -> Cell:
        """That of A."""

    @property
    def metric(self) -> str:
        """Its name."""

    @property
    def ratio(self) -> Ratio | None:
        """B / A."""

    @property
    def winner(self) -> str:
        """``A``, ``B``, or ``-`` where they cannot be told apart."""


@dataclass(frozen=True)
class Aspect:
    """What a chooser asks for, and where it is measured.

    Attributes:
        more, less: said of B where it has more, or less, of it.
        noun: said where there is no difference or none is known.
        metrics: of these the first that both sides have.
        fits: which loads are meant.
    """

    more: str
    less: str
    noun: str
    metrics: tuple[str, ...]
    fits: Callable[[Cell], bool]


def _fills_first(cell: Cell) -> bool:
    return LOADS[cell.load].drains


def _at_a_common_rate(cell: Cell) -> bool:
    return "rate_per_s" in cell.params


ASPECTS = (
    Aspect(
        "a higher throughput",
        "a lower throughput",
        "throughput",
        ("throughput_tasks_per_s",),
        _fills_first,
    ),
    Aspect(
        "longer round trips",
        "shorter round trips",
        "round trips",
        ("round_trip_ms_p50",),
        lambda cell: LOADS[cell.load].awaited,
    ),
    Aspect(
        "a higher latency",
        "a lower latency",
        "latency",
        ("latency_ms_p95",),
        _at_a_common_rate,
    ),
    Aspect(
        "more memory",
        "less memory",
        "memory",
        ("worker_pss_mb", "worker_peak_rss_mb", "worker_rss_mb"),
        _fills_first,
    ),
    Aspect(
        "more CPU per task",
        "less CPU per task",
        "CPU per task",
        ("cpu_ms_per_task:worker",),
        _fills_first,
    ),
)

#: The work that is compared: the smallest there is.
SCENARIO = "add"


def of_variants(
    a: str,
    b: str,
    lines: Sequence[Compared],
    pairs: Iterable[tuple[Cell, Cell]],
    by_service_time: str = "",
) -> str:
    """B against A, each aspect by the cell of ``add`` with the highest concurrency.

    Args:
        lines: every metric that both have.
        pairs: their cells.
        by_service_time: how their throughputs go, where that was measured: it stands for the
            throughput, which is the first aspect, and of the others those are told that both have.
    """
    chosen = [(aspect, _chosen(aspect, lines)) for aspect in ASPECTS]
    if by_service_time:
        measured = [_phrase(aspect, line) for aspect, line in chosen[1:] if line]
        beside = f"; {b} has {', '.join(measured)}" if measured else ""
        return f"{by_service_time}{beside}; {_correctness(a, b, list(pairs))}."
    told = [
        _phrase(aspect, line) if line else f"{aspect.noun} not measured in both"
        for aspect, line in chosen
    ]
    where = {line.cell.concurrency for _, line in chosen if line}
    at = f", {SCENARIO} at concurrency {where.pop()}," if len(where) == 1 else ""
    return f"Against {a}{at} {b} has {', '.join(told)}; {_correctness(a, b, list(pairs))}."


def _chosen(aspect: Aspect, lines: Sequence[Compared]) -> Compared | None:
    """The highest concurrency first, then the metric, then the highest common rate."""
    fitting = [
        line
        for line in lines
        if line.cell.scenario == SCENARIO
        and line.metric in aspect.metrics
        and aspect.fits(line.cell)
    ]
    return max(
        fitting,
        key=lambda line: (
            line.cell.concurrency,
            -aspect.metrics.index(line.metric),
            line.cell.params.get("rate_per_s", 0.0),
        ),
        default=None,
    )


def _phrase(aspect: Aspect, line: Compared) -> str:
    rate = params_text({"rate_per_s": line.cell.params.get("rate_per_s")})
    where = " ".join(part for part in (ending(line.metric), f"at {rate}" if rate else "") if part)
    noun = f"{where} " if where else ""
    if line.ratio is None or not line.ratio.has_interval:
        rounds = plural(line.ratio.rounds, "round") if line.ratio else "no round in common"
        return f"{aspect.noun} untold ({rounds})"
    figures = f"({noun}{line.ratio.figures})"
    if not line.ratio.differs:
        return f"no difference in {aspect.noun} {figures}"
    return f"{aspect.more if line.ratio.value > 1 else aspect.less} {figures}"


def _correctness(a: str, b: str, pairs: Sequence[tuple[Cell, Cell]]) -> str:
    checked = [(one, other) for one, other in pairs if one.checked and other.checked]
    if not checked:
        return "no check looked at both"
    failed = [name for name, side in ((a, 0), (b, 1)) if any(pair[side].failed for pair in checked)]
    if not failed:
        return f"both passed every check of {plural(len(checked), 'common cell')}"
    other = "" if len(failed) == 2 else f", {b if failed[0] == a else a} passed all"
    return f"{' and '.join(failed)} failed checks{other}"


def of_runs(a: str, b: str, lines: Sequence[Compared], pairs: Iterable[tuple[Cell, Cell]]) -> str:
    """Run B against run A: of each aspect in how many cells it is better or worse."""
    told = []
    for aspect in ASPECTS:
        fitting = [line for line in lines if line.cell.kind == "variant" and aspect.fits(line.cell)]
        metric = _first_of(aspect, fitting)
        own = [line for line in fitting if line.metric == metric]
        told.append(f"{aspect.noun} {_tally(own)}")
    changed = [(one, other) for one, other in pairs if dict(one.failed) != dict(other.failed)]
    verdicts = plural(len(changed), "verdict") + " differ" if changed else "no verdict differs"
    return f"Against {a}, {b} is, by cells: {'; '.join(told)}; {verdicts}."


def _first_of(aspect: Aspect, lines: Sequence[Compared]) -> str | None:
    """Of an aspect's metrics the first that any cell has."""
    known = {line.metric for line in lines}
    return next((metric for metric in aspect.metrics if metric in known), None)


def _tally(lines: Sequence[Compared]) -> str:
    if not lines:
        return "not measured in both"
    known = [line for line in lines if line.ratio and line.ratio.has_interval]
    if not known:
        return "untold, too few rounds"
    better = sum(line.winner == "B" for line in known)
    worse = sum(line.winner == "A" for line in known)
    return f"better in {better}, worse in {worse} of {len(known)}"
