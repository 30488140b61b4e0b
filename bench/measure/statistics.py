"""Rounds -> one value with an interval. The round is the replicate: tasks of a trial correlate."""

from __future__ import annotations

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


def noise_floor(pairs: Sequence[Sequence[float]], rounds: int) -> float | None:
    """The factor that differences must exceed to be more than the machine's own noise.

    Args:
        pairs: per cell of the same scenario and load the logarithms of the ratios
            twin / baseline, one per round.
        rounds: of the values that are to be compared.

    Returns:
        A factor such as 1.06, or ``None`` where nothing was paired in as many rounds as an
        interval needs.
    """
    medians = [abs(float(np.median(logs))) for logs in pairs if len(logs)]
    return float(np.exp(max(medians))) if medians and rounds >= MIN_ROUNDS else None


def differs(ratio: Estimate, floor: float | None) -> bool:
    """Whether a ratio is told as a difference: its interval excludes 1 and it is beyond the noise.

    Args:
        floor: what :func:`noise_floor` gives; ``None`` where the noise is not known.
    """
    if ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return False
    return max(ratio.value, 1 / ratio.value) > (floor or 1.0)
