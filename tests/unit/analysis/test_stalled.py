"""What is traced around the longest stall of a trial."""

from __future__ import annotations

import pytest
from synthetic import Story, item

from bench.analysis.stalled import AROUND, of_trace

TRIAL = {"load": "burst", "concurrency": 2}


def two_slots(*begin_ms, waiting=0):
    """Batches of two tasks of 10 ms, sent at 0, and tasks that are sent and never start."""
    story, number = Story(), 0
    for begin in begin_ms:
        for slot in range(2):
            story.sent(number, 0, took_ms=0)
            story.ran(number, begin + slot, begin + slot + 10)
            number += 1
    for more in range(number, number + waiting):
        story.sent(more, 1000, took_ms=0)
    return story.trace([item(n) for n in range(number + waiting)])


def test_the_longest_stall_is_where_it_was_with_what_ran_before_and_after():
    found = of_trace(two_slots(0, 900, 920, 3000, 3020, 3040, waiting=5), TRIAL)
    assert found.lasted_ms == pytest.approx(3000 - 930)
    assert (found.slots, found.free) == (2, 2)
    assert found.waiting == 6 + 5
    began = 930
    assert [(bar.slot, bar.start_ms + began) for bar in found.bars] == [
        *((0, pytest.approx(900)), (1, pytest.approx(901))),
        *((0, pytest.approx(920)), (1, pytest.approx(921))),
        *((0, pytest.approx(3000)), (1, pytest.approx(3001))),
        *((0, pytest.approx(3020)), (1, pytest.approx(3021))),
        *((0, pytest.approx(3040)), (1, pytest.approx(3041))),
    ]
    assert [bar.task for bar in found.bars] == list(range(2, 12))
    assert all(bar.end_ms - bar.start_ms == pytest.approx(10) for bar in found.bars)
    assert found.from_ms < -30
    assert found.to_ms > found.lasted_ms + 50
    assert found.sent_ms == pytest.approx([1000 - began] * 5)


def test_what_is_far_away_is_left_out():
    found = of_trace(two_slots(0, 20, 1040, 1060, 3040), TRIAL)
    assert found.lasted_ms == pytest.approx(3040 - 1070)
    assert len(found.bars) == 6
    many = of_trace(two_slots(*range(0, 400, 12), *range(3000, 3400, 12)), TRIAL)
    assert len(many.bars) <= 2 * (2 * AROUND + 2)


def test_a_task_that_goes_on_through_a_stall_takes_its_slot():
    story = Story().sent(0, 0).sent(1, 0).sent(2, 0).sent(3, 0)
    story.ran(0, 1, 5000).ran(1, 2, 10).ran(2, 3000, 3010).ran(3, 3010, 3020)
    found = of_trace(story.trace([item(n) for n in range(4)]), TRIAL)
    assert (found.free, found.waiting) == (1, 2)
    assert {bar.slot for bar in found.bars if bar.task in (1, 2, 3)} == {1}


def test_of_several_windows_that_with_the_longest_counts():
    trace = two_slots(0, 700, 60_000, 61_000)
    filled = [{"first": 0, "count": 4}, {"first": 4, "count": 4}]
    found = of_trace(trace, {**TRIAL, "load": "drain", "filled": filled})
    assert found.lasted_ms == pytest.approx(990)
    assert {bar.task for bar in found.bars} == {4, 5, 6, 7}


def test_a_trial_that_was_stopped_stalls_to_its_stop():
    trace = two_slots(0, 20, waiting=3)
    stopped = {"load": "backlog", "marks": [{"at": "done", "t_ns": int(trace.t_ns[0]) + 4 * 10**9}]}
    found = of_trace(trace, TRIAL | stopped)
    assert found.lasted_ms == pytest.approx(4000 - 30)
    assert found.to_ms > found.lasted_ms


def test_without_a_stall_there_is_no_trace():
    assert of_trace(two_slots(0, 20, 440), TRIAL) is None
    assert of_trace(two_slots(0), {**TRIAL, "concurrency": 1}) is None
