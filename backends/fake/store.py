"""The queue: one SQLite file shared by producer and worker.

A chain is one row at a time: a step that is done makes way for the next. Its ``chain`` id is the
caller's handle and stays the same.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from typing import Any, NamedTuple

from backends.fake import FILE
from backends.kit.client import Step
from backends.kit.settings import scratch

#: Longest wait for another process's write.
_BUSY_S = 10.0

# AUTOINCREMENT: an id is never used again, so "every 7th job" stays so after deletions.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chain TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    kwargs TEXT NOT NULL,
    rest TEXT NOT NULL,
    due REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    attempts INTEGER NOT NULL DEFAULT 0,
    result TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_due ON jobs (state, due, id);
"""


class Job(NamedTuple):
    """A job a worker has taken; ``attempts`` is how many of them ended before."""

    id: int
    chain: str
    task: str
    kwargs: dict[str, Any]
    rest: list[Step]
    attempts: int


def connect() -> sqlite3.Connection:
    """Open the lease's queue; each statement commits by itself."""
    # Our callers hand a connection from thread to thread, never to two at once.
    db = sqlite3.connect(
        scratch() / FILE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA synchronous = OFF")
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # SQLite does not wait here when two processes create the file at once.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    db.executescript(_SCHEMA)
    return db


def enqueue(db: sqlite3.Connection, steps: list[Step], chain: str | None = None) -> str:
    """Queue the first of ``steps`` with the others to follow; return the chain's id."""
    chain = chain or uuid.uuid4().hex
    first, *rest = steps
    db.execute(
        "INSERT INTO jobs (chain, task, kwargs, rest, due) VALUES (?, ?, ?, ?, ?)",
        (chain, first.task, json.dumps(first.kwargs), json.dumps(rest), time.time()),
    )
    return chain


def claim(db: sqlite3.Connection, *, newest_first: bool) -> Job | None:
    """Take the oldest job that is due, if there is one."""
    order = "DESC" if newest_first else "ASC"
    row = db.execute(
        "SELECT id, chain, task, kwargs, rest, attempts FROM jobs"
        f" WHERE state = 'queued' AND due <= ? ORDER BY due {order}, id {order} LIMIT 1",
        (time.time(),),
    ).fetchone()
    if row is None:
        return None
    taken = db.execute(
        "UPDATE jobs SET state = 'running' WHERE id = ? AND state = 'queued'", (row[0],)
    )
    if taken.rowcount == 0:  # Another was faster.
        return None
    rest = [Step(*step) for step in json.loads(row[4])]
    return Job(row[0], row[1], row[2], json.loads(row[3]), rest, row[5])


def put_back(db: sqlite3.Connection, job: Job, delay_s: float) -> None:
    """Queue ``job`` for another attempt in ``delay_s`` seconds."""
    db.execute(
        "UPDATE jobs SET state = 'queued', attempts = attempts + 1, due = ? WHERE id = ?",
        (time.time() + delay_s, job.id),
    )


def follow(db: sqlite3.Connection, job: Job, result: Any) -> None:
    """Replace ``job``, which is done, by the next step of its chain."""
    step, *rest = job.rest
    with db:
        db.execute("BEGIN IMMEDIATE")
        remove(db, job)
        enqueue(db, [Step(step.task, {**step.kwargs, "x": result}), *rest], job.chain)


def finish(db: sqlite3.Connection, job: Job, state: str, result: Any = None) -> None:
    """Store the outcome of ``job``: ``state`` is ``done`` or ``failed``."""
    db.execute(
        "UPDATE jobs SET state = ?, attempts = attempts + 1, result = ? WHERE id = ?",
        (state, json.dumps(result), job.id),
    )


def remove(db: sqlite3.Connection, job: Job) -> None:
    """Forget ``job``."""
    db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))


def recover(db: sqlite3.Connection) -> None:
    """Queue again what a worker that was killed had taken (there is one worker at a time)."""
    db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")


def outcome(db: sqlite3.Connection, chain: str) -> tuple[str, Any]:
    """State and result of a chain; the state is ``unknown`` where no job is left of it."""
    query = "SELECT state, result FROM jobs WHERE chain = ?"
    row = db.execute(query, (chain,)).fetchone()
    if row is None:
        return "unknown", None
    return row[0], None if row[1] is None else json.loads(row[1])
