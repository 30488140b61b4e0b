"""How numbers, metrics and cells read in every report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from bench.measure.metrics import unit
from scenarios import all_scenarios

#: What each metric is, by its name without unit and percentile.
METRICS = {
    "throughput": "tasks (notification: messages) done per second between the first and the last "
    "tenth of them",
    "share_of_ideal": "throughput divided by concurrency / service time: 1 is what waiting alone "
    "would allow",
    "longest_stall": "longest time in which no task started although tasks were waiting",
    "enqueue": "how long the caller's enqueue call takes",
    "queue_wait": "from the return of the enqueue call to the start of the task",
    "service": "from the start of the task's body to its end",
    "end_to_end": "from the enqueue call to the end of the task, of a chain to its last task's",
    "round_trip": "from the enqueue call to the result in the caller's hands",
    "result_delivery": "from the end of the task to the result in the caller's hands",
    "hop": "from the end of a chain's task to the start of the next",
    "retry_lateness": "how much later than asked a retry starts",
    "attempts_per_task": "how often a task's body runs",
}

_UNIT_ENDINGS = {"tasks/s": "_tasks_per_s", "us": "_us", "ms": "_ms", "s": "_s"}
_SPLIT = re.compile(r"(?P<base>.+?)(_(?P<end>p\d+|max))?")
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


def base_name(metric: str) -> str:
    """A metric's name without unit and percentile: ``round_trip`` of ``round_trip_ms_p50``."""
    return _parts(metric)[0]


def _parts(metric: str) -> tuple[str, str]:
    """Base name and ``p50``, ``max`` or nothing."""
    match = _SPLIT.fullmatch(metric)
    base, end = (match["base"], match["end"] or "") if match else (metric, "")
    return base.removesuffix(_UNIT_ENDINGS.get(unit(metric), "")), end


def label(metric: str) -> str:
    """A metric's name as a column head: ``round trip p50``."""
    base, end = _parts(metric)
    return f"{base.replace('_', ' ')} {end}".strip()


def unit_text(metric: str) -> str:
    """The unit that is written after a value; empty for plain ratios and counts."""
    found = unit(metric)
    return "" if found == "1" else found


def label_with_unit(metric: str) -> str:
    """A column head with its unit: ``round trip p50, ms``."""
    return ", ".join(part for part in (label(metric), unit_text(metric)) if part)


def with_unit(value: float, metric: str) -> str:
    """A value as in a sentence: ``4.56 ms``."""
    return f"{number(value)} {unit_text(metric)}".strip()


def params_text(params: Mapping[str, Any]) -> str:
    """Parameters that are not off: ``length 5``, ``latency 30 s, fault share 0.1``."""
    told = []
    for name, value in params.items():
        if value:
            words = name.removesuffix("_s").replace("_", " ")
            told.append(f"{words} {value:g}" + (" s" if name.endswith("_s") else ""))
    return ", ".join(told)


def caption(scenario: str, load: str, params: Mapping[str, Any], concurrency: int) -> str:
    """What names a table: ``chain, closed, length 5, concurrency 4``."""
    order = [p.name for p in all_scenarios()[scenario].parameters]
    ordered = {name: params[name] for name in order if name in params}
    parts = (scenario, load, params_text(ordered), f"concurrency {concurrency}")
    return ", ".join(part for part in parts if part)


def plural(count: int, noun: str) -> str:
    """``1 round``, ``3 rounds``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def without_credentials(content: Any) -> Any:
    """``content`` with the user and password of every URL in it replaced by ``***``."""
    if isinstance(content, str):
        return _CREDENTIALS.sub("***@", content)
    if isinstance(content, Mapping):
        return {key: without_credentials(value) for key, value in content.items()}
    if isinstance(content, list):
        return [without_credentials(value) for value in content]
    return content
