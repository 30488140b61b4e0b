"""An outside observer of a drain: it asks the broker what is left, and knows no event."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import redis

from backends.spec import Backend
from bench.server.redis_server import Server
from bench.workers.producer import TrialTimeout

POLL_S = 0.025
#: Share of the tasks at either end that does not count: start-up and tail.
CUT = 0.1
#: A slope through fewer polls than this says little.
MIN_POLLS = 8


@dataclass(frozen=True)
class Seen:
    """One drain as seen from outside.

    Attributes:
        per_s: tasks per second.
        polls: looks at the broker between the first and the last tenth of the tasks.
        commands: that the server got per task from everybody but the observer, by name.
    """

    per_s: float
    polls: int
    commands: dict[str, float]


class TooFewPolls(Exception):
    """The drain was over before it could be seen."""


class Counting(redis.Redis):
    """A client that counts the commands it sends, by name."""

    def __init__(self, url: str) -> None:
        self.sent: Counter[str] = Counter()
        pool = redis.ConnectionPool.from_url(url, socket_timeout=10)
        super().__init__(connection_pool=pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Count it and send it."""
        self.sent[str(args[0]).lower()] += 1
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


class Observer:
    """Looks at the broker at a fixed pace while a drain goes on. A context manager.

    Args:
        directory: the lease's scratch folder.
        tasks: how many there are.
    """

    def __init__(
        self, server: Server, backend: Backend, namespace: str, directory: Path, tasks: int
    ) -> None:
        self._client = Counting(server.url)
        self._look: Callable[[], int] = lambda: backend.pending(self._client, namespace, directory)
        self._tasks = tasks
        self._looks: list[tuple[int, int]] = []
        self._stop = threading.Event()
        self._empty = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._failure: Exception | None = None

    def __enter__(self) -> Observer:
        self._client.ping()
        self._commands = self._others()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.connection_pool.disconnect()

    def start(self) -> None:
        """Begin to look: the queue is filled and the workers are about to start."""
        self._thread.start()

    def finish(self, deadline: float, check_alive: Callable[[], None]) -> Seen:
        """Wait until the broker holds nothing; say what was seen.

        Args:
            deadline: on the clock of ``time.monotonic``.
            check_alive: raises if a worker has ended.

        Raises:
            TrialTimeout: it still holds something.
            TooFewPolls: the drain was too short.
        """
        while not self._empty.wait(0.05):
            check_alive()
            if self._failure is not None:
                raise self._failure
            if time.monotonic() > deadline:
                raise TrialTimeout("tasks are still in the broker")
        commands = self._others()
        commands.subtract(self._commands)
        per_task = {name: calls / self._tasks for name, calls in commands.items() if calls}
        return Seen(*rate(self._looks, self._tasks), per_task)

    def _watch(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                before = time.perf_counter_ns()
                left = self._look()
                self._looks.append(((before + time.perf_counter_ns()) // 2, left))
                if left == 0:
                    self._empty.set()
                    return
                due = max(due + POLL_S, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except Exception as error:
            self._failure = error

    def _others(self) -> Counter[str]:
        """Commands the server has carried out so far, by name, but for ours."""
        sent = self._client.sent.copy()  # an INFO is counted when it is done: not yet
        stats = self._client.info("commandstats")
        found: Counter[str] = Counter()
        for name, entry in stats.items():
            found[name.removeprefix("cmdstat_").partition("|")[0]] += int(entry["calls"])
        found.subtract(sent)
        return found


def rate(looks: list[tuple[int, int]], tasks: int) -> tuple[float, int]:
    """Tasks per second, and the looks it rests on.

    The least-squares slope of what is done over time, between a tenth and nine tenths done: the
    same idea as :func:`bench.measure.rates.steady_rate`, from looks instead of events.

    Args:
        looks: time in ns and what was left then, in the order of time.
        tasks: how many there were.

    Raises:
        TooFewPolls: fewer than ``MIN_POLLS`` looks fell between.
    """
    times, left = np.array(looks, dtype=float).reshape(-1, 2).T
    done = tasks - left
    window = (done >= CUT * tasks) & (done <= (1 - CUT) * tasks)
    if window.sum() < MIN_POLLS:
        raise TooFewPolls(f"the drain of {tasks} tasks was seen {int(window.sum())} times only")
    seconds = (times[window] - times[window][0]) / 1e9
    deviation = seconds - seconds.mean()
    return float((deviation * done[window]).sum() / (deviation**2).sum()), int(window.sum())
