"""Starts paired with ends: every attempt of a trial, and the gaps before retries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backends.kit import events as kinds
from bench.measure.trace import NEVER, Trace


class Attempts(NamedTuple):
    """Every attempt: first those of tasks with one attempt, then the others by task and number.

    Attributes:
        task: row of the task in the truth.
        number: from 1.
        started_ns: int64.
        ended_ns: int64, ``NEVER`` where it did not end.
        ok: whether it ended without raising.
        value: what it returned, where ``ok``.
    """

    task: np.ndarray
    number: np.ndarray
    started_ns: np.ndarray
    ended_ns: np.ndarray
    ok: np.ndarray
    value: np.ndarray


class Gaps(NamedTuple):
    """Every retry, by task and ``number`` of the attempt: ``gap_ns`` since the failure."""

    task: np.ndarray
    number: np.ndarray
    gap_ns: np.ndarray


def attempts(trace: Trace) -> Attempts:
    """Every attempt: the n-th start of a task with its n-th end or failure."""
    starts, ends = trace.of(kinds.START), trace.of(kinds.END, kinds.FAIL)
    once = trace.starts == 1
    single = starts[once[trace.task[starts]]]
    first_end = trace.first_of(ends)[trace.task[single]]
    parts = [_table(trace, single, np.ones(len(single), np.int64), first_end)]
    if len(single) < len(starts):
        several = trace.starts > 1
        parts.append(
            _paired(trace, starts[several[trace.task[starts]]], ends[several[trace.task[ends]]])
        )
    return Attempts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _paired(trace: Trace, starts: np.ndarray, ends: np.ndarray) -> Attempts:
    """The same for tasks with any number of starts, given the rows of their events."""
    starts, number = _numbered(trace, starts)
    ends, end_number = _numbered(trace, ends)
    # One integer for task and number: ascending in both, so that it can be searched for.
    width = max(len(starts), len(ends)) + 1
    wanted = trace.task[starts] * width + number
    there = trace.task[ends] * width + end_number
    at = np.searchsorted(there, wanted)
    ends = np.append(ends, -1)  # where the search falls off the end
    found = np.append(there, -1)[at] == wanted
    return _table(trace, starts, number, np.where(found, ends[at], -1))


def _numbered(trace: Trace, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of events by task and time, and their numbers within the task from 1."""
    rows = rows[np.argsort(trace.task[rows], kind="stable")]
    task = trace.task[rows]
    begins = np.flatnonzero(np.diff(task, prepend=-1))
    sizes = np.diff(begins, append=len(rows))
    return rows, np.arange(len(rows)) - np.repeat(begins, sizes) + 1


def _table(trace: Trace, starts: np.ndarray, number: np.ndarray, ends: np.ndarray) -> Attempts:
    """Attempts from rows of starts and, -1 where there is none, of ends."""
    has_end = ends >= 0
    ok, value = np.zeros(len(ends), bool), np.zeros(len(ends), np.int64)
    ok[has_end] = trace.kind[ends[has_end]] == kinds.END
    value[has_end] = trace.value[ends[has_end]]
    return Attempts(trace.task[starts], number, trace.t_ns[starts], trace.times(ends), ok, value)


def retry_gaps(tried: Attempts) -> Gaps:
    """From each failure to the next start of the same task.

    Args:
        tried: what :func:`attempts` gives.
    """
    later = np.flatnonzero(tried.number > 1)  # the row before is the attempt before
    failed = (tried.ended_ns[later - 1] != NEVER) & ~tried.ok[later - 1]
    later = later[failed]
    gap_ns = tried.started_ns[later] - tried.ended_ns[later - 1]
    return Gaps(tried.task[later], tried.number[later], gap_ns)
