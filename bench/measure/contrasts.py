"""The variants of one table against each other: any pair, by one statistic."""

from __future__ import annotations

from collections.abc import Mapping

from bench.measure.statistics import Estimate, paired_ratio


class Contrasts:
    """One metric of the cells that share scenario, load, concurrency and parameters.

    Args:
        values: by the variant's name as the tables have it, twins included, by round.
    """

    def __init__(self, values: Mapping[str, Mapping[int, float]]) -> None:
        self._values = values

    def ratio(self, name: str, base: str) -> Estimate | None:
        """How many times ``base`` the variant ``name`` has, with its interval.

        Returns:
            ``None`` where no round has both, or a value is not positive. No interval of fewer
            rounds than :data:`bench.measure.statistics.MIN_ROUNDS`.
        """
        if name not in self._values or base not in self._values:
            return None
        return paired_ratio(self._values[name], self._values[base])

    def differ(self, name: str, base: str) -> bool:
        """Whether a difference is told: the ratio's interval leaves out 1."""
        found = self.ratio(name, base)
        return found is not None and found.low is not None and not spans_one(found)


def spans_one(ratio: Estimate) -> bool:
    """Whether the interval holds 1, or there is none."""
    if ratio.low is None or ratio.high is None:
        return True
    return ratio.low <= 1 <= ratio.high
