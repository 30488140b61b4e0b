"""Workers that are held and let go do the same work as those that have just started."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support import Ran, in_time, only_lease, wait_until, write_profile

from backends import all_backends
from backends.kit import events
from bench.record.events import read_lease
from bench.system import processes
from bench.workers.lease import Lease

pytestmark = pytest.mark.integration
log = logging.getLogger(__name__)

TASKS, WINDOWS = 60, 3
VARIANTS = [
    (f"{name}:{variant.name}".rstrip(":"))
    for name, backend in all_backends().items()
    for variant in backend.variants
    if not backend.hidden
    and variant.unsupported_reason() is None
    and variant.broken_reason() is None
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_window_is_drained_whole_and_once(
    run_cells: Callable[..., Ran], variant: str
) -> None:
    drain = f'scenario = "add"; load = "drain"; tasks = {TASKS}; windows = {WINDOWS}'
    scheduled = 'scenario = "add"; load = "open"; rate_per_s = [50]; for_s = 0.5'
    ran = in_time(lambda: run_cells(variant, drain, scheduled, concurrency="[4]"))
    assert [trial["status"] for trial in ran.trials] == ["ok", "ok"]
    assert not ran.failed_checks()
    trial = next(trial for trial in ran.trials if trial["load"] == "drain")
    assert trial["sent"] == TASKS * WINDOWS
    filled = trial["filled"]
    assert [(of["first"], of["count"]) for of in filled] == [(n * TASKS, TASKS) for n in range(3)]
    table = read_lease(ran.folder.leases / trial["lease_id"])
    ours = table[table["task_id"] // 2**32 == trial["number"]]
    for kind in (events.SEND, events.START, events.END):
        assert len(ours[ours["kind"] == kind]) == TASKS * WINDOWS, "nothing is given out again"
    for of in filled[1:]:
        window = ours[(ours["task_id"] % 2**32).between(of["first"], of["first"] + TASKS - 1)]
        sent = window[window["kind"] == events.SENT]["t_ns"].max()
        assert window[window["kind"] == events.START]["t_ns"].min() > sent, "they were held"
    rates = [of["per_s"] for of in filled if of["per_s"]]
    if rates:
        mean = math.exp(sum(map(math.log, rates)) / len(rates))
        assert ran.value("throughput_tasks_per_s") == pytest.approx(mean, rel=0.01)
        # For the reader alone: how fast is noise.
        log.info("%s, to the first window: %s", variant, [rate / rates[0] for rate in rates[1:]])


def test_held_workers_stand_still_and_go_on(
    open_lease: Callable[..., Lease], tmp_path: Path
) -> None:
    cell = 'scenario = "add"; load = "idle"; for_s = 1'
    plan = only_lease(write_profile(tmp_path / "one.toml", cell, variants="celery:prefork"))
    with open_lease(plan, tmp_path) as lease:
        lease.start_workers(math.inf)
        members = [p for pid in lease.workers.pids for p in processes.tree(pid)]
        assert len(members) > 1, "prefork has children"
        with lease.workers.held():
            assert {p.status() for p in members} == {psutil.STATUS_STOPPED}
        wait_until(lambda: psutil.STATUS_STOPPED not in {p.status() for p in members}, "they go on")


def test_workers_that_are_held_when_it_goes_wrong_are_stopped_all_the_same(
    open_lease: Callable[..., Lease], tmp_path: Path
) -> None:
    cell = 'scenario = "add"; load = "idle"; for_s = 1'
    plan = only_lease(write_profile(tmp_path / "one.toml", cell, variants="celery:prefork"))
    lease = open_lease(plan, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _interrupted_while_held(lease)
    assert not processes.carrying(lease.namespace, "BENCH_NAMESPACE")


def _interrupted_while_held(lease: Lease) -> None:
    with lease:
        lease.start_workers(math.inf)
        with lease.workers.held():
            raise KeyboardInterrupt
