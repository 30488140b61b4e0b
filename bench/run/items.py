"""Items of a trial: as they go to the producer, what is to come of them, and when it came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.plan.cells import Cell
from scenarios.spec import Item, Work


def is_harmless(work: Work) -> bool:
    """Whether it succeeds at once and nobody outside is told."""
    truth = work.expected
    return truth.attempts == 1 and truth.succeeds and truth.deliveries is None


def attempts_of(items: list[Item]) -> int:
    """How often the bodies of their tasks must run."""
    return sum(work.expected.attempts for item in items for work in item)


def work_s(cell: Cell) -> float:
    """Seconds that one item's own waiting takes, were nothing else to wait for."""
    return len(cell.items(0, 1)[0]) * float(
        cell.params.get("service_s") or cell.params.get("latency_s") or 0.0
    )


def wire(items: list[Item]) -> list[list[tuple[str, dict[str, Any]]]]:
    """Items as the producer takes them."""
    return [[(w.task, {**w.kwargs, "task_id": w.task_id}) for w in item] for item in items]


def times_of(recorded: pd.DataFrame, kind: int, first: int, count: int) -> np.ndarray:
    """When the event came for each of some tasks, ns; -1 where it did not."""
    of_kind = recorded[recorded["kind"] == kind].drop_duplicates("task_id")
    numbers = of_kind["task_id"].to_numpy() % 2**32 - first
    ours = (numbers >= 0) & (numbers < count)
    times = np.full(count, -1, np.int64)
    times[numbers[ours]] = of_kind["t_ns"].to_numpy()[ours]
    return times
