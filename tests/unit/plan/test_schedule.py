from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import pytest

from bench.plan.schedule import offsets_ns


def test_constant_arrivals_come_at_equal_distances():
    assert offsets_ns(4, 100.0, "constant", "seed") == [0, 10_000_000, 20_000_000, 30_000_000]


def test_constant_arrivals_do_not_drift():
    offsets = offsets_ns(3_000_001, 3.0, "constant", "seed")
    assert offsets[-1] == 10**15


def test_poisson_arrivals_have_the_mean_and_the_scatter_of_exponential_gaps():
    offsets = offsets_ns(20_000, 1000.0, "poisson", "1:1:0")
    gaps = [(b - a) / 1e6 for a, b in pairwise(offsets)]
    assert fmean(gaps) == pytest.approx(1.0, rel=0.03)
    # Of an exponential distribution the standard deviation is the mean.
    assert fmean(gap**2 for gap in gaps) - fmean(gaps) ** 2 == pytest.approx(1.0, rel=0.1)
    assert offsets == sorted(offsets)


def test_poisson_arrivals_are_those_of_the_seed():
    assert offsets_ns(50, 10.0, "poisson", "1:2:0") == offsets_ns(50, 10.0, "poisson", "1:2:0")
    assert offsets_ns(50, 10.0, "poisson", "1:2:0") != offsets_ns(50, 10.0, "poisson", "1:3:0")


@pytest.mark.parametrize("arrival", ["constant", "poisson"])
def test_the_first_task_is_sent_at_once(arrival):
    assert offsets_ns(1, 5.0, arrival, "seed") == [0]
