"""What is a difference? The rule, and the noise floor that the baseline's twin shows (A/A)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from bench.measure.spread import CONFIDENCE
from bench.measure.statistics import Estimate

#: Simulated sets of rounds behind a quantile.
DRAWS = 100_000
SEED = 20260101
#: Simulated values in all, however many rounds.
DRAWN_VALUES = 3_000_000


def noise_floor(pairs: Sequence[Sequence[float]], rounds: int) -> float | None:
    """The factor that the ratio of two equal variants exceeds, either way, in 1 of 20 cases.

    Twin and baseline are the same variant, so their log ratios lie around 0: their root mean
    square is the scatter of one round. The median of several rounds scatters less; that the scatter
    is itself known only from so many pairs makes the factor larger (as in Student's t).

    Args:
        pairs: log(twin / baseline) by round, one sequence per cell of a scenario and load
            (:func:`bench.measure.statistics.log_ratios`).
        rounds: how many rounds the ratios have that the floor is for.

    Returns:
        At least 1, e.g. 1.06; ``None`` where there are no pairs.
    """
    logs = np.array([value for cell in pairs for value in cell], dtype=float)
    if not len(logs):
        return None
    scatter = math.sqrt(float(np.mean(logs**2)))
    return math.exp(_floor_quantile(rounds, len(logs)) * scatter)


def differs(ratio: Estimate, floor: float | None) -> bool:
    """Whether a ratio is told as a difference: its interval leaves out 1, and it lies beyond the
    noise floor, where one is known. Without an interval nothing is."""
    if ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return False
    return floor is None or not within(ratio.value, floor)


def within(ratio: float, floor: float) -> bool:
    """Whether a ratio is no further from 1 than the noise floor, either way."""
    return abs(math.log(ratio)) <= math.log(floor)


@cache
def _floor_quantile(rounds: int, pairs: int) -> float:
    """What \\|median of ``rounds`` normal values\\| / root mean square of ``pairs`` others exceeds
    in 5% of cases. Simulated once, always with the same draws."""
    draws = min(DRAWS, DRAWN_VALUES // rounds)
    rng = np.random.default_rng([SEED, rounds, pairs])
    medians = np.median(rng.standard_normal((draws, rounds)), axis=1)
    scales = np.sqrt(rng.chisquare(pairs, draws) / pairs)
    return float(np.quantile(np.abs(medians) / scales, CONFIDENCE))
