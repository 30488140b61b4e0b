"""The probes of abilities: what is asked of live workers, and the facts that this leaves.

Every backend is asked the same in the same order; how its library is asked is in its module
``abilities``. Times are those of the workers' own events, whatever the harness's clock is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from backends.abilities import Probe
from backends.kit import events
from bench.workers.lease import Lease
from bench.workers.producer import TrialTimeout

#: A lease for probes has so many slots.
CONCURRENCY = 2
#: The longest that anything else than work may take, seconds.
PATIENCE_S = 10.0
#: How long a task works that is to be ended, and under which limit; seconds.
WORKS_S, LIMIT_S = 3.0, 1.0
#: A task that was not seen to end so long after it should have is taken for ended.
BEYOND_S = 1.0
#: A message that was sent is with the worker after this time.
ARRIVED_S = 0.3
#: CPU that a task burns, and how often two of them do.
BURNS_S, PAIRS = 0.3, 5
#: More tasks than a worker fetches ahead, which stand between the next one and one far behind;
#: they have numbers from this one on, and nothing is kept of them.
FILLERS = range(1000, 1020)
#: For a soft shutdown: what it is given, what takes less, and what takes more.
SOFT_S, SHORT_S, LONG_S = 1.0, 0.5, 8.0

_KINDS = {events.START: "start", events.END: "end", events.FAIL: "fail", events.TOLD: "told"}


class ProbeLease(Lease):
    """A lease whose tasks a backend's module ``abilities`` sends."""

    PRODUCER = ("backends.kit.probing", "abilities")


class Probing:
    """One probe on its way.

    Args:
        number: of the probe within its lease: its tasks are told apart by it.
    """

    def __init__(self, lease: ProbeLease, number: int) -> None:
        self.lease = lease
        self._number = number
        self.asked: dict[str, float] = {}
        self.facts: dict[str, Any] = {"asked": self.asked}

    def ask(self, op: str, task: int, **arguments: Any) -> None:
        """Have the backend's module do something with task number ``task`` of this probe."""
        task_id = events.task_id(self._number, task)
        self.lease.ask(time.monotonic() + PATIENCE_S, op=op, task_id=task_id, **arguments)

    def hold(
        self,
        task: int,
        seconds: float,
        *,
        stubborn: bool = False,
        soft_s: float | None = None,
        hard_s: float | None = None,
    ) -> None:
        """Send a task that waits."""
        self.ask("hold", task, seconds=seconds, stubborn=stubborn, soft_s=soft_s, hard_s=hard_s)

    def seen(self) -> list[tuple[int, str, float]]:
        """The events so far: the task's number, what happened, and seconds since the first."""
        table = self.lease.recorded(self._number)
        rows = [
            row
            for row in table.to_dict("records")
            if row["kind"] in _KINDS and row["task_id"] % 2**32 not in FILLERS
        ]
        first = min((row["t_ns"] for row in rows), default=0)
        return [
            (row["task_id"] % 2**32, _KINDS[row["kind"]], round((row["t_ns"] - first) / 1e9, 4))
            for row in rows
        ]

    def wait(self, within_s: float, kinds: set[str], *tasks: int) -> bool:
        """Wait until one of these happened to each of the tasks; whether it did in time."""
        deadline = time.monotonic() + within_s
        while True:
            happened = {task for task, kind, _ in self.seen() if kind in kinds}
            if happened.issuperset(tasks):
                return True
            if time.monotonic() > deadline:
                return False
            self.lease.watch()
            time.sleep(0.02)

    def started(self, *tasks: int) -> None:
        """Wait until these have started.

        Raises:
            TrialTimeout: they do not.
        """
        if not self.wait(PATIENCE_S, {"start"}, *tasks):
            raise TrialTimeout("a task was not started")

    def goes_on(self, task: int) -> None:
        """Send a task that takes no time, and wait for it."""
        self.hold(task, 0.0)
        self.wait(PATIENCE_S, {"end"}, task)
        time.sleep(ARRIVED_S)  # what was sent before it has been started by now, if ever


def _limit(probing: Probing, **how: Any) -> None:
    probing.asked |= {"works_s": WORKS_S, "limit_s": LIMIT_S}
    probing.hold(1, WORKS_S, **how)
    probing.started(1)
    probing.wait(WORKS_S + BEYOND_S, {"end", "fail"}, 1)
    probing.goes_on(2)


def soft_time_limit(probing: Probing, _: Probe) -> None:
    """A task that works longer than its soft limit; then another one."""
    _limit(probing, soft_s=LIMIT_S)


def hard_time_limit(probing: Probing, _: Probe) -> None:
    """A task that goes on beyond its limit whatever is raised in it; then another one."""
    _limit(probing, hard_s=LIMIT_S, stubborn=True)


def revoke_waiting(probing: Probing, _: Probe) -> None:
    """All slots are taken, and two tasks are taken back: the next one, which the worker may hold
    already, and one far behind it; then another one."""
    probing.asked["works_s"] = WORKS_S / 2
    slots = range(1, CONCURRENCY + 1)
    for task in slots:
        probing.hold(task, WORKS_S / 2)
    probing.started(*slots)
    near, far, last = 3, 4, 5
    probing.asked |= {"near": near, "far": far, "last": last}
    for task in (near, *FILLERS, far):
        probing.hold(task, 0.0)
    time.sleep(ARRIVED_S)
    for task in (near, far):
        probing.ask("revoke", task)
    probing.goes_on(last)


def terminate_running(probing: Probing, _: Probe) -> None:
    """A task is ended from outside as soon as it has started; then another one."""
    probing.asked["works_s"] = WORKS_S
    probing.hold(1, WORKS_S)
    probing.started(1)
    time.sleep(ARRIVED_S)
    probing.ask("terminate", 1)
    probing.wait(WORKS_S + BEYOND_S, {"end", "fail"}, 1)
    probing.goes_on(2)


def cpu_in_parallel(probing: Probing, _: Probe) -> None:
    """A task burns CPU alone; then two do at once, some times: the quickest counts."""
    probing.asked |= {"cpu_s": BURNS_S, "pairs": PAIRS, "cores": os.cpu_count() or 1}
    probing.ask("burn", 1, cpu_s=BURNS_S)
    probing.wait(PATIENCE_S, {"end"}, 1)
    for first in range(2, 2 + 2 * PAIRS, 2):
        for task in (first, first + 1):
            probing.ask("burn", task, cpu_s=BURNS_S)
        probing.wait(PATIENCE_S, {"end"}, first, first + 1)


def graceful_stop(probing: Probing, probe: Probe) -> None:
    """A task runs and its worker is asked to stop."""
    probing.asked["works_s"] = WORKS_S / 2
    probing.hold(1, WORKS_S / 2)
    probing.started(1)
    _stop(probing, probe)


def soft_shutdown(probing: Probing, probe: Probe) -> None:
    """A short and a long task run, and their worker is asked for a soft shutdown."""
    probing.asked |= {"given_s": SOFT_S, "short_s": SHORT_S, "long_s": LONG_S}
    probing.hold(1, SHORT_S)
    probing.hold(2, LONG_S)
    probing.started(1, 2)
    _stop(probing, probe)


def _stop(probing: Probing, probe: Probe) -> None:
    lease = probing.lease
    probing.asked["within_s"] = lease.backend.stop_within_s
    lease.workers.may_end = True
    stopped = lease.workers.stop(lease.backend.stop_within_s, probe.stop_signal)
    assert stopped is not None
    probing.facts["stopped"] = {
        "how": stopped.how,
        "took_s": stopped.took_s,
        "exit_codes": stopped.exit_codes,
    }
    probing.facts["pending"] = lease.pending()


class Kind:
    """How an ability is probed.

    Attributes:
        settings: of the lease.
        ends: whether its workers are of no use after it.
    """

    def __init__(
        self,
        probe: Callable[[Probing, Probe], None],
        *,
        ends: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.probe = probe
        self.ends = ends
        common = {"abilities.probed": True, "abilities.limit_s": LIMIT_S}
        self.settings = common | (settings or {})


KINDS = {
    "soft_time_limit": Kind(soft_time_limit),
    "hard_time_limit": Kind(hard_time_limit),
    "revoke_waiting": Kind(revoke_waiting),
    "terminate_running": Kind(terminate_running),
    "cpu_in_parallel": Kind(cpu_in_parallel),
    "graceful_stop": Kind(graceful_stop, ends=True),
    "soft_shutdown": Kind(soft_shutdown, ends=True, settings={"abilities.soft_shutdown_s": SOFT_S}),
}
