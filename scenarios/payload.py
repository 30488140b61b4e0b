"""What does it cost to carry bytes, in the argument and in the result?"""

from __future__ import annotations

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work
from scenarios.workload import text_of


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    # All items share one text: a backlog of them must not fill the harness's memory.
    data = text_of(1000 * params["argument_kb"])
    result_bytes = 1000 * params["result_kb"]
    kwargs = {"data": data, "result_bytes": result_bytes}
    expected = Expected(value=result_bytes)  # of a text its length is recorded
    return [[Work("payload", first_id + i, dict(kwargs), expected)] for i in range(count)]


SCENARIO = Scenario(
    name="payload",
    question="What does it cost to carry bytes, in the argument and in the result?",
    items=_items,
    headline={"burst": "throughput_tasks_per_s", "drain": "throughput_tasks_per_s"},
    columns={
        "burst": ("enqueue_us_p50", "end_to_end_ms_p50"),
        "drain": ("enqueue_us_p50", "redis_memory_bytes_per_task"),
    },
    parameters=(
        Parameter("argument_kb", 0, "size of the argument, kB (1,000 characters)", 0, maximum=1000),
        Parameter("result_kb", 0, "size of the result, kB (1,000 characters)", 0, maximum=1000),
    ),
    period=1,
)
