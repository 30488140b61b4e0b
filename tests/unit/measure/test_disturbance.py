from __future__ import annotations

import pytest

from bench.measure.disturbance import DISTURBED, disturbance, disturbed


def mark(t_s, *, busy, worker, redis=0.0, harness=0.0, stolen=0.0, cores=2):
    return {
        "t_ns": int(t_s * 1e9),
        "cpu_s": {"worker": worker, "redis": redis},
        "machine": {"busy_s": busy, "stolen_s": stolen, "harness_s": harness, "cores": cores},
    }


START = mark(10, busy=100.0, worker=1.0, redis=5.0, harness=2.0, stolen=7.0)


def test_what_the_trial_did_itself_is_no_disturbance():
    end = mark(14, busy=106.0, worker=5.0, redis=6.5, harness=2.5, stolen=7.0)
    assert disturbance([START, end]) == 0


def test_what_others_did_and_what_was_stolen_is_a_share_of_all_cores():
    end = mark(14, busy=107.0, worker=5.0, redis=6.0, harness=2.0, stolen=7.2)
    assert disturbance([START, end]) == pytest.approx((2.0 + 0.2) / 8)
    assert disturbed([START, end])


def test_marks_between_do_not_matter():
    end = mark(14, busy=101.0, worker=1.0, redis=5.0, harness=2.0, stolen=7.0)
    between = mark(12, busy=900.0, worker=1.0, cores=9)
    assert disturbance([START, between, end]) == disturbance([START, end]) == pytest.approx(1 / 8)


def test_counters_that_tick_coarsely_make_no_negative_share():
    end = mark(10.5, busy=100.0, worker=1.4, redis=5.1, harness=2.0, stolen=7.0)
    assert disturbance([START, end]) == 0


def test_at_the_bound_a_trial_is_not_yet_disturbed():
    end = mark(20, busy=100 + 20 * DISTURBED, worker=1.0, redis=5.0, harness=2.0, stolen=7.0)
    assert not disturbed([START, end])


def test_what_the_marks_cannot_tell_is_not_guessed():
    end = mark(14, busy=107.0, worker=5.0)
    without_machine = {key: value for key, value in end.items() if key != "machine"}
    fewer_roles = end | {"cpu_s": {"redis": 6.0}}
    for marks in ([], [START], [START, without_machine], [START, fewer_roles], [START, START]):
        assert disturbance(marks) is None
        assert not disturbed(marks)
