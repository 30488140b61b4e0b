"""Are failed tasks retried exactly as often as asked, and not too early?"""

from __future__ import annotations

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work

MAX_RETRIES = 3
#: Tasks that fail 0 to 4 times take turns.
PERIOD = MAX_RETRIES + 2


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    """Task i fails its first ``i mod 5`` attempts: 4 failures are one more than the retries."""
    items: list[Item] = []
    for i in range(count):
        fails = i % PERIOD
        succeeds = fails <= MAX_RETRIES
        expected = Expected(
            attempts=min(fails, MAX_RETRIES) + 1,
            succeeds=succeeds,
            value=fails + 1 if succeeds else None,
            retried_after=params["retry_delay_s"],
        )
        items.append([Work("flaky", first_id + i, {"fails": fails}, expected)])
    return items


SCENARIO = Scenario(
    name="flaky",
    question="Are failures retried exactly 3 times, never early, and is the end visible?",
    items=_items,
    headline=dict.fromkeys(("burst", "open"), "retry_lateness_ms_p50"),
    columns=dict.fromkeys(("burst", "open"), ("retry_lateness_ms_max", "attempts_per_task")),
    parameters=(
        Parameter(
            "retry_delay_s",
            5.0,
            "fixed delay before a retry, seconds",
            0.001,
            "flaky.retry_delay_s",
        ),
    ),
    asks=frozenset({"retries"}),
    period=PERIOD,
)
