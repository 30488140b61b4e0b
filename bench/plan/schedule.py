"""When an open load means to send: a pure function of rate, arrival and seed."""

from __future__ import annotations

import random
from itertools import accumulate


def offsets_ns(count: int, rate_per_s: float, arrival: str, seed: str) -> list[int]:
    """Intended send times in ns, counted from the first.

    Args:
        arrival: ``constant``: at equal distances; ``poisson``: at exponential ones, as of many
            callers that know nothing of each other.
        seed: of the exponential distances.
    """
    gap_ns = 1e9 / rate_per_s
    if arrival == "constant":
        return [round(i * gap_ns) for i in range(count)]
    rng = random.Random(seed)
    gaps = (rng.expovariate(1.0) * gap_ns for _ in range(count - 1))
    return [round(at) for at in accumulate(gaps, initial=0.0)]
