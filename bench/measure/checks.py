"""One trial's events against the truth -> violations. Scenario and backend are data here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from backends.kit import events as kinds
from bench.measure.attempts import Attempts, retry_gaps
from bench.measure.trace import Trace
from scenarios.loads import LOADS

#: Timers run on another clock than events are stamped by; many libraries keep due times in whole
#: milliseconds; and a loop's timer counts from when the loop last looked at its clock, which on a
#: busy machine is some milliseconds ago. A retry early by less than this is not called early.
CLOCK_TOLERANCE_MS = 10.0


@dataclass
class Finding:
    """What one check saw in one trial."""

    check: str
    expected: str
    checked: int
    violations: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations


class Facts:
    """A trial's events, laid out for the checks: arrays with one row per task.

    Args:
        cut_short: the load was stopped with work left to do: what had not ended by then is left
            out.
    """

    def __init__(self, trace: Trace, tried: Attempts, *, cut_short: bool) -> None:
        truth = trace.truth
        self.trace, self.truth, self.cut_short = trace, truth, cut_short
        #: Per item: whether it was sent, and whether the library took it.
        self.offered = trace.of_first_step(trace.seen(kinds.SEND))
        self.refused = self.offered & trace.of_first_step(trace.seen(kinds.REFUSED))
        self.started = trace.starts
        self.attempts = tried
        self.ended = np.zeros(truth.tasks, bool)
        self.ended[self.attempts.task[self.attempts.ended_ns >= 0]] = True
        #: The tasks that are held to their truth.
        self.held = np.repeat(self.offered & ~self.refused, truth.steps)
        if cut_short:
            self.held &= self.ended

    def name(self, task: int) -> str:
        """How a violation calls a task, given its row."""
        return f"task {self.truth.first + task}"


def trial_checks(
    trace: Trace,
    tried: Attempts,
    *,
    sees_failure: bool,
    fifo: bool,
    load: str = "burst",
    cut_short: bool = False,
) -> list[Finding]:
    """Every check that applies to the trial.

    Args:
        trace: the trial's events beside its truth.
        tried: its attempts, of :func:`bench.measure.attempts.attempts`.
        sees_failure: whether the library can tell its caller that a task failed for good.
        fifo: whether the tasks must have started in the order they were sent.
        load: how the items were offered.
        cut_short: the trial was ended with work left to do, whatever its load.
    """
    if not LOADS[load].works:
        return []
    facts = Facts(trace, tried, cut_short=cut_short or LOADS[load].cut_short)
    found = [
        _enqueued(facts),
        _lost(facts),
        _attempts(facts),
        _results(facts),
        _outcome(facts, sees_failure),
        _retry_delay(facts),
        _delivered(facts),
    ]
    if fifo:
        found.append(_order(facts))
    return [finding for finding in found if finding is not None and finding.checked]


def _rows(of: np.ndarray) -> list[int]:
    """The rows in which a column of truth values is true."""
    return [int(row) for row in np.flatnonzero(of)]


def _enqueued(facts: Facts) -> Finding:
    steps = facts.truth.steps
    return Finding(
        "enqueued",
        "every task accepted",
        int(np.count_nonzero(facts.offered)),
        [f"{facts.name(item * steps)}: the enqueue call raised" for item in _rows(facts.refused)],
    )


def _lost(facts: Facts) -> Finding | None:
    if facts.cut_short:
        return None
    lost = [
        f"{facts.name(task)}: {'began and did not end' if facts.started[task] else 'never ran'}"
        for task in _rows(facts.held & ~facts.ended)
    ]
    return Finding("lost", "every task runs to an end", int(facts.held.sum()), lost)


def _attempts(facts: Facts) -> Finding:
    expected = facts.truth.attempts
    once = bool((expected[facts.held] == 1).all())
    wrong = facts.held & (facts.started != expected)
    if once:
        wrong &= facts.started > 0  # the others are told by the check for lost tasks
    told = [
        f"{facts.name(task)}: {facts.started[task]} attempts instead of {expected[task]}"
        for task in _rows(wrong)
    ]
    checked = int(facts.held.sum())
    if once:
        return Finding("repeated", "no task runs twice", checked, told)
    return Finding("attempts", "failures + 1 attempts, at most 4", checked, told)


def _results(facts: Facts) -> Finding | None:
    known = facts.held & facts.truth.has_value
    if not known.any():
        return None
    trace, expected = facts.trace, facts.truth.value
    rows = trace.first_of(trace.of(kinds.RESULT))
    told, fetched = rows >= 0, np.zeros(facts.truth.tasks, np.int64)
    fetched[told] = trace.value[rows[told]]
    done, computed = np.zeros(facts.truth.tasks, bool), np.zeros(facts.truth.tasks, np.int64)
    ok = facts.attempts.ok
    done[facts.attempts.task[ok]] = True
    computed[facts.attempts.task[ok]] = facts.attempts.value[ok]  # of several the last one stays
    sides = (
        ("worker", known & done & (computed != expected), computed),
        ("caller", known & told & (fetched != expected), fetched),
    )

    def problems() -> Iterator[str]:
        for task in _rows(sides[0][1] | sides[1][1]):
            for who, wrong, values in sides:
                if wrong[task]:
                    got = "no integer or text" if values[task] == kinds.ODD_VALUE else values[task]
                    yield f"{facts.name(task)}: the {who} got {got} instead of {expected[task]}"

    return Finding("results", "every result is right", int(known.sum()), list(problems()))


def _outcome(facts: Facts, sees_failure: bool) -> Finding | None:
    """What the caller was told, for tasks whose result was asked for."""
    trace, succeeds = facts.trace, facts.truth.succeeds
    success, failure = trace.seen(kinds.RESULT), trace.seen(kinds.FAILURE)
    last = np.zeros(facts.truth.tasks, bool)
    trace.of_last_step(last)[:] = True
    asked = facts.held & last & (success | failure | trace.seen(kinds.NO_RESULT))
    if not sees_failure:
        asked &= succeeds
    if not asked.any():
        return None
    failure &= ~success
    wrong = asked & np.where(succeeds, ~success, ~failure)

    def problems() -> Iterator[str]:
        for task in _rows(wrong):
            wanted = "success" if succeeds[task] else "failure"
            told = "success" if success[task] else "failure" if failure[task] else "nothing"
            yield f"{facts.name(task)}: the caller was told {told} instead of {wanted}"

    expected = "the caller sees how each task ended"
    return Finding("outcome", expected, int(asked.sum()), list(problems()))


def _retry_delay(facts: Facts) -> Finding | None:
    gaps = retry_gaps(facts.attempts)
    delays = np.where(facts.held, facts.truth.retried_after, np.nan)
    if not (delays > 0).any() or not len(gaps.task):
        return None
    shortest = delays[delays > 0].min()
    wanted_ms, gap_ms = delays[gaps.task] * 1e3, gaps.gap_ns / 1e6
    early = [
        f"{facts.name(int(gaps.task[row]))}: attempt {gaps.number[row]} came "
        f"{wanted_ms[row] - gap_ms[row]:.1f} ms early"
        for row in _rows(gap_ms < wanted_ms - CLOCK_TOLERANCE_MS)
    ]
    return Finding("retry_delay", f"no retry before {shortest:g} s", len(gaps.task), early)


def _delivered(facts: Facts) -> Finding | None:
    expected = facts.truth.deliveries
    known = facts.held & (expected >= 0)
    if not known.any():
        return None
    count = facts.trace.count(kinds.DELIVERED)
    wrong = [
        f"{facts.name(task)}: "
        + (f"delivered {count[task]} times" if count[task] else "never delivered")
        for task in _rows(known & (count != expected))
    ]
    return Finding("delivered", "every message delivered once", int(known.sum()), wrong)


def _order(facts: Facts) -> Finding:
    trace = facts.trace
    rows = trace.first_of(trace.of(kinds.START))
    in_order = trace.task[np.sort(rows[rows >= 0])]
    late = [
        f"{facts.name(int(in_order[row + 1]))}: started after {facts.name(int(in_order[row]))}"
        for row in _rows(np.diff(in_order) < 0)
    ]
    return Finding("order", "first in, first out", len(in_order), late)
