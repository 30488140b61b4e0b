"""How each load is offered in a trial: what is asked of the producer and when a mark is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from backends.kit import events
from bench.measure.rates import mean_rate, steady_rate
from bench.run.items import attempts_of, wire, work_s
from bench.run.offer import RESULT_TIMEOUT_S, Offer
from bench.run.scheduled import open_load, saturation
from scenarios.spec import Item


def run(offer: Offer) -> None:
    """Offer a trial's load and see it through.

    Raises:
        TrialTimeout: not done by the deadline.
        LeaseFailed: a worker or the producer is gone.
        Invalid: the load was not what it should have been.
    """
    _OFFERS[offer.cell.load](offer)


def drain(offer: Offer) -> None:
    """Fill the queue, then start the workers; fill it again while they are held, if asked."""
    count, windows = offer.cell.tasks, offer.cell.windows
    items = offer.cell.items(offer.plan.number, count * windows)
    offer.mark("start")
    offer.send(items[:count])
    offer.mark("filled")
    offer.lease.start_workers(offer.deadline)
    offer.mark("ready")
    offer.await_attempts(attempts_of(items[:count]))
    offer.mark("done")
    offer.collect()
    offer.mark("end")
    filled = [_filled(offer, items, 0)]
    for number in range(1, windows):
        offer.prove_empty()
        begin, end = count * number, count * (number + 1)
        with offer.lease.workers.held():
            offer.send(items[begin:end])
        offer.await_attempts(attempts_of(items[:end]))
        offer.collect()
        filled.append(_filled(offer, items, number))
    rate = mean_rate([of_window["per_s"] for of_window in filled])
    if rate is not None:
        offer.facts["measured_per_s"] = rate
    if windows > 1:
        offer.facts["filled"] = filled


def _filled(offer: Offer, items: list[Item], number: int) -> dict[str, Any]:
    """What is kept of a window: sequence numbers of its tasks, and how fast they were done."""
    steps = len(items[0])
    count = offer.cell.tasks * steps
    recorded = offer.lease.recorded(offer.plan.number)
    sequence = recorded["task_id"] % 2**32
    ours = (sequence >= count * number) & (sequence < count * (number + 1))
    ended = recorded.loc[ours & (recorded["kind"] == events.END), "t_ns"]
    rate = steady_rate(ended.to_numpy(), offer.cell.concurrency)
    return {"first": count * number, "count": count, "per_s": rate}


def burst(offer: Offer) -> None:
    """Send everything at once to live workers."""
    offer.lease.start_workers(offer.deadline)
    offer.mark("start")
    items = offer.send()
    offer.await_attempts(attempts_of(items))
    offer.mark("done")
    offer.collect()
    offer.mark("end")


def surge(offer: Offer) -> None:
    """Send everything at once to live workers; end after a time, whatever is left."""
    assert offer.cell.for_s is not None
    offer.lease.start_workers(offer.deadline)
    offer.mark("start")
    until = time.monotonic() + offer.cell.for_s
    items = offer.send()
    done = offer.await_attempts(attempts_of(items), until)
    offer.mark("done")
    if done:
        offer.collect()
        offer.mark("end")
    else:
        offer.require_some()
        offer.facts["cut_short"] = True


def closed(offer: Offer) -> None:
    """Keep as many items in flight as there are slots."""
    offer.lease.start_workers(offer.deadline)
    offer.mark("start")
    answer = offer.lease.ask(
        offer.deadline,
        op="closed",
        items=wire(offer.cell.items(offer.plan.number)),
        lanes=offer.cell.concurrency,
        limit_s=offer.cell.for_s,
        timeout_s=RESULT_TIMEOUT_S + work_s(offer.cell),
    )
    offer.sent = answer["sent"]
    offer.mark("done")


def backlog(offer: Offer) -> None:
    """Fill the queue with more than can be waited for; let the workers drain for a time."""
    assert offer.cell.for_s is not None
    offer.mark("start")
    items = offer.send()
    offer.mark("filled")
    offer.lease.start_workers(offer.deadline)
    offer.mark("ready")
    until = time.monotonic() + offer.cell.for_s
    offer.await_attempts(attempts_of(items), until)
    offer.mark("done")


def idle(offer: Offer) -> None:
    """Leave live workers alone."""
    assert offer.cell.for_s is not None
    offer.lease.start_workers(offer.deadline)
    offer.mark("start")
    until = time.monotonic() + offer.cell.for_s
    while (left := until - time.monotonic()) > 0:
        offer.lease.check_alive()
        time.sleep(min(left, 0.25))
    offer.mark("done")


_OFFERS: Mapping[str, Callable[[Offer], None]] = {
    "drain": drain,
    "burst": burst,
    "surge": surge,
    "closed": closed,
    "open": open_load,
    "saturation": saturation,
    "backlog": backlog,
    "idle": idle,
}
