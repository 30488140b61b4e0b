"""Consumer stalls of made-up traces: when they begin and end, which count, and whose time it is."""

from __future__ import annotations

import pytest
from synthetic import ORIGIN_NS, Story, item

from bench.measure.attempts import attempts
from bench.measure.metrics import trial_metrics, unit
from bench.measure.stalls import pauses


def metrics(story, count, *, load="burst", concurrency=2, windows=(), until_ms=None):
    trace = story.trace([item(n) for n in range(count)])
    until_ns = None if until_ms is None else ORIGIN_NS + round(until_ms * 1e6)
    found = trial_metrics(
        trace, attempts(trace), {}, concurrency, load, windows=windows, until_ns=until_ns
    )
    return {name: value.value for name, value in found.items()}


def stalls(*args, **how):
    """How many, and their share of the time."""
    found = metrics(*args, **how)
    return found["consumer_stalls"], pytest.approx(found["stalled_share"])


def batches(*begin_ms, size=2, each_ms=10):
    """Tasks sent at 0, started in full batches at these times, each for so long."""
    story = Story()
    for batch, begin in enumerate(begin_ms):
        for slot in range(size):
            number = batch * size + slot
            story.sent(number, 0, took_ms=0).ran(number, begin, begin + each_ms)
    return story


def test_a_full_window_that_is_slept_out_is_a_stall_each_time():
    assert stalls(batches(0, 2000, 2020, 4020), 8) == (2, (1990 + 1990) / 4030)


def test_a_pause_under_half_a_second_is_none():
    found = metrics(batches(0, 400, 900), 6)
    assert (found["consumer_stalls"], found["stalled_share"]) == (0, 0)
    assert found["longest_stall_ms"] == pytest.approx(490)
    assert stalls(batches(0, 510), 4)[0] == 1


def test_with_every_slot_busy_nothing_is_stalled():
    assert stalls(batches(0, 2000, 4000, each_ms=2000), 6) == (0, 0)


def test_a_stall_begins_when_a_slot_is_free_not_when_the_last_is():
    story = Story()
    for number, (begin, end) in enumerate([(0, 100), (0, 700), (1000, 1001), (1000, 1010)]):
        story.sent(number, 0, took_ms=0).ran(number, begin, end)
    found = pauses(story.trace([item(n) for n in range(4)]), 2)
    assert found.began_ns - ORIGIN_NS == pytest.approx([100e6])
    assert found.ended_ns - ORIGIN_NS == pytest.approx([1000e6])
    assert found.watched_ns == pytest.approx(1010e6)


def test_time_without_tasks_is_no_stall_but_is_watched():
    story = Story()
    for number, begin in enumerate((0, 5000, 5001, 8000)):
        story.sent(number, begin, took_ms=0).ran(number, begin + (1000 if number == 3 else 1), 9100)
    assert stalls(story, 4, load="open", concurrency=9) == (1, 1000 / 9100)


def test_a_retry_that_waits_for_its_time_is_not_stalled():
    story = Story().sent(0, 0).sent(1, 0)
    story.failed(0, 1, 2).ran(1, 2, 3).ran(0, 5000, 5001)
    assert stalls(story, 2) == (0, 0)


def test_a_task_that_waits_behind_a_retry_is():
    story = Story().sent(0, 0).sent(1, 100, took_ms=0)
    story.failed(0, 1, 2).ran(1, 2100, 2101).ran(0, 5000, 5001)
    assert stalls(story, 2, concurrency=1) == (1, pytest.approx(2000 / 5000.5, abs=1e-4))


def test_before_the_first_start_of_a_drain_the_workers_start():
    story = batches(0, 10)
    for number in range(4):
        story.sent(number, -9000)
    assert stalls(story, 4, load="drain") == (0, 0)
    assert stalls(story, 4, load="burst")[0] == 1


def test_windows_are_counted_together_and_what_lies_between_is_not():
    story = batches(0, 1000, 60_000, 60_010, 61_010)
    windows = [{"first": 0, "count": 4}, {"first": 4, "count": 6}]
    share = (990 + 990) / (1010 + 1020)
    assert stalls(story, 10, load="drain", windows=windows) == (2, share)


def test_a_load_that_is_stopped_is_watched_to_its_stop():
    story = batches(0, 20)
    for number in range(4, 8):
        story.sent(number, 0, took_ms=0)
    assert stalls(story, 8, load="backlog", until_ms=3000) == (1, 2970 / 3000)
    late = batches(0, 20, 2999, 5000)
    assert stalls(late, 8, load="backlog", until_ms=3000) == (1, 2969 / 3000)
    assert stalls(batches(0, 20), 4, load="backlog", until_ms=3000) == (0, 0)


def test_a_task_that_got_lost_is_not_waited_for():
    story = batches(0, 20)
    story.sent(4, 0, took_ms=0).sent(5, 0, took_ms=0).ran(5, 30, 5000)
    assert stalls(story, 6) == (0, 0)


def test_where_tasks_cannot_be_seen_waiting_nothing_is_told():
    assert "consumer_stalls" not in metrics(batches(0, 20), 4, load="backlog")
    assert "consumer_stalls" not in metrics(Story().sent(0, 0).ran(0, 1, 2), 1)


def test_their_units():
    assert (unit("consumer_stalls"), unit("stalled_share")) == ("1", "1")
