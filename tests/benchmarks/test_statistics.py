"""What an interval costs: one is made for every cell and metric, thousands in a report."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measure.contrasts import Contrasts
from bench.measure.statistics import estimate, unpaired_ratio


def by_resampling(values):
    """The plain percentile bootstrap, to compare with."""
    data = np.asarray(values)
    drawn = np.random.default_rng(0).integers(0, len(data), (10_000, len(data)))
    return np.percentile(np.median(data[drawn], axis=1), [2.5, 97.5])


def values(rounds):
    return np.random.default_rng(1).lognormal(size=rounds).tolist()


@pytest.mark.parametrize("method", [estimate, by_resampling], ids=lambda method: method.__name__)
@pytest.mark.parametrize("rounds", [3, 10])
def test_an_interval(benchmark, method, rounds):
    benchmark.group = f"an interval of {rounds} rounds"
    benchmark(method, values(rounds))


def test_an_unpaired_ratio(benchmark):
    side = dict(enumerate(values(6)))
    assert benchmark(unpaired_ratio, side, side)


def test_all_ratios_of_a_table(benchmark):
    rows = {f"variant {n}": dict(enumerate(values(6), n)) for n in range(12)}

    def ratios():
        contrasts = Contrasts(rows)
        return [contrasts.ratio(a, b) for a in rows for b in rows]

    assert len(benchmark(ratios)) == 144
