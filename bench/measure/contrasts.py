"""The variants of one table against each other: any pair, by one statistic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.measure.spread import Spread, own_variances, shrunk, sum_of
from bench.measure.statistics import (
    MIN_ROUNDS,
    Estimate,
    estimate,
    log_ratios,
    mean_and_reach,
    on_log_scale,
)

#: Fewer rows know too little of each other: of three, noise of two states is covered in 77%.
MIN_ROWS = 5

Rounds = Mapping[int, float]


@dataclass(frozen=True)
class _Side:
    rounds: Rounds
    spread: Spread | None


class Contrasts:
    """One metric of the cells that share scenario, load, concurrency and parameters.

    What the rows tell of each other's scatter (:mod:`bench.measure.spread`) is used as long as it
    knows more than a row's own rounds do: some rows may have had many rounds added.

    Args:
        values: by the variant's name as the tables have it, twins included, by round.
        twins: by a twin's name that of the variant which it is once more. In ratios to others both
            count: they are one variant, measured twice a round.
    """

    def __init__(
        self, values: Mapping[str, Rounds], twins: Mapping[str, str] | None = None
    ) -> None:
        self._values = values
        self._twin_of = {base: twin for twin, base in (twins or {}).items() if twin in values}
        self._own, self._whole = _spreads(values)

    def estimate(self, name: str) -> Estimate:
        """What ``name`` has, with its interval."""
        rounds = list(self._values[name].values())
        whole = self._whole.get(name)
        return estimate(rounds, whole and _if_it_knows_more(whole, len(rounds)))

    def ratio(self, name: str, base: str) -> Estimate | None:
        """How many times ``base`` the variant ``name`` has, with its interval.

        Returns:
            ``None`` where no round has both, or a value is not positive. No interval of fewer
            rounds than :data:`bench.measure.statistics.MIN_ROUNDS`.
        """
        if name not in self._values or base not in self._values:
            return None
        one, other = self._side(name, base), self._side(base, name)
        logs = log_ratios(one.rounds, other.rounds)
        if not logs:
            return None
        known = None
        if name != base and one.spread and other.spread:
            known = _if_it_knows_more(sum_of(one.spread, other.spread), len(logs))
        return on_log_scale(*mean_and_reach(logs, known), len(logs))

    def _side(self, name: str, against: str) -> _Side:
        """What a variant brings into a ratio: where it has a twin, the mean of both."""
        rounds, spread = self._values[name], self._own.get(name)
        twin = self._twin_of.get(name)
        if twin is None or against == twin or self._values[twin].keys() != rounds.keys():
            return _Side(rounds, spread)
        both = (self._values[twin], self._own.get(twin))
        if min(*rounds.values(), *both[0].values()) <= 0:
            return _Side(rounds, spread)
        mean = {number: math.sqrt(value * both[0][number]) for number, value in rounds.items()}
        if spread is None or both[1] is None:
            return _Side(mean, None)
        joint = sum_of(spread, both[1])
        return _Side(mean, Spread(joint.variance / 4, joint.df))

    def differ(self, name: str, base: str) -> bool:
        """Whether a difference is told: the ratio's interval leaves out 1."""
        found = self.ratio(name, base)
        return found is not None and found.low is not None and not spans_one(found)


def spans_one(ratio: Estimate) -> bool:
    """Whether the interval holds 1, or there is none."""
    if ratio.low is None or ratio.high is None:
        return True
    return ratio.low <= 1 <= ratio.high


def _if_it_knows_more(spread: Spread, rounds: int) -> Spread | None:
    return spread if spread.df >= rounds - 1 else None


def _spreads(values: Mapping[str, Rounds]) -> tuple[dict[str, Spread], dict[str, Spread]]:
    """By name: the row's own scatter on logarithms, and that with what all rows have in common.

    Told by the rounds that all rows have which have enough of them. Nothing of rows with too few,
    or with a value that has no logarithm.
    """
    rows = {
        name: rounds
        for name, rounds in values.items()
        if len(rounds) >= MIN_ROUNDS and min(rounds.values()) > 0
    }
    common = sorted(set.intersection(*(set(rounds) for rounds in rows.values()))) if rows else []
    if len(rows) < MIN_ROWS or len(common) < MIN_ROUNDS:
        return {}, {}
    table = np.array([[math.log(rounds[number]) for number in common] for rounds in rows.values()])
    own = shrunk(own_variances(table), len(common) - 1)
    whole = shrunk(table.var(axis=1, ddof=1), len(common) - 1)
    return dict(zip(rows, own, strict=True)), dict(zip(rows, whole, strict=True))
