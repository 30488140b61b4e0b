"""Where a queue pauses although there is work."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backends.kit import events as kinds
from bench.measure.attempts import Attempts
from bench.measure.trace import NEVER, Trace

#: A pause so long is a stall of the consumer, not the time that fetching a task takes.
STALL_NS = 500_000_000


class Pauses(NamedTuple):
    """The times in which no task started although tasks were waiting and a slot was free.

    Attributes:
        began_ns: int64, in the order of time; the pauses do not touch.
        ended_ns: int64.
        watched_ns: from the first task that was ready or started to the last event.
    """

    began_ns: np.ndarray
    ended_ns: np.ndarray
    watched_ns: int

    @property
    def lasted_ns(self) -> np.ndarray:
        """How long each was."""
        return np.asarray(self.ended_ns - self.began_ns)

    @property
    def stalls_ns(self) -> np.ndarray:
        """How long those were that count as stalls."""
        return np.asarray(self.lasted_ns[self.lasted_ns >= STALL_NS])


def pauses(
    trace: Trace, concurrency: int, *, filled: bool = False, until_ns: int | None = None
) -> Pauses | None:
    """When no task started although tasks were waiting and a slot was free.

    A slot frees when an attempt ends; what is between that and the next start, of any task, is
    the pause. With every slot busy nothing pauses, however long the tasks take; of a queue
    that never had so many in progress as it may, those that it had are all. A retry is not waited
    for: it has a time of its own.

    Args:
        filled: whether the queue was filled before the workers started: then tasks wait from the
            first start on, for what was before is the workers' start.
        until_ns: where the load is stopped with work left to do, when: tasks that have not started
            wait until then, and what comes later is left out.

    Returns:
        ``None`` with fewer than two starts.
    """
    starts, ends = trace.of(kinds.START), trace.of(kinds.END, kinds.FAIL)
    if until_ns is not None:
        starts, ends = (rows[trace.t_ns[rows] <= until_ns] for rows in (starts, ends))
    if len(starts) < 2:
        return None
    since, waited, begun = _waits(trace, starts, filled, until_ns)
    first = np.zeros(len(trace.t_ns), bool)
    first[begun] = True
    # Tasks that become ready, attempts that start, attempts that end, and the stop.
    stop = np.array([] if until_ns is None else [until_ns], np.int64)
    times = np.concatenate([since[waited], trace.t_ns[starts], trace.t_ns[ends], stop])
    order = np.argsort(times, kind="stable")
    ready, started, ended, _ = np.repeat(
        np.eye(4, dtype=np.int64), [waited.sum(), len(starts), len(ends), len(stop)], 1
    )
    taken = np.zeros_like(started)
    taken[started > 0] = first[starts]
    times = times[order]
    waiting = (ready - taken)[order].cumsum()[:-1]
    running = (started - ended)[order].cumsum()
    paused = (waiting > 0) & (running[:-1] < min(concurrency, running.max()))
    # Gaps add up to one pause until a task starts or no slot is free.
    over = (started[order][1:] > 0) | ~paused
    begins = np.flatnonzero(np.append(True, over[:-1]))
    lasted = np.add.reduceat(np.where(paused, np.diff(times), 0), begins)
    found = lasted > 0
    began = times[begins[found]]
    return Pauses(began, began + lasted[found], int(times[-1] - times[0]))


def _waits(
    trace: Trace, starts: np.ndarray, filled: bool, until_ns: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per task since when it waits and whether it does; and the rows at which those that do
    start for the first time."""
    rows = trace.first_of(starts)
    start, since = trace.times(rows), _ready(trace)
    never_started = (start == NEVER) & (since != NEVER) & (until_ns is not None)
    if filled:
        since = np.full_like(since, trace.t_ns[starts[0]])
    waited = (since != NEVER) & ((start > since) | never_started)
    if until_ns is not None:
        waited &= since < until_ns
    return since, waited, rows[waited & (rows >= 0)]


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
