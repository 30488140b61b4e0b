"""Celery's consumer stalls where its blocking loop runs, and the fix that is proposed mends it.

Seen with Celery and kombu 5.7.0; ``docs/findings/consumer-stall.md`` has what happens. Should the
first test fail one day because threads do not stall any more, it has been mended: then +wake and
``backends/celery/wake.py`` can go.
"""

from __future__ import annotations

import numpy as np
import pytest

from backends.kit import events as kinds
from bench.record.events import read_columns

pytestmark = [pytest.mark.integration, pytest.mark.slow]

#: Four slots do them in half a second, on a slow machine in some; a stalled consumer does few.
TASKS = 160
SURGE = f'scenario = "add"; load = "surge"; for_s = 8.0; tasks = {TASKS}; service_s = 0.01'


def done(ran, variant):
    """How many tasks ended in the variant's only trial."""
    (trial,) = [trial for trial in ran.trials if trial["variant"] == variant]
    events = read_columns(ran.folder.leases / trial["lease_id"])
    ours = events.task_id >> 32 == trial["number"]
    return int(np.count_nonzero(ours & (events.kind == kinds.END)))


def value(ran, variant, metric):
    rounds = ran.tables.rounds
    (found,) = rounds[(rounds["variant"] == variant) & (rounds["metric"] == metric)]["value"]
    return found


def test_threads_stall_in_windows_loop_and_neither_solo_there_nor_threads_elsewhere(run_cells):
    stalling, calm = "celery:threads+winloop+prefetch-1", ("celery:solo+winloop", "celery:threads")
    ran = run_cells(" ".join((stalling, *calm)), SURGE, concurrency=[4])
    assert value(ran, stalling, "consumer_stalls") >= 2
    assert value(ran, stalling, "stalled_share") > 0.5
    assert 1500 < value(ran, stalling, "longest_stall_ms") < 3500  # one poll of 2 s, not two
    for variant in calm:
        assert value(ran, variant, "consumer_stalls") == 0, variant
        assert done(ran, variant) == TASKS, variant


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_greenlets_stall_on_every_platform(pool, run_cells):
    ran = run_cells(f"celery:{pool}+prefetch-1", SURGE, concurrency=[4])
    assert value(ran, f"celery:{pool}+prefetch-1", "consumer_stalls") >= 2


@pytest.mark.parametrize(
    ("variant", "stalls_without"),
    [
        ("celery:threads+winloop+prefetch-1", True),
        ("celery:gevent+prefetch-1", True),
        ("celery:eventlet+prefetch-1", True),
        ("celery:solo+winloop+prefetch-1", False),
        ("celery:threads+prefetch-1", False),
    ],
)
def test_woken_by_acknowledgements_none_stalls_and_each_task_is_done_once(
    variant, stalls_without, run_cells
):
    mended = f"{variant}+wake"
    ran = run_cells(f"{variant} {mended}", SURGE, concurrency=[4])
    assert value(ran, mended, "consumer_stalls") == 0
    assert done(ran, mended) == TASKS
    if stalls_without:
        assert done(ran, variant) * 4 < TASKS
    verdicts = ran.tables.verdicts
    assert set(verdicts[verdicts["variant"] == mended]["verdict"]) == {"pass"}


@pytest.mark.parametrize("pool", ["threads+winloop", "gevent"])
def test_woken_consumers_retry_and_chain(pool, run_cells):
    """Retries are held as tasks with a due time, for which the window grows."""
    ran = run_cells(
        f"celery:{pool}+prefetch-1+wake",
        'scenario = "flaky"; load = "burst"; tasks = 20; retry_delay_s = 1.0',
        'scenario = "chain"; load = "closed"; for_s = 2.0; length = 3',
        concurrency=[2],
    )
    assert {trial["status"] for trial in ran.trials} == {"ok"}
    assert ran.failed_checks() == set()
