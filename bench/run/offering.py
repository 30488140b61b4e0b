"""How each load is offered in a trial: what is asked of the producer and when a mark is taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from backends.kit import events
from bench.measure.metrics import steady_rate
from bench.measure.open_loop import Window, window
from bench.plan.cells import MIN_TASKS, STEPS, Cell, TrialPlan
from bench.plan.profile import MOST_TASKS
from bench.plan.schedule import offsets_ns
from bench.workers.lease import Lease
from bench.workers.producer import TrialTimeout
from scenarios.spec import Item

#: With no event for so long, and nothing left in the broker, what is missing will not come.
QUIET_S = 1.0
#: What is still in the broker although everything has ended, and so long does not become less,
#: will not leave it: tasks that were done and not acknowledged, say.
SETTLE_S = 30.0
#: The longest a caller waits for a result beyond the time the work itself takes.
RESULT_TIMEOUT_S = 10.0
#: An open load whose generator was later than this at p99, and later than this share of the p99
#: latency that it measured, was not the load asked for.
LATE_MS = 10.0
LATE_SHARE = 0.1
#: Threads or coroutines that send an open load: one that is held up leaves the next to another.
OPEN_LANES = 4
#: After so many steps without a rate that is sustained there is none worth looking for.
STEPS_IN_VAIN = 4
#: A p99 needs so many tasks.
STEP_TASKS = 100


class Invalid(Exception):
    """The load was not offered as it was meant to be, so nothing can be said about the queue."""


class NotEmpty(Exception):
    """Tasks that have ended are still in the broker: it would give them out again."""


@dataclass
class Offer:
    """One trial's load, on its way.

    Args:
        deadline: on the clock of ``time.monotonic``.
        drained: throughput of the drains so far, tasks/s, by :attr:`bench.plan.cells.Cell.drained`.

    Attributes:
        sent: items that the library accepted.
        left: tasks the broker held when it was last looked at.
        facts: what the trial's record keeps beside its status.
    """

    lease: Lease
    plan: TrialPlan
    deadline: float
    drained: dict[str, float]

    def __post_init__(self) -> None:
        self.sent = self.left = 0
        self.facts: dict[str, Any] = {"marks": []}

    @property
    def cell(self) -> Cell:
        """What is offered."""
        return self.plan.cell

    def run(self) -> None:
        """Offer the load and see it through.

        Raises:
            TrialTimeout: not done by the deadline.
            LeaseFailed: a worker or the producer is gone.
            Invalid: the load was not what it should have been.
        """
        _OFFERS[self.cell.load](self)

    # --- the loads -----------------------------------------------------------------------------

    def drain(self) -> None:
        """Fill the queue, then start the workers."""
        self._mark("start")
        items = self._send()
        self._mark("filled")
        self.lease.start_workers(self.deadline)
        self._mark("ready")
        self._await_attempts(_attempts(items))
        self._mark("done")
        rate = self._throughput()
        if rate is not None:
            self.drained[self.cell.drained] = self.facts["measured_per_s"] = rate
        self._collect()
        self._mark("end")

    def burst(self) -> None:
        """Send everything at once to live workers."""
        self.lease.start_workers(self.deadline)
        self._mark("start")
        items = self._send()
        self._await_attempts(_attempts(items))
        self._mark("done")
        self._collect()
        self._mark("end")

    def closed(self) -> None:
        """Keep as many items in flight as there are slots."""
        self.lease.start_workers(self.deadline)
        self._mark("start")
        answer = self.lease.ask(
            self.deadline,
            op="closed",
            items=wire(self.cell.items(self.plan.number)),
            lanes=self.cell.concurrency,
            limit_s=self.cell.for_s,
            timeout_s=RESULT_TIMEOUT_S + _work_s(self.cell),
        )
        self.sent = answer["sent"]
        self._mark("done")

    def open(self) -> None:
        """Send on a schedule, whatever the workers do."""
        assert self.cell.for_s is not None
        self.lease.start_workers(self.deadline)
        rate = (
            self.cell.params.get("rate_per_s") or self._drain_rate() * self.cell.params["offered"]
        )
        count = self.cell.tasks or tasks_at(rate, self.cell.for_s, MIN_TASKS)
        self.facts |= {"offered_tasks": count, "offered_per_s": rate}
        self._mark("start")
        seen = self._scheduled(self.cell.items(self.plan.number, count), rate, 0)
        self._mark("done")
        self._collect()
        self._mark("end")
        if _late(seen):
            raise Invalid(
                f"the generator ran late: p99 {seen.lateness_p99_ms:.1f} ms where the latency's is "
                f"{seen.p99_ms:.1f} ms; allowed: {LATE_MS:g} ms or {LATE_SHARE:.0%} of that"
            )

    def saturation(self) -> None:
        """Halve the gap between a rate that is sustained and one that is not, step by step."""
        self.lease.start_workers(self.deadline)
        assert self.cell.for_s is not None
        low, high, first = 0.0, self._drain_rate(), 0
        steps: list[dict[str, Any]] = []
        self.facts |= {"steps": steps, "offered_tasks": 0}
        self._mark("start")
        while len(steps) < (STEPS if low else STEPS_IN_VAIN):
            rate = (low + high) / 2
            count = tasks_at(rate, self.cell.for_s, STEP_TASKS)
            self.facts["offered_tasks"] = first + count
            items = self.cell.items(self.plan.number, first + count)[first:]
            seen = self._scheduled(items, rate, first)
            self._collect()
            late = _late(seen)
            in_time = seen.ended == count and seen.p99_ms <= self.cell.params["p99_bound_ms"]
            sustained = in_time and not late
            step = {"rate_per_s": rate, "first": first, "count": count}
            steps.append(step | {"sustained": sustained, "late": late})
            low, high = (rate, high) if sustained else (low, rate)
            first += count
            self.prove_empty()
        self._mark("done")
        if any(step["late"] and step["rate_per_s"] == high for step in steps):
            raise Invalid(
                f"the generator ran late at {high:.0f} per s, before the queue was saturated: "
                f"{low:.0f} per s are sustained, and maybe more"
            )

    def backlog(self) -> None:
        """Fill the queue with more than can be waited for; let the workers drain for a time."""
        assert self.cell.for_s is not None
        self._mark("start")
        items = self._send()
        self._mark("filled")
        self.lease.start_workers(self.deadline)
        self._mark("ready")
        until = time.monotonic() + self.cell.for_s
        self._await_attempts(_attempts(items), until)
        self._mark("done")

    def idle(self) -> None:
        """Leave live workers alone."""
        assert self.cell.for_s is not None
        self.lease.start_workers(self.deadline)
        self._mark("start")
        until = time.monotonic() + self.cell.for_s
        while (left := until - time.monotonic()) > 0:
            self.lease.check_alive()
            time.sleep(min(left, 0.25))
        self._mark("done")

    # --- steps ---------------------------------------------------------------------------------

    def _mark(self, at: str) -> None:
        self.facts["marks"].append(self.lease.mark(at, self.plan.number))

    def _send(self) -> list[Item]:
        items = self.cell.items(self.plan.number)
        self.sent = self.lease.ask(self.deadline, op="send", items=wire(items))["sent"]
        return items

    def _collect(self) -> None:
        patience = min(RESULT_TIMEOUT_S, max(self.deadline - time.monotonic(), 0.1))
        self.lease.ask(self.deadline + 1, op="collect", timeout_s=patience)

    def _scheduled(self, items: list[Item], rate: float, first: int) -> Window:
        """Send items at their times and wait for their end.

        Args:
            first: sequence number of the first of them.
        """
        cell, plan = self.cell, self.plan
        seed = f"{cell.seed}:{plan.round}:{first}"
        answer = self.lease.ask(
            self.deadline,
            op="open",
            items=wire(items),
            offsets_ns=offsets_ns(len(items), rate, cell.params["arrival"], seed),
            lanes=OPEN_LANES,
        )
        self.sent += answer["sent"]
        self._await_attempts(first + _attempts(items))
        recorded = self.lease.recorded(plan.number)
        kinds = (events.SCHEDULED, events.SEND, events.END)
        return window(*(times_of(recorded, kind, first, len(items)) for kind in kinds))

    def _throughput(self) -> float | None:
        recorded = self.lease.recorded(self.plan.number)
        ended = recorded.loc[recorded["kind"] == events.END, "t_ns"]
        return steady_rate(ended.to_numpy(), self.cell.concurrency)

    def _drain_rate(self) -> float:
        rate = self.drained.get(self.cell.drained)
        if rate is None:
            raise Invalid("no drain of this variant was measured before it to take a share of")
        return rate

    def _await_attempts(self, expected: int, until: float = math.inf) -> None:
        """Wait until so many attempts have ended, until nothing more will come, or until then."""
        lease, trial = self.lease, self.plan.number
        last_event = time.monotonic()
        while lease.tail.count(trial, events.END, events.FAIL) < expected:
            now = time.monotonic()
            if lease.tail.poll():
                last_event = now
            elif now - last_event > QUIET_S:
                if lease.pending() == 0:
                    return
                last_event = now  # ask the broker once per quiet second, not more
            lease.watch()
            if now > until:
                return
            if now > self.deadline:
                done = lease.tail.count(trial, events.END, events.FAIL)
                raise TrialTimeout(f"{done} of {expected} attempts ended")
            # A queue that forks per task makes a file per task: looking must not cost more for it.
            time.sleep(max(0.02, 0.0005 * lease.tail.files))

    def prove_empty(self) -> None:
        """Wait until the broker holds nothing, or the next trial's latency carries this backlog.

        Raises:
            NotEmpty: something is still there, and for long it has not become less.
            TrialTimeout: something is still there at the deadline.
        """
        pause, fewest, since = 0.005, math.inf, time.monotonic()
        while left := self.lease.pending():
            self.left = left
            self.lease.check_alive()
            now = time.monotonic()
            if left < fewest:
                fewest, since = left, now
            if now > self.deadline:
                raise TrialTimeout(f"{left} tasks are still in the broker")
            if now - since > SETTLE_S:
                raise NotEmpty(
                    f"{left} tasks are still in the broker, and for {SETTLE_S:g} s none has left it"
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
        self.left = 0


_OFFERS: Mapping[str, Callable[[Offer], None]] = {
    "drain": Offer.drain,
    "burst": Offer.burst,
    "closed": Offer.closed,
    "open": Offer.open,
    "saturation": Offer.saturation,
    "backlog": Offer.backlog,
    "idle": Offer.idle,
}


def times_of(recorded: pd.DataFrame, kind: int, first: int, count: int) -> np.ndarray:
    """When the event came for each of some tasks, ns; -1 where it did not."""
    of_kind = recorded[recorded["kind"] == kind].drop_duplicates("task_id")
    numbers = of_kind["task_id"].to_numpy() % 2**32 - first
    ours = (numbers >= 0) & (numbers < count)
    times = np.full(count, -1, np.int64)
    times[numbers[ours]] = of_kind["t_ns"].to_numpy()[ours]
    return times


def tasks_at(rate_per_s: float, for_s: float, least: int) -> int:
    """How many tasks are offered at a rate that a drain told.

    Raises:
        Invalid: more than a trial may have.
    """
    count = max(least, math.ceil(rate_per_s * for_s))
    if count > MOST_TASKS:
        raise Invalid(
            f"{rate_per_s:.0f} per s for {for_s:g} s are {count:,} tasks, more than the "
            f"{MOST_TASKS:,} that a trial may have: lower for_s"
        )
    return count


def _late(seen: Window) -> bool:
    return seen.lateness_p99_ms > max(LATE_MS, LATE_SHARE * seen.p99_ms)


def _attempts(items: list[Item]) -> int:
    return sum(work.expected.attempts for item in items for work in item)


def _work_s(cell: Cell) -> float:
    """Seconds that one item's own waiting takes, were nothing else to wait for."""
    return len(cell.items(0, 1)[0]) * float(
        cell.params.get("service_s") or cell.params.get("latency_s") or 0.0
    )


def wire(items: list[Item]) -> list[list[tuple[str, dict[str, Any]]]]:
    """Items as the producer takes them."""
    return [[(w.task, {**w.kwargs, "task_id": w.task_id}) for w in item] for item in items]
