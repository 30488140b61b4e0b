"""Rounds -> one value with an interval. The round is the replicate: tasks of a trial correlate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
#: With fewer rounds an interval would say more than is known.
MIN_ROUNDS = 3
#: By rounds, how often the interval holds the true median where that is markedly less than the
#: 95% it is named after (it is the order statistics that a bootstrapped median can reach).
SHORT_COVERAGE = {3: 0.75, 4: 0.88, 7: 0.88}


@dataclass(frozen=True)
class Estimate:
    """A median over rounds with its bootstrap interval, where there are rounds enough."""

    value: float
    low: float | None
    high: float | None
    rounds: int


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Median of the rounds' values with a percentile bootstrap interval (Efron 1979).

    Args:
        values: one per round.
        seed: of the resampling: the same values always give the same interval.
    """
    data = np.asarray(values, dtype=float)
    middle = float(np.median(data))
    if len(data) < MIN_ROUNDS:
        return Estimate(middle, None, None, len(data))
    rng = np.random.default_rng(seed)
    medians = np.median(data[rng.integers(0, len(data), (RESAMPLES, len(data)))], axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(medians, [tail, 100 - tail])
    return Estimate(middle, float(low), float(high), len(data))


def paired_ratio(
    values: dict[int, float], baseline: dict[int, float], seed: int = 0
) -> Estimate | None:
    """Ratio to the baseline, taken round by round.

    Args:
        values: by round.
        baseline: by round.

    Returns:
        ``None`` where no round has both.
    """
    ratios = [
        values[number] / baseline[number]
        for number in sorted(values.keys() & baseline.keys())
        if baseline[number]
    ]
    return estimate(ratios, seed) if ratios else None


def precise_enough(ratio: Estimate, within: float) -> bool:
    """Whether the interval's half width, taken as a factor, is at most ``within``.

    Args:
        within: as a share: 0.05 is 5%.
    """
    if ratio.low is None or ratio.high is None or ratio.low <= 0:
        return False
    return math.sqrt(ratio.high / ratio.low) - 1 <= within
