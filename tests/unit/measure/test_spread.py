from __future__ import annotations

import math

import numpy as np
import pytest

from bench.measure.spread import (
    CLIP,
    PRIOR_DF,
    Spread,
    own_variances,
    reach,
    shrunk,
    sum_of,
)


def test_a_row_is_drawn_towards_the_mean_of_all():
    found = shrunk(np.array([1.0, 2.0, 3.0]), 2)
    assert [one.variance for one in found] == [1.5, 2.0, 2.5]
    assert {one.df for one in found} == {2 + PRIOR_DF}


def test_more_rounds_of_its_own_draw_it_less():
    few, many = (shrunk(np.array([1.0, 3.0]), df)[0].variance for df in (2, 20))
    assert 1 < many < few < 2


def test_a_row_beyond_all_measure_counts_for_no_more_than_the_clip():
    quiet, wild = np.full(9, 1.0), np.array([1e6])
    (first, *_) = shrunk(np.concatenate([quiet, wild]), 2)
    assert first.variance == pytest.approx((PRIOR_DF * (9 + CLIP) / 10 + 2) / (PRIOR_DF + 2))


def test_a_row_alone_knows_only_of_itself():
    assert shrunk(np.array([4.0]), 2) == [Spread(4.0, 2)]


def test_rows_without_scatter_stay_so():
    assert [one.variance for one in shrunk(np.zeros(3), 2)] == [0.0, 0.0, 0.0]


def test_what_all_rows_have_in_common_is_no_scatter_of_theirs():
    rng = np.random.default_rng(1)
    own = rng.normal(size=(6, 5000)) * np.array([[0.0], [0.1], [0.1], [0.2], [0.3], [1.0]])
    found = own_variances(own + 5 * rng.normal(size=(1, 5000)))
    assert np.sqrt(found) == pytest.approx([0, 0.1, 0.1, 0.2, 0.3, 1.0], abs=0.05)


def test_three_rows_are_enough_to_tell_their_parts():
    rng = np.random.default_rng(2)
    own = rng.normal(size=(3, 5000)) * np.array([[0.1], [0.2], [0.4]])
    assert np.sqrt(own_variances(own)) == pytest.approx([0.1, 0.2, 0.4], rel=0.05)


def test_no_variance_is_negative():
    rng = np.random.default_rng(3)
    for _ in range(200):
        assert own_variances(rng.normal(size=(3, 3))).min() >= 0


def test_the_scatter_of_a_difference_is_that_of_both():
    assert sum_of(Spread(1.0, 4), Spread(1.0, 4)) == Spread(2.0, 8.0)
    assert sum_of(Spread(1.0, 4), Spread(0.0, 4)) == Spread(1.0, 4.0)
    assert sum_of(Spread(0.0, 4), Spread(0.0, 3)) == Spread(0.0, 3)


def test_the_reach_is_that_of_students_t():
    assert reach(Spread(1.0, 2), 1) == pytest.approx(4.3027, abs=1e-4)
    assert reach(Spread(4.0, 9), 4) == pytest.approx(2.2622, abs=1e-4)
    assert math.isclose(reach(Spread(1.0, 1e6), 4), 1.95996 / 2, rel_tol=1e-4)
