"""A rate is read right whether completions come one by one, in groups or in bursts."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measure.rates import rate_within, steady_rate


def ns(seconds):
    return np.sort(np.round(np.asarray(seconds) * 1e9)).astype("int64")


def staircase(count, per_burst, every_s, within_s=0.0005, first=0):
    """Bursts of so many tasks, one after the other at ``within_s``; the first may be smaller."""
    n = np.arange(count) + (per_burst - first if first else 0)
    return ns(n // per_burst * every_s + n % per_burst * within_s)


@pytest.mark.parametrize("count", [300, 333, 400, 480, 500, 555, 700, 1000])
@pytest.mark.parametrize("first", [0, 4, 50, 99])
def test_a_staircase_of_any_length_has_its_rate(count, first):
    """arq looks every half second and takes a hundred: 200 per s, however many there are."""
    assert steady_rate(staircase(count, 100, 0.5, first=first), 4) == pytest.approx(200, rel=0.002)


@pytest.mark.parametrize(("per_burst", "every_s"), [(2, 0.1), (4, 0.1), (10, 1.0), (37, 0.25)])
def test_steps_of_any_height_are_counted_whole(per_burst, every_s):
    times = staircase(10 * per_burst + 1, per_burst, every_s, within_s=0.0001)
    assert steady_rate(times) == pytest.approx(per_burst / every_s, rel=0.002)


@pytest.mark.parametrize("seed", range(10))
def test_bursts_that_come_a_little_early_or_late_are_bursts(seed):
    rng = np.random.default_rng(seed)
    begins = np.arange(6) * 0.5 + rng.normal(0, 0.01, 6)
    within = np.cumsum(rng.exponential(0.0004, (6, 100)), axis=1)
    times = ns((begins[:, None] + within).ravel()[:480])
    assert steady_rate(times, 4) == pytest.approx(200, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_random_gaps_are_no_bursts(seed):
    """Their rate stays the least-squares slope."""
    times = ns(np.cumsum(np.random.default_rng(seed).exponential(0.001, 500)))
    window = times[50:-50] / 1e9
    slope = np.polyfit(window - window[0], np.arange(len(window)), 1)[0]
    assert steady_rate(times) == pytest.approx(slope)


def test_even_gaps_have_their_rate():
    assert steady_rate(ns(np.arange(100) * 0.01)) == pytest.approx(100)


def test_one_stall_is_no_staircase():
    """It is part of the slope, as it always was: there are no whole bursts to count."""
    n = np.arange(400)
    times = ns(n * 0.001 + np.where(n >= 200, 1.0, 0.0))
    rate = steady_rate(times)
    assert rate is not None
    assert 100 < rate < 400


def test_a_slow_start_and_a_slow_tail_are_cut():
    steady = 2 + np.arange(160) * 0.01
    times = ns(np.concatenate([np.linspace(0, 1.9, 19), steady, 3.7 + np.arange(18)]))
    assert steady_rate(times) == pytest.approx(100, rel=0.02)


def test_a_rate_within_a_time_counts_what_lies_in_it():
    times = ns([1, 2, 3, 4])
    assert rate_within(times, 0) == pytest.approx(1)
    assert rate_within(times, 0, int(8e9)) == pytest.approx(0.5)
    assert rate_within(times, 0, int(2.5e9)) == pytest.approx(0.8)


def test_where_nothing_was_done_there_is_no_rate():
    assert rate_within(ns([]), 0, int(1e9)) is None
    assert rate_within(ns([5]), 0, int(1e9)) is None
    assert rate_within(ns([5]), int(5e9)) is None
