"""One trial's events -> its metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backends.kit import events as kinds
from scenarios.spec import Item, Params

#: Share of completions cut at either end of a throughput's window: warm-up and tail.
CUT = 0.1

PERCENTILES = (50, 95, 99)

#: Metrics of which more is better; of all others less is.
HIGHER_IS_BETTER = frozenset({"throughput_tasks_per_s", "saturation_tasks_per_s", "share_of_ideal"})


@dataclass(frozen=True)
class Value:
    """A metric of one trial: its value and from how many samples."""

    value: float
    samples: int


def unit(metric: str) -> str:
    """The unit that a metric's name carries."""
    base = metric.rsplit("_p", 1)[0] if metric.rsplit("_p", 1)[-1].isdigit() else metric
    base = base.removesuffix("_max")
    for ending, name in (("_tasks_per_s", "tasks/s"), ("_us", "us"), ("_ms", "ms"), ("_s", "s")):
        if base.endswith(ending):
            return name
    return "1"


def trial_metrics(
    events: pd.DataFrame, items: list[Item], params: Params, concurrency: int, load: str
) -> dict[str, Value]:
    """Every metric that the trial's events support.

    Args:
        events: the trial's rows of :func:`bench.events.read_lease`, times in ns.
        items: what was to be sent.
        params: the cell's parameters.
        concurrency: tasks that could be in progress at once.
        load: how the items were offered.
    """
    found: dict[str, Value] = {}
    for name, samples in _samples(events, attempts(events), items).items():
        found |= _percentiles(name, samples)
    if load in ("drain", "burst"):
        found |= _throughput(events, params, concurrency)
    if load == "drain":
        found |= _stall(events, concurrency)
    starts = events.loc[events["kind"] == kinds.START, "task_id"]
    if len(starts):
        tasks = starts.nunique()
        found["attempts_per_task"] = Value(len(starts) / tasks, tasks)
    return found


def _samples(events: pd.DataFrame, tried: pd.DataFrame, items: list[Item]) -> dict[str, np.ndarray]:
    """Per metric its samples, in the metric's unit."""
    times = _times(events)
    first = pd.Index([item[0].task_id for item in items])
    last = pd.Index([item[-1].task_id for item in items])
    sent = times["send"].reindex(first).to_numpy()
    ended = times["end"].reindex(last).to_numpy()
    result = times["result"].reindex(last).to_numpy()
    returned = times["sent"].reindex(first).to_numpy()
    started = times["start"].reindex(first).to_numpy()
    samples = {
        "enqueue_us": (returned - sent) / 1e3,
        # A worker can be faster than the return of the enqueue call: that is no waiting.
        "queue_wait_ms": np.maximum(started - returned, 0) / 1e6,
        "service_ms": _service(tried) / 1e6,
        "end_to_end_ms": (ended - sent) / 1e6,
        "round_trip_ms": (result - sent) / 1e6,
        "result_delivery_ms": np.maximum(result - ended, 0) / 1e6,
        "hop_ms": _hops(times, items) / 1e6,
    }
    delays = {w.task_id: w.expected.retried_after for item in items for w in item}
    gaps = retry_gaps(tried)
    requested = gaps["task_id"].map(delays).to_numpy(dtype=float)
    samples["retry_lateness_ms"] = gaps["gap_ns"].to_numpy() / 1e6 - requested * 1e3
    return {name: values[~np.isnan(values)] for name, values in samples.items()}


def _times(events: pd.DataFrame) -> pd.DataFrame:
    """Per task the time of each step of its life, as float ns from the trial's first event.

    The first start and, of several ends, the last.
    """
    origin = events["t_ns"].min() if len(events) else 0
    relative = events.assign(t=(events["t_ns"] - origin).astype(float))
    columns = {}
    for name, kind, pick in (
        ("send", kinds.SEND, "min"),
        ("sent", kinds.SENT, "min"),
        ("start", kinds.START, "min"),
        ("end", kinds.END, "max"),
        ("result", kinds.RESULT, "min"),
    ):
        columns[name] = relative[relative["kind"] == kind].groupby("task_id")["t"].agg(pick)
    return pd.DataFrame(columns, dtype=float)


def _service(tried: pd.DataFrame) -> np.ndarray:
    """Start to end of every attempt that has both, ns."""
    return np.asarray((tried["ended_ns"] - tried["started_ns"]).dropna(), dtype=float)


def _hops(times: pd.DataFrame, items: list[Item]) -> np.ndarray:
    """From the end of a chain's task to the start of the next, ns."""
    before = [a.task_id for item in items for a in item[:-1]]
    after = [b.task_id for item in items for b in item[1:]]
    ended = times["end"].reindex(before).to_numpy()
    return np.asarray(times["start"].reindex(after).to_numpy() - ended)


def attempts(events: pd.DataFrame) -> pd.DataFrame:
    """Every attempt: ``task_id``, ``number`` from 1, ``started_ns``, ``ended_ns``, ``ok``.

    The n-th start of a task is paired with its n-th end or failure; an attempt that never ended
    has ``NA`` there.
    """
    starts = events[events["kind"] == kinds.START]
    ends = events[events["kind"].isin([kinds.END, kinds.FAIL])]
    left = starts.assign(number=starts.groupby("task_id").cumcount() + 1)
    right = ends.assign(number=ends.groupby("task_id").cumcount() + 1)
    joined = left[["task_id", "number", "t_ns"]].merge(
        right[["task_id", "number", "t_ns", "kind", "value"]],
        on=["task_id", "number"],
        how="left",
        suffixes=("", "_end"),
    )
    return pd.DataFrame(
        {
            "task_id": joined["task_id"],
            "number": joined["number"],
            "started_ns": joined["t_ns"].astype("Int64"),
            "ended_ns": joined["t_ns_end"].astype("Int64"),
            "ok": joined["kind"] == kinds.END,
            "value": joined["value"].astype("Int64"),
        }
    )


def retry_gaps(tried: pd.DataFrame) -> pd.DataFrame:
    """For every retry: ``task_id``, ``number`` of the attempt, ``gap_ns`` since the failure.

    Args:
        tried: what :func:`attempts` gives.
    """
    table = tried.sort_values(["task_id", "number"])
    before = table.groupby("task_id")[["ended_ns", "ok"]].shift()
    retried = table["number"].gt(1) & before["ended_ns"].notna() & before["ok"].eq(False)
    gaps = table.loc[retried, "started_ns"] - before.loc[retried, "ended_ns"]
    return pd.DataFrame(
        {
            "task_id": table.loc[retried, "task_id"],
            "number": table.loc[retried, "number"],
            "gap_ns": gaps.astype("int64"),
        }
    )


def _percentiles(name: str, samples: np.ndarray) -> dict[str, Value]:
    """The percentiles the sample supports: at least one sample beyond each."""
    found = {
        f"{name}_p{q}": Value(float(np.percentile(samples, q)), len(samples))
        for q in PERCENTILES
        if len(samples) * (100 - q) >= 100 and len(samples) >= 2
    }
    if name == "retry_lateness_ms" and len(samples):
        found[f"{name}_max"] = Value(float(samples.max()), len(samples))
    return found


def _throughput(events: pd.DataFrame, params: Params, concurrency: int) -> dict[str, Value]:
    """Completions per second within the steady window; deliveries where there are any."""
    kind = kinds.DELIVERED if (events["kind"] == kinds.DELIVERED).any() else kinds.END
    done = events[events["kind"] == kind].drop_duplicates("task_id")  # work done twice is not more
    times = np.sort(done["t_ns"].to_numpy())
    rate = steady_rate(times, concurrency)
    if rate is None:
        return {}
    found = {"throughput_tasks_per_s": Value(rate, len(times))}
    service_s = params.get("latency_s") or params.get("service_s")
    if service_s:
        found["share_of_ideal"] = Value(rate * service_s / concurrency, len(times))
    return found


def steady_rate(times_ns: np.ndarray, at_once: int = 1) -> float | None:
    """Events per second between the first and the last tenth of them.

    The least-squares slope of the count over time: a queue that works in bursts (so many per
    poll) gives a staircase, and a quotient of two of its points would depend on where in a burst
    they fall.

    Args:
        times_ns: sorted times of completion.
        at_once: tasks in progress at once; slots in lockstep complete in groups of so many, and a
            cut through such a group would make the rate look lower, so whole groups are cut.

    Returns:
        ``None`` where fewer than 3 events lie in the window, or no time passes in it.
    """
    cut = math.ceil(int(len(times_ns) * CUT) / at_once) * at_once
    window = times_ns[cut : len(times_ns) - cut]
    if len(window) < 3 or window[-1] == window[0]:
        return None
    seconds = (window - window[0]) / 1e9
    deviation = seconds - seconds.mean()
    return float((deviation * np.arange(len(window))).sum() / (deviation**2).sum())


def _stall(events: pd.DataFrame, concurrency: int) -> dict[str, Value]:
    """The longest time in which no task started although tasks were waiting and a slot was free.

    A slot frees when an attempt ends; what is between that and the next start, of any task, is
    the stall. With every slot busy nothing is stalled, however long the tasks take.
    """
    steps = events[events["kind"].isin([kinds.START, kinds.END, kinds.FAIL])]
    starts = steps["kind"].eq(kinds.START)
    if starts.sum() < 2:
        return {}
    times = steps["t_ns"].to_numpy()
    # Running attempts after each step; the queue is empty after the last task's first start.
    running = np.where(starts, 1, -1).cumsum()
    firsts = ~steps["task_id"].where(starts).duplicated() & starts
    last = int(np.flatnonzero(firsts.to_numpy())[-1])
    began = int(np.flatnonzero(starts.to_numpy())[0])
    free = running[began:last] < concurrency
    gaps = np.diff(times[began : last + 1])
    longest, current = 0, 0
    for is_free, gap, starts_next in zip(
        free, gaps, starts.to_numpy()[began + 1 : last + 1], strict=True
    ):
        current = current + int(gap) if is_free else 0
        longest = max(longest, current)
        if starts_next:
            current = 0
    return {"longest_stall_ms": Value(longest / 1e6, int(firsts.sum()))}
