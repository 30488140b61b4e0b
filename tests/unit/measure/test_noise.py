from __future__ import annotations

import math

import numpy as np
import pytest

from bench.measure.noise import differs, noise_floor
from bench.measure.statistics import Estimate, precise_enough


def ratio(low, value, high):
    return Estimate(value, low, high, 5)


def test_without_pairs_there_is_no_floor():
    assert noise_floor([], 3) is None
    assert noise_floor([[], []], 3) is None


def test_of_twins_that_never_differ_it_is_one():
    assert noise_floor([[0.0, 0.0], [0.0]], 3) == 1


def test_of_many_pairs_it_is_what_a_median_of_normal_values_exceeds():
    """One round: 1.96 standard deviations. Three: a median's own are 0.670 of a value's."""
    pairs = [[0.1, -0.1] * 2000]
    assert math.log(noise_floor(pairs, 1)) == pytest.approx(0.196, rel=0.02)
    assert math.log(noise_floor(pairs, 3)) == pytest.approx(0.1 * 1.96 * 0.670, rel=0.02)


def test_of_one_pair_it_is_student_t_of_one_degree_of_freedom():
    assert math.log(noise_floor([[0.1]], 1)) == pytest.approx(1.271, rel=0.05)


def test_pairs_of_all_cells_count_alike_whatever_their_sign():
    assert noise_floor([[0.1, -0.2], [0.3]], 3) == noise_floor([[-0.3, 0.2, -0.1]], 3)


def test_fewer_pairs_and_fewer_rounds_raise_it():
    few, many = [[0.1] * 3], [[0.1] * 20]
    assert noise_floor(few, 3) > noise_floor(many, 3) > noise_floor(many, 10) > 1


def test_twins_scattering_off_zero_raise_it():
    """A constant difference between twins is noise too: their true ratio is known to be 1."""
    assert noise_floor([[0.2, 0.2, 0.2]], 3) > 1.2


@pytest.mark.parametrize("rounds", [3, 6])
@pytest.mark.parametrize("cells", [1, 4])
def test_one_in_twenty_of_equal_variants_exceeds_it(rounds, cells):
    rng = np.random.default_rng([20260101, rounds, cells])
    beyond = 0
    for _ in range(2000):
        logs = 0.1 * rng.normal(size=(cells + 1, rounds))
        floor = noise_floor(logs[1:].tolist(), rounds)
        beyond += abs(np.median(logs[0])) > math.log(floor)
    assert beyond / 2000 == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    ("found", "floor", "told"),
    [
        (ratio(1.1, 1.2, 1.3), 1.05, True),
        (ratio(0.7, 0.8, 0.9), 1.05, True),
        (ratio(0.9, 1.2, 1.5), 1.05, False),
        (ratio(1.0, 1.2, 1.5), None, False),
        (ratio(1.1, 1.2, 1.3), 1.25, False),
        (ratio(0.7, 0.8, 0.9), 1.30, False),
        (ratio(0.7, 0.8, 0.9), 1.24, True),
        (ratio(1.1, 1.2, 1.3), None, True),
        (ratio(None, 2.0, None), None, False),
        (ratio(None, 2.0, None), 1.01, False),
    ],
)
def test_a_difference_excludes_one_and_lies_beyond_the_floor(found, floor, told):
    assert differs(found, floor) is told


@pytest.mark.parametrize(
    ("found", "within", "enough"),
    [
        (ratio(1.0, 1.05, 1.1025), 0.051, True),
        (ratio(1.0, 1.05, 1.1025), 0.049, False),
        (ratio(10.0, 10.5, 11.025), 0.051, True),
        (ratio(2.0, 2.0, 2.0), 0.01, True),
        (ratio(0.0, 1.0, 1.01), 0.05, False),
        (ratio(None, 1.0, None), 0.5, False),
    ],
)
def test_precise_enough_is_half_the_intervals_width(found, within, enough):
    assert precise_enough(found, within) is enough
