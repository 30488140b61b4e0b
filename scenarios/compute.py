"""Are several tasks computed at once, or one after the other?"""

from __future__ import annotations

from functools import cache

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work
from scenarios.workload import compute

_expected = cache(compute)


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    loops = int(params["loops"])
    expected = Expected(value=_expected(loops))
    return [[Work("compute", first_id + i, {"loops": loops}, expected)] for i in range(count)]


SCENARIO = Scenario(
    name="compute",
    question="Are several tasks computed at once, or one after the other?",
    items=_items,
    headline=dict.fromkeys(("drain", "surge"), "throughput_tasks_per_s"),
    columns={
        "drain": ("service_ms_p50", "longest_stall_ms"),
        "surge": ("service_ms_p50", "longest_stall_ms"),
    },
    parameters=(
        Parameter(
            "loops", 100_000, "loops of pure Python; so many take about 10 ms of one core", 1
        ),
    ),
    period=1,
)
