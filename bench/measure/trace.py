"""One trial's events, laid out by task: what came first, what came last, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from backends.kit import events as kinds
from bench.measure.truth import SEQUENCE, Truth

#: Stands for the time of what has not happened: the clock is never negative.
NEVER = -1


class Events(NamedTuple):
    """Recorded events as columns of one length, in the order of time.

    Attributes:
        t_ns: int64.
        task_id: int64, trial << 32 | sequence.
        kind: int8, see :mod:`backends.kit.events`.
        value: int32.
    """

    t_ns: np.ndarray
    task_id: np.ndarray
    kind: np.ndarray
    value: np.ndarray

    def at(self, rows: np.ndarray | slice) -> Events:
        """Only these rows."""
        return Events(*(column[rows] for column in self))


class Trace:
    """A trial's events beside the truth about its tasks.

    Every column that it gives has one row per task of ``truth``, in the same order; times are
    int64 ns, :data:`NEVER` where there is no such event. Events of tasks that are not in
    ``truth`` and events of unknown kinds are left out.

    Args:
        events: of this trial alone.
        truth: what was to be sent.
    """

    def __init__(self, events: Events, truth: Truth) -> None:
        self.truth = truth
        task = (events.task_id & SEQUENCE) - truth.first
        known = (task >= 0) & (task < truth.tasks)
        if not known.all():
            events, task = events.at(known), task[known]
        self.t_ns = events.t_ns
        self.kind = events.kind
        self.value = events.value
        #: Per event the row of its task.
        self.task = task
        self._by_kind = np.argsort(events.kind, kind="stable")  # 8 bits: sorted by counting
        self._sorted_kinds = events.kind[self._by_kind]

    def part(self, first: int, count: int) -> Trace:
        """The same of ``count`` tasks alone, from row ``first`` on."""
        rows = slice(first, first + count)
        columns = {
            name: column[rows]
            for name, column in vars(self.truth).items()
            if isinstance(column, np.ndarray)
        }
        truth = Truth(first=self.truth.first + first, steps=self.truth.steps, **columns)
        ids = self.task + self.truth.first
        return Trace(Events(self.t_ns, ids, self.kind, self.value), truth)

    def parts(self, windows: Sequence[Mapping[str, Any]]) -> list[Trace]:
        """Of each window (``first`` and ``count`` of its tasks); all of it where there are none."""
        return [self.part(int(w["first"]), int(w["count"])) for w in windows] or [self]

    def of(self, *which: int) -> np.ndarray:
        """Rows of the events of these kinds, in the order of time."""
        parts = [self._of(kind) for kind in which]
        filled = [part for part in parts if len(part)]
        return np.sort(np.concatenate(filled)) if len(filled) > 1 else (filled or parts)[0]

    def _of(self, kind: int) -> np.ndarray:
        wanted = np.int8(kind)  # of the array's own type: another would copy the array
        low = np.searchsorted(self._sorted_kinds, wanted, "left")
        high = np.searchsorted(self._sorted_kinds, wanted, "right")
        return self._by_kind[low:high]

    def first_of(self, rows: np.ndarray) -> np.ndarray:
        """Per task the first of these rows of events, -1 where it has none."""
        return self._last_written(rows[::-1])

    def _last_written(self, rows: np.ndarray) -> np.ndarray:
        found = np.full(self.truth.tasks, -1, np.int64)
        found[self.task[rows]] = rows  # of several for one task the last one stays
        return found

    def times(self, rows: np.ndarray) -> np.ndarray:
        """The times of rows of events, :data:`NEVER` where the row is -1."""
        if not len(self.t_ns):
            return np.full(len(rows), NEVER, np.int64)
        return np.where(rows >= 0, self.t_ns[rows], NEVER)

    def first(self, kind: int) -> np.ndarray:
        """Per task the time of its first event of a kind."""
        return self.times(self.first_of(self.of(kind)))

    def count(self, kind: int) -> np.ndarray:
        """Per task how many events of a kind it has."""
        return np.bincount(self.task[self.of(kind)], minlength=self.truth.tasks)

    def seen(self, kind: int) -> np.ndarray:
        """Per task whether it has an event of a kind."""
        found = np.zeros(self.truth.tasks, bool)
        found[self.task[self.of(kind)]] = True
        return found

    @cached_property
    def send(self) -> np.ndarray:
        """When the producer was about to enqueue."""
        return self.first(kinds.SEND)

    @cached_property
    def sent(self) -> np.ndarray:
        """When the enqueue call returned."""
        return self.first(kinds.SENT)

    @cached_property
    def start(self) -> np.ndarray:
        """When the first attempt began."""
        return self.first(kinds.START)

    @cached_property
    def end(self) -> np.ndarray:
        """When the body returned; of several times the last."""
        return self.times(self._last_written(self.of(kinds.END)))

    @cached_property
    def result(self) -> np.ndarray:
        """When the caller held the result."""
        return self.first(kinds.RESULT)

    @cached_property
    def scheduled(self) -> np.ndarray:
        """When an open load meant to send it."""
        return self.first(kinds.SCHEDULED)

    @cached_property
    def starts(self) -> np.ndarray:
        """How many attempts began."""
        return self.count(kinds.START)

    def of_first_step(self, column: np.ndarray) -> np.ndarray:
        """Of a column of tasks one row per item: that of its first task."""
        return column[:: self.truth.steps]

    def of_last_step(self, column: np.ndarray) -> np.ndarray:
        """Of a column of tasks one row per item: that of its last task."""
        return column[self.truth.steps - 1 :: self.truth.steps]
