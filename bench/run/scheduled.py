"""Loads that keep to a schedule: an open load, and the search for the highest rate."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from backends.kit import events
from bench.measure.open_loop import LATE_MS, LATE_SHARE, Window, late, overloaded, window
from bench.plan.cells import WARM_UP
from bench.plan.profile import MOST_TASKS
from bench.plan.schedule import offsets_ns
from bench.run.items import attempts_of, is_harmless, times_of, wire
from bench.run.offer import Invalid, Offer
from scenarios.loads import MIN_TASKS, STEPS
from scenarios.spec import Item

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


def open_load(offer: Offer) -> None:
    """Send on a schedule, whatever the workers do."""
    assert offer.cell.for_s is not None
    offer.lease.start_workers(offer.deadline)
    rate = offer.cell.params.get("rate_per_s") or _drain_rate(offer) * offer.cell.params["offered"]
    count = offer.cell.tasks or tasks_at(rate, offer.cell.for_s, MIN_TASKS)
    offer.facts |= {"offered_tasks": count, "offered_per_s": rate}
    _warm(offer)
    offer.mark("start")
    items = offer.cell.items(offer.plan.number, count)
    _send_scheduled(offer, items, rate, 0)
    if overloaded(*_times(offer, 0, sum(map(len, items)), events.SENT, events.START)):
        _leave_overload(offer, items)
        return
    offer.await_attempts(attempts_of(items))
    offer.mark("done")
    seen = _window(offer, 0, len(items))
    offer.collect()
    offer.mark("end")
    if late(seen.lateness_p95_ms, seen.p95_ms):
        raise Invalid(
            f"the generator ran late: p95 {seen.lateness_p95_ms:.1f} ms where the latency's is "
            f"{seen.p95_ms:.1f} ms; allowed: {LATE_MS:g} ms or {LATE_SHARE:.0%} of that"
        )


def _leave_overload(offer: Offer, items: list[Item]) -> None:
    """It counts what was really sent, so that a late generator is no matter; and what is left
    takes too long to be waited for."""
    offer.facts["overloaded"] = True
    if offer.await_attempts(attempts_of(items), time.monotonic() + LEFT_WITHIN_S):
        offer.collect()
    else:
        offer.require_some()
        offer.facts["cut_short"] = True


def saturation(offer: Offer) -> None:
    """Halve the gap between a rate that is sustained and one that is not, step by step."""
    offer.lease.start_workers(offer.deadline)
    _warm(offer)
    assert offer.cell.for_s is not None
    low, high, first = 0.0, _drain_rate(offer), 0
    steps: list[dict[str, Any]] = []
    offer.facts |= {"steps": steps, "offered_tasks": 0}
    offer.mark("start")
    while len(steps) < (STEPS if low else STEPS_IN_VAIN):
        rate = (low + high) / 2
        count = tasks_at(rate, offer.cell.for_s, STEP_TASKS)
        offer.facts["offered_tasks"] = first + count
        items = offer.cell.items(offer.plan.number, first + count)[first:]
        _send_scheduled(offer, items, rate, first)
        offer.await_attempts(first + attempts_of(items))
        seen = _window(offer, first, count)
        offer.collect()
        too_late = late(seen.lateness_p99_ms, seen.p99_ms)
        in_time = seen.ended == count and seen.p99_ms <= offer.cell.params["p99_bound_ms"]
        sustained = in_time and not too_late
        step = {"rate_per_s": rate, "first": first, "count": count}
        steps.append(step | {"sustained": sustained, "late": too_late})
        low, high = (rate, high) if sustained else (low, rate)
        first += count
        offer.prove_empty()
    offer.mark("done")
    if any(step["late"] and step["rate_per_s"] == high for step in steps):
        raise Invalid(
            f"the generator ran late at {high:.0f} per s, before the queue was saturated: "
            f"{low:.0f} per s are sustained, and maybe more"
        )


def _drain_rate(offer: Offer) -> float:
    if offer.drained_per_s is None:
        raise Invalid("no drain of this variant was measured before it to take a share of")
    return offer.drained_per_s


def _warm(offer: Offer) -> None:
    """Let each lane make its first calls, and prove that nothing of it is left.

    Its tasks are of no trial. Work that fails or is told to somebody is not sent for nothing:
    a scenario without other work gets no warm lanes.
    """
    cell, lease = offer.cell, offer.lease
    wanted = OPEN_LANES * WARM_SENDS
    first = WARM_UP << 32 | lease.warm_tasks
    found = cell.scenario.items(first, 4 * wanted, cell.params, cell.seed)
    lease.warm_tasks += sum(map(len, found))
    items = [item for item in found if all(map(is_harmless, item))][:wanted]
    if len(items) < wanted:
        return
    before = lease.tail.count(WARM_UP, events.END, events.FAIL)
    answer = lease.ask(offer.deadline, op="warm", items=wire(items), lanes=OPEN_LANES)
    steps = len(items[0])
    offer.await_attempts(before + steps * answer["sent"], trial=WARM_UP)
    offer.prove_empty()


def _send_scheduled(offer: Offer, items: list[Item], rate: float, first: int) -> None:
    """Send items at their times.

    Args:
        first: sequence number of the first of them.
    """
    cell, plan = offer.cell, offer.plan
    answer = offer.lease.ask(
        offer.deadline,
        op="open",
        items=wire(items),
        offsets_ns=offsets_ns(
            len(items), rate, cell.params["arrival"], f"{cell.seed}:{plan.round}:{first}"
        ),
        lanes=OPEN_LANES,
    )
    offer.sent += answer["sent"]


def _window(offer: Offer, first: int, count: int) -> Window:
    return window(*_times(offer, first, count, events.SCHEDULED, events.SEND, events.END))


def _times(offer: Offer, first: int, count: int, *of: int) -> list[np.ndarray]:
    recorded = offer.lease.recorded(offer.plan.number)
    return [times_of(recorded, kind, first, count) for kind in of]


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
