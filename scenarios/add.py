"""How fast does the queue move small tasks, and how long does one take there and back?"""

from __future__ import annotations

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work

#: Both numbers of item i come back at item i + 1000, and so does their sum.
PERIOD = 1000


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    items: list[Item] = []
    for i in range(count):
        x, y = (seed + 7 * i) % PERIOD, i % 100
        items.append([Work("add", first_id + i, {"x": x, "y": y}, Expected(value=x + y))])
    return items


SCENARIO = Scenario(
    name="add",
    question="How fast are small tasks drained, and how long is a round trip?",
    items=_items,
    headline={
        "drain": "throughput_tasks_per_s",
        "closed": "round_trip_ms_p50",
        "surge": "throughput_tasks_per_s",
        "open": "latency_ms_p95",
        "saturation": "saturation_tasks_per_s",
        "backlog": "throughput_tasks_per_s",
        "idle": "idle_commands_per_s",
    },
    columns={
        "drain": ("enqueue_us_p50", "longest_stall_ms"),
        "closed": ("round_trip_ms_p95", "queue_wait_ms_p50", "result_delivery_ms_p50"),
        "surge": ("service_ms_p50", "longest_stall_ms"),
        "open": (
            *("latency_ms_p50", "latency_ms_p99"),
            *("offered_tasks_per_s", "generator_lateness_ms_p99"),
        ),
        "saturation": (),
        "backlog": ("enqueue_us_p50", "redis_memory_bytes_per_task"),
        "idle": ("idle_cpu_ms_per_s:worker", "worker_rss_mb", "worker_pss_mb"),
    },
    parameters=(
        Parameter(
            "service_s", 0.0, "seconds a task waits, as for I/O, before it adds", 0, "add.service_s"
        ),
    ),
    period=PERIOD,
)
