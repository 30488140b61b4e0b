"""The longest stall of a trial, event by event: what a picture of it is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.analysis.tables import by_trial, has_events, stopped_ns, trace_of
from bench.measure.attempts import Attempts, attempts
from bench.measure.stalls import STALL_NS, pauses
from bench.measure.trace import NEVER, Trace
from bench.record.events import read_columns
from bench.record.store import RunFolder
from scenarios.loads import LOADS

#: As many attempts as this per slot are kept on either side of the stall.
AROUND = 4
#: What is farther from it than this share of its length belongs to another story.
NEAR = 0.25
#: Either side is at least so long.
LEAST_NS = 10_000_000


@dataclass(frozen=True)
class Bar:
    """One attempt: its slot from 0, and its times in ms since the stall began."""

    slot: int
    task: int
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class TracedStall:
    """What happened around a stall; all times are in ms since it began.

    Attributes:
        trial: the record of the trial it is of.
        lasted_ms: from the moment a slot was free to the next start, or to the end of what was
            watched.
        from_ms: where the trace begins: negative.
        to_ms: where it ends.
        slots: how many attempts may run at once.
        free: how many slots were free when it ended, at least.
        waiting: how many tasks waited when it ended, the one that then started included.
        bars: attempts that ran in this time.
        sent_ms: when tasks were sent or became ready, those within it.
    """

    trial: Mapping[str, Any]
    lasted_ms: float
    from_ms: float
    to_ms: float
    slots: int
    free: int
    waiting: int
    bars: tuple[Bar, ...]
    sent_ms: tuple[float, ...]


def traced_stall(run: RunFolder, trial: dict[str, Any]) -> TracedStall | None:
    """Around the longest stall of a trial.

    Returns:
        ``None`` where its events are not there, or hold no stall.

    Raises:
        ValueError: the file of the events is damaged.
    """
    if not has_events(run, trial["lease_id"]):
        return None
    (events,) = by_trial(read_columns(run.leases / trial["lease_id"]), [trial])
    return of_trace(trace_of(trial, events), trial)


def of_trace(trace: Trace, trial: Mapping[str, Any]) -> TracedStall | None:
    """The same of events that are at hand."""
    filled, until_ns = LOADS[trial["load"]].fills, stopped_ns(trial)
    longest, stalled = 0, None
    for part in trace.parts(trial.get("filled", ())):
        found = pauses(part, trial["concurrency"], filled=filled, until_ns=until_ns)
        if found is not None and found.lasted_ns.max(initial=0) > longest:
            at = int(found.lasted_ns.argmax())
            longest = int(found.lasted_ns[at])
            stalled = part, int(found.began_ns[at]), int(found.ended_ns[at])
    if stalled is None or longest < STALL_NS:
        return None
    return _around(*stalled, trial)


def _around(part: Trace, began: int, ended: int, trial: Mapping[str, Any]) -> TracedStall:
    tried, slots = attempts(part), int(trial["concurrency"])
    last = part.t_ns[-1] if len(part.t_ns) else ended
    finish = np.where(tried.ended_ns == NEVER, last, tried.ended_ns)
    before, after = _sides(tried, finish, began, ended, slots)
    low, high = began - before, ended + after
    near = np.flatnonzero((finish >= low) & (tried.started_ns <= high))
    near = near[np.argsort(tried.started_ns[near], kind="stable")]
    running = int(((tried.started_ns < ended) & (finish >= ended)).sum())
    waiting = (part.sent != NEVER) & (part.sent < ended)
    waiting &= (part.start == NEVER) | (part.start >= ended)
    sent = np.sort(part.sent[(part.sent >= low) & (part.sent <= high)])
    return TracedStall(
        trial=trial,
        lasted_ms=(ended - began) / 1e6,
        from_ms=(low - began) / 1e6,
        to_ms=(high - began) / 1e6,
        slots=slots,
        free=max(slots - running, 0),
        waiting=int(waiting.sum()),
        bars=tuple(_bars(part, tried, finish, near, began)),
        sent_ms=tuple(((sent - began) / 1e6).tolist()),
    )


def _sides(tried: Attempts, finish: np.ndarray, began: int, ended: int, slots: int) -> list[int]:
    """How much is kept before the stall and behind it, ns."""
    near, count = int(NEAR * (ended - began)), AROUND * slots
    earlier = np.sort(began - tried.started_ns[tried.started_ns < began])[:count]
    follows = np.flatnonzero(tried.started_ns >= ended)
    follows = follows[np.argsort(tried.started_ns[follows], kind="stable")][:count]
    later = np.sort(finish[follows] - ended)
    return [
        int(max(side[side <= near].max(initial=0) * 1.1, LEAST_NS)) for side in (earlier, later)
    ]


def _bars(
    part: Trace, tried: Attempts, finish: np.ndarray, near: np.ndarray, began: int
) -> list[Bar]:
    """Attempts, each in the first slot that is free when it starts."""
    busy_until: list[int] = []
    bars = []
    for row in near.tolist():
        start, end = int(tried.started_ns[row]), int(finish[row])
        free = (slot for slot, until in enumerate(busy_until) if until <= start)
        slot = next(free, len(busy_until))
        busy_until[slot : slot + 1] = [end]
        task = int(tried.task[row]) + part.truth.first
        bars.append(Bar(slot, task, (start - began) / 1e6, (end - began) / 1e6))
    return bars
