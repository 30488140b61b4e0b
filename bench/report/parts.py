"""What a report is made of: plain values, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure.contrasts import Contrasts
from bench.report.cells import FINE, Cell, Kind
from bench.report.measures import Measure, Ratio
from bench.report.sections import Section, Tone
from bench.report.wording import caption, plural


@dataclass(frozen=True)
class How:
    """What a variant promises and how it reaches its concurrency."""

    version: str
    concurrency: str
    ack: str
    delivery: str
    results: str
    retries: str
    chain: str


@dataclass(frozen=True)
class Row:
    """One cell of a table.

    Attributes:
        metric: the table's headline.
        rank: from 1; ``None`` where the cell cannot be ranked.
        shared: whether others have the same rank, because they cannot be told apart.
        ratio: to the baseline, paired by round.
        has_base: whether the baseline has a value here.
        limit: what it is of the limit: ``12%``, ``8.3x``, ``~12%`` where the limit is borrowed
            from another cell; empty where there is none.
    """

    cell: Cell
    metric: str
    rank: int | None = None
    shared: bool = False
    ratio: Ratio | None = None
    is_baseline: bool = False
    has_base: bool = True
    limit: str = ""

    @property
    def variant(self) -> str:
        """As the tables name it."""
        return self.cell.variant

    @property
    def kind(self) -> Kind:
        """What the variant is in this run."""
        return self.cell.kind

    @property
    def status(self) -> str:
        """``ok``, the status of the first trial that was not, or ``not run``."""
        return self.cell.status

    @property
    def failed(self) -> Mapping[str, int]:
        """Violations by check."""
        return self.cell.failed

    @property
    def version(self) -> str:
        """The library's."""
        return self.cell.version

    @property
    def verdict(self) -> str:
        """``pass``, or ``FAIL: lost 3, repeated 1``; ``-`` where nothing was checked."""
        return self.cell.verdict

    @property
    def headline(self) -> Measure | None:
        """The value that ranks; none of what was too much for the variant in some round."""
        return None if self.cell.overloaded else self.cell.measures.get(self.metric)

    @property
    def comparable(self) -> bool:
        """Whether its value has a place among the others'. What broke a rule has none, however
        fast: a retry that comes too early is not better than one on time."""
        able = self.kind == "variant" and self.status == "ok" and not self.failed
        return able and self.headline is not None

    @property
    def place(self) -> str:
        """The rank, ``=2`` where it is shared; ``limit`` or ``-`` where there is none."""
        if self.rank is None:
            return "limit" if self.kind == "limit" else "-"
        return f"={self.rank}" if self.shared else str(self.rank)

    @property
    def ratio_text(self) -> str:
        """``1.83x [1.71, 1.95]``, ``no difference``, ``baseline``, or why there is none."""
        return self._compared(reasoned=False)

    @property
    def reasoned_ratio(self) -> str:
        """:attr:`ratio_text`, ``no difference`` with the interval that says so."""
        return self._compared(reasoned=True)

    def _compared(self, *, reasoned: bool) -> str:
        if self.is_baseline:
            return "baseline"
        if self.headline is None:
            return "-"
        if self.ratio is None:
            return "-" if self.has_base else "no baseline"
        if self.kind == "twin" and self.ratio.has_interval:  # it tells how much chance does
            return self.ratio.figures
        return self.ratio.reasoned if reasoned else self.ratio.text

    @property
    def problem(self) -> str:
        """Why the row is not ranked: ``timeout: not done within 60 s``; empty if it is, or if a
        word beside the verdict says so."""
        if self.status != "ok":
            return ": ".join(part for part in (self.status, self.cell.reason) if part)
        if self.headline is None and not self.cell.overloaded:
            return "too few tasks ended to tell"
        return ""

    @property
    def brief(self) -> str:
        """Verdict and status without the reason: ``pass; invalid, 2 of 3 rounds ok``."""
        cell = self.cell
        told = [cell.verdict if cell.checked else "", "" if cell.status == "ok" else cell.status]
        if cell.overloaded and not cell.failed:
            told[0] = ""  # there is no number for a pass to stand beside
        text = "; ".join(part for part in (*told, cell.remark) if part)
        if cell.planned > 1 and cell.ended < cell.planned:
            text += f", {cell.ended} of {cell.planned} rounds ok"
        return text or "-"

    @property
    def tone(self) -> Tone:
        """How :attr:`brief` is to be taken."""
        if self.failed:
            return "bad"
        whole = self.cell.ended >= self.cell.planned
        return "good" if whole and not self.problem and not self.cell.remark else "doubt"


@dataclass(frozen=True)
class Table:
    """All variants under the same scenario, load, parameters and concurrency.

    Attributes:
        headline: the metric that ranks.
        better: ``higher`` or ``lower``.
        columns: further metrics.
        contrasts: any two rows against each other, by the headline.
    """

    scenario: str
    load: str
    params: Mapping[str, Any]
    concurrency: int
    headline: str
    better: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    contrasts: Contrasts

    @property
    def caption(self) -> str:
        """``chain, closed, length 5, concurrency 4``."""
        return caption(self.scenario, self.load, self.params, self.concurrency)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows with a rank."""
        return tuple(row for row in self.rows if row.rank is not None)

    @property
    def ordered(self) -> tuple[Row, ...]:
        """The rows that the table is in the order of, with or without ranks."""
        return tuple(row for row in self.rows if row.comparable)

    @property
    def has_limits(self) -> bool:
        """Whether any row says what it is of the limit."""
        return any(row.limit for row in self.rows)

    @property
    def planned(self) -> int:
        """Rounds planned for a cell of this table."""
        return max((row.cell.planned for row in self.rows), default=0)


@dataclass(frozen=True)
class FailedCheck:
    """A check that a cell did not pass."""

    variant: str
    caption: str
    check: str
    expected: str
    violations: int
    examples: tuple[str, ...]

    def told(self, most: int) -> str:
        """In a sentence, with so many examples of the violations."""
        shown = self.examples[:most]
        left = self.violations - len(shown)
        more = f"; {left} more in verdicts.csv" if left > 0 else ""
        return (
            f"{self.variant} in {self.caption}: {self.check} {self.violations} "
            f"(expected: {self.expected}): {'; '.join(shown)}{more}"
        )


@dataclass(frozen=True)
class Setting:
    """A setting that is not the library's default, and of whom."""

    of: str
    name: str
    value: str
    default: str
    why: str


@dataclass(frozen=True)
class Report:
    """Everything a run has to say.

    Attributes:
        facts: ``run.json``, without secrets.
        cells: all, in the profile's order.
        how: by variant.
        trials: number of trials by status; those of an interrupted run under ``not run``.
        ended_by_defects: how many of them timed out by what is known of their variant.
        repeated: how many ran once more, which ``trials`` does not count.
        checks: how many cells' checks there were, and ``verdicts`` those not passed.
        findings: what one who chooses a queue needs to know, a sentence each.
        sections: what stands behind the tables, in order.
        incomplete_micro: the variants of which some or all microbenchmarks are missing.
    """

    path: Path
    run_id: str
    facts: Mapping[str, Any]
    baseline: str
    cells: tuple[Cell, ...]
    tables: tuple[Table, ...]
    how: Mapping[str, How]
    settings: tuple[Setting, ...]
    trials: Mapping[str, int]
    ended_by_defects: int
    repeated: int
    checks: int
    verdicts: tuple[FailedCheck, ...]
    warnings: tuple[str, ...]
    findings: tuple[str, ...]
    sections: tuple[Section, ...] = ()
    incomplete_micro: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether all that was planned has been measured, whatever was found.

        A trial that a known defect ended has found it.
        """
        wrong = sum(count for status, count in self.trials.items() if status not in FINE)
        return wrong == self.ended_by_defects and not self.incomplete_micro

    @property
    def all_passed(self) -> bool:
        """Whether no check failed."""
        return not self.verdicts

    @property
    def summary(self) -> str:
        """One line: how many trials ended how, how many checks passed, what is missing."""
        gaps = ""
        if self.incomplete_micro:
            gaps = f"; microbenchmarks missing of {plural(len(self.incomplete_micro), 'variant')}"
        planned = sum(self.trials.values())
        if not planned:
            return f"no trials planned{gaps}"
        told = f"{self.trials.get('ok', 0)} of {planned} trials ok"
        others = [f"{n} {status}" for status, n in self.trials.items() if status != "ok"]
        if others:
            told += f" ({', '.join(others)})"
        if self.repeated:
            told += f", {self.repeated} repeated"
        passed = self.checks - len(self.verdicts)
        return f"{told}; {passed} of {self.checks} checks passed{gaps}"
