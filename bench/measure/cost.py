"""The marks of one trial -> what a task costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Mark = Mapping[str, Any]
Reader = Callable[[Mark], float | None]

#: Commands that run more rarely than this per task get no row of their own.
RARE = 0.01


class Part(NamedTuple):
    """A stretch between two marks, and by how many its cost is divided."""

    before: Mark
    after: Mark
    per: float


def cost_metrics(marks: Sequence[Mark], tasks: int) -> dict[str, float]:
    """What the marks tell of a trial's cost.

    Args:
        marks: as :meth:`bench.workers.meter.Meter.mark` gives them; a trial that failed may
            lack some.
        tasks: tasks of the trial; 0 where the workers had nothing to do.

    Returns:
        Metrics by name. What the marks cannot tell is left out.
    """
    at = {mark["at"]: mark for mark in marks}
    if "start" not in at or "done" not in at:
        return {}
    if not tasks:
        return _idle(at) | _steady(at["done"])
    found = _steady(at["done"])
    peaks = [float(mark["peak_rss_mb"]) for mark in marks if "peak_rss_mb" in mark]
    _put(found, "worker_peak_rss_mb", max(peaks, default=None))
    if "filled" in at:
        grown = at["filled"]["memory_bytes"] - at["start"]["memory_bytes"]
        found["redis_memory_bytes_per_task"] = grown / tasks
    whole, worker, producer = _parts(at, tasks)
    found |= _redis(whole)
    for role, parts in (("worker", worker), ("producer", producer), ("redis", whole)):
        _put(found, f"cpu_ms_per_task:{role}", _sum(parts, _cpu_ms(role)))
    _put(found, "context_switches_per_task:worker", _sum(worker, _switches))
    return found


def _parts(at: Mapping[str, Mark], tasks: int) -> tuple[list[Part], list[Part], list[Part]]:
    """The stretches that count for the server, for the workers and for the producer.

    Where the queue was filled first, the workers' start lies between ``filled`` and ``ready`` and
    belongs to no task. Too few tasks after ``ready`` say nothing of the work: then there is none.
    """
    start, done, end = at["start"], at["done"], at.get("end")
    if "filled" not in at:
        everything = [Part(start, end or done, tasks)]
        return everything, everything, everything
    filling = [Part(start, at["filled"], tasks)]
    ended, before = done["ended"], at["ready"]["ended"] if "ready" in at else done["ended"]
    worked = ended - before
    if not worked or 2 * worked < ended:
        return [], [], filling
    # Of a queue that is drained to its end, all attempts of a task count; of others, one.
    attempts = max(ended / tasks, 1.0)
    work = [Part(at["ready"], done, worked / attempts)]
    fetching = [Part(done, end, tasks)] if end else []
    return [*filling, *work, *fetching], work, filling


def _redis(parts: list[Part]) -> dict[str, float]:
    if not parts:
        return {}
    names = {name for part in parts for name in part.after["commands"]}
    by_name = {name: _sum(parts, _calls(name)) or 0.0 for name in sorted(names)}
    found = {"redis_commands_per_task": sum(by_name.values())}
    found |= {
        f"redis_commands_per_task:{name}": calls for name, calls in by_name.items() if calls >= RARE
    }
    into = _sum(parts, lambda mark: mark["net_in"])
    out = _sum(parts, lambda mark: mark["net_out"])
    if into is not None and out is not None:
        found["redis_bytes_per_task"] = into + out
        found["redis_bytes_per_task:in"] = into
        found["redis_bytes_per_task:out"] = out
    return found


def _idle(at: Mapping[str, Mark]) -> dict[str, float]:
    start, done = at["start"], at["done"]
    seconds = (done["t_ns"] - start["t_ns"]) / 1e9
    if seconds <= 0:
        return {}
    window = [Part(start, done, seconds)]
    found: dict[str, float] = {}
    commands = _sum(window, lambda mark: float(sum(mark["commands"].values())))
    _put(found, "idle_commands_per_s", commands)
    _put(found, "idle_cpu_ms_per_s:worker", _sum(window, _cpu_ms("worker")))
    return found


def _steady(done: Mark) -> dict[str, float]:
    found: dict[str, float] = {}
    _put(found, "worker_rss_mb", done.get("rss_mb"))
    _put(found, "worker_pss_mb", done.get("pss_mb"))
    return found


def _calls(command: str) -> Reader:
    return lambda mark: float(mark["commands"].get(command, 0))


def _cpu_ms(role: str) -> Reader:
    def read(mark: Mark) -> float | None:
        seconds = mark["cpu_s"].get(role)
        return None if seconds is None else seconds * 1e3

    return read


def _switches(mark: Mark) -> float | None:
    counted = mark.get("switches", {}).get("worker")
    return None if counted is None else float(sum(counted))


def _sum(parts: list[Part], read: Reader) -> float | None:
    """The parts' costs added up; ``None`` without parts, or where one of them is unknown."""
    total = 0.0
    for part in parts:
        before, after = read(part.before), read(part.after)
        if before is None or after is None:
            return None
        total += (after - before) / part.per
    return total if parts else None


def _put(found: dict[str, float], name: str, value: float | None) -> None:
    if value is not None:
        found[name] = value
