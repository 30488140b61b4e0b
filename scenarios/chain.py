"""What does it cost to hand a result from one task to the next?"""

from __future__ import annotations

from scenarios.spec import Expected, Item, Parameter, Params, Scenario, Work


def _items(first_id: int, count: int, params: Params, seed: int) -> list[Item]:
    length = int(params["length"])
    return [_chain(first_id + i * length, length) for i in range(count)]


def _chain(first_id: int, length: int) -> Item:
    """add(100, 200), then add(_, 300) for each further step: 600 after two steps."""
    steps = [Work("add", first_id, {"x": 100, "y": 200}, Expected(value=300))]
    for hop in range(1, length):
        expected = Expected(value=300 + 300 * hop)
        steps.append(Work("add", first_id + hop, {"y": 300}, expected))
    return steps


SCENARIO = Scenario(
    name="chain",
    question="How long does a chain take from end to end, and what does each hop cost?",
    items=_items,
    headline={"closed": "end_to_end_ms_p50"},
    columns={"closed": ("hop_ms_p50", "round_trip_ms_p50")},
    parameters=(
        Parameter("length", 2, "tasks in a chain", 2),
        Parameter("service_s", 0.0, "seconds each task waits before it adds", 0, "add.service_s"),
    ),
    asks=frozenset({"chains"}),
    period=1,
)
