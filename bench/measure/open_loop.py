"""Open loads: tasks come by a schedule, whatever the workers do; latency counts from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.measure.rates import steady_rate
from bench.measure.trace import NEVER, Trace

#: Of fewer tasks per fifth of a schedule nothing is said about a fifth.
FIFTH = 5
#: A queue is overloaded where it leaves more than this share of what comes for later.
LEFT_FOR_LATER = 0.1
#: A latency that changes by more than this factor between a schedule's first and last fifth is
#: no property of the rate alone: it depends on how long the rate is held.
DRIFT = 2.0


#: A percentile of an open load's latency is told where the same percentile of the generator's
#: lateness is at most so much, or this share of that latency.
LATE_MS = 10.0
LATE_SHARE = 0.1


def late(lateness_ms: float, latency_ms: float) -> bool:
    """Whether the generator was too late for that latency to be the queue's: both at the same
    percentile."""
    return lateness_ms > max(LATE_MS, LATE_SHARE * latency_ms)


@dataclass(frozen=True)
class Window:
    """How a stretch of an open load went.

    Attributes:
        p50_ms: median latency, from the intended time of sending to the end of the body. A task
            that has not ended counts as infinitely late; NaN where there is no task at all.
        p95_ms, p99_ms: its 95th and 99th percentile, likewise.
        lateness_p95_ms, lateness_p99_ms: percentiles of how late the generator sent; what it never
            sent counts as infinitely late.
        ended: tasks that have ended.
        count: tasks that were to be sent.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    lateness_p95_ms: float
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
    ended = int(np.count_nonzero(end >= 0))
    p50_ms, p95_ms, p99_ms = (_percentile(latency, q) for q in (50, 95, 99))
    late_p95_ms, late_p99_ms = (_percentile(lateness, q) for q in (95, 99))
    return Window(p50_ms, p95_ms, p99_ms, late_p95_ms, late_p99_ms, ended, len(scheduled))


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


def offered_rate(trace: Trace) -> float | None:
    """Items per second that the schedule asked for; ``None`` of fewer than two."""
    scheduled = trace.scheduled[trace.scheduled != NEVER]
    if len(scheduled) < 2 or scheduled.max() == scheduled.min():
        return None
    return float((len(scheduled) - 1) / ((scheduled.max() - scheduled.min()) / 1e9))


def overloaded(t_sent: np.ndarray, t_start: np.ndarray) -> bool:
    """Whether more was sent than the workers took on: what waits grows, and goes on growing.

    Between the first and the middle fifth of the time of sending, and again between the middle and
    the last, the mean number of tasks that wait to be started must have grown by more than
    :data:`LEFT_FOR_LATER` of the tasks sent in between. A pause of the workers makes what waits
    grow once, a queue that polls makes it go up and down; neither does both, but by chance where it
    polls a few times only: so in the last two fifths there must be no moment, either, in which
    less than that share of all tasks waited. What happens after the last task was sent has no
    influence.

    Args:
        t_sent: int64 ns, one per task: when the library had accepted it; negative: not.
        t_start: int64 ns, the same tasks: when the first attempt began; negative: not yet.
    """
    sent, start = t_sent[t_sent >= 0], t_start[(t_sent >= 0) & (t_start >= 0)]
    if len(sent) < 5 * FIFTH or sent.max() == sent.min():
        return False
    edges = np.linspace(sent.min(), sent.max(), 6)

    def waiting(fifth: int) -> float:
        begin, end = edges[fifth], edges[fifth + 1]
        counted = [np.clip(end - times, 0, end - begin).sum() for times in (sent, start)]
        return float((counted[0] - counted[1]) / (end - begin))

    first, middle, last = waiting(0), waiting(2), waiting(4)
    enough = LEFT_FOR_LATER * len(sent) * 2 / 5
    grows = middle - first > enough and last - middle > enough
    return grows and _least_waiting(sent, start, edges[3]) > LEFT_FOR_LATER * len(sent)


def _least_waiting(sent: np.ndarray, start: np.ndarray, since: float) -> int:
    """The fewest tasks that waited at any moment from then to the last sending."""
    sent, start = np.sort(sent), np.sort(start)
    moments = np.append(start[(start >= since) & (start <= sent[-1])], since)
    waiting = np.searchsorted(sent, moments, "right") - np.searchsorted(start, moments, "right")
    return int(waiting.min())


def sustained_rate(t_end: np.ndarray, t_sent: np.ndarray) -> float:
    """Tasks per second that ended while more were sent than could be done.

    Args:
        t_end: sorted int64 ns, the ends there were.
        t_sent: int64 ns, when the library had accepted each task; negative: not.
    """
    sent = t_sent[t_sent >= 0]
    meanwhile = t_end[t_end <= sent.max()]
    rate = steady_rate(meanwhile)
    # Of a few bursts between long pauses the steady part may be a single burst.
    if rate is not None and rate * (sent.max() - sent.min()) < len(sent) * 1e9:
        return rate
    until = max(int(sent.max()), int(t_end[-1]) if len(t_end) else 0)
    return float(len(t_end) / ((until - sent.min()) / 1e9))


def latency_drift(trace: Trace) -> float | None:
    """Median latency of the last fifth of the schedule over that of the first; ``None`` where
    either has fewer than :data:`FIFTH` tasks."""
    scheduled, end = trace.of_first_step(trace.scheduled), trace.of_last_step(trace.end)
    both = (scheduled != NEVER) & (end != NEVER)
    order = np.argsort(scheduled[both], kind="stable")
    latency = (end[both] - scheduled[both])[order]
    count = len(latency) // 5
    if count < FIFTH:
        return None
    first, last = np.median(latency[:count]), np.median(latency[-count:])
    return float(last / first) if first > 0 else None


def not_stationary(drift: float) -> bool:
    """Whether a :func:`latency_drift` says that first and last fifth do not agree."""
    return not 1 / DRIFT <= drift <= DRIFT


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
