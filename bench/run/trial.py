"""One trial from start to a status: offer the load, prove the broker empty, tell how it went."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.plan.cells import TrialPlan, describe
from bench.run import offering
from bench.run.offer import Invalid, NotEmpty, NothingDone, Offer
from bench.workers.lease import Lease
from bench.workers.producer import LeaseFailed, TrialTimeout


@dataclass
class Outcome:
    """How a trial ended.

    Attributes:
        status: ``ok``, ``failed``, ``timeout``, ``unsupported`` or ``invalid``.
        reason: one sentence where it is not ok.
        sent: items that the library accepted.
        left: tasks the broker still held at the end, where that was looked at.
        log_tail: last lines of the logs where it is not ok.
        explained: what a known error in the logs means, where it is not ok.
        facts: what was seen beside the events: marks, rates, steps.
    """

    status: str = "ok"
    reason: str = ""
    sent: int = 0
    left: int = 0
    log_tail: list[str] = field(default_factory=list)
    explained: str = ""
    started_at: str = ""
    took_s: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def drained_per_s(self) -> float | None:
        """What it drained, tasks/s; ``None`` of what is no drain."""
        return self.facts.get("measured_per_s")

    @property
    def ends_lease(self) -> bool:
        """Whether its workers are no good for another trial: it failed, or left them work."""
        return self.status in ("failed", "timeout") or bool(self.facts.get("cut_short"))


def run_trial(lease: Lease, plan: TrialPlan, drained_per_s: float | None = None) -> Outcome:
    """Run one trial on a lease; never raises for what a queue does wrong.

    Args:
        drained_per_s: throughput of the drain that the trial's rates are shares of, where one was
            measured.
    """
    outcome = Outcome(started_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
    started, timeout_s = time.monotonic(), plan.cell.timeout_s
    offer = Offer(lease, plan, started + timeout_s, drained_per_s)
    try:
        try:
            offering.run(offer)
        except Invalid as error:
            outcome.status, outcome.reason = "invalid", str(error)
        if not (plan.cell.offering.cut_short or offer.facts.get("cut_short")):
            offer.prove_empty()
    except TrialTimeout as error:
        outcome.status, outcome.reason = "timeout", f"not done within {timeout_s:g} s: {error}"
    except (NotEmpty, NothingDone) as error:
        outcome.status, outcome.reason = "timeout", str(error)
    except LeaseFailed as error:
        outcome.status, outcome.reason = "failed", str(error)
    if outcome.status in ("timeout", "failed"):
        outcome.log_tail = lease.logs.tail()
        outcome.explained = lease.explained()
    outcome.sent, outcome.left, outcome.facts = offer.sent, offer.left, offer.facts
    outcome.took_s = round(time.monotonic() - started, 3)
    return outcome


def record(plan: TrialPlan, outcome: Outcome, run_facts: dict[str, Any]) -> dict[str, Any]:
    """What is written about a trial when it has ended.

    Raises:
        ValueError: a fact has the name of something else in the record. What describes the cell is
            what a resumed run compares with its plan.
    """
    told: dict[str, Any] = dict(vars(outcome))
    facts: dict[str, Any] = told.pop("facts")
    if not outcome.explained:
        del told["explained"]
    head: dict[str, Any] = {"trial_id": plan.id, "number": plan.number, "round": plan.round}
    if plan.repeats:
        head["repeats"] = plan.repeats
    content: dict[str, Any] = {}
    for part in (head, describe(plan.cell), run_facts, facts, told):
        if twice := content.keys() & part.keys():
            raise ValueError(f"two facts of a trial are called {', '.join(sorted(twice))}")
        content |= part
    return content
