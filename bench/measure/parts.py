"""Where the time of a round trip goes: parts that add up to it."""

from __future__ import annotations

import numpy as np

from bench.measure.trace import NEVER, Trace

#: With fewer round trips there are no quarters to leave out.
MIN_ITEMS = 4


def parts_ms(trace: Trace) -> tuple[dict[str, float], int]:
    """The mean of each part over the middle half of the round trips, and how many those are.

    The middle half are the items whose round trip lies between its quartiles, ends included. A
    mean of each part over the same items adds up to the mean of their round trips, which medians
    would not. The part ``delivery`` may be negative: a result can be there before the
    worker has recorded the end.

    Returns:
        By part, ms; empty for items of several tasks and with fewer than :data:`MIN_ITEMS`.
    """
    if trace.truth.steps != 1:
        return {}, 0
    times = np.stack([trace.send, trace.sent, trace.start, trace.end, trace.result])
    send, sent, start, end, result = times[:, (times != NEVER).all(axis=0)]
    round_trip = result - send
    if len(round_trip) < MIN_ITEMS:
        return {}, 0
    low, high = np.percentile(round_trip, [25, 75])
    middle = (round_trip >= low) & (round_trip <= high)
    # A worker can be faster than the return of the enqueue call: enqueueing ends there.
    enqueued = np.minimum(sent, start)
    parts = {
        "enqueue": enqueued - send,
        "queue_wait": start - enqueued,
        "service": end - start,
        "delivery": result - end,
    }
    return (
        {name: float(spent[middle].mean() / 1e6) for name, spent in parts.items()},
        int(middle.sum()),
    )
