"""Events written by hand: times in milliseconds, tasks by their number in the trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backends.kit import events as kinds
from bench.measure.trace import Events, Trace
from bench.measure.truth import of_items
from scenarios.spec import Expected, Item, Work

#: Trial and origin of the clock: any would do, but 0 would hide a mistake.
TRIAL = 3
ORIGIN_NS = 5_000_000_000


def task_id(number: int) -> int:
    return TRIAL * 2**32 + number


def item(*numbers: int, **expected: Any) -> Item:
    """The steps with these numbers, all of which are expected to end alike."""
    return [Work("add", task_id(n), {}, Expected(**expected)) for n in numbers]


class Story:
    """What happened in a trial, told event by event in any order."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int]] = []

    def tell(self, kind: int, number: int, ms: float, value: int = 0) -> Story:
        self._rows.append((ORIGIN_NS + round(ms * 1e6), task_id(number), kind, value))
        return self

    def sent(self, number: int, ms: float, took_ms: float = 0.5) -> Story:
        self.tell(kinds.SEND, number, ms)
        return self.tell(kinds.SENT, number, ms + took_ms)

    def ran(self, number: int, start_ms: float, end_ms: float, value: int = 0) -> Story:
        self.tell(kinds.START, number, start_ms)
        return self.tell(kinds.END, number, end_ms, value)

    def failed(self, number: int, start_ms: float, end_ms: float) -> Story:
        self.tell(kinds.START, number, start_ms)
        return self.tell(kinds.FAIL, number, end_ms)

    def result(self, number: int, ms: float, value: int = 0) -> Story:
        return self.tell(kinds.RESULT, number, ms, value)

    def events(self) -> Events:
        """In the order of time, with the types of recorded columns."""
        rows = np.array(sorted(self._rows, key=lambda row: row[0]), "int64").reshape(-1, 4)
        return Events(
            *(rows[:, n].astype(kind) for n, kind in enumerate(("int64", "int64", "int8", "int32")))
        )

    def trace(self, items: Sequence[Item]) -> Trace:
        """Beside the truth of these items."""
        return Trace(self.events(), of_items(items))
