"""What a report is made of: plain values, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.measure.noise import differs, within
from bench.measure.statistics import MIN_ROUNDS, Estimate
from bench.report.sections import Section
from bench.report.wording import caption, interval, number, plural

#: Statuses of a row beyond those of a trial (:class:`bench.run.trial.Outcome`).
NOT_RUN = "not run"

#: Statuses of trials by which nothing is missing: a variant that cannot run on a platform is no
#: failure of the harness.
FINE = frozenset({"ok", "unsupported"})

#: Said of a ratio that is not claimed.
NO_DIFFERENCE = "no difference"

#: ``twin``: the baseline's second cell (A/A); ``limit``: a variant that is no queue to choose but
#: the limit that queues are measured against. Neither is ranked.
Kind = Literal["variant", "twin", "limit"]


@dataclass(frozen=True)
class Measure:
    """A metric of a cell: its median over rounds, with its interval where there is one."""

    metric: str
    value: float
    low: float | None
    high: float | None
    rounds: int

    @property
    def text(self) -> str:
        """``1,010 [980, 1,030]``."""
        return number(self.value) + interval(self.low, self.high)


@dataclass(frozen=True)
class Ratio:
    """A value divided by another.

    Attributes:
        noise: the factor that a difference must exceed; ``None`` where it is not known.
    """

    value: float
    low: float | None
    high: float | None
    rounds: int = 0
    noise: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart; never without an interval."""
        estimate = Estimate(self.value, self.low, self.high, self.rounds)
        return differs(estimate, self.noise)

    @property
    def has_interval(self) -> bool:
        """Whether there were rounds enough for one."""
        return self.low is not None and self.high is not None

    @property
    def no_difference(self) -> bool:
        """Whether the two cannot be told apart although there were rounds enough; or, of fewer,
        because the ratio is within the noise."""
        if self.has_interval:
            return not self.differs
        return self.noise is not None and within(self.value, self.noise)

    @property
    def figures(self) -> str:
        """``1.83x [1.71, 1.95]``."""
        return f"{number(self.value)}x{interval(self.low, self.high)}"

    @property
    def text(self) -> str:
        """:attr:`figures`, or ``no difference``."""
        return NO_DIFFERENCE if self.no_difference else self.figures


@dataclass(frozen=True)
class How:
    """What a variant promises and how it reaches its concurrency."""

    concurrency: str
    ack: str
    delivery: str
    results: str
    retries: str
    chain: str

    @property
    def chain_idiom(self) -> str:
        """The chain's name without its explanation."""
        return self.chain.partition(":")[0]


@dataclass(frozen=True)
class Row:
    """One cell of a table.

    Attributes:
        rank: from 1; ``None`` where the cell cannot be ranked.
        ratio: to the baseline, paired by round.
        columns: the further metrics, in the order of the table's.
        status: ``ok``, the status of the first trial that was not, or ``not run``.
        reason: one sentence where it is not ok.
        failed: violations by check.
        checked: whether any check looked at this cell.
        rounds: how many ended well.
        planned: how many were to run.
        limit: what it is of the limit: ``12%``, ``8.3x``, ``~12%`` where the limit is borrowed
            from another cell; empty where there is none.
    """

    variant: str
    version: str
    rank: int | None
    headline: Measure | None
    ratio: Ratio | None
    is_baseline: bool
    columns: tuple[Measure | None, ...]
    status: str
    reason: str
    failed: Mapping[str, int]
    checked: bool
    rounds: int
    planned: int
    how: How
    kind: Kind = "variant"
    limit: str = ""

    @property
    def place(self) -> str:
        """The rank; ``limit`` or ``-`` where there is none."""
        return str(self.rank) if self.rank else "limit" if self.kind == "limit" else "-"

    @property
    def ratio_text(self) -> str:
        """``1.83x [1.71, 1.95]``, ``no difference``, ``baseline``, or ``-``; of the baseline's
        twin always the figures, because it is what tells how much chance does."""
        if self.is_baseline:
            return "baseline"
        if not self.ratio:
            return "-"
        told = self.ratio.figures if self.kind == "twin" else self.ratio.text
        is_figure = self.kind == "twin" or not self.ratio.no_difference
        if is_figure and self.ratio.rounds < min(self.planned, MIN_ROUNDS):
            told += f" ({plural(self.ratio.rounds, 'round')})"
        return told

    @property
    def verdict(self) -> str:
        """``pass``, or ``FAIL: lost 3, repeated 1``; ``-`` where nothing was checked."""
        if self.failed:
            return "FAIL: " + ", ".join(f"{check} {n}" for check, n in self.failed.items())
        return "pass" if self.checked else "-"

    @property
    def problem(self) -> str:
        """Why the row is not ranked: ``timeout: not done within 60 s``; empty if it is."""
        return ": ".join(part for part in (self.status, self.reason) if part != "ok" and part)

    @property
    def brief(self) -> str:
        """Verdict and status without the reason: ``pass; invalid, 2 of 3 rounds ok``."""
        told = [self.verdict if self.checked else "", "" if self.status == "ok" else self.status]
        text = "; ".join(part for part in told if part)
        if self.planned > 1 and self.rounds < self.planned:
            text += f", {self.rounds} of {self.planned} rounds ok"
        return text or "-"

    @property
    def state(self) -> str:
        """Verdict, problem and missing rounds together."""
        told = [self.verdict if self.checked else "", self.problem]
        if self.status == "ok" and self.rounds < self.planned:
            told.append(f"{self.rounds} of {self.planned} rounds ran")
        return "; ".join(part for part in told if part) or "-"


@dataclass(frozen=True)
class Table:
    """All variants under the same scenario, load, parameters and concurrency.

    Attributes:
        headline: the metric that ranks.
        better: ``higher`` or ``lower``.
        columns: further metrics.
        noise: the factor below which no difference is claimed here; ``None`` where unknown.
    """

    scenario: str
    load: str
    params: Mapping[str, Any]
    concurrency: int
    headline: str
    better: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    noise: float | None = None

    @property
    def caption(self) -> str:
        """``chain, closed, length 5, concurrency 4``."""
        return caption(self.scenario, self.load, self.params, self.concurrency)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows with a rank."""
        return tuple(row for row in self.rows if row.rank is not None)

    @property
    def has_limits(self) -> bool:
        """Whether any row says what it is of the limit."""
        return any(row.limit for row in self.rows)

    @property
    def planned(self) -> int:
        """Rounds planned for a cell of this table."""
        return max((row.planned for row in self.rows), default=0)


@dataclass(frozen=True)
class FailedCheck:
    """A check that a cell did not pass."""

    variant: str
    caption: str
    check: str
    expected: str
    violations: int
    examples: tuple[str, ...]

    @property
    def more(self) -> int:
        """Violations beyond the examples."""
        return self.violations - len(self.examples)


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
        how: by variant.
        trials: number of trials by status; those of an interrupted run under ``not run``.
        checks: how many cells' checks there were, and ``verdicts`` those not passed.
        findings: what one who chooses a queue needs to know, a sentence each.
        sections: what stands behind the tables, in order.
    """

    path: Path
    run_id: str
    facts: Mapping[str, Any]
    baseline: str
    tables: tuple[Table, ...]
    how: Mapping[str, How]
    settings: tuple[Setting, ...]
    trials: Mapping[str, int]
    checks: int
    verdicts: tuple[FailedCheck, ...]
    warnings: tuple[str, ...]
    findings: tuple[str, ...]
    sections: tuple[Section, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether all that was planned has been measured, whatever was found."""
        return self.trials.keys() <= FINE

    @property
    def all_passed(self) -> bool:
        """Whether no check failed."""
        return not self.verdicts

    @property
    def summary(self) -> str:
        """One line: how many trials ended how, how many checks passed."""
        planned = sum(self.trials.values())
        if not planned:
            return "no trials planned"
        told = f"{self.trials.get('ok', 0)} of {planned} trials ok"
        others = [f"{n} {status}" for status, n in self.trials.items() if status != "ok"]
        if others:
            told += f" ({', '.join(others)})"
        return f"{told}; {self.checks - len(self.verdicts)} of {self.checks} checks passed"
