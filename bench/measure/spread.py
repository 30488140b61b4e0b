"""How much a row of a table scatters from round to round, told by the whole table.

Of three rounds a variant's own scatter is known badly, and intervals made of it alone are so wide
that they say little. The rows of a table scatter alike enough to lend each other what they know:
each row's variance is averaged with the table's, as if that were two rounds more (empirical Bayes,
the idea of Smyth 2004, with a fixed weight in place of an estimated one).

What all rows meet in a round, because the machine is slow, is no scatter of theirs: a row's own
part is what is left of its differences to all other rows (Grubbs 1948).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95
#: What the table's mean variance counts, in degrees of freedom: a row of n rounds has n - 1.
PRIOR_DF = 2.0
#: One row that scatters beyond all measure must not be told of the others: in the table's mean
#: no variance counts more than so many times the median.
CLIP = 9.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Variance of one round of a row, and how well it is known.

    Attributes:
        variance: of logarithms, or of plain values.
        df: degrees of freedom.
    """

    variance: float
    df: float


def shrunk(variances: Floats, df: float) -> list[Spread]:
    """Each variance drawn towards the mean of all.

    Args:
        variances: one per row, not negative.
        df: of each.
    """
    if len(variances) < 2:
        return [Spread(float(own), df) for own in variances]
    prior = float(np.minimum(variances, CLIP * np.median(variances)).mean())
    return [
        Spread(float(PRIOR_DF * prior + df * own) / (PRIOR_DF + df), PRIOR_DF + df)
        for own in variances
    ]


def own_variances(table: Floats) -> Floats:
    """What each row scatters by itself: not what all rows have in common.

    Grubbs' estimator: with more than two rows, the variances of all differences tell each row's
    part. It can come out negative, by chance; then it is 0.

    Args:
        table: a row per variant, a column per round, at least 3 rows and 2 columns.
    """
    rows = len(table)
    differences = (table[:, None, :] - table[None, :, :]).var(axis=2, ddof=1)
    total = differences.sum() / 2 / (rows - 1)
    parts: Floats = np.maximum((differences.sum(axis=1) - total) / (rows - 2), 0.0)
    return parts


def sum_of(one: Spread, other: Spread) -> Spread:
    """Of a difference of two rows (Satterthwaite 1946)."""
    variance = one.variance + other.variance
    if not variance:
        return Spread(0.0, min(one.df, other.df))
    parts = one.variance**2 / one.df + other.variance**2 / other.df
    return Spread(variance, variance**2 / parts)


def reach(spread: Spread, rounds: int) -> float:
    """Half the width of the 95% interval of a mean over so many rounds (Student's t)."""
    return _quantile(spread.df) * math.sqrt(spread.variance / rounds)


@cache
def _quantile(df: float) -> float:
    # Here and not above: it takes longer to import than most commands take in all.

    return float(stdtrit(df, (1 + CONFIDENCE) / 2))
