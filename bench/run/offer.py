"""One trial's load on its way: the steps that every load is made of."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from backends.kit import events
from bench.plan.cells import Cell, TrialPlan
from bench.run.items import wire
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


class Invalid(Exception):
    """The load was not offered as it was meant to be, so nothing can be said about the queue."""


class NotEmpty(Exception):
    """Tasks that have ended are still in the broker: it would give them out again."""


class NothingDone(Exception):
    """Not one task has ended in all the time there was."""


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

    def mark(self, at: str) -> None:
        """Note what the lease has cost so far."""
        self.facts["marks"].append(self.lease.mark(at, self.plan.number))

    def send(self, items: list[Item] | None = None) -> list[Item]:
        """Enqueue these, or all of the trial's, one after the other."""
        items = self.cell.items(self.plan.number) if items is None else items
        self.sent += self.lease.ask(self.deadline, op="send", items=wire(items))["sent"]
        return items

    def collect(self) -> None:
        """Fetch the outcome of everything that was last sent."""
        patience = min(RESULT_TIMEOUT_S, max(self.deadline - time.monotonic(), 0.1))
        self.lease.ask(self.deadline + 1, op="collect", timeout_s=patience)

    def await_attempts(
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

    def require_some(self) -> None:
        """Make sure that some task has ended: of workers that do none nothing was measured.

        Raises:
            NothingDone: none has.
        """
        if not self.lease.tail.count(self.plan.number, events.END, events.FAIL):
            raise NothingDone(f"none of {self.sent} tasks ended within {self.cell.for_s:g} s")

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
