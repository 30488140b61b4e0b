"""Send tasks and fetch results."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from backends.fake import store
from backends.fake.behaviour import BEHAVIOURS, Behaviour, every
from backends.kit.client import NoResult, Step, TaskFailed

_POLL_S = 0.001


class Refused(Exception):
    """The queue does not take the task."""


class Client:
    """Thread-safe: every call has a connection to itself."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._numbers = itertools.count(1)
        self._idle: list[sqlite3.Connection] = [store.connect()]

    def send(self, steps: list[Step]) -> str:
        if every(self._behaviour.refuses_every, next(self._numbers)):
            raise Refused("the queue is full")
        with self._connection() as db:
            return store.enqueue(db, steps)

    def result(self, handle: str, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        with self._connection() as db:
            while True:
                state, result = store.outcome(db, handle)
                if state == "done":
                    return result
                if state == "failed":
                    raise TaskFailed
                # Where nothing is left of the job, nothing can come.
                if state == "unknown" or time.monotonic() >= deadline:
                    raise NoResult
                time.sleep(_POLL_S)

    def close(self) -> None:
        for db in self._idle:
            db.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._idle.pop()
        except IndexError:
            db = store.connect()
        try:
            yield db
        finally:
            self._idle.append(db)


def connect() -> Client:
    # Most behaviours are the worker's alone; a producer that is told no variant is honest.
    return Client(BEHAVIOURS[os.environ.get("BENCH_VARIANT", "honest")])
