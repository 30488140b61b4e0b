"""Rounds that lie far from the others of their cell. They are kept, and told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from bench.measure.statistics import MIN_ROUNDS
from bench.report.parts import Row, Table
from bench.report.wording import listed, number, plural

#: So many sigmas, and so large a share of the median, from the median of its cell.
SIGMAS = 5.0
SHARE = 0.1
#: With fewer rounds than this two that happen to lie close make any third look far, so what is
#: far there must be far by the larger share.
FEW_ROUNDS = 6
SHARE_OF_FEW = 0.3
#: The median absolute deviation of a normal distribution, times this, is its sigma.
MAD_TO_SIGMA = 1.4826


def outliers(tables: Sequence[Table]) -> list[str]:
    """One sentence per variant that has any, of the metrics that rank."""
    found: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        for row in table.rows:
            found[row.variant] += _of_row(table, row)
    return [
        f"{variant}: {plural(len(told), 'outlier round')} kept: {listed(told)}"
        for variant, told in found.items()
        if told
    ]


def _of_row(table: Table, row: Row) -> list[str]:
    own = row.cell.rounds.get(table.headline, {})
    middle = float(np.median(list(own.values()))) if own else 0.0
    return [
        f"{table.caption} round {which}: {number(own[which])} against a median of {number(middle)}"
        for which in far(own)
    ]


def far(values: Mapping[int, float]) -> list[int]:
    """The rounds that deviate by more than :data:`SIGMAS` sigmas of the median absolute deviation
    and by more than :data:`SHARE` of the median, or :data:`SHARE_OF_FEW` of few rounds."""
    if len(values) < MIN_ROUNDS:
        return []
    data = np.array(list(values.values()))
    middle = float(np.median(data))
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(data - middle)))
    share = SHARE_OF_FEW if len(values) < FEW_ROUNDS else SHARE
    limit = max(SIGMAS * sigma, share * abs(middle))
    return [number for number, value in values.items() if abs(value - middle) > limit]
