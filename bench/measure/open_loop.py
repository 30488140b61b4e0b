"""Open loads: tasks come by a schedule, whatever the workers do; latency counts from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.measure.trace import NEVER, Trace


@dataclass(frozen=True)
class Window:
    """How a stretch of an open load went.

    Attributes:
        p50_ms: median latency, from the intended time of sending to the end of the body. A task
            that has not ended counts as infinitely late; NaN where there is no task at all.
        p99_ms: its 99th percentile, likewise.
        lateness_p99_ms: 99th percentile of how late the generator sent; what it never sent counts
            as infinitely late.
        ended: tasks that have ended.
        count: tasks that were to be sent.
    """

    p50_ms: float
    p99_ms: float
    lateness_p99_ms: float
    ended: int
    count: int

    def holds(self, p99_bound_ms: float) -> bool:
        """Whether every task ended, and 99% of them within the bound."""
        return 0 < self.count == self.ended and self.p99_ms <= p99_bound_ms


def window(t_scheduled: np.ndarray, t_send: np.ndarray, t_end: np.ndarray) -> Window:
    """Latency and lateness of some tasks of an open load.

    Args:
        t_scheduled: int64 ns, one per task: when it was to be sent. Tasks where this is negative
            were not part of the schedule and are left out.
        t_send: int64 ns, the same tasks: when the producer sent them; negative: not yet.
        t_end: int64 ns, the same tasks: when their bodies ended; negative: not yet.
    """
    due = t_scheduled >= 0
    scheduled, send, end = t_scheduled[due], t_send[due], t_end[due]
    latency = np.where(end >= 0, (end - scheduled) / 1e6, np.inf)
    lateness = np.where(send >= 0, (send - scheduled) / 1e6, np.inf)
    p50_ms, p99_ms = _percentile(latency, 50), _percentile(latency, 99)
    ended = int(np.count_nonzero(end >= 0))
    return Window(p50_ms, p99_ms, _percentile(lateness, 99), ended, len(scheduled))


def _percentile(samples: np.ndarray, q: float) -> float:
    """A percentile that may be infinite; no interpolation then, which would give NaN."""
    if not len(samples):
        return float("nan")
    if np.isfinite(samples).all():
        return float(np.percentile(samples, q))
    return float(np.percentile(samples, q, method="higher"))


def latencies_ms(trace: Trace) -> np.ndarray:
    """From the intended time of sending an item to the end of its last task, where both are."""
    scheduled, end = trace.of_first_step(trace.scheduled), trace.of_last_step(trace.end)
    both = (scheduled != NEVER) & (end != NEVER)
    return np.asarray((end[both] - scheduled[both]) / 1e6)


def lateness_ms(trace: Trace) -> np.ndarray:
    """How long after the intended time the producer began to send, per item that has both."""
    scheduled, send = trace.of_first_step(trace.scheduled), trace.of_first_step(trace.send)
    both = (scheduled != NEVER) & (send != NEVER)
    return np.asarray((send[both] - scheduled[both]) / 1e6)


#: A latency that grew, or fell, by more than this factor within a trial tells of its length.
DRIFTING = 1.5


def not_stationary(drift: float) -> bool:
    """Whether the latency at the end of a trial was another than at its beginning.

    Args:
        drift: median latency of the last fifth of the tasks over that of the first fifth.
    """
    return not 1 / DRIFTING <= drift <= DRIFTING


def offered_rate(trace: Trace) -> float | None:
    """Items per second that the schedule asked for; ``None`` of fewer than two."""
    scheduled = trace.scheduled[trace.scheduled != NEVER]
    if len(scheduled) < 2 or scheduled.max() == scheduled.min():
        return None
    return float((len(scheduled) - 1) / ((scheduled.max() - scheduled.min()) / 1e9))


def saturation(
    trace: Trace, steps: Sequence[Mapping[str, Any]], p99_bound_ms: float
) -> float | None:
    """The highest rate of a saturation's steps that was sustained; 0 where none was.

    Args:
        steps: as recorded with the trial: ``rate_per_s``, ``first`` and ``count`` of the tasks'
            sequence numbers, ``sustained`` and ``late`` as seen while it ran.
        p99_bound_ms: a step whose 99th percentile of latency is beyond is not sustained.

    A step counts if it was called sustained while it ran and its recorded events say so too.
    """
    rates = [
        float(step["rate_per_s"])
        for step in steps
        if step["sustained"] and not step["late"] and _step(trace, step).holds(p99_bound_ms)
    ]
    return max(rates, default=0.0 if steps else None)


def _step(trace: Trace, step: Mapping[str, Any]) -> Window:
    first = int(step["first"]) - trace.truth.first
    tasks = slice(first, first + int(step["count"]))
    return window(trace.scheduled[tasks], trace.send[tasks], trace.end[tasks])
