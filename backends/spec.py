"""What a backend says about itself. Standard library only, and nothing of the harness.

A backend's ``__init__.py`` builds one :class:`Backend` named ``BACKEND`` out of these. The
harness knows a queue through this alone; it never branches on a backend's name.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scenarios.loads import LOADS

#: A command after the interpreter: ``("-m", "celery", "-A", ...)``.
Command = tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """One setting that is not the library's default: shown in the report with its reason."""

    name: str
    value: str
    default: str
    why: str


@dataclass(frozen=True)
class Semantics:
    """What a variant promises, shown beside its numbers."""

    ack: Literal["early", "late"]
    delivery: Literal["at most once", "at least once"]
    results: str
    retries: str
    chain: str
    #: A queue that promises first in, first out is held to it at concurrency 1.
    fifo: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What the library can do, by its own account.

    Attributes:
        sees_failure: the caller can see that a task failed for good, not only that no result came.
        results: the caller can fetch what a task returned. Without it there is no closed load.
        retries: a failed task is tried again.
        chains: a task's result can be handed to a next one.
        retry_granularity_s: the library keeps due times no finer than this, so a retry may come
            early by as much. The check for early retries makes no allowance for it; the contract
            tests do.
    """

    sees_failure: bool = True
    results: bool = True
    retries: bool = True
    chains: bool = True
    retry_granularity_s: float = 0.0

    def lacks(self, load: str, asks: Iterable[str] = ()) -> str | None:
        """Why the library cannot be offered such work: ``"keeps no results"``; ``None`` if it can.

        Args:
            load: how the work is offered; where results are awaited the library must keep them.
            asks: what the work needs beside that: ``"retries"``, ``"chains"``.

        Raises:
            KeyError: something else is asked for.
        """
        able = {
            "results": (self.results, "keeps no results"),
            "retries": (self.retries, "does not retry"),
            "chains": (self.chains, "has no chains"),
        }
        needed = {*asks, "results"} if LOADS[load].awaited else {*asks}
        missing = [reason for can, reason in (able[need] for need in sorted(needed)) if not can]
        return ", ".join(missing) or None


@dataclass(frozen=True)
class Variant:
    """One way to run a backend.

    Attributes:
        name: what follows the colon; empty where a backend has one variant only.
        summary: one line for ``bench list``.
        concurrency: how N tasks at once are reached, e.g. ``"1 process x N threads"``.
        nominal_tasks_per_s: rough drain rate at concurrency 1 and per further unit; it sizes
            the backlog of a drain so that slow and fast queues take a like time. No result.
        platforms: ``sys.platform`` values it runs on; empty means all.
        settings: this variant's settings beyond the backend's.
        caveat: what a reader must know, e.g. that the library deprecates this way to run.
    """

    name: str
    summary: str
    concurrency: str
    semantics: Semantics
    nominal_tasks_per_s: float = 500.0
    nominal_grows: bool = False
    platforms: frozenset[str] = frozenset()
    settings: tuple[Setting, ...] = ()
    caveat: str = ""

    def unsupported_reason(self, platform: str = sys.platform) -> str | None:
        """Why this variant cannot run on ``platform``; ``None`` where it can."""
        if self.platforms and platform not in self.platforms:
            return f"needs {' or '.join(sorted(self.platforms))}, this is {platform}"
        return None

    def nominal_rate(self, concurrency: int) -> float:
        """Rough tasks/s at ``concurrency``, for sizing only."""
        return self.nominal_tasks_per_s * (concurrency if self.nominal_grows else 1)


@dataclass(frozen=True)
class Readiness:
    """A line of the worker's own log that says it takes tasks now.

    Attributes:
        pattern: regular expression searched in the log of each worker command.
        times: how often it must appear in each log, as a function of concurrency:
            once per command, or once per unit of concurrency.
    """

    pattern: str
    times: Literal["per command", "per concurrency"] = "per command"


@dataclass(frozen=True)
class Backend:
    """A library under test. Subclass it where a method needs another answer."""

    name: str
    distribution: str
    homepage: str
    variants: tuple[Variant, ...]
    readiness: Readiness
    capabilities: Capabilities = Capabilities()
    settings: tuple[Setting, ...] = ()
    #: Seconds a graceful stop may take before the worker is killed.
    stop_within_s: float = 10.0
    #: Not part of the comparison: exists for tests.
    hidden: bool = False
    #: Not a queue to choose but the limit that queues are measured against.
    is_floor: bool = False
    folder: Path = field(default=Path())

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        """The library's own worker command(s), as a user would type them after ``python``."""
        raise NotImplementedError

    def queue_keys(self, namespace: str) -> tuple[str, ...]:
        """Redis key patterns whose sizes add up to the tasks queued, scheduled or in flight."""
        raise NotImplementedError

    def pending(self, redis: Any, namespace: str, directory: Path) -> int:
        """Tasks the broker still holds: queued, scheduled or not yet acknowledged.

        Args:
            redis: a redis-py client of the harness.
            namespace: the lease's namespace.
            directory: the lease's scratch directory.
        """
        return sum(
            _size(redis, key)
            for pattern in self.queue_keys(namespace)
            for key in _matching(redis, pattern)
        )

    def sweep(self, redis: Any, namespace: str) -> None:
        """Remove every key a lease made. The default removes the keys that name it."""
        unlink(redis, _matching(redis, f"*{namespace}*"))


def unlink(redis: Any, keys: Iterable[Any]) -> None:
    """Remove ``keys`` in batches."""
    batch: list[Any] = []
    for key in keys:
        batch.append(key)
        if len(batch) == 1000:
            redis.unlink(*batch)
            batch.clear()
    if batch:
        redis.unlink(*batch)


def _matching(redis: Any, pattern: str) -> Iterable[Any]:
    if any(wildcard in pattern for wildcard in "*?["):
        return list(redis.scan_iter(match=pattern, count=1000))
    return [pattern]


def _size(redis: Any, key: Any) -> int:
    kind = redis.type(key)
    kind = kind.decode() if isinstance(kind, bytes) else kind
    sizes = {"list": redis.llen, "hash": redis.hlen, "zset": redis.zcard, "set": redis.scard}
    return int(sizes[kind](key)) if kind in sizes else 0
