"""Rounds -> one value with an interval. The round is the replicate: tasks of a trial correlate.

Values are means of logarithms where all are positive (so that half and twice as much are equally
far), else plain means; intervals are Student's t. :mod:`bench.measure.contrasts` makes those of a
whole table, which know more of the scatter than a row by itself. docs/methodology.md tells how
often each holds the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.measure.spread import Spread, reach

#: With fewer rounds an interval would say more than is known.
MIN_ROUNDS = 3


@dataclass(frozen=True)
class Estimate:
    """A mean over rounds with its interval, where there are rounds enough."""

    value: float
    low: float | None
    high: float | None
    rounds: int


def estimate(values: Sequence[float], spread: Spread | None = None) -> Estimate:
    """Mean of the rounds' values with an interval that holds the true one in 95% of cases.

    Args:
        values: at least one, one per round.
        spread: what is known of their scatter beside them: of logarithms where all values are
            positive; by default what they tell themselves.

    Returns:
        The geometric mean where all are positive. No interval under :data:`MIN_ROUNDS`. What was
        never negative gets no negative end.
    """
    found = [float(value) for value in values]
    if min(found) <= 0:
        middle, half = mean_and_reach(found, spread)
        if half is None:
            return Estimate(middle, None, None, len(found))
        low = middle - half
        return Estimate(
            middle, max(low, 0.0) if min(found) == 0 else low, middle + half, len(found)
        )
    middle, half = mean_and_reach([math.log(value) for value in found], spread)
    if half == 0:  # exp(log(x)) may miss x by a rounding: equal values are told as they are
        return Estimate(found[0], found[0], found[0], len(found))
    return on_log_scale(middle, half, len(found))


def on_log_scale(middle: float, half: float | None, rounds: int) -> Estimate:
    """The estimate of which the logarithm is so large, give or take ``half``."""
    value = math.exp(middle)
    if half is None:
        return Estimate(value, None, None, rounds)
    # exp(log(x)) may miss x by a rounding: no end may pass the value for that.
    low, high = min(math.exp(middle - half), value), max(math.exp(middle + half), value)
    return Estimate(value, low, high, rounds)


def paired_ratio(values: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Ratio to the baseline, taken round by round, so that what both met in a round cancels.

    Args:
        values: by round.
        baseline: by round.

    Returns:
        The geometric mean of the ratios (swapping both sides gives the reciprocal). ``None`` where
        no round has both, or some value is not positive: no ratio has a meaning.
    """
    logs = log_ratios(values, baseline)
    return on_log_scale(*mean_and_reach(logs), len(logs)) if logs else None


def log_ratios(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """log(value / baseline) of each round that both have; none where some value is not positive."""
    if any(value <= 0 for value in (*values.values(), *baseline.values())):
        return []
    common = sorted(values.keys() & baseline.keys())
    return [math.log(values[number] / baseline[number]) for number in common]


def unpaired_ratio(b: Mapping[int, float], a: Mapping[int, float]) -> Estimate | None:
    """Ratio b / a of two runs' means, whose rounds have nothing in common.

    Its ends lie as far from it as the root of the sum of the squares of both sides' distances
    (Zou and Donner 2008: limits of a difference from the limits of each side).

    Args:
        b: by round of the one run.
        a: by round of the other.

    Returns:
        ``rounds`` is the smaller number of both. ``None`` where a side is empty or some value is
        not positive.
    """
    rounds = min(len(b), len(a))
    if not rounds or min(*b.values(), *a.values()) <= 0:
        return None
    (upper, above), (lower, below) = (
        mean_and_reach([math.log(value) for value in side.values()]) for side in (b, a)
    )
    half = None if above is None or below is None else math.hypot(above, below)
    return on_log_scale(upper - lower, half, rounds)


def half_width(ratio: Estimate | None) -> float | None:
    """Half the width of a ratio's interval on the logarithmic scale, as a share (0.05: 5%).

    Returns:
        ``None`` where there is no ratio, or no interval.
    """
    if ratio is None or ratio.low is None or ratio.high is None or ratio.low <= 0:
        return None
    return math.sqrt(ratio.high / ratio.low) - 1


def precise_enough(ratio: Estimate | None, within: float) -> bool:
    """Whether half the width of a ratio's interval is at most ``within``."""
    width = half_width(ratio)
    return width is not None and width <= within


def mean_and_reach(
    values: Iterable[float], spread: Spread | None = None
) -> tuple[float, float | None]:
    """Their mean, and how far its 95% interval reaches to either side.

    Returns:
        ``None`` for the reach of fewer than :data:`MIN_ROUNDS` values.
    """
    found = np.array(sorted(values))
    # Equal values have a mean of their own, and no scatter: not one of rounding.
    same = found[0] == found[-1]
    middle = float(found[0] if same else found.mean())
    if len(found) < MIN_ROUNDS:
        return middle, None
    own = Spread(0.0 if same else float(found.var(ddof=1)), len(found) - 1)
    return middle, reach(spread or own, len(found))
