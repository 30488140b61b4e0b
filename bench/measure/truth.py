"""What must be true of a trial's tasks, as columns: one row per task, in the order of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from scenarios import all_scenarios
from scenarios.spec import Item, Scenario

#: The part of a task's id that counts within its trial.
SEQUENCE = 0xFFFFFFFF


@dataclass(frozen=True)
class Truth:
    """Expectations of all tasks of a trial; every column has one row per task.

    Attributes:
        first: sequence number of the first task; the others count up from it without gaps.
        steps: tasks per item, the same for all items.
        attempts: how often the body must run, int64.
        succeeds: whether the last attempt succeeds.
        value: the result, int64, where ``has_value``.
        has_value: whether the result is known beforehand.
        deliveries: int64, -1 where nobody outside is told.
        retried_after: s, NaN where no delay is asked for.
    """

    first: int
    steps: int
    attempts: np.ndarray
    succeeds: np.ndarray
    value: np.ndarray
    has_value: np.ndarray
    deliveries: np.ndarray
    retried_after: np.ndarray

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self.attempts)


def of_items(items: Sequence[Item]) -> Truth:
    """The truth of these items; all of them have the same number of steps."""
    steps = len(items[0]) if items else 1
    works = [work for item in items for work in item]
    first = works[0].task_id & SEQUENCE if works else 0
    assert all(len(item) == steps for item in items), "items of one trial have as many steps"
    assert [w.task_id & SEQUENCE for w in works] == list(range(first, first + len(works)))
    expected = [work.expected for work in works]
    return Truth(
        first=first,
        steps=steps,
        attempts=np.array([e.attempts for e in expected], np.int64),
        succeeds=np.array([e.succeeds for e in expected], bool),
        value=_column([e.value for e in expected], 0, np.int64),
        has_value=np.array([e.value is not None for e in expected], bool),
        deliveries=_column([e.deliveries for e in expected], -1, np.int64),
        retried_after=_column([e.retried_after for e in expected], np.nan, float),
    )


def _column(values: Sequence[float | None], instead: float, of: type) -> np.ndarray:
    """``values`` as an array, with something ``instead`` of ``None``."""
    return np.array([instead if value is None else value for value in values], of)


def of_scenario(scenario: Scenario, count: int, params: Mapping[str, Any], seed: int) -> Truth:
    """The truth of a scenario's first ``count`` items, made from one period of them."""
    if not scenario.period:
        return of_items(scenario.items(0, count, params, seed))
    period = _one_period(scenario.name, tuple(sorted(params.items())), seed)
    rows = np.resize(np.arange(period.tasks), count * period.steps)
    columns = {
        name: column[rows]
        for name, column in vars(period).items()
        if isinstance(column, np.ndarray)
    }
    return Truth(first=0, steps=period.steps, **columns)


@lru_cache(maxsize=256)
def _one_period(name: str, params: tuple[tuple[str, Any], ...], seed: int) -> Truth:
    """The same for the trials of all rounds and of all variants: made once."""
    scenario = all_scenarios()[name]
    return of_items(scenario.items(0, scenario.period, dict(params), seed))
