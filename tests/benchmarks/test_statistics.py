"""What an interval costs: one is made for every cell and metric, thousands in a report."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measure.noise import noise_floor
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


def test_a_noise_floor(benchmark):
    assert benchmark(noise_floor, [values(6)] * 4, 6)
