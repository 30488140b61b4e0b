"""One trial's events against the truth -> violations. Scenario and backend are data here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from backends.kit import events as kinds
from bench.measure.metrics import attempts, retry_gaps
from scenarios.spec import Item, Work

#: Timers run on the wall clock, events are stamped by another one; many libraries keep due times
#: in whole milliseconds. A retry that is early by less than this is not called early.
CLOCK_TOLERANCE_MS = 2.0


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
    """A trial's events, laid out for the checks."""

    def __init__(self, events: pd.DataFrame, items: list[Item]) -> None:
        of_kind = {kind: events[events["kind"] == kind] for kind in (_NEEDED)}
        offered = set(of_kind[kinds.SEND]["task_id"])
        self.refused = set(of_kind[kinds.REFUSED]["task_id"])
        self.offered = [item for item in items if item[0].task_id in offered]
        self.accepted = [item for item in self.offered if item[0].task_id not in self.refused]
        self.works = [work for item in self.accepted for work in item]
        self.attempts = attempts(events)
        self.started = self.attempts.groupby("task_id").size()
        self.ended = self.attempts.dropna(subset=["ended_ns"]).groupby("task_id").size()
        self.results = of_kind[kinds.RESULT].set_index("task_id")["value"]
        self.failures = set(of_kind[kinds.FAILURE]["task_id"])
        self.asked = set(self.results.index) | self.failures
        self.asked |= set(of_kind[kinds.NO_RESULT]["task_id"])
        self.delivered = of_kind[kinds.DELIVERED].groupby("task_id").size()
        self.gaps = retry_gaps(self.attempts)
        order = of_kind[kinds.START].drop_duplicates("task_id").sort_values("t_ns")
        self.start_order = order["task_id"].tolist()
        self.last = {item[-1].task_id for item in self.accepted}


_NEEDED = (
    *(kinds.SEND, kinds.REFUSED, kinds.START, kinds.RESULT, kinds.FAILURE, kinds.NO_RESULT),
    kinds.DELIVERED,
)


def trial_checks(
    events: pd.DataFrame, items: list[Item], *, sees_failure: bool, fifo: bool
) -> list[Finding]:
    """Every check that applies to the trial.

    Args:
        events: the trial's events, in the order of time.
        items: what was to be sent.
        sees_failure: whether the library can tell its caller that a task failed for good.
        fifo: whether the tasks must have started in the order they were sent.
    """
    facts = Facts(events, items)
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


def _name(work: Work) -> str:
    return f"task {work.task_id & 0xFFFFFFFF}"


def _enqueued(facts: Facts) -> Finding:
    refused = [item[0] for item in facts.offered if item[0].task_id in facts.refused]
    return Finding(
        "enqueued",
        "every task accepted",
        len(facts.offered),
        [f"{_name(work)}: the enqueue call raised" for work in refused],
    )


def _lost(facts: Facts) -> Finding:
    def problems() -> Iterator[str]:
        for work in facts.works:
            started = facts.started.get(work.task_id, 0)
            if not started:
                yield f"{_name(work)}: never ran"
            elif not facts.ended.get(work.task_id, 0):
                yield f"{_name(work)}: began and did not end"

    return Finding("lost", "every task runs to an end", len(facts.works), list(problems()))


def _attempts(facts: Facts) -> Finding:
    once = all(work.expected.attempts == 1 for work in facts.works)
    wrong = [
        f"{_name(work)}: {count} attempts instead of {work.expected.attempts}"
        for work in facts.works
        if (count := int(facts.started.get(work.task_id, 0))) != work.expected.attempts
        and not (once and count == 0)  # that is told by the check for lost tasks
    ]
    if once:
        return Finding("repeated", "no task runs twice", len(facts.works), wrong)
    return Finding("attempts", "failures + 1 attempts, at most 4", len(facts.works), wrong)


def _results(facts: Facts) -> Finding | None:
    known = [work for work in facts.works if work.expected.value is not None]
    if not known:
        return None
    done = facts.attempts[facts.attempts["ok"]].drop_duplicates("task_id", keep="last")
    computed = done.set_index("task_id")["value"]

    def problems() -> Iterator[str]:
        for work in known:
            for who, values in (("worker", computed), ("caller", facts.results)):
                value = values.get(work.task_id)
                if value is not None and int(value) != work.expected.value:
                    got = "no integer or text" if int(value) == kinds.ODD_VALUE else int(value)
                    yield f"{_name(work)}: the {who} got {got} instead of {work.expected.value}"

    return Finding("results", "every result is right", len(known), list(problems()))


def _outcome(facts: Facts, sees_failure: bool) -> Finding | None:
    """What the caller was told, for tasks whose result was asked for."""
    asked = [work for work in facts.works if work.task_id in facts.last & facts.asked]
    if not sees_failure:
        asked = [work for work in asked if work.expected.succeeds]
    if not asked:
        return None

    def problems() -> Iterator[str]:
        for work in asked:
            wanted = "success" if work.expected.succeeds else "failure"
            told = "nothing"
            if work.task_id in facts.results.index:
                told = "success"
            elif work.task_id in facts.failures:
                told = "failure"
            if told != wanted:
                yield f"{_name(work)}: the caller was told {told} instead of {wanted}"

    return Finding("outcome", "the caller sees how each task ended", len(asked), list(problems()))


def _retry_delay(facts: Facts) -> Finding | None:
    delays = {w.task_id: w.expected.retried_after for w in facts.works}
    if not any(delays.values()) or facts.gaps.empty:
        return None
    shortest = min(delay for delay in delays.values() if delay)
    early = [
        f"task {row.task_id & 0xFFFFFFFF}: attempt {row.number} came "
        f"{delay * 1e3 - row.gap_ns / 1e6:.1f} ms early"
        for row in facts.gaps.itertuples()
        if (delay := delays.get(row.task_id)) is not None
        and row.gap_ns / 1e6 < delay * 1e3 - CLOCK_TOLERANCE_MS
    ]
    return Finding("retry_delay", f"no retry before {shortest:g} s", len(facts.gaps), early)


def _delivered(facts: Facts) -> Finding | None:
    known = [work for work in facts.works if work.expected.deliveries is not None]
    if not known:
        return None
    wrong = [
        f"{_name(work)}: delivered {count} times" if count else f"{_name(work)}: never delivered"
        for work in known
        if (count := int(facts.delivered.get(work.task_id, 0))) != work.expected.deliveries
    ]
    return Finding("delivered", "every message delivered once", len(known), wrong)


def _order(facts: Facts) -> Finding:
    late = [
        f"task {task & 0xFFFFFFFF}: started after task {before & 0xFFFFFFFF}"
        for before, task in zip(facts.start_order, facts.start_order[1:], strict=False)
        if task < before
    ]
    return Finding("order", "first in, first out", len(facts.start_order), late)
