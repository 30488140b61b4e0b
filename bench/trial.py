"""One trial from start to a status: offer the load, wait for quiet, fetch results, prove empty."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from backends.kit import events
from bench.lease import Lease
from bench.plan import Cell, TrialPlan
from bench.producer import LeaseFailed, TrialTimeout
from scenarios.spec import Item

#: With no event for so long, and nothing left in the broker, what is missing will not come.
QUIET_S = 1.0
#: The longest a caller waits for a result beyond the time the work itself takes.
RESULT_TIMEOUT_S = 10.0


@dataclass
class Outcome:
    """How a trial ended.

    Attributes:
        status: ``ok``, ``failed``, ``timeout``, ``unsupported`` or ``invalid``.
        reason: one sentence where it is not ok.
        sent: items that the library accepted.
        left: tasks the broker still held at the end, where that was looked at.
        log_tail: last lines of the logs where it is not ok.
    """

    status: str = "ok"
    reason: str = ""
    sent: int = 0
    left: int = 0
    log_tail: list[str] = field(default_factory=list)
    started_at: str = ""
    took_s: float = 0.0


def run_trial(lease: Lease, plan: TrialPlan, timeout_s: float) -> Outcome:
    """Run one trial on a lease; never raises for what a queue does wrong."""
    outcome = Outcome(started_at=datetime.now(UTC).isoformat(timespec="milliseconds"))
    started = time.monotonic()
    deadline = started + timeout_s
    try:
        if plan.cell.load == "closed":
            _closed(lease, plan, deadline, outcome)
        else:
            _all_at_once(lease, plan, deadline, outcome)
        _prove_empty(lease, deadline, outcome)
    except TrialTimeout as error:
        outcome.status, outcome.reason = "timeout", f"not done within {timeout_s:g} s: {error}"
    except LeaseFailed as error:
        outcome.status, outcome.reason = "failed", str(error)
    if outcome.status != "ok":
        outcome.log_tail = lease.log_tail()
    outcome.took_s = round(time.monotonic() - started, 3)
    return outcome


def record(plan: TrialPlan, outcome: Outcome, run_facts: dict[str, Any]) -> dict[str, Any]:
    """What is written about a trial when it has ended."""
    return {"trial_id": plan.id, "number": plan.number, "round": plan.round} | {
        **describe(plan.cell),
        **run_facts,
        **asdict(outcome),
    }


def describe(cell: Cell) -> dict[str, Any]:
    """A cell as plain data: enough to make its items again."""
    return {
        "variant": cell.choice.name,
        "scenario": cell.scenario.name,
        "load": cell.load,
        "concurrency": cell.concurrency,
        "params": dict(cell.params),
        "tasks": cell.tasks,
        "seed": cell.seed,
    }


def _all_at_once(lease: Lease, plan: TrialPlan, deadline: float, outcome: Outcome) -> None:
    """``drain`` fills the queue before the workers start, ``burst`` while they run."""
    if plan.cell.load != "drain":
        lease.start_workers(deadline)
    items = plan.cell.items(plan.number)
    outcome.sent = lease.ask(deadline, op="send", items=_wire(items))["sent"]
    lease.start_workers(deadline)
    attempts = sum(work.expected.attempts for item in items for work in item)
    _await_attempts(lease, plan.number, attempts, deadline)
    patience = min(RESULT_TIMEOUT_S, max(deadline - time.monotonic(), 0.1))
    lease.ask(deadline + 1, op="collect", timeout_s=patience)


def _closed(lease: Lease, plan: TrialPlan, deadline: float, outcome: Outcome) -> None:
    lease.start_workers(deadline)
    answer = lease.ask(
        deadline,
        op="closed",
        items=_wire(plan.cell.items(plan.number)),
        lanes=plan.cell.concurrency,
        limit_s=plan.cell.for_s,
        timeout_s=RESULT_TIMEOUT_S + _work_s(plan.cell),
    )
    outcome.sent = answer["sent"]


def _work_s(cell: Cell) -> float:
    """Seconds that one item's own waiting takes, were nothing else to wait for."""
    return len(cell.items(0)[0]) * float(
        cell.params.get("service_s") or cell.params.get("latency_s") or 0.0
    )


def _wire(items: list[Item]) -> list[list[tuple[str, dict[str, Any]]]]:
    """Items as the producer takes them."""
    return [[(w.task, {**w.kwargs, "task_id": w.task_id}) for w in item] for item in items]


def _await_attempts(lease: Lease, trial: int, expected: int, deadline: float) -> None:
    """Wait until so many attempts have ended, or until nothing more will come."""
    last_event = time.monotonic()
    while lease.tail.count(trial, events.END, events.FAIL) < expected:
        if lease.tail.poll():
            last_event = time.monotonic()
        elif time.monotonic() - last_event > QUIET_S:
            if lease.pending() == 0:
                return
            last_event = time.monotonic()  # ask the broker once per quiet second, not more
        lease.check_alive()
        if time.monotonic() > deadline:
            done = lease.tail.count(trial, events.END, events.FAIL)
            raise TrialTimeout(f"{done} of {expected} attempts ended")
        # A queue that forks per task makes a file per task: looking must not cost more for it.
        time.sleep(max(0.02, 0.0005 * lease.tail.files))


def _prove_empty(lease: Lease, deadline: float, outcome: Outcome) -> None:
    """The broker must hold nothing before the next trial, or its latency carries this backlog."""
    pause = 0.005
    while left := lease.pending():
        outcome.left = left
        lease.check_alive()
        if time.monotonic() > deadline:
            raise TrialTimeout(f"{left} tasks are still in the broker")
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
    outcome.left = 0
