"""Loads that keep to a schedule, and what is left of a load that is cut short."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import Story, item

from backends.kit import events as kinds
from bench.measure.attempts import attempts
from bench.measure.checks import trial_checks
from bench.measure.metrics import Value, trial_metrics
from bench.measure.open_loop import (
    late,
    latency_drift,
    not_stationary,
    overloaded,
    sustained_rate,
    window,
)


def metrics(story, items, *, params=None, concurrency=1, load="open", steps=()):
    trace = story.trace(items)
    return trial_metrics(trace, attempts(trace), params or {}, concurrency, load, steps)


def checks(story, items, *, load):
    trace = story.trace(items)
    found = trial_checks(trace, attempts(trace), sees_failure=True, fifo=False, load=load)
    return {finding.check: finding for finding in found}


def ms(*times):
    return np.array([-1 if t is None else round(t * 1e6) for t in times], "int64")


# --- a window --------------------------------------------------------------------------------


def test_latency_counts_from_the_intended_time_however_late_the_task_was_sent():
    found = window(ms(0, 10, 20), ms(0, 14, 25), ms(2, 18, 26))
    assert (found.p50_ms, found.ended, found.count) == (pytest.approx(6), 3, 3)
    assert found.p99_ms == pytest.approx(8 - 0.02 * 2)  # of 2, 6, 8: a fiftieth before the last
    assert found.lateness_p99_ms == pytest.approx(5 - 0.02 * 1)


def test_a_task_that_did_not_end_is_infinitely_late():
    found = window(ms(0, 1, 2), ms(0, 1, 2), ms(5, 6, None))
    assert (found.ended, found.count) == (2, 3)
    assert found.p50_ms == pytest.approx(5)
    assert math.isinf(found.p99_ms)
    assert not found.holds(1e9)


def test_a_task_that_was_not_sent_is_infinitely_late():
    assert math.isinf(window(ms(0, 1), ms(0, None), ms(1, None)).lateness_p99_ms)


def test_one_task_in_two_hundred_that_did_not_end_leaves_p99_but_does_not_hold():
    times = np.arange(200) * 10**6
    ended = times + 10**6
    ended[7] = -1
    found = window(times, times, ended)
    assert found.p99_ms == pytest.approx(1)
    assert not found.holds(100)


def test_tasks_that_were_never_scheduled_are_not_part_of_it():
    assert window(ms(0, None), ms(0, 5), ms(1, 900)).count == 1


def test_an_empty_window_has_no_latency_and_does_not_hold():
    found = window(*(np.empty(0, "int64") for _ in range(3)))
    assert math.isnan(found.p50_ms)
    assert (found.ended, found.count, found.holds(100)) == (0, 0, False)


@pytest.mark.parametrize(("bound", "holds"), [(4.9, False), (5, True), (6, True)])
def test_a_window_holds_within_its_bound(bound, holds):
    assert window(ms(0, 10), ms(0, 10), ms(5, 15)).holds(bound) is holds


# --- open ------------------------------------------------------------------------------------


def offered(count, every_ms=10.0, first=0, late_ms=0.0, took_ms=3.0, story=None):
    """Tasks on a schedule, each sent late by so much and ended so long after it was due."""
    story = story or Story()
    for n in range(first, first + count):
        due = every_ms * (n - first)
        story.tell(kinds.SCHEDULED, n, due).sent(n, due + late_ms)
        story.ran(n, due + late_ms + 0.6, due + took_ms)
    return story


def test_an_open_load_has_the_latency_from_its_schedule_on():
    found = metrics(offered(100, late_ms=1), [item(n) for n in range(100)])
    assert found["latency_ms_p50"] == Value(pytest.approx(3), 100)
    assert found["latency_ms_max"] == Value(pytest.approx(3), 100)
    assert found["generator_lateness_ms_p99"] == Value(pytest.approx(1), 100)
    assert found["generator_lateness_ms_max"] == Value(pytest.approx(1), 100)
    assert found["offered_tasks_per_s"] == Value(pytest.approx(100), 100)
    assert "throughput_tasks_per_s" not in found


@pytest.mark.parametrize(
    ("count", "supported"),
    [
        (19, {"p50", "max"}),
        (99, {"p50", "p95", "max"}),
        (999, {"p50", "p95", "p99", "max"}),
        (1000, {"p50", "p95", "p99", "p99.9", "max"}),
    ],
)
def test_a_tail_needs_a_sample_beyond_it(count, supported):
    found = metrics(offered(count), [item(n) for n in range(count)])
    assert {name.rsplit("_", 1)[1] for name in found if name.startswith("latency_ms")} == supported


def test_a_chain_on_a_schedule_ends_with_its_last_task():
    story = Story()
    for first, due in ((0, 0), (2, 100)):
        story.tell(kinds.SCHEDULED, first, due).sent(first, due).ran(first, due + 1, due + 2)
        story.ran(first + 1, due + 3, due + 9)
    found = metrics(story, [item(0, 1), item(2, 3)])
    assert found["latency_ms_p50"] == Value(pytest.approx(9), 2)
    assert found["offered_tasks_per_s"].value == pytest.approx(10)


def test_other_loads_have_no_schedule_to_be_late_for():
    found = metrics(offered(100), [item(n) for n in range(100)], load="burst")
    assert not [name for name in found if name.startswith(("latency", "generator", "offered"))]


# --- saturation ------------------------------------------------------------------------------


def step(rate, first, count, *, sustained=True, late=False):
    return {
        "rate_per_s": rate,
        "first": first,
        "count": count,
        "sustained": sustained,
        "late": late,
    }


@pytest.fixture
def searched():
    """Three steps of 20 tasks: the first two quick, the third 300 ms late."""
    story = offered(20)
    offered(20, first=20, every_ms=5, story=story)
    offered(20, first=40, every_ms=1, took_ms=300, story=story)
    return story, [item(n) for n in range(60)]


@pytest.mark.parametrize(
    ("third", "rate"),
    [
        ({"sustained": False}, 200),
        ({"sustained": True}, 200),
        ({"sustained": True, "bound": 400}, 1000),
    ],
)
def test_saturation_is_the_highest_rate_that_was_sustained_by_its_events_too(searched, third, rate):
    params = {"p99_bound_ms": third.pop("bound", 100.0)}
    steps = [step(100, 0, 20), step(200, 20, 20), step(1000, 40, 20, **third)]
    found = metrics(*searched, params=params, load="saturation", steps=steps)
    assert found == {"saturation_tasks_per_s": Value(rate, 3)}


def test_a_step_whose_generator_was_late_proves_nothing(searched):
    steps = [step(100, 0, 20), step(200, 20, 20, late=True)]
    found = metrics(*searched, params={"p99_bound_ms": 100.0}, load="saturation", steps=steps)
    assert found["saturation_tasks_per_s"].value == 100


def test_where_no_rate_was_sustained_the_figure_is_zero(searched):
    steps = [step(1000, 40, 20), step(100, 0, 20, sustained=False)]
    params = {"p99_bound_ms": 100.0}
    found = metrics(*searched, params=params, load="saturation", steps=steps)
    assert {name: value.value for name, value in found.items()} == {"saturation_tasks_per_s": 0}
    assert metrics(*searched, params=params, load="saturation") == {}


# --- more than the workers sustain -----------------------------------------------------------


def arrivals(rate, count, seed=1):
    """Poisson arrivals, ns."""
    gaps = np.random.default_rng(seed).exponential(1e9 / rate, count)
    return np.cumsum(gaps).astype("int64")


def served(sent, per_task_s, slots=1):
    """When each task starts, were they served in order, each for so long, by so many slots."""
    free = [0] * slots
    start = np.empty_like(sent)
    for n, at in enumerate(sent):
        slot = free.index(min(free))
        start[n] = max(at, free[slot])
        free[slot] = start[n] + round(per_task_s * 1e9)
    return start


def polled(sent, every_s, at_most):
    """When each task starts, were they taken in bursts: so many at each look."""
    start, taken, look = np.empty_like(sent), 0, 0
    while taken < len(sent):
        look += round(every_s * 1e9)
        burst = sent[taken : taken + at_most] <= look
        start[taken : taken + int(burst.sum())] = look
        taken += int(burst.sum())
    return start


@pytest.mark.parametrize("sustained", [1, 10, 25, 30])
@pytest.mark.parametrize("seed", range(5))
def test_a_rate_above_what_is_sustained_is_overload_and_the_rate_is_told(sustained, seed):
    sent = arrivals(50, 200, seed)
    start = served(sent, 1 / sustained)
    assert overloaded(sent, start)
    end = start + round(1e9 / sustained)
    assert sustained_rate(np.sort(end), sent) == pytest.approx(sustained, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_a_little_more_than_is_sustained_is_overload_or_not_stationary(seed):
    sent = arrivals(50, 150, seed)
    start = served(sent, 1 / 40)
    story, items = on_schedule(sent, start)
    drift = latency_drift(story.trace(items))
    assert drift is not None
    assert overloaded(sent, start) or not_stationary(drift)


@pytest.mark.parametrize("sustained", [60, 100, 1000])
@pytest.mark.parametrize("seed", range(20))
def test_a_rate_that_is_sustained_is_no_overload(sustained, seed):
    sent = arrivals(50, 150, seed)
    assert not overloaded(sent, served(sent, 1 / sustained))


@pytest.mark.parametrize("seed", range(20))
def test_a_queue_that_looks_for_work_now_and_then_is_not_overloaded(seed):
    """As arq does: every half second, a hundred at a time."""
    sent = arrivals(50, 150, seed)
    assert not overloaded(sent, polled(sent, 0.5, 100))


@pytest.mark.parametrize("at_s", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_a_pause_of_the_workers_is_no_overload(at_s):
    sent = arrivals(100, 300)
    start = sent + 10**6
    paused = (start > at_s * 1e9) & (start < (at_s + 1) * 1e9)
    start[paused] = round((at_s + 1) * 1e9)
    assert not overloaded(sent, start)


def test_what_had_not_begun_when_it_was_given_up_waits():
    sent = arrivals(50, 150)
    start = served(sent, 0.5)
    given_up = start > sent[-1]
    start[given_up] = -1
    assert overloaded(sent, start)
    assert sustained_rate(np.sort(start[~given_up] + 10), sent) == pytest.approx(2, rel=0.05)


def test_of_a_handful_of_tasks_nothing_is_said():
    sent = arrivals(50, 24)
    assert not overloaded(sent, np.full(24, -1))
    assert not overloaded(np.full(50, -1), np.full(50, -1))


def test_where_nothing_ended_nothing_is_sustained():
    sent = arrivals(50, 50)
    assert sustained_rate(np.array([], "int64"), sent) == 0


def on_schedule(sent, start):
    """The same as a trial's story; each task takes no time."""
    story = Story()
    for n, (at, begun) in enumerate(zip(sent / 1e6, start / 1e6, strict=True)):
        story.tell(kinds.SCHEDULED, n, at).sent(n, at, took_ms=0).ran(n, begun, begun)
    return story, [item(n) for n in range(len(sent))]


def test_an_overload_has_its_rate_and_no_latency():
    sent = arrivals(50, 150)
    found = metrics(*on_schedule(sent, served(sent, 0.1)))
    assert found.keys() == {"sustained_tasks_per_s", "offered_tasks_per_s"}
    assert found["sustained_tasks_per_s"].value == pytest.approx(10, rel=0.05)


def test_what_is_no_overload_has_latencies_and_how_they_drift():
    sent = arrivals(50, 150)
    found = metrics(*on_schedule(sent, sent + 10**6))
    assert "sustained_tasks_per_s" not in found
    assert found["latency_drift"] == Value(pytest.approx(1), 150)
    assert found["latency_ms_p95"].value == pytest.approx(1)


def test_the_drift_is_that_of_the_schedules_fifths_in_whatever_order_tasks_end():
    due = np.arange(50) * 10**7
    story, items = on_schedule(due, due + np.where(np.arange(50) < 40, 2, 6) * 10**6)
    assert latency_drift(story.trace(items)) == pytest.approx(3)


def test_of_fewer_than_five_tasks_in_a_fifth_there_is_no_drift():
    due = np.arange(24) * 10**7
    story, items = on_schedule(due, due + 10**6)
    assert latency_drift(story.trace(items)) is None


@pytest.mark.parametrize(
    ("drift", "told"), [(1, False), (1.9, False), (0.6, False), (2.1, True), (0.4, True)]
)
def test_a_factor_of_two_either_way_is_not_stationary(drift, told):
    assert not_stationary(drift) is told


def test_what_an_overload_left_undone_is_not_lost():
    story = offered(5).sent(5, 60)
    trace = story.trace([item(n) for n in range(9)])
    how = {"sees_failure": True, "fifo": False, "load": "open"}
    found = trial_checks(trace, attempts(trace), cut_short=True, **how)
    assert all(finding.passed for finding in found)
    assert "lost" not in {finding.check for finding in found}


# --- where the time of a round trip goes -----------------------------------------------------


def test_the_parts_add_up_to_the_mean_of_the_middle_round_trips():
    """Round trips of 10, 20, ..., 80 ms: between the quartiles are 30 to 60."""
    story = Story()
    for n in range(8):
        begin, k = 1000 * n, n + 1
        story.sent(n, begin, took_ms=k).ran(n, begin + 3 * k, begin + 7 * k)
        story.result(n, begin + 10 * k)
    found = metrics(story, [item(n) for n in range(8)], load="closed")
    parts = {name: value for name, value in found.items() if name.startswith("part_")}
    assert parts == {
        "part_enqueue_ms": Value(pytest.approx(4.5), 4),
        "part_queue_wait_ms": Value(pytest.approx(9), 4),
        "part_service_ms": Value(pytest.approx(18), 4),
        "part_delivery_ms": Value(pytest.approx(13.5), 4),
    }
    assert sum(part.value for part in parts.values()) == pytest.approx(45)


def test_enqueueing_ends_where_the_worker_begins():
    story = Story()
    for n in range(4):
        story.sent(n, 100 * n, took_ms=5).ran(n, 100 * n + 2, 100 * n + 6)
        story.result(n, 100 * n + 9)
    found = metrics(story, [item(n) for n in range(4)], load="closed")
    assert found["part_enqueue_ms"].value == pytest.approx(2)
    assert found["part_queue_wait_ms"].value == 0


@pytest.mark.parametrize(
    ("items", "load"),
    [
        ([item(0), item(1), item(2)], "closed"),  # too few
        ([item(0, 1), item(2, 3), item(4, 5), item(6, 7)], "closed"),  # chains
        ([item(n) for n in range(8)], "drain"),
    ],
)
def test_parts_are_told_of_single_tasks_in_a_closed_load(items, load):
    story = Story()
    for works in items:
        for work in works:
            n = work.task_id & 0xFFFFFFFF
            story.sent(n, 10 * n).ran(n, 10 * n + 1, 10 * n + 2).result(n, 10 * n + 3)
    assert not [name for name in metrics(story, items, load=load) if name.startswith("part_")]


# --- backlog, idle ---------------------------------------------------------------------------


@pytest.fixture
def cut_short():
    """Forty tasks were queued; 30 ended, one was on its way, the others had not begun."""
    story = Story()
    for n in range(40):
        story.sent(n, -100)
    for n in range(30):
        story.ran(n, 10 * n, 10 * n + 5, 7)
    return story.tell(kinds.START, 30, 300), [item(n, value=7) for n in range(40)]


def test_what_a_backlog_did_not_come_to_is_not_lost(cut_short):
    found = checks(*cut_short, load="backlog")
    assert all(finding.passed for finding in found.values())
    assert {name: finding.checked for name, finding in found.items()} == {
        "enqueued": 40,
        "repeated": 30,
        "results": 30,
    }


def test_what_a_backlog_came_to_is_held_to_its_truth(cut_short):
    story, items = cut_short
    story.ran(3, 320, 321, 7).ran(31, 330, 331, 8).tell(kinds.REFUSED, 39, 0)
    found = checks(story, items, load="backlog")
    assert found["repeated"].violations == ["task 3: 2 attempts instead of 1"]
    assert found["results"].violations == ["task 31: the worker got 8 instead of 7"]
    assert found["enqueued"].violations == ["task 39: the enqueue call raised"]


def test_a_backlog_has_the_rate_of_what_ended(cut_short):
    found = metrics(*cut_short, load="backlog")
    assert found["throughput_tasks_per_s"] == Value(pytest.approx(100), 30)


@pytest.mark.parametrize("load", ["open", "saturation"])
def test_what_a_schedule_sent_must_run(load):
    found = checks(offered(5).sent(5, 60), [item(n) for n in range(9)], load=load)
    assert found["lost"].violations == ["task 5: never ran"]
    assert found["lost"].checked == 6


def test_idle_workers_have_neither_checks_nor_metrics():
    assert checks(Story(), [], load="idle") == {}
    assert metrics(Story(), [], load="idle") == {}


@pytest.mark.parametrize(
    ("lateness_ms", "latency_ms", "too_late"),
    [(10, 1, False), (10.1, 1, True), (10.1, 101, False), (50, 400, True), (math.inf, 1, True)],
)
def test_a_generator_is_late_beyond_ten_ms_and_a_tenth_of_the_latency(
    lateness_ms, latency_ms, too_late
):
    assert late(lateness_ms, latency_ms) is too_late


def test_each_percentile_is_held_against_the_same_of_the_generator():
    """Of 200 tasks the last three are sent 50 ms late and end 20 ms later: the p99 is the
    generator's, the p95 is not."""
    due = np.arange(200) * 1_000_000
    send = due + np.where(np.arange(200) >= 197, 50_000_000, 0)
    found = window(due, send, send + 20_000_000)
    assert not late(found.lateness_p95_ms, found.p95_ms)
    assert late(found.lateness_p99_ms, found.p99_ms)


def test_a_latency_that_is_the_generators_is_not_told():
    story = offered(197)
    for n in range(197, 200):
        due = 10.0 * n
        story.tell(kinds.SCHEDULED, n, due).sent(n, due + 60).ran(n, due + 61, due + 63)
    found = metrics(story, [item(n) for n in range(200)])
    assert "latency_ms_p95" in found
    assert not {"latency_ms_p99", "latency_ms_max"} & found.keys()
    assert found["generator_lateness_ms_max"].value == pytest.approx(60)


@pytest.mark.parametrize("first_poll_ms", [50, 150, 250, 350, 450])
@pytest.mark.parametrize(("per_poll", "too_much"), [(60, False), (20, True)])
def test_a_queue_that_polls_three_times_only_is_judged_by_its_rate(
    first_poll_ms, per_poll, too_much
):
    """150 tasks in 1.5 s, a poll every 0.5 s takes up to so many of those that wait: 60 are enough,
    20 are not."""
    sent = np.arange(150) * 10
    start = np.full(150, -1)
    polls = range(first_poll_ms, 6000, 500)
    taken = 0
    for at in polls:
        there = int(np.count_nonzero(sent <= at))
        until = min(there, taken + per_poll)
        start[taken:until] = at + np.arange(until - taken) * 0.1
        taken = until
    assert overloaded(sent * 10**6, (start * 10**6).astype("int64")) is too_much


def test_no_more_is_sustained_than_was_offered():
    """Four tasks, then a pause to the end: they themselves end at a thousand a second."""
    sent = arrivals(20, 60)
    ends = sent[0] + ms(100, 101, 102, 103)
    assert overloaded(sent, np.concatenate([ends, np.full(len(sent) - len(ends), -1)]))
    offered_s = (sent[-1] - sent[0]) / 1e9
    assert sustained_rate(ends, sent) == pytest.approx(4 / offered_s)
