"""How each load is offered in a trial: what is asked of the producer and when a mark is taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.kit import events
from bench.measure.open_loop import Window, overloaded, window
from bench.measure.rates import steady_rate
from bench.plan.cells import WARM_UP, Cell, TrialPlan
from bench.plan.profile import MOST_TASKS
from bench.plan.schedule import offsets_ns
from bench.run.items import attempts_of, is_harmless, times_of, wire, work_s
from bench.workers.lease import Lease
from bench.workers.producer import TrialTimeout
from scenarios.loads import MIN_TASKS, STEPS
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
#: So many sends by each of them come first and are not counted.
WARM_SENDS = 2
#: What an overload has left to do is waited for so long; then it is given up with the lease.
LEFT_WITHIN_S = 2.0
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
        drained_per_s: throughput of the drain that its rates are shares of, where there is one.

    Attributes:
        sent: items that the library accepted.
        left: tasks the broker held when it was last looked at.
        facts: what the trial's record keeps beside its status.
    """

    lease: Lease
    plan: TrialPlan
    deadline: float
    drained_per_s: float | None = None

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
        self._await_attempts(attempts_of(items))
        self._mark("done")
        rate = self._throughput()
        if rate is not None:
            self.facts["measured_per_s"] = rate
        self._collect()
        self._mark("end")

    def burst(self) -> None:
        """Send everything at once to live workers."""
        self.lease.start_workers(self.deadline)
        self._mark("start")
        items = self._send()
        self._await_attempts(attempts_of(items))
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
            timeout_s=RESULT_TIMEOUT_S + work_s(self.cell),
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
        self.facts |= {"tasks": count, "offered_per_s": rate}
        self._warm()
        self._mark("start")
        items = self.cell.items(self.plan.number, count)
        self._send_scheduled(items, rate, 0)
        until = math.inf
        if overloaded(*self._times(0, sum(map(len, items)), events.SENT, events.START)):
            self.facts["overloaded"] = True
            until = time.monotonic() + LEFT_WITHIN_S
        if not self._await_attempts(attempts_of(items), until):
            self.facts["cut_short"] = True
            return
        self._mark("done")
        seen = self._window(0, len(items))
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
        self._warm()
        assert self.cell.for_s is not None
        low, high, first = 0.0, self._drain_rate(), 0
        steps: list[dict[str, Any]] = []
        self.facts |= {"steps": steps, "tasks": 0}
        self._mark("start")
        while len(steps) < (STEPS if low else STEPS_IN_VAIN):
            rate = (low + high) / 2
            count = tasks_at(rate, self.cell.for_s, STEP_TASKS)
            self.facts["tasks"] = first + count
            items = self.cell.items(self.plan.number, first + count)[first:]
            self._send_scheduled(items, rate, first)
            self._await_attempts(first + attempts_of(items))
            seen = self._window(first, count)
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
        self._await_attempts(attempts_of(items), until)
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

    def _warm(self) -> None:
        """Let each lane make its first calls, and prove that nothing of it is left.

        Its tasks are of no trial. Work that fails or is told to somebody is not sent for nothing:
        a scenario without other work gets no warm lanes.
        """
        cell, lease = self.cell, self.lease
        wanted = OPEN_LANES * WARM_SENDS
        first = WARM_UP << 32 | lease.warm_tasks
        found = cell.scenario.items(first, 4 * wanted, cell.params, cell.seed)
        lease.warm_tasks += sum(map(len, found))
        items = [item for item in found if all(map(is_harmless, item))][:wanted]
        if len(items) < wanted:
            return
        before = lease.tail.count(WARM_UP, events.END, events.FAIL)
        answer = lease.ask(self.deadline, op="warm", items=wire(items), lanes=OPEN_LANES)
        steps = len(items[0])
        self._await_attempts(before + steps * answer["sent"], trial=WARM_UP)
        self.prove_empty()

    def _send_scheduled(self, items: list[Item], rate: float, first: int) -> None:
        """Send items at their times.

        Args:
            first: sequence number of the first of them.
        """
        cell, plan = self.cell, self.plan
        answer = self.lease.ask(
            self.deadline,
            op="open",
            items=wire(items),
            offsets_ns=offsets_ns(
                len(items), rate, cell.params["arrival"], f"{cell.seed}:{plan.round}:{first}"
            ),
            lanes=OPEN_LANES,
        )
        self.sent += answer["sent"]

    def _window(self, first: int, count: int) -> Window:
        return window(*self._times(first, count, events.SCHEDULED, events.SEND, events.END))

    def _times(self, first: int, count: int, *of: int) -> list[np.ndarray]:
        recorded = self.lease.recorded(self.plan.number)
        return [times_of(recorded, kind, first, count) for kind in of]

    def _throughput(self) -> float | None:
        recorded = self.lease.recorded(self.plan.number)
        ended = recorded.loc[recorded["kind"] == events.END, "t_ns"]
        return steady_rate(ended.to_numpy(), self.cell.concurrency)

    def _drain_rate(self) -> float:
        if self.drained_per_s is None:
            raise Invalid("no drain of this variant was measured before it to take a share of")
        return self.drained_per_s

    def _await_attempts(
        self, expected: int, until: float = math.inf, trial: int | None = None
    ) -> bool:
        """Wait until so many attempts have ended, until nothing more will come, or until then.

        Args:
            until: on the clock of ``time.monotonic``.
            trial: whose attempts; without it this one's.

        Returns:
            False if there may be more to come.
        """
        lease, trial = self.lease, self.plan.number if trial is None else trial
        last_event = time.monotonic()
        while lease.tail.count(trial, events.END, events.FAIL) < expected:
            now = time.monotonic()
            if lease.tail.poll():
                last_event = now
            elif now - last_event > QUIET_S:
                if lease.pending() == 0:
                    return True
                last_event = now  # ask the broker once per quiet second, not more
            lease.watch()
            if now > until:
                return False
            if now > self.deadline:
                done = lease.tail.count(trial, events.END, events.FAIL)
                raise TrialTimeout(f"{done} of {expected} attempts ended")
            # A queue that forks per task makes a file per task: looking must not cost more for it.
            time.sleep(max(0.02, 0.0005 * lease.tail.files))
        return True

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
