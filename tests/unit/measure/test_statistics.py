from __future__ import annotations

import math

import numpy as np
import pytest

from bench.measure.spread import Spread
from bench.measure.statistics import Estimate, estimate, log_ratios, paired_ratio, unpaired_ratio


def by_round(*values):
    return dict(enumerate(values, 1))


# --- one side --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "mean"),
    [([7.0], 7), ([1.0, 4.0], 2), ([2.0, 4.0, 8.0], 4), ([0.0, 1.0, 5.0], 2), ([-3.0, 1.0], -1)],
)
def test_the_value_is_the_mean_of_logarithms_where_there_are_such(values, mean):
    assert estimate(values).value == pytest.approx(mean)


@pytest.mark.parametrize("values", [[3.0], [3.0, 5.0]])
def test_under_three_rounds_there_is_no_interval(values):
    found = estimate(values)
    assert (found.low, found.high, found.rounds) == (None, None, len(values))


@pytest.mark.parametrize("value", [2.0, 0.1, 0.0, -1.5])
@pytest.mark.parametrize("rounds", [3, 7])
def test_equal_rounds_have_an_interval_of_no_width(value, rounds):
    assert estimate([value] * rounds) == Estimate(value, value, value, rounds)


@pytest.mark.parametrize("rounds", [3, 4])
def test_of_few_rounds_the_interval_reaches_beyond_their_range(rounds):
    """The range of 5 holds the median in 1 - 2 / 2**5 = 94% of cases, of 3 in 75%."""
    values = [100.0 + n for n in range(rounds)]
    found = estimate(values)
    assert found.low < values[0] < values[-1] < found.high


@pytest.mark.parametrize(("rounds", "factor"), [(3, 4.3027), (6, 2.5706), (12, 2.2010)])
def test_its_ends_are_students_t(rounds, factor):
    logs = np.arange(rounds, dtype=float)
    found = estimate(np.exp(logs).tolist())
    reach = factor * logs.std(ddof=1) / math.sqrt(rounds)
    assert math.log(found.low) == pytest.approx(logs.mean() - reach, abs=1e-3)
    assert math.log(found.high) == pytest.approx(logs.mean() + reach, abs=1e-3)


def test_what_else_is_known_of_the_scatter_takes_the_place_of_its_own():
    found = estimate([1.0, 1.0, 1.0], Spread(0.01, 4))
    assert math.log(found.high) == pytest.approx(2.7764 * 0.1 / math.sqrt(3), abs=1e-4)


def test_the_same_values_give_the_same_interval():
    for rounds in (3, 11):
        values = np.random.default_rng(5).normal(size=rounds).tolist()
        assert estimate(values) == estimate(values[::-1])


def test_the_mean_lies_in_its_interval():
    rng = np.random.default_rng(1)
    for count in range(3, 25):
        for values in (rng.lognormal(size=count), rng.choice([1.0, 1.1, 900.0], size=count)):
            found = estimate(values.tolist())
            assert found.low <= found.value <= found.high


def test_more_rounds_make_the_interval_narrower():
    rng = np.random.default_rng(3)
    few, many = (estimate(rng.normal(10, 1, size=n).tolist()) for n in (5, 50))
    assert many.high - many.low < (few.high - few.low) / 2


def test_another_unit_changes_nothing_but_the_unit():
    values = [3.0, 5.0, 4.0, 9.0]
    one, thousand = estimate(values), estimate([1000 * value for value in values])
    assert (thousand.low, thousand.high) == pytest.approx((1000 * one.low, 1000 * one.high))


def test_an_outlier_is_kept_and_widens_the_interval():
    for rounds in (3, 4, 6, 7):
        calm = [100.0 + n for n in range(rounds)]
        calm_one, wild = estimate(calm), estimate([*calm[:-1], 1000.0])
        assert wild.high > 1.5 * calm_one.high


def test_what_was_never_negative_gets_no_negative_end():
    assert estimate([0.0, 0.0, 2.5]).low == 0
    assert estimate([-1.0, 2.0, 3.0]).low < -1
    assert estimate([0.1, 2.0, 300.0]).low > 0


# --- how often the interval holds the truth ---------------------------------------------------


@pytest.mark.parametrize("rounds", [3, 6, 12])
def test_the_interval_holds_the_true_value_in_95_of_100_cases(rounds):
    """Normal noise; other kinds are held against whole tables, in test_contrasts.py."""
    rng = np.random.default_rng([20260101, rounds])
    found = [estimate(values) for values in np.exp(0.1 * rng.normal(size=(1500, rounds))).tolist()]
    assert sum(one.low <= 1 <= one.high for one in found) / 1500 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("top", "bottom", "scatter"),
    [
        (3, 3, (0.05, 0.05)),
        (3, 3, (0.05, 0.2)),
        (3, 10, (0.2, 0.05)),
        (6, 6, (0.05, 0.05)),
        (10, 10, (0.02, 0.2)),
    ],
)
def test_the_interval_of_two_runs_covers_their_true_ratio(top, bottom, scatter):
    """Equal variants: 95% and more (97 to 99% where both scatter alike)."""
    rng = np.random.default_rng([20260101, top, bottom])
    covered = 0
    for _ in range(1500):
        sides = (
            by_round(*np.exp(sigma * rng.normal(size=n)))
            for n, sigma in zip((top, bottom), scatter, strict=True)
        )
        found = unpaired_ratio(*sides)
        covered += found.low <= 1 <= found.high
    assert covered / 1500 >= 0.94


# --- ratios ----------------------------------------------------------------------------------


def test_ratios_are_taken_round_by_round():
    """2, 2 and 16 times the baseline: their mean is 4, and it is not that of plain means."""
    found = paired_ratio({1: 2.0, 2: 20.0, 3: 16.0}, {1: 1.0, 2: 10.0, 3: 1.0})
    assert found.value == pytest.approx(4)
    assert found.low < 2
    assert found.high > 16


def test_what_both_met_in_a_round_cancels():
    found = paired_ratio(by_round(20.0, 2000.0, 200.0), by_round(10.0, 1000.0, 100.0))
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_swapping_both_sides_gives_the_reciprocal():
    one, other = by_round(2.0, 3.0, 5.0, 4.0), by_round(1.0, 7.0, 2.0, 2.0)
    for ratio in (paired_ratio, unpaired_ratio):
        there, back = ratio(one, other), ratio(other, one)
        assert back.value == pytest.approx(1 / there.value)
        assert (back.low, back.high) == pytest.approx((1 / there.high, 1 / there.low))


def test_rounds_that_only_one_of_both_has_do_not_count():
    found = paired_ratio({1: 4.0, 2: 9.0, 5: 1.0}, {1: 2.0, 3: 1.0, 5: 2.0})
    assert (found.low, found.high, found.rounds) == (None, None, 2)
    assert found.value == pytest.approx(1.0)  # twice and half


@pytest.mark.parametrize(
    ("values", "baseline"),
    [
        ({}, {}),
        ({1: 1.0}, {2: 1.0}),
        ({1: 1.0, 2: 1.0}, {1: 0.0, 2: 1.0}),
        ({1: -1.0, 2: 1.0}, {1: 1.0, 2: 1.0}),
    ],
)
def test_where_a_ratio_has_no_meaning_there_is_none(values, baseline):
    assert paired_ratio(values, baseline) is None
    assert log_ratios(values, baseline) == []


def test_the_baseline_against_itself_is_one():
    rounds = {n: 3.0 + n for n in range(5)}
    assert paired_ratio(rounds, rounds) == Estimate(1.0, 1.0, 1.0, 5)


def test_an_unpaired_ratio_divides_the_means():
    a, b = by_round(10.0, 11.0, 12.0), by_round(30.0, 33.0, 36.0)  # the same logs, shifted
    found = unpaired_ratio(b, a)
    assert found.value == pytest.approx(3.0)
    assert found.low < 3.0 < found.high
    assert found == unpaired_ratio(b, a)


def test_the_order_of_rounds_does_not_matter_to_an_unpaired_ratio():
    a, b = by_round(1.0, 2.0, 3.0), by_round(2.0, 4.0, 6.0)
    assert unpaired_ratio(by_round(6.0, 2.0, 4.0), a) == unpaired_ratio(b, a)
    assert unpaired_ratio(b, a).low < 1.5


def test_a_side_without_scatter_adds_none():
    """Only the other side's interval is left."""
    values = by_round(3.0, 4.0, 6.0)
    found, alone = unpaired_ratio(values, by_round(2.0, 2.0, 2.0)), estimate([3.0, 4.0, 6.0])
    assert (found.low, found.high) == pytest.approx((alone.low / 2, alone.high / 2))


def test_an_unpaired_ratio_of_few_rounds_has_no_interval():
    assert unpaired_ratio({1: 2.0}, by_round(1.0, 1.0, 1.0)) == Estimate(2.0, None, None, 1)


@pytest.mark.parametrize(
    ("b", "a"), [({}, {1: 1.0}), ({1: 1.0}, {}), ({1: 0.0}, {1: 1.0}), ({1: 1.0}, {1: -1.0})]
)
def test_where_an_unpaired_ratio_has_no_meaning_there_is_none(b, a):
    assert unpaired_ratio(b, a) is None
