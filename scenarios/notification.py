"""Does every message of a real HTTP side effect arrive once, and how close to the ideal speed?

The shop's "new product" message, posted to a Telegram Bot API that is slow and at times fails.
"""

from __future__ import annotations

import random

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work

MAX_RETRIES = 3

#: What the Bot API injects, by name: HTTP status, or 0 for a reset, -1 for no answer in time.
FAULTS = {"429": 429, "500": 500, "503": 503, "reset": 0, "timeout": -1}


def faults(seed: int, sequence: int, share: float) -> tuple[str, ...]:
    """The faults that message number ``sequence`` meets on its first attempts, in order.

    Each attempt meets one with probability ``share``, but never more in a row than there are
    retries: a queue that retries as asked delivers every message.
    """
    rng = random.Random(f"{seed}:{sequence}")
    met: list[str] = []
    while len(met) < MAX_RETRIES and rng.random() < share:
        met.append(rng.choice(sorted(FAULTS)))
    return tuple(met)


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    items: list[Item] = []
    for i in range(count):
        task_id = first_id + i
        expected = Expected(
            attempts=len(faults(seed, i, params["fault_share"])) + 1,
            deliveries=1,
            retried_after=params["retry_delay_s"],
        )
        text = f"New product #{task_id}: {_product(i)} is now in the shop"
        items.append([Work("notification", task_id, {"text": text}, expected)])
    return items


def _product(i: int) -> str:
    return ("Teapot", "Lantern", "Bicycle bell", "Scarf", "Atlas")[i % 5]


SCENARIO = Scenario(
    name="notification",
    question="Is every message delivered exactly once through faults, and how near the ideal?",
    items=_items,
    headline={"burst": "throughput_tasks_per_s"},
    columns={"burst": ("share_of_ideal", "end_to_end_ms_p50", "retry_lateness_ms_p50")},
    parameters=(
        Parameter(
            "latency_s", 30.0, "seconds the Bot API takes to answer", 0, "notification.latency_s"
        ),
        Parameter(
            "timeout_s",
            60.0,
            "seconds the HTTP client waits for an answer",
            0.001,
            "notification.timeout_s",
        ),
        Parameter(
            "retry_delay_s",
            5.0,
            "fixed delay before a retry, seconds",
            0.001,
            "notification.retry_delay_s",
        ),
        Parameter(
            "fault_share",
            0.1,
            "share of attempts that meet a 429, 5xx, timeout or reset",
            0,
            "notification.fault_share",
            maximum=1,
        ),
    ),
    needs=frozenset({"bot-api"}),
    asks=frozenset({"retries"}),
)
