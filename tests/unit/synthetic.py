"""Event tables written by hand: times in milliseconds, tasks by their number in the trial."""

from __future__ import annotations

from typing import Any

import pandas as pd

from backends.kit import events as kinds
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

    def table(self) -> pd.DataFrame:
        """In the order of time, with the columns and types of a recorded table."""
        table = pd.DataFrame(
            sorted(self._rows, key=lambda row: row[0]),
            columns=["t_ns", "task_id", "kind", "value"],
        ).astype({"t_ns": "int64", "task_id": "int64", "kind": "int8", "value": "int32"})
        table["role"] = pd.Categorical(["worker"] * len(table))
        table["pid"] = 1
        return table
