"""No coordinated omission: whoever stalls, every task that should have been sent pays for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import wait_until, write_profile

from backends.kit import events
from bench.measure.open_loop import Window, window
from bench.plan.cells import TrialPlan
from bench.plan.planner import make_plan
from bench.plan.profile import load_profile
from bench.run.items import times_of
from bench.run.trial import Outcome, run_trial
from bench.system import processes
from bench.workers.lease import Lease

pytestmark = pytest.mark.integration

PAUSE_S = 1.0
RATE = 100
SECONDS = 4

OPEN = f'scenario = "add"; load = "open"; rate_per_s = [{RATE}]; arrival = "constant"'
CLOSED = 'scenario = "add"; load = "closed"; tasks = 20000'


class Live:
    """One trial on a lease of real processes, on its way in a thread of its own."""

    def __init__(self, lease: Lease, plan: TrialPlan) -> None:
        self.lease = lease
        self.plan = plan
        self._outcome: list[Outcome] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._outcome.append(run_trial(self.lease, self.plan))

    def pause(self, role: str, after: int) -> None:
        """Stop the processes of that role for a second, once so many tasks have ended."""
        wait_until(
            lambda: self.lease.recorded(self.plan.number)["kind"].eq(events.SENT).sum() >= after,
            f"{after} tasks were sent",
        )
        members = [
            process
            for process in processes.carrying(self.lease.namespace, "BENCH_NAMESPACE")
            if process.environ().get("BENCH_ROLE") == role
        ]
        assert members
        for process in members:
            process.suspend()
        try:
            time.sleep(PAUSE_S)  # the pause is what is tested, not waited for
        finally:
            for process in members:
                process.resume()

    def end(self) -> Outcome:
        self._thread.join(60)
        (outcome,) = self._outcome
        return outcome


@pytest.fixture
def live(open_lease: Callable[..., Lease], tmp_path: Path) -> Iterator[Callable[[str], Live]]:
    """Starts a trial of a cell on the honest fake queue."""
    leases: list[Lease] = []

    def live(cell: str) -> Live:
        text = f"{cell}; for_s = {SECONDS}"
        profile = write_profile(tmp_path / "one.toml", text, concurrency=[2])
        (plan,) = make_plan(load_profile(str(profile))).leases
        lease = open_lease(plan, tmp_path)
        lease.__enter__()
        leases.append(lease)
        return Live(lease, plan.trials[0])

    yield live
    for lease in leases:
        lease.__exit__(None, None, None)


def seen(live: Live) -> Window:
    recorded = live.lease.recorded(live.plan.number)
    kinds = (events.SCHEDULED, events.SEND, events.END)
    return window(*(times_of(recorded, kind, 0, RATE * SECONDS) for kind in kinds))


def test_a_worker_paused_for_a_second_shows_in_p99(live: Callable[[str], Live]) -> None:
    trial = live(OPEN)
    trial.pause("worker", after=100)
    assert trial.end().status == "ok"
    # A quarter of the tasks was due in that second: they waited 0.5 s in the middle.
    assert PAUSE_S * 900 < seen(trial).p99_ms < PAUSE_S * 2000


def test_the_same_pause_hides_from_a_closed_load(live: Callable[[str], Live]) -> None:
    """Why closed latencies are not enough: two callers wait, thousands of calls are not made."""
    trial = live(CLOSED)
    trial.pause("worker", after=100)
    assert trial.end().status == "ok"
    table = trial.lease.recorded(trial.plan.number)
    took = (
        table[table["kind"] == events.RESULT].set_index("task_id")["t_ns"]
        - table[table["kind"] == events.SEND].set_index("task_id")["t_ns"]
    ) / 1e6
    assert took.max() > PAUSE_S * 900
    assert took.quantile(0.99) < PAUSE_S * 500


def test_a_generator_that_was_paused_makes_its_trial_invalid(live: Callable[[str], Live]) -> None:
    trial = live(OPEN)
    trial.pause("producer", after=100)
    outcome = trial.end()
    assert outcome.status == "invalid"
    assert "the generator ran late: p95" in outcome.reason
    table = trial.lease.recorded(trial.plan.number)
    # Against the sending alone nothing would be seen of it.
    assert seen(trial).p99_ms > PAUSE_S * 900
    ended = table[table["kind"] == events.END].set_index("task_id")["t_ns"]
    sent = table[table["kind"] == events.SEND].set_index("task_id")["t_ns"]
    assert ((ended - sent) / 1e6).quantile(0.99) < PAUSE_S * 500
