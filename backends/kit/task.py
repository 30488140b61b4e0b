"""Run a task's body with its attempt recorded. Every binding in a ``tasks.py`` calls this."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from backends.kit import events
from backends.kit.recorder import record
from backends.kit.settings import scratch


def run(task_id: int, body: Callable[..., Any], *args: Any) -> Any:
    """Call ``body(*args)``; record its start and its end or failure."""
    record(events.START, task_id)
    try:
        result = body(*args)
    except BaseException:
        record(events.FAIL, task_id)
        raise
    record(events.END, task_id, events.as_value(result))
    return result


async def run_async(task_id: int, body: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """:func:`run` for a coroutine function."""
    record(events.START, task_id)
    try:
        result = await body(*args)
    except BaseException:
        record(events.FAIL, task_id)
        raise
    record(events.END, task_id, events.as_value(result))
    return result


def attempt(task_id: int) -> int:
    """The number of this attempt, from 1: one more than were counted before, whatever the
    library says. One byte is appended to the task's own file per call."""
    descriptor = os.open(
        scratch() / f"attempts-{task_id}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
    )
    try:
        os.write(descriptor, b".")
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
