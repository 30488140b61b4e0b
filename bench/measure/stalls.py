"""Where a queue pauses although there is work."""

from __future__ import annotations

import numpy as np

from backends.kit import events as kinds
from bench.measure.attempts import Attempts
from bench.measure.trace import NEVER, Trace


def longest_stall_ns(trace: Trace, concurrency: int, *, filled: bool = False) -> int | None:
    """The longest time in which no task started although tasks were waiting and a slot was free.

    A slot frees when an attempt ends; what is between that and the next start, of any task, is
    the stall. With every slot busy nothing is stalled, however long the tasks take; of a queue
    that never had so many in progress as it may, those that it had are all. A retry is not waited
    for: it has a time of its own.

    Args:
        filled: whether the queue was filled before the workers started: then tasks wait from the
            first start on, for what was before is the workers' start.

    Returns:
        ``None`` with fewer than two starts.
    """
    starts = trace.of(kinds.START)
    if len(starts) < 2:
        return None
    ends = trace.of(kinds.END, kinds.FAIL)
    since = _ready(trace)
    if filled:
        since = np.full_like(since, trace.t_ns[starts[0]])
    waited = (since != NEVER) & (trace.start > since)
    first = np.zeros(len(trace.t_ns), bool)
    first[trace.first_of(starts)[waited]] = True
    # Tasks that become ready, attempts that start, attempts that end.
    times = np.concatenate([since[waited], trace.t_ns[starts], trace.t_ns[ends]])
    order = np.argsort(times, kind="stable")
    ready, started, ended = np.repeat(
        np.eye(3, dtype=np.int64), [waited.sum(), len(starts), len(ends)], 1
    )
    taken = np.concatenate(
        [np.zeros(waited.sum(), np.int64), first[starts], np.zeros(len(ends), np.int64)]
    )
    waiting = (ready - taken)[order].cumsum()[:-1]
    running = (started - ended)[order].cumsum()
    stalled = (waiting > 0) & (running[:-1] < min(concurrency, running.max()))
    # Gaps add up to one stall until a task starts or no slot is free.
    over = (started[order][1:] > 0) | ~stalled
    begins = np.flatnonzero(np.append(True, over[:-1]))
    return int(np.add.reduceat(np.where(stalled, np.diff(times[order]), 0), begins).max())


def longest_overrun_ns(tried: Attempts, concurrency: int) -> int:
    """How much longer the longest attempt took than all but as many as run at once.

    Workers that stop while every slot is busy leave no slot free, but no more attempts unfinished
    than slots. Attempts that raised are left out, for a time-out takes the time it is given; so is
    all of it where there are too few attempts to tell what is usual.
    """
    took = np.sort((tried.ended_ns - tried.started_ns)[tried.ok])
    return int(took[-1] - took[-1 - concurrency]) if len(took) > 2 * concurrency else 0


def _ready(trace: Trace) -> np.ndarray:
    """Per task when it could have been started: it was sent, or the one before it had ended."""
    steps = trace.truth.steps
    ready = trace.sent.copy()
    for step in range(1, steps):
        ready[step::steps] = trace.end[step - 1 :: steps]
    return ready
