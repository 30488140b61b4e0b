"""Rounds -> one value with an interval. The round is the replicate: tasks of a trial correlate.

Every interval is made on logarithms where all values are positive (so that half and twice as
much are equally far), else on the values as they are. With 3 to 5 rounds it is a parametric
bootstrap-t; from 6 rounds on a percentile bootstrap whose level is calibrated, which holds for
noise of any shape. docs/methodology.md tells how often each holds the true median.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

CONFIDENCE = 0.95
#: With fewer rounds an interval would say more than is known.
MIN_ROUNDS = 3
#: Simulated sets of rounds behind a quantile.
DRAWS = 100_000
SEED = 20260101


@dataclass(frozen=True)
class Estimate:
    """A median over rounds with its interval, where there are rounds enough."""

    value: float
    low: float | None
    high: float | None
    rounds: int


def estimate(values: Sequence[float]) -> Estimate:
    """Median of the rounds' values with an interval that holds the true median in 95% of cases.

    Args:
        values: at least one, one per round.

    Returns:
        No interval under :data:`MIN_ROUNDS`. Equal values have one of no width. What was never
        negative gets no negative end.
    """
    ordered = sorted(float(value) for value in values)
    middle = _median(ordered)
    rounds = len(ordered)
    if rounds < MIN_ROUNDS:
        return Estimate(middle, None, None, rounds)
    least = ordered[0]
    if least == ordered[-1]:
        return Estimate(middle, middle, middle, rounds)
    if least > 0:
        low, high = _interval([math.log(value) for value in ordered])
        # exp(log(x)) may miss x by a rounding: no end may pass the median for that.
        return Estimate(middle, min(math.exp(low), middle), max(math.exp(high), middle), rounds)
    low, high = _interval(ordered)
    return Estimate(middle, max(low, 0.0) if least == 0 else low, high, rounds)


def paired_ratio(values: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Ratio to the baseline, taken round by round, so that what both met in a round cancels.

    Args:
        values: by round.
        baseline: by round.

    Returns:
        The median of the ratios (on logarithms: swapping both sides gives the reciprocal).
        ``None`` where no round has both, or some value is not positive: no ratio has a meaning.
    """
    logs = sorted(log_ratios(values, baseline))
    if not logs:
        return None
    value = math.exp(_median(logs))
    if len(logs) < MIN_ROUNDS:
        return Estimate(value, None, None, len(logs))
    low, high = _interval(logs)
    return Estimate(value, math.exp(low), math.exp(high), len(logs))


def log_ratios(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """log(value / baseline) of each round that both have; none where some value is not positive."""
    if any(value <= 0 for value in (*values.values(), *baseline.values())):
        return []
    common = sorted(values.keys() & baseline.keys())
    return [math.log(values[number] / baseline[number]) for number in common]


def unpaired_ratio(b: Mapping[int, float], a: Mapping[int, float]) -> Estimate | None:
    """Ratio b / a of two runs' medians, whose rounds have nothing in common.

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
    top, bottom = (sorted(math.log(value) for value in side.values()) for side in (b, a))
    upper, lower = _median(top), _median(bottom)
    middle = upper - lower
    if rounds < MIN_ROUNDS:
        return Estimate(math.exp(middle), None, None, rounds)
    (top_low, top_high), (bottom_low, bottom_high) = _interval(top), _interval(bottom)
    low = middle - math.hypot(upper - top_low, bottom_high - lower)
    high = middle + math.hypot(top_high - upper, lower - bottom_low)
    return Estimate(math.exp(middle), math.exp(low), math.exp(high), rounds)


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


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2


def _interval(ordered: Sequence[float]) -> tuple[float, float]:
    """Ends of the median's interval, of at least :data:`MIN_ROUNDS` values in ascending order.

    - Where the rounds' range holds the median too seldom: bootstrap-t (Efron and Tibshirani 1993,
      chapter 12), parametric. The median minus and plus ``_pivot_quantile`` standard deviations.
    - Else: percentile bootstrap. A resampled median's percentiles are order statistics, so the
      binomial law tells what they cover; they are interpolated to cover 95% (Hettmansperger and
      Sheather 1986), and nothing need be resampled.
    """
    if ordered[0] == ordered[-1]:
        return ordered[0], ordered[0]
    rounds = len(ordered)
    ranks = _ranks(rounds)
    if ranks is None:
        middle, mean = _median(ordered), sum(ordered) / rounds
        scatter = math.sqrt(sum((value - mean) ** 2 for value in ordered) / (rounds - 1))
        reach = _pivot_quantile(rounds) * scatter
        return middle - reach, middle + reach
    rank, part = ranks
    low = ordered[rank - 1] + part * (ordered[rank] - ordered[rank - 1])
    high = ordered[-rank] - part * (ordered[-rank] - ordered[-rank - 1])
    return low, high


@cache
def _pivot_quantile(rounds: int) -> float:
    """What \\|median\\| / standard deviation of that many normal values exceeds in 5% of cases.

    Simulated once, always with the same draws. Neither mean nor scale of the values matters to
    it, so one simulation serves every cell.
    """
    values = np.random.default_rng([SEED, rounds]).standard_normal((DRAWS, rounds))
    pivots = np.abs(np.median(values, axis=1)) / values.std(axis=1, ddof=1)
    return float(np.quantile(pivots, CONFIDENCE))


@cache
def _ranks(rounds: int) -> tuple[int, float] | None:
    """Where among the ordered rounds the ends of a 95% interval lie.

    Returns:
        Rank (from 1) of the value at the lower end, and how far the end lies towards the next
        value, as a part of their distance; the upper end mirrors it. ``None`` where not even the
        range of all rounds covers 95%.
    """
    covers = [0.0, 1 - 2 / 2**rounds]
    while covers[-1] >= CONFIDENCE:
        missed = sum(math.comb(rounds, below) for below in range(len(covers)))
        covers.append(1 - 2 * missed / 2**rounds)
    rank = len(covers) - 2
    if not rank:
        return None
    share = (covers[rank] - CONFIDENCE) / (covers[rank] - covers[rank + 1])
    return rank, (rounds - rank) * share / (rank + (rounds - 2 * rank) * share)
