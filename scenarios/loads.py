"""The loads: how work is offered, as facts that every floor reads. Standard library only.

Adding a load is one entry here and the offering of it in :mod:`bench.run.offering`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The least a drain or an open load is made of, however slow the queue.
MIN_TASKS = 10
#: Steps of a saturation's bisection: it ends within 1/64 of the drain throughput.
STEPS = 6
#: A closed load gets more items per second than any queue here can use.
MOST_PER_S = 2000
#: How fast a long queue is filled, roughly.
FILLED_PER_S = 1000
#: More tasks than any trial may have; beyond it nothing is counted.
TOO_MANY = 10_000_000


@dataclass(frozen=True)
class Size:
    """What a trial's number of tasks and its length follow from.

    Attributes:
        tasks: as given, or as found; ``None`` or 0 where nothing says.
        for_s: seconds, likewise.
        params: of the cell: the scenario's and the load's.
        concurrency: tasks that can be in progress at once.
        nominal_per_s: what the variant roughly does.
    """

    tasks: int | None
    for_s: float | None
    params: Mapping[str, Any]
    concurrency: int = 1
    nominal_per_s: float = 0.0


@dataclass(frozen=True)
class Load:
    """How tasks are offered. As it is, everything is sent at once to live workers.

    Attributes:
        told: what it is, for a reader.
        verb: what a variant does under it; ``{}`` is the work.
        needs: keys that a profile must give.
        may: keys that it may give beside them.
        either: of these at least one is given.
        fills: the queue is filled first, then the workers start: they must not run yet, there are
            the marks ``filled`` and ``ready``, and a task's wait contains the workers' start.
        busy: every slot has work for a while, so that completions have a rate.
        awaited: callers wait for results: the library must keep them, and trips have a length.
        scheduled: tasks come at their times, and latency counts from these.
        searches: tries several rates, and has one figure for all of them.
        cut_short: is stopped with work left to do, and has a lease of its own for it.
        limited: is stopped after its time if work is left to do, which then ends its lease.
        works: whether there are tasks at all.
        twin: differences under it are told as such, so the baseline is held against itself.
        smaller: what makes a trial of it smaller.
    """

    name: str
    told: str
    verb: str = "runs {}"
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    either: frozenset[str] = frozenset()
    fills: bool = False
    busy: bool = False
    awaited: bool = False
    scheduled: bool = False
    searches: bool = False
    cut_short: bool = False
    limited: bool = False
    works: bool = True
    twin: bool = False
    smaller: str = "lower for_s, or give tasks = N instead"

    @property
    def keys(self) -> frozenset[str]:
        """Every key that says how it is offered."""
        return self.needs | self.may | self.either

    @property
    def single_figure(self) -> bool:
        """Whether its headline is one figure of the whole trial, no median of samples."""
        return self.searches or not self.works

    @property
    def drains(self) -> bool:
        """Whether a queue is filled first and then worked off to its end."""
        return self.fills and not self.cut_short

    def relative(self, params: Mapping[str, Any]) -> bool:
        """Whether its rates are shares of what the same variant drained before."""
        return self.searches or "offered" in params

    def tasks(self, size: Size) -> int:
        """Items of a trial; 0 where only the trial can tell, or where there are none."""
        if not self.works or self.relative(size.params):
            return 0
        given = size.params.get("backlog") if self.cut_short else size.tasks
        if given is not None and not self.limited:
            return int(given)
        assert size.for_s is not None
        if self.scheduled:
            return max(MIN_TASKS, _whole(float(size.params["rate_per_s"]) * size.for_s))
        if self.awaited:
            return _whole(MOST_PER_S * size.for_s)
        rate = size.nominal_per_s
        if service_s := size.params.get("service_s"):
            rate = min(rate, size.concurrency / service_s)
        found = max(MIN_TASKS, _whole(rate * size.for_s))
        return found if given is None else min(found, int(given))

    def least_s(self, size: Size) -> float:
        """Seconds that a trial takes however fast the queue is; 0 where the queue decides."""
        if self.searches:
            return STEPS * (size.for_s or 0.0)
        if (self.busy and not self.cut_short) or (self.awaited and size.tasks is not None):
            return 0.0
        return size.for_s or 0.0

    def about_s(self, size: Size) -> float:
        """Seconds that a trial takes, roughly, without start and stop."""
        if self.busy and not self.fills and not self.limited:
            service_s = size.params.get("latency_s") or size.params.get("service_s") or 0.0
            own = (size.tasks or 0) * service_s / size.concurrency
            return float(own + 3 * size.params.get("retry_delay_s", 0.0))
        own = (size.for_s or 0.0) * (STEPS if self.searches else 1)
        return own + (size.tasks or 0) / FILLED_PER_S if self.cut_short else own


def _whole(tasks: float) -> int:
    return math.ceil(min(tasks, TOO_MANY))


_ALL = (
    Load(
        "drain",
        "the queue is filled first, then the workers start",
        verb="drains {}",
        may=frozenset({"windows"}),
        either=frozenset({"tasks", "for_s"}),
        fills=True,
        busy=True,
        twin=True,
    ),
    Load(
        "closed",
        "as many callers as the concurrency, each waits for its result before the next",
        needs=frozenset({"for_s"}),
        may=frozenset({"tasks"}),
        awaited=True,
        twin=True,
        smaller="lower for_s, or give tasks = N as their limit",
    ),
    Load(
        "burst",
        "everything is sent at once to running workers",
        verb="works off the burst of {}",
        either=frozenset({"tasks", "for_s"}),
        busy=True,
        twin=True,
    ),
    Load(
        "surge",
        "so many tasks are sent at once to running workers, who then work for a fixed time at most",
        verb="works off the surge of {}",
        needs=frozenset({"for_s"}),
        may=frozenset({"tasks"}),
        busy=True,
        limited=True,
        twin=True,
        smaller="lower for_s, or give tasks = N as their limit",
    ),
    Load(
        "open",
        "tasks are sent by a schedule made beforehand, whatever the workers do; latency counts "
        "from the time the schedule asked for",
        needs=frozenset({"for_s"}),
        may=frozenset({"arrival"}),
        either=frozenset({"offered", "rate_per_s"}),
        scheduled=True,
        twin=True,
        smaller="lower rate_per_s or for_s",
    ),
    Load(
        "saturation",
        "tasks are sent by a schedule at ever closer rates, to find the highest that is sustained",
        verb="sustains {}",
        needs=frozenset({"for_s"}),
        may=frozenset({"p99_bound_ms", "arrival"}),
        searches=True,
    ),
    Load(
        "backlog",
        "so many tasks are queued first, then workers drain the queue for a fixed time",
        verb="drains {}",
        needs=frozenset({"for_s", "backlog"}),
        fills=True,
        busy=True,
        cut_short=True,
    ),
    Load(
        "idle",
        "the workers run and have nothing to do",
        needs=frozenset({"for_s"}),
        works=False,
    ),
)

#: Every load by name, in the order of reports.
LOADS: Mapping[str, Load] = {load.name: load for load in _ALL}
