"""One trial's events -> its metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.kit import events as kinds
from bench.measure import open_loop
from bench.measure.attempts import Attempts, retry_gaps
from bench.measure.parts import parts_ms
from bench.measure.rates import mean_rate, rate_within, steady_rate
from bench.measure.stalls import longest_overrun_ns, pauses
from bench.measure.trace import NEVER, Trace
from scenarios.loads import LOADS
from scenarios.spec import Params

PERCENTILES = (50, 95, 99)

#: Metrics of which more is better; of all others less is.
HIGHER_IS_BETTER = frozenset(
    {
        "throughput_tasks_per_s",
        "share_of_ideal",
        "offered_tasks_per_s",
        "saturation_tasks_per_s",
        "sustained_tasks_per_s",
    }
)

#: Times that end when the caller has its result: of callers that wait for it.
_WAITED_FOR = frozenset({"round_trip_ms", "result_delivery_ms"})
#: Times of a queue that is filled before the workers start: their start lies within.
_WITH_THE_START = frozenset({"queue_wait_ms", "end_to_end_ms"})

#: What follows a metric's name and unit: a split by role or command, a percentile, the maximum.
_AFTER_UNIT = re.compile(r"(_p\d+(\.\d+)?|_max)?(:.*)?$")
#: By the end of a name, its unit; the first that fits.
_UNITS = (
    ("_tasks_per_s", "tasks/s"),
    ("_ms_per_s", "ms/s"),
    ("_per_s", "1/s"),
    ("_ms_per_task", "ms"),
    ("_bytes_per_task", "bytes"),
    ("_us", "us"),
    ("_ms", "ms"),
    ("_mb", "MB"),
    ("_s", "s"),
)


@dataclass(frozen=True)
class Value:
    """A metric of one trial: its value and from how many samples."""

    value: float
    samples: int


def unit(metric: str) -> str:
    """The unit that a metric's name carries: ``ms`` of ``latency_ms_p99.9``."""
    base = _AFTER_UNIT.sub("", metric, count=1)
    return next((name for ending, name in _UNITS if base.endswith(ending)), "1")


def trial_metrics(
    trace: Trace,
    tried: Attempts,
    params: Params,
    concurrency: int,
    load: str,
    steps: Sequence[Mapping[str, Any]] = (),
    windows: Sequence[Mapping[str, Any]] = (),
    until_ns: int | None = None,
) -> dict[str, Value]:
    """Every metric that the trial's events support.

    Args:
        trace: the trial's events beside its truth.
        tried: its attempts, of :func:`bench.measure.attempts.attempts`.
        params: the cell's parameters.
        concurrency: tasks that could be in progress at once.
        load: how the items were offered.
        steps: of a saturation, what was tried: see :func:`bench.measure.open_loop.saturation`.
        windows: of a drain that was repeated: ``first`` and ``count`` of each window's tasks.
        until_ns: when a load was stopped that is stopped with work left to do; ``None`` where that
            is not known, or there is no such thing.
    """
    offering = LOADS[load]
    if not offering.works:
        return {}
    if offering.searches:  # its steps are loads of their own: no figure spans all of them
        rate = open_loop.saturation(trace, steps, params["p99_bound_ms"])
        return {} if rate is None else {"saturation_tasks_per_s": Value(rate, len(steps))}
    if offering.scheduled and open_loop.overloaded(trace.sent, trace.start):
        return _overload(trace)
    found: dict[str, Value] = {}
    # Elsewhere results are fetched when all has ended: that time would be the harness's.
    untold = frozenset() if offering.awaited else _WAITED_FOR
    untold |= _WITH_THE_START if offering.fills else frozenset()
    for name, samples in _samples(trace, tried).items():
        if name not in untold:
            found |= _percentiles(name, samples)
    parts_of = trace.parts(windows)
    if offering.busy and offering.limited:
        found |= _told_as_throughput([_done_per_s(trace, until_ns)], [trace], params, concurrency)
    elif offering.busy:
        rates = [steady_rate(_completions(part), concurrency) for part in parts_of]
        found |= _told_as_throughput(rates, parts_of, params, concurrency)
    if not offering.cut_short or until_ns is not None:
        found |= _stalls(parts_of, tried, concurrency, filled=offering.fills, until_ns=until_ns)
    if offering.awaited:
        parts, samples_used = parts_ms(trace)
        found |= {f"part_{name}_ms": Value(mean, samples_used) for name, mean in parts.items()}
    if offering.scheduled:
        found |= _open(trace)
    started = int(np.count_nonzero(trace.starts))
    if started:
        found["attempts_per_task"] = Value(int(trace.starts.sum()) / started, started)
    return found


def _samples(trace: Trace, tried: Attempts) -> dict[str, np.ndarray]:
    """Per metric its samples, in the metric's unit."""
    sent = trace.of_first_step(trace.send)
    returned = trace.of_first_step(trace.sent)
    started = trace.of_first_step(trace.start)
    ended = trace.of_last_step(trace.end)
    result = trace.of_last_step(trace.result)
    return {
        "enqueue_us": _between(sent, returned) / 1e3,
        # A worker can be faster than the return of the enqueue call: that is no waiting.
        "queue_wait_ms": np.maximum(_between(returned, started), 0) / 1e6,
        "service_ms": _between(tried.started_ns, tried.ended_ns) / 1e6,
        "end_to_end_ms": _between(sent, ended) / 1e6,
        "round_trip_ms": _between(sent, result) / 1e6,
        "result_delivery_ms": np.maximum(_between(ended, result), 0) / 1e6,
        "hop_ms": _hops(trace) / 1e6,
        "retry_lateness_ms": _retry_lateness_ms(trace, tried),
    }


def _between(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Differences in ns where both times are."""
    both = (earlier != NEVER) & (later != NEVER)
    return np.asarray(later[both] - earlier[both])


def _hops(trace: Trace) -> np.ndarray:
    """From the end of a chain's task to the start of the next, ns."""
    steps = trace.truth.steps
    ended, started = trace.end.reshape(-1, steps), trace.start.reshape(-1, steps)
    return _between(ended[:, :-1].ravel(), started[:, 1:].ravel())


def _retry_lateness_ms(trace: Trace, tried: Attempts) -> np.ndarray:
    """Beyond the delay that was asked for; retries of tasks without one are left out."""
    gaps = retry_gaps(tried)
    late = gaps.gap_ns / 1e6 - trace.truth.retried_after[gaps.task] * 1e3
    return np.asarray(late[~np.isnan(late)])


def _percentiles(
    name: str, samples: np.ndarray, wanted: Sequence[float] = PERCENTILES
) -> dict[str, Value]:
    """The percentiles the sample supports: at least one sample beyond each."""
    count = len(samples)
    supported = [q for q in wanted if round(count * (100 - q), 6) >= 100 and count >= 2]
    found = (
        {
            f"{name}_p{q:g}": Value(float(value), count)
            for q, value in zip(supported, np.percentile(samples, supported), strict=True)
        }
        if supported
        else {}
    )
    if name == "retry_lateness_ms":
        found |= _maximum(name, samples)
    return found


def _maximum(name: str, samples: np.ndarray) -> dict[str, Value]:
    return {f"{name}_max": Value(float(samples.max()), len(samples))} if len(samples) else {}


def _done_per_s(trace: Trace, until_ns: int | None) -> float | None:
    """Completions per second of all the time from the first that was sent. Of the few that are
    done between two pauses a steady part would tell how fast they were, not how few."""
    sent = trace.send[trace.send != NEVER]
    return rate_within(_completions(trace), int(sent.min()), until_ns) if len(sent) else None


def _told_as_throughput(
    rates: Sequence[float | None], windows: Sequence[Trace], params: Params, concurrency: int
) -> dict[str, Value]:
    """Of each window the completions per second, or deliveries where there are any; of several
    windows the geometric mean."""
    rate = mean_rate(rates)
    if rate is None:
        return {}
    count = sum(len(_completions(window)) for window in windows)
    found = {"throughput_tasks_per_s": Value(rate, count)}
    service_s = params.get("latency_s") or params.get("service_s")
    if service_s:
        found["share_of_ideal"] = Value(rate * service_s / concurrency, count)
    return found


def _completions(trace: Trace) -> np.ndarray:
    """Sorted times; work done twice is not more: its first time counts."""
    delivered = trace.first(kinds.DELIVERED)
    done = delivered if (delivered != NEVER).any() else trace.first(kinds.END)
    return np.sort(done[done != NEVER])


def _stalls(
    windows: Sequence[Trace],
    tried: Attempts,
    concurrency: int,
    *,
    filled: bool,
    until_ns: int | None,
) -> dict[str, Value]:
    """Of all windows; what lies between them is no stall."""
    each = [pauses(window, concurrency, filled=filled, until_ns=until_ns) for window in windows]
    known = [found for found in each if found is not None]
    if not known:
        return {}
    started = sum(int(np.count_nonzero(window.starts)) for window in windows)
    longest = max(
        *(int(found.lasted_ns.max(initial=0)) for found in known),
        longest_overrun_ns(tried, concurrency),
    )
    stalls = np.concatenate([found.stalls_ns for found in known])
    watched = sum(found.watched_ns for found in known)
    return {
        "longest_stall_ms": Value(
            max(longest, longest_overrun_ns(tried, concurrency)) / 1e6, started
        ),
        "consumer_stalls": Value(len(stalls), started),
        "stalled_share": Value(float(stalls.sum() / watched) if watched else 0.0, started),
    }


def _open(trace: Trace) -> dict[str, Value]:
    """Latency from the schedule on, and how well the generator kept to it."""
    latency, late = open_loop.latencies_ms(trace), open_loop.lateness_ms(trace)
    found = _percentiles("latency_ms", latency, (*PERCENTILES, 99.9)) | _maximum(
        "latency_ms", latency
    )
    lateness = _percentiles("latency_ms", late, (*PERCENTILES, 99.9)) | _maximum("latency_ms", late)
    for name, of_generator in lateness.items():
        # Where the generator was as late, the latency at that percentile is its own.
        if name in found and open_loop.late(of_generator.value, found[name].value):
            del found[name]
    drift = open_loop.latency_drift(trace)
    if drift is not None:
        found["latency_drift"] = Value(drift, len(latency))
    found |= _percentiles("generator_lateness_ms", late, (99,))
    found |= _maximum("generator_lateness_ms", late)
    return found | _offered(trace)


def _offered(trace: Trace) -> dict[str, Value]:
    offered = open_loop.offered_rate(trace)
    count = int(np.count_nonzero(trace.scheduled != NEVER))
    return {} if offered is None else {"offered_tasks_per_s": Value(offered, count)}


def _overload(trace: Trace) -> dict[str, Value]:
    """What can be said of more than the workers sustain: not how long a task takes, for that
    grows with how long it is offered."""
    ended = np.sort(trace.end[trace.end != NEVER])
    sustained = open_loop.sustained_rate(ended, trace.sent)
    return {"sustained_tasks_per_s": Value(sustained, len(ended)), **_offered(trace)}
