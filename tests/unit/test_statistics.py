from __future__ import annotations

import numpy as np
import pytest

from bench.measure import statistics
from bench.measure.statistics import Estimate, estimate, paired_ratio


@pytest.mark.parametrize(
    ("values", "median"),
    [([7.0], 7), ([1.0, 4.0], 2.5), ([9.0, 1.0, 5.0], 5), ([4.0, 1.0, 3.0, 2.0], 2.5)],
)
def test_the_value_is_the_median(values, median):
    assert estimate(values).value == median


@pytest.mark.parametrize("values", [[3.0], [3.0, 5.0]])
def test_under_three_rounds_there_is_no_interval(values):
    found = estimate(values)
    assert (found.low, found.high, found.rounds) == (None, None, len(values))


def test_three_equal_rounds_have_an_interval_of_no_width():
    assert estimate([2.0, 2.0, 2.0]) == Estimate(2.0, 2.0, 2.0, 3)


@pytest.mark.parametrize("count", [3, 5])
def test_of_few_rounds_the_interval_is_their_whole_range(count):
    """A resample's median is the least value with chance 7/27 of 3 rounds, 5.8 % of 5: both are
    more than the 2.5 % that are cut."""
    found = estimate([float(n) for n in range(count)])
    assert (found.low, found.high) == (0, count - 1)


def test_of_seven_rounds_the_interval_leaves_out_the_least_and_the_greatest():
    """For the least, 4 of 7 draws must hit it: 1.0 %. One of the two least is it with 10.8 %."""
    found = estimate([float(n) for n in range(7)])
    assert (found.low, found.high) == (1, 5)


def test_the_same_values_give_the_same_interval():
    values = list(np.random.default_rng(5).normal(size=11))
    assert estimate(values) == estimate(values)


def test_the_median_lies_in_its_interval_and_the_interval_within_the_values():
    rng = np.random.default_rng(1)
    for count in range(3, 25):
        values = rng.lognormal(size=count)
        found = estimate(values.tolist())
        assert found.low <= found.value <= found.high
        assert values.min() <= found.low
        assert found.high <= values.max()


@pytest.mark.parametrize(("rounds", "theory"), [(3, 0.75), (5, 0.9375), (7, 0.875)])
def test_the_interval_covers_the_true_median_as_often_as_order_statistics_can(
    monkeypatch, rounds, theory
):
    """The range of n values misses the median if all lie on one side: 2 / 2**n. For 7 rounds
    the second and the sixth value: (1 + 7) * 2 / 2**7 miss it. So it is less than the nominal
    95 %; the bounds are three standard deviations of the simulation."""
    monkeypatch.setattr(statistics, "RESAMPLES", 2000)
    rng = np.random.default_rng(20260101)
    trials = 400
    covered = 0
    for _ in range(trials):
        found = estimate(rng.exponential(size=rounds).tolist())
        covered += found.low <= np.log(2) <= found.high
    allowed = 3 * (theory * (1 - theory) / trials) ** 0.5
    assert covered / trials == pytest.approx(theory, abs=allowed)


def test_more_rounds_make_the_interval_narrower():
    rng = np.random.default_rng(3)
    few, many = (estimate(rng.normal(10, 1, size=n).tolist()) for n in (5, 50))
    assert many.high - many.low < (few.high - few.low) / 2


def test_ratios_are_taken_round_by_round():
    """2, 3 and 10 times the baseline: the median of the ratios is 3, the ratio of medians 2."""
    found = paired_ratio({1: 2.0, 2: 30.0, 3: 10.0}, {1: 1.0, 2: 10.0, 3: 1.0})
    assert found.value == 3
    assert (found.low, found.high, found.rounds) == (2, 10, 3)


def test_rounds_that_only_one_of_both_has_do_not_count():
    found = paired_ratio({1: 4.0, 2: 9.0, 5: 1.0}, {1: 2.0, 3: 1.0, 5: 2.0})
    assert found == Estimate(1.25, None, None, 2)  # of 2 and 0.5


def test_a_round_with_a_baseline_of_zero_has_no_ratio():
    assert paired_ratio({1: 4.0, 2: 6.0}, {1: 0.0, 2: 2.0}) == Estimate(3.0, None, None, 1)


@pytest.mark.parametrize(
    ("values", "baseline"), [({}, {}), ({1: 1.0}, {2: 1.0}), ({1: 1.0}, {1: 0.0})]
)
def test_without_a_common_round_there_is_no_ratio(values, baseline):
    assert paired_ratio(values, baseline) is None


def test_the_baseline_against_itself_is_one():
    rounds = {n: 3.0 + n for n in range(5)}
    assert paired_ratio(rounds, rounds) == Estimate(1.0, 1.0, 1.0, 5)
