"""What a scenario says about itself (host code). Standard library only.

A scenario is data: what is sent, and what must be true of each task afterwards. The harness
does the sending, the checks and the metrics; a scenario never names a backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """What must be true of one task when the trial has ended.

    Attributes:
        attempts: how often its body must have run, exactly.
        succeeds: whether the last attempt succeeds and the caller is told so.
        value: the result, where it is an integer known beforehand.
        deliveries: how often the outside world must have been told; ``None`` if nobody is.
        retried_after: the task's retries may not start earlier than this many seconds.
    """

    attempts: int = 1
    succeeds: bool = True
    value: int | None = None
    deliveries: int | None = None
    retried_after: float | None = None


@dataclass(frozen=True)
class Work:
    """One task: a function of every backend's ``tasks.py``, its arguments, and the truth."""

    task: str
    task_id: int
    kwargs: dict[str, Any]
    expected: Expected


#: What is sent in one go: one task, or the steps of a chain.
Item = list[Work]


@dataclass(frozen=True)
class Parameter:
    """A parameter that a profile may set.

    Attributes:
        setting: name under which a worker reads it, where it must be known when the worker
            starts (retry delays in decorators, for one); empty where it concerns sending only.
    """

    name: str
    default: int | float
    help: str
    minimum: float = 0
    setting: str = ""
    maximum: float = math.inf


@dataclass(frozen=True)
class Scenario:
    """The work and what must be true afterwards.

    Attributes:
        items: ``items(first_id, count, params, seed)`` gives the items to send. Task ids count
            up from ``first_id``. The same arguments always give the same items.
        needs: services of the harness's that the workers talk to (``"bot-api"``).
        asks: what the queue must be able to do beyond running a task: ``"retries"``, ``"chains"``.
        headline: per load, the metric that variants are ranked by.
        columns: per load, further metrics for the report's table.
        period: what is expected of item ``i`` is also expected of item ``i + period``, so that
            the truth of millions of items is known from the first few; 0 where it never repeats.
    """

    name: str
    question: str
    items: Callable[[int, int, Params, int], list[Item]]
    headline: Mapping[str, str]
    columns: Mapping[str, tuple[str, ...]]
    parameters: tuple[Parameter, ...] = ()
    needs: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    period: int = 0

    @property
    def loads(self) -> tuple[str, ...]:
        """The loads (:mod:`scenarios.loads`) that this scenario can be offered under."""
        return tuple(self.headline)

    def settings(self, params: Params) -> dict[str, Any]:
        """What the workers must know of ``params`` when they start."""
        return {p.setting: params[p.name] for p in self.parameters if p.setting}
