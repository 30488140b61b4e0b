"""Where a queue pauses although there is work."""

from __future__ import annotations

import numpy as np

from backends.kit import events as kinds
from bench.measure.trace import Trace


def longest_stall_ns(trace: Trace, concurrency: int) -> int | None:
    """The longest time in which no task started although tasks were waiting and a slot was free.

    A slot frees when an attempt ends; what is between that and the next start, of any task, is
    the stall. With every slot busy nothing is stalled, however long the tasks take.

    Returns:
        ``None`` with fewer than two starts.
    """
    starts = trace.of(kinds.START)
    if len(starts) < 2:
        return None
    steps = trace.of(kinds.START, kinds.END, kinds.FAIL)
    is_start = trace.kind[steps] == kinds.START
    # The queue is empty after the last task's first start.
    began, last = np.searchsorted(steps, [starts[0], trace.first_of(starts).max()])
    # Running attempts after each step, and the time to the next one.
    running = np.where(is_start, 1, -1).cumsum()[began:last]
    gaps = np.diff(trace.t_ns[steps[began : last + 1]])
    if not len(gaps):
        return 0
    free = running < concurrency
    # Gaps add up to one stall until a task starts or no slot is free.
    ends = is_start[began + 1 : last + 1] | ~free
    begins = np.flatnonzero(np.append(True, ends[:-1]))
    return int(np.add.reduceat(np.where(free, gaps, 0), begins).max())
