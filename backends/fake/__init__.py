"""A tiny queue without Redis that misbehaves on request. It exists for the harness's tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from backends.fake.behaviour import BEHAVIOURS
from backends.spec import Backend, Command, KnownError, Readiness, Semantics, Variant

#: The queue: a file in the lease's scratch directory.
FILE = "fake.sqlite"

_SEMANTICS = Semantics(
    ack="late",
    delivery="at least once",
    results="SQLite, as long as the lease",
    retries="the task raises Retry; the worker puts the job back, due later",
    chain="the worker enqueues the next step",
    fifo=True,
)


class Fake(Backend):
    """One worker with N threads; nothing is in Redis, so ``redis`` may be ``None``."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        words = ("-m", "backends.fake.worker", "--behaviour", variant.name)
        return (Command(words, Readiness(r"fake worker ready")),)

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        return ()

    def pending(self, redis: Any, namespace: str | None, directory: Path) -> int:
        path = directory / FILE
        if not path.is_file():
            return 0
        with closing(sqlite3.connect(path, timeout=10)) as db:
            # The file exists a moment before its table does.
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone() is None:
                return 0
            query = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
            return int(db.execute(query).fetchone()[0])

    def sweep(self, redis: Any, namespace: str) -> None:
        """Nothing to remove: the queue's file goes with the scratch directory."""


BACKEND = Fake(
    name="fake",
    distribution="",
    homepage="",
    variants=tuple(
        Variant(
            name=behaviour.name,
            summary=behaviour.summary,
            concurrency="1 process x N threads",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=behaviour.nominal_tasks_per_s,
        )
        for behaviour in BEHAVIOURS.values()
    ),
    known_errors=(
        KnownError(r"bad setting", "it dies on purpose: choose another of its variants"),
    ),
    stop_within_s=5.0,
    hidden=True,
    folder=Path(__file__).parent,
)
