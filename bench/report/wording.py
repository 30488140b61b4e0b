"""How numbers, metrics and cells read in every report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.measure.metrics import unit
from bench.system.printable import printable
from scenarios import all_scenarios

#: What each metric is, by :func:`base_name`.
METRICS = {
    "throughput": "tasks (notification: messages) done per second between the first and the last "
    "tenth of them; of a surge, of all the time since the first was sent",
    "share_of_ideal": "throughput divided by concurrency / service time: 1 is what waiting alone "
    "would allow",
    "longest_stall": "longest time in which no task started although tasks were waiting, or by "
    "which tasks that ran all at once took longer than the others",
    "consumer_stalls": "how often in a trial no task started for at least 0.5 s although tasks "
    "were waiting and a slot was free",
    "stalled_share": "these stalls' share of the time watched: from the first task that was ready "
    "or started to the last event",
    "enqueue": "how long the caller's enqueue call takes",
    "queue_wait": "from the return of the enqueue call to the start of the task",
    "service": "from the start of the task's body to its end",
    "end_to_end": "from the enqueue call to the end of the task, of a chain to its last task's",
    "round_trip": "from the enqueue call to the result in the caller's hands",
    "result_delivery": "from the end of the task to the result in the caller's hands",
    "hop": "from the end of a chain's task to the start of the next",
    "retry_lateness": "how much later than asked a retry starts",
    "attempts_per_task": "how often a task's body runs",
    "latency": "from the time the schedule asked for to the end of the task",
    "generator_lateness": "how much later than its schedule asked the caller sent",
    "latency_drift": "median latency of the last fifth of a schedule over that of its first fifth: "
    "far from 1, the rate was not held for long enough to have a latency",
    "sustained": "tasks per second that ended where more were offered than the workers can do",
    "offered": "tasks per second that were really sent",
    "saturation": "the highest rate offered that the workers sustained with their p99 latency "
    "under the bound",
    "part_enqueue": "of a round trip: the enqueue call",
    "part_queue_wait": "of a round trip: waiting in the queue, until a worker starts the task",
    "part_service": "of a round trip: the task's body",
    "part_delivery": "of a round trip: from the end of the task to the result in the caller's "
    "hands",
    "redis_commands_per_task": "commands that the server executed while the tasks ran, per task, "
    "without the harness's own",
    "redis_bytes_per_task": "bytes to (in) and from (out) the server, per task",
    "redis_memory_bytes_per_task": "what the server's memory grew by while the queue was filled, "
    "per queued task",
    "cpu_ms_per_task": "processor time of the workers, of the caller (producer) and of the "
    "server, per task",
    "context_switches_per_task": "how often the workers' threads gave way, of their own accord or "
    "not, per task",
    "worker_peak_rss_mb": "the most memory that all worker processes held; pages they share count "
    "once for each",
    "worker_rss_mb": "memory that all worker processes hold; pages they share count once for each",
    "worker_pss_mb": "memory that all worker processes hold; pages they share are divided among "
    "them",
    "idle_commands_per_s": "commands that idle workers send to the server",
    "idle_cpu_ms_per_s": "processor time that idle workers take",
}

#: Words and unit of metrics whose unit stands within the name.
_WORDS = {
    "redis_commands_per_task": ("Redis commands per task", ""),
    "redis_bytes_per_task": ("Redis traffic per task", "bytes"),
    "redis_memory_bytes_per_task": ("Redis memory per task", "bytes"),
    "cpu_ms_per_task": ("cpu per task", "ms"),
    "context_switches_per_task": ("context switches per task", ""),
    "worker_peak_rss_mb": ("worker peak RSS", "MB"),
    "worker_rss_mb": ("worker RSS", "MB"),
    "worker_pss_mb": ("worker PSS", "MB"),
    "idle_commands_per_s": ("idle commands", "per s"),
    "idle_cpu_ms_per_s": ("idle cpu", "ms/s"),
}

_UNIT_ENDINGS = {"tasks/s": "_tasks_per_s", "us": "_us", "ms": "_ms", "s": "_s"}
_SPLIT = re.compile(r"(?P<base>.+?)(_(?P<end>p\d+(\.\d+)?|max))?(:(?P<part>.+))?")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s'\"@]*@")


def number(value: float | None) -> str:
    """Three significant digits, thousands separated: ``0.0123``, ``4.56``, ``1,230``."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    rounded = float(f"{value:.2e}")
    digits = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(digits, 0)}f}"


def interval(low: float | None, high: float | None) -> str:
    """`` [1.71, 1.95]`` to be put after a value; empty where there is none."""
    if low is None or high is None:
        return ""
    return f" [{number(low)}, {number(high)}]"


def figure(value: float) -> str:
    """Two significant digits or, from 100 on, three: ``0.012``, ``8.3``, ``12``, ``14,300``."""
    if value == 0 or abs(value) >= 9.95:
        return number(value) if abs(value) >= 999.5 else f"{value:.0f}"
    return f"{value:.{1 - math.floor(math.log10(abs(float(f'{value:.1e}'))))}f}"


def base_name(metric: str) -> str:
    """A metric's name without unit, percentile and part: ``round_trip`` of
    ``round_trip_ms_p50``; with its unit where that stands within the name."""
    return _parts(metric)[0]


def _parts(metric: str) -> tuple[str, str, str]:
    """Base name; ``p50``, ``max`` or nothing; the part behind a colon or nothing."""
    match = _SPLIT.fullmatch(metric)
    assert match
    base, end, part = match["base"], match["end"] or "", match["part"] or ""
    if base not in _WORDS:
        base = base.removesuffix(_UNIT_ENDINGS.get(unit(base), ""))
    return base, end, part


def words(metric: str) -> str:
    """A metric's name in words, without percentile and part: ``round trip``."""
    base = base_name(metric)
    return _WORDS[base][0] if base in _WORDS else base.replace("_", " ")


def label(metric: str) -> str:
    """A metric's name as a column head: ``round trip p50``, ``cpu per task, worker``."""
    _, end, part = _parts(metric)
    return f"{words(metric)} {end}".strip() + (f", {part}" if part else "")


def ending(metric: str) -> str:
    """``p50`` of ``round_trip_ms_p50``; empty of what is no percentile or extreme."""
    return _parts(metric)[1]


def unit_text(metric: str) -> str:
    """The unit that is written after a value; empty for plain ratios and counts."""
    match = _SPLIT.fullmatch(metric)
    stem = match["base"] if match else metric
    if stem in _WORDS:
        return _WORDS[stem][1]
    found = unit(stem)
    return "" if found == "1" else found


def label_with_unit(metric: str) -> str:
    """A column head with its unit: ``round trip p50, ms``."""
    return ", ".join(part for part in (label(metric), unit_text(metric)) if part)


def with_unit(value: float, metric: str) -> str:
    """A value as in a sentence: ``4.56 ms``."""
    return f"{number(value)} {unit_text(metric)}".strip()


def params_text(params: Mapping[str, Any]) -> str:
    """Parameters that are not off: ``length 5``, ``offered 0.8 of own drain, poisson``."""
    return ", ".join(_param_text(name, value) for name, value in params.items() if value)


def _param_text(name: str, value: Any) -> str:
    if name in _PARAMETERS:
        return _PARAMETERS[name].format(value)
    if isinstance(value, bool | str) or not isinstance(value, int | float):
        return f"{name.replace('_', ' ')} {value}"
    for ending, unit_name in (("_s", " s"), ("_ms", " ms"), ("_kb", " kB")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} {value:g}{unit_name}"
    return f"{name.replace('_', ' ')} {value:g}"


#: How the parameters of loads read, in the order they are told.
_PARAMETERS = {
    "offered": "offered {:g} of own drain",
    "rate_per_s": "{:,g} per s",
    "backlog": "backlog {:,.0f}",
    "p99_bound_ms": "p99 under {:g} ms",
    "arrival": "{}",
}


def caption(scenario: str, load: str, params: Mapping[str, Any], concurrency: int) -> str:
    """What names a table: ``chain, closed, length 5, concurrency 4``."""
    order = [*_PARAMETERS, *(p.name for p in all_scenarios()[scenario].parameters)]
    ordered = {name: params[name] for name in order if name in params}
    told = params_text(ordered)
    parts = (scenario, "" if told.startswith(load) else load, told, f"concurrency {concurrency}")
    return ", ".join(part for part in parts if part)


def listed(names: Sequence[str], most: int = 6) -> str:
    """``a; b; c``, of very many the first: ``a; b; and 7 more``."""
    left = len(names) - most
    return "; ".join([*names[:most], *([f"and {left} more"] if left > 0 else [])])


def apart_text(alike: bool, leader: str) -> str:
    """How the variants of a tier differ: none from another, or at least none from the leader."""
    return "not told apart" if alike else f"none told from {leader}"


def joined(names: Sequence[str]) -> str:
    """``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def plural(count: int, noun: str) -> str:
    """``1 round``, ``3 rounds``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def presentable(content: Any) -> Any:
    """``content`` with the user and password of every URL in its texts replaced by ``***``, and
    without what would control a terminal."""
    if isinstance(content, str):
        return _CREDENTIALS.sub("***@", printable(content))
    if isinstance(content, Mapping):
        return {presentable(key): presentable(value) for key, value in content.items()}
    if isinstance(content, list):
        return [presentable(value) for value in content]
    return content
