"""More than the workers sustain is told as that, with the rate they do sustain, in bounded time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import Ran, in_time

from backends.kit import events
from bench.plan.cells import WARM_UP
from bench.record.events import read_lease
from bench.run.scheduled import LEFT_WITHIN_S, OPEN_LANES, WARM_SENDS

pytestmark = pytest.mark.integration

RATE = 'scenario = "add"; load = "open"; rate_per_s = [{rate}]; for_s = 2.0'


def metrics(ran: Ran) -> set[str]:
    return set(ran.tables.rounds["metric"])


@pytest.mark.parametrize(
    ("variant", "cell", "sustained"),
    [
        # arq looks every half second, and at one slot takes one task.
        ("arq", RATE.format(rate=50), 2),
        # Of a task's time what the machine adds is little.
        ("celery:solo", RATE.format(rate=50) + "; service_s = 0.2", 5),
    ],
)
def test_overload_is_told_with_the_rate_that_is_sustained(
    run_cells: Callable[..., Ran], variant: str, cell: str, sustained: float
) -> None:
    ran = run_cells(variant, cell, concurrency="[1]")
    (trial,) = ran.trials
    assert (trial["status"], trial["overloaded"], trial["cut_short"]) == ("ok", True, True)
    # Warm-up (arq: half a second each), the schedule, and what is waited for; not all 100 tasks.
    warmed_s = OPEN_LANES * WARM_SENDS / sustained
    assert trial["took_s"] < 10 + warmed_s + 2.0 + LEFT_WITHIN_S
    assert ran.value("sustained_tasks_per_s") == pytest.approx(sustained, rel=0.3)
    assert not [name for name in metrics(ran) if name.startswith(("latency", "end_to_end"))]
    assert not ran.failed_checks()


def test_a_lease_that_was_overloaded_gives_the_next_trial_fresh_workers(
    run_cells: Callable[..., Ran],
) -> None:
    closed = 'scenario = "add"; load = "closed"; for_s = 0.3; service_s = 0.1'
    ran = run_cells(
        "celery:solo", RATE.format(rate=50) + "; service_s = 0.1", closed, concurrency="[1]"
    )
    by_load = {trial["load"]: trial for trial in ran.trials}
    assert {trial["status"] for trial in ran.trials} == {"ok"}
    if by_load["open"]["number"] < by_load["closed"]["number"]:
        assert by_load["open"]["lease_id"] != by_load["closed"]["lease_id"]
    assert not ran.failed_checks()


@pytest.mark.parametrize("variant", ["celery:solo", "dramatiq", "arq", "floor:one"])
def test_a_rate_that_is_sustained_has_latencies_and_its_lanes_were_warm(
    run_cells: Callable[..., Ran], variant: str
) -> None:
    ran = in_time(lambda: run_cells(variant, RATE.format(rate=20), concurrency="[4]"))
    (trial,) = ran.trials
    assert trial["status"] == "ok", trial["reason"]
    assert {"latency_ms_p95", "latency_drift"} <= metrics(ran)
    assert "sustained_tasks_per_s" not in metrics(ran)
    assert not ran.failed_checks()
    table = read_lease(ran.folder.leases / trial["lease_id"])
    warm = table[table["task_id"] // 2**32 == WARM_UP]
    ours = table[table["task_id"] // 2**32 == trial["number"]]
    ended = warm[warm["kind"] == events.END]
    assert len(ended) == ended["task_id"].nunique() == OPEN_LANES * WARM_SENDS
    assert set(warm["kind"]) == {events.START, events.END}
    assert ended["t_ns"].max() < ours["t_ns"].min()
