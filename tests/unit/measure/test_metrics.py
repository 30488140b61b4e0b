from __future__ import annotations

import numpy as np
import pytest
from synthetic import ORIGIN_NS, Story, item

from backends.kit import events as kinds
from bench.measure.attempts import attempts, retry_gaps
from bench.measure.metrics import HIGHER_IS_BETTER, Value, trial_metrics, unit
from bench.measure.rates import steady_rate
from bench.measure.trace import NEVER


def metrics(story, items, *, params=None, concurrency=1, load="closed", **more):
    trace = story.trace(items)
    return trial_metrics(trace, attempts(trace), params or {}, concurrency, load, **more)


def at_seconds(*times):
    return np.array([round(t * 1e9) for t in times], dtype="int64")


# --- one task's life, twice so that a median is supported ------------------------------------


@pytest.fixture
def two_tasks():
    """Two tasks alike but for a factor of three: every median is twice the first's value."""
    story = Story()
    for number, begin, factor in ((0, 0, 1), (1, 1000, 3)):
        story.sent(number, begin, took_ms=1 * factor)
        story.ran(number, begin + 5 * factor, begin + 12 * factor)
        story.result(number, begin + 20 * factor)
    return story, [item(0), item(1)]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("enqueue_us_p50", 2000),  # 1 and 3 ms
        ("queue_wait_ms_p50", 8),  # 1 to 5, and 3 to 15
        ("service_ms_p50", 14),  # 5 to 12, and 15 to 36
        ("end_to_end_ms_p50", 24),  # 0 to 12, and 0 to 36
        ("round_trip_ms_p50", 40),  # 0 to 20, and 0 to 60
        ("result_delivery_ms_p50", 16),  # 12 to 20, and 36 to 60
    ],
)
def test_a_tasks_life_is_cut_into_its_metrics(two_tasks, metric, expected):
    found = metrics(*two_tasks)[metric]
    assert found.value == pytest.approx(expected)
    assert found.samples == 2


@pytest.mark.parametrize("load", ["burst", "open"])
def test_only_callers_that_wait_have_times_that_end_with_a_result(two_tasks, load):
    found = metrics(*two_tasks, load=load)
    assert "end_to_end_ms_p50" in found
    assert not [name for name in found if name.startswith(("round_trip", "result_delivery"))]


@pytest.mark.parametrize("load", ["drain", "backlog"])
def test_where_the_workers_start_lies_within_a_wait_it_is_no_metric(two_tasks, load):
    found = metrics(*two_tasks, load=load)
    assert {"enqueue_us_p50", "service_ms_p50"} <= found.keys()
    timed = ("end_to_end", "queue_wait", "round_trip", "result_delivery")
    assert not [name for name in found if name.startswith(timed)]


def test_a_worker_faster_than_the_enqueue_call_did_not_wait_less_than_nothing():
    story = Story().sent(0, 0, took_ms=5).ran(0, 2, 3).sent(1, 10, took_ms=5).ran(1, 12, 13)
    assert metrics(story, [item(0), item(1)])["queue_wait_ms_p50"].value == 0


def test_a_result_that_came_before_the_end_was_recorded_took_no_negative_time():
    story = Story()
    for number in (0, 1):
        story.sent(number, 0).ran(number, 1, 9).result(number, 8)
    assert metrics(story, [item(0), item(1)])["result_delivery_ms_p50"].value == 0


def test_of_several_runs_the_first_start_and_the_last_end_count():
    story = Story()
    for number in (0, 1):
        story.sent(number, 0, took_ms=1).ran(number, 3, 4).ran(number, 50, 60)
    found = metrics(story, [item(0), item(1)])
    assert found["queue_wait_ms_p50"].value == pytest.approx(2)
    assert found["end_to_end_ms_p50"].value == pytest.approx(60)


def test_tasks_that_never_ended_are_no_samples_of_what_needs_an_end():
    story = Story()
    for number in range(3):
        story.sent(number, 0).ran(number, 1, 2)
    story.sent(3, 0).tell(kinds.START, 3, 1)
    found = metrics(story, [item(n) for n in range(4)])
    assert found["end_to_end_ms_p50"].samples == 3
    assert found["enqueue_us_p50"].samples == 4


# --- chains ----------------------------------------------------------------------------------


def test_a_chain_is_timed_from_its_first_send_to_its_last_end_and_by_its_hops():
    story = Story()
    for first, begin in ((0, 0), (3, 1000)):
        story.sent(first, begin, took_ms=1)
        story.ran(first, begin + 2, begin + 3)
        story.ran(first + 1, begin + 7, begin + 8)  # 4 ms later
        story.ran(first + 2, begin + 14, begin + 15)  # 6 ms later
        story.result(first + 2, begin + 18)
    found = metrics(story, [item(0, 1, 2), item(3, 4, 5)])
    assert found["hop_ms_p50"].value == pytest.approx(5)
    assert found["hop_ms_p50"].samples == 4
    assert found["end_to_end_ms_p50"].value == pytest.approx(15)
    assert found["round_trip_ms_p50"].value == pytest.approx(18)
    assert found["result_delivery_ms_p50"].value == pytest.approx(3)
    assert found["service_ms_p50"].samples == 6


def test_single_tasks_have_no_hops(two_tasks):
    assert not [name for name in metrics(*two_tasks) if name.startswith("hop")]


# --- throughput ------------------------------------------------------------------------------


def test_the_steady_rate_of_even_completions_is_their_rate():
    assert steady_rate(at_seconds(*(0.01 * n for n in range(50)))) == pytest.approx(100)


def test_the_first_and_the_last_tenth_are_cut():
    steady = [10 + 0.1 * n for n in range(8)]
    assert steady_rate(at_seconds(0, *steady, 99)) == pytest.approx(10)


def test_no_more_than_a_tenth_is_cut():
    """With 9 completions a tenth is less than one: the slow first one counts."""
    rate = steady_rate(at_seconds(0, *(10 + 0.1 * n for n in range(8))))
    assert rate is not None
    assert rate < 5


def test_the_steady_rate_is_the_slope_of_the_count_over_time():
    """Counts 0, 1, 2 at 0, 1, 3 s: deviations -4/3, -1/3, 5/3; slope 3 / (14/3) = 9/14."""
    assert steady_rate(at_seconds(0, 1, 3)) == pytest.approx(9 / 14)


@pytest.mark.parametrize("times", [[], [1], [1, 2], [4, 4, 4, 4]])
def test_too_few_completions_or_none_apart_have_no_rate(times):
    assert steady_rate(at_seconds(*times)) is None


def drained(count=20, every_ms=10, **more):
    story = Story()
    for n in range(count):
        story.sent(n, -100).ran(n, every_ms * n, every_ms * (n + 1) - 2)
    return metrics(story, [item(n) for n in range(count)], **more)


def test_a_drain_has_the_rate_of_its_ends():
    found = drained(load="drain")["throughput_tasks_per_s"]
    assert found == Value(pytest.approx(100), 20)


def test_a_surge_has_what_was_done_in_all_the_time_since_it_was_sent():
    """As recorded of threads on Windows' loop: 4 tasks of 10 ms, a pause of 2 s, and 4 more. What
    lies within the first and the last tenth is one such group, done in 10 ms."""
    story = Story()
    for n in range(40):
        story.sent(n, 0)
    for n in range(12):
        story.ran(n, 2000 * (n // 4) + 10, 2000 * (n // 4) + 20 + n % 4)
    items = [item(n) for n in range(40)]
    until_ns = ORIGIN_NS + 5_000_000_000
    found = metrics(story, items, load="surge", concurrency=4, until_ns=until_ns)
    assert found["throughput_tasks_per_s"] == Value(pytest.approx(12 / 5), 12)


def test_a_surge_that_is_done_in_time_ends_with_its_last_task():
    found = drained(load="surge")["throughput_tasks_per_s"]
    assert found == Value(pytest.approx(20 / (0.1 + 0.198)), 20)


def test_what_ends_after_a_surge_was_stopped_is_not_counted():
    found = drained(load="surge", until_ns=ORIGIN_NS + 100_000_000)["throughput_tasks_per_s"]
    assert found.value == pytest.approx(10 / 0.2)


def test_a_closed_load_has_no_throughput():
    assert "throughput_tasks_per_s" not in drained(load="closed")


def test_where_messages_are_delivered_deliveries_are_counted_instead_of_ends():
    story = Story()
    for n in range(20):
        story.sent(n, 0).ran(n, 10 * n, 10 * n + 9).tell(kinds.DELIVERED, n, 20 * n, 200)
    found = metrics(story, [item(n) for n in range(20)], load="burst")
    assert found["throughput_tasks_per_s"].value == pytest.approx(50)


@pytest.mark.parametrize("parameter", ["service_s", "latency_s"])
def test_the_share_of_ideal_is_the_rate_over_what_so_many_slots_could_do(parameter):
    """100 tasks/s; 4 slots of 0.03 s each could do 133.3: three quarters."""
    found = drained(params={parameter: 0.03}, concurrency=4, load="burst")
    assert found["share_of_ideal"].value == pytest.approx(0.75)


def test_without_a_time_of_service_there_is_no_ideal():
    assert "share_of_ideal" not in drained(params={"service_s": 0.0}, load="drain")


# --- several windows -------------------------------------------------------------------------


def windows(*every_ms, count=20, apart_ms=5_000):
    """A drain of so many windows, each with its own time per task, and a long pause between."""
    story, told = Story(), []
    for number, each_ms in enumerate(every_ms):
        first, begin = number * count, number * apart_ms
        told.append({"first": first, "count": count, "per_s": 1e3 / each_ms})
        for n in range(count):
            story.sent(first + n, begin - 100)
            story.ran(first + n, begin + each_ms * n, begin + each_ms * (n + 1) - 2)
    return metrics(
        story, [item(n) for n in range(count * len(every_ms))], load="drain", windows=told
    )


def test_the_throughput_of_several_windows_is_their_geometric_mean():
    assert windows(10, 40)["throughput_tasks_per_s"] == Value(pytest.approx(50), 40)
    assert windows(10)["throughput_tasks_per_s"] == Value(pytest.approx(100), 20)


def test_the_pause_between_windows_is_no_stall():
    assert windows(10, 10, 30)["longest_stall_ms"] == Value(pytest.approx(2), 60)


def test_what_is_no_rate_of_a_window_takes_no_part():
    story = Story()
    for n in range(20):
        story.sent(n, -100).ran(n, 10 * n, 10 * n + 8)
    told = [{"first": 0, "count": 20}, {"first": 20, "count": 20}]
    found = metrics(story, [item(n) for n in range(40)], load="drain", windows=told)
    assert found["throughput_tasks_per_s"] == Value(pytest.approx(100), 20)


# --- stalls ----------------------------------------------------------------------------------


def test_the_longest_stall_is_the_longest_time_from_a_free_slot_to_a_start():
    story = Story().ran(0, 0, 1).ran(1, 10, 11).ran(2, 45, 46).ran(3, 50, 51)
    found = metrics(story, [item(n) for n in range(4)], load="drain")
    assert found["longest_stall_ms"] == Value(pytest.approx(34), 4)


def test_a_slot_that_is_busy_is_not_stalled_however_long_its_task():
    story = Story().ran(0, 0, 3000).ran(1, 3001, 6000).ran(2, 6003, 9000)
    found = metrics(story, [item(n) for n in range(3)], load="drain")
    assert found["longest_stall_ms"].value == pytest.approx(3)


def test_a_stall_goes_on_while_other_slots_end_their_tasks():
    story = Story().ran(0, 0, 10).ran(1, 0, 50).ran(2, 90, 91)
    found = metrics(story, [item(n) for n in range(3)], load="drain", concurrency=2)
    assert found["longest_stall_ms"].value == pytest.approx(80)


def test_after_the_last_task_has_started_nothing_is_waiting():
    story = Story().ran(0, 0, 1).ran(1, 2, 3).ran(1, 500, 501)
    found = metrics(story, [item(0), item(1)], load="drain")
    assert found["longest_stall_ms"].value == pytest.approx(1)


def test_work_done_twice_is_not_more_work():
    once, twice = Story(), Story()
    for n in range(30):
        once.ran(n, 10 * n, 10 * n + 1)
        twice.ran(n, 10 * n, 10 * n + 1).ran(n, 10 * n + 2, 10 * n + 3)
    items = [item(n) for n in range(30)]
    rates = [metrics(s, items, load="drain")["throughput_tasks_per_s"] for s in (once, twice)]
    assert rates[0].value == pytest.approx(rates[1].value) == pytest.approx(100)


def test_slots_in_lockstep_have_all_of_the_ideal_rate():
    story = Story()
    for n in range(20):
        story.ran(n, 100 * (n // 4), 100 * (n // 4) + 100)
    found = metrics(story, [item(n) for n in range(20)], load="burst", concurrency=4)
    assert found["throughput_tasks_per_s"].value == pytest.approx(40)


def live(*starts_ms, length=1, concurrency=2, load="closed"):
    """The longest stall of tasks sent every 10 ms to workers that start them at these times."""
    story = Story()
    for number, start_ms in enumerate(starts_ms):
        story.sent(number, 10 * number)
        story.ran(number, start_ms, start_ms + 1)
    items = [item(n) for n in range(len(starts_ms))]
    return metrics(story, items, load=load, concurrency=concurrency)["longest_stall_ms"].value


@pytest.mark.parametrize("load", ["closed", "burst", "open"])
def test_workers_that_stop_under_any_load_are_stalled(load):
    assert live(2, 12, 22, 32, load=load) == pytest.approx(1.5)
    assert live(2, 12, 20_000, 20_000, 20_001, load=load) == pytest.approx(20_000 - 20.5)


def test_nothing_is_stalled_while_nothing_is_sent():
    story = Story().sent(0, 0).ran(0, 1, 2).sent(1, 30_000).ran(1, 30_001, 30_002)
    found = metrics(story, [item(0), item(1)], load="closed")
    assert found["longest_stall_ms"].value == pytest.approx(0.5)


def test_a_retry_that_waits_for_its_time_is_no_stall():
    story = Story().sent(0, 0).sent(1, 0).failed(0, 1, 2).ran(1, 2, 3).ran(0, 5000, 5001)
    found = metrics(story, [item(0), item(1)], load="burst")
    assert found["longest_stall_ms"].value < 2


@pytest.mark.parametrize("concurrency", [1, 4])
def test_workers_that_stop_while_every_slot_is_busy_are_stalled(concurrency):
    story = Story()
    for n in range(6 * concurrency):
        batch = n // concurrency
        start = 100 * batch + (20_000 if batch > 2 else 0)
        story.sent(n, 0).ran(n, start + 1, start + 100 + (20_000 if batch == 2 else 0))
    items = [item(n) for n in range(6 * concurrency)]
    found = metrics(story, items, load="burst", concurrency=concurrency)
    assert found["longest_stall_ms"].value == pytest.approx(20_000)


def test_a_timeout_takes_the_time_that_it_is_given():
    story = Story()
    for n in range(10):
        story.sent(n, 0).ran(n, 10 * n + 1, 10 * n + 10)
    story.failed(3, 200, 30_200).ran(3, 30_201, 30_210)
    found = metrics(story, [item(n) for n in range(10)], load="burst", concurrency=1)
    assert found["longest_stall_ms"].value < 10


def test_a_queue_that_takes_one_at_a_time_is_slow_not_stalled():
    story = Story()
    for n in range(4):
        story.sent(n, 0).ran(n, 1 + 3000 * n, 3000 + 3000 * n)
    found = metrics(story, [item(n) for n in range(4)], load="burst", concurrency=4)
    assert found["longest_stall_ms"].value == pytest.approx(1)


@pytest.mark.parametrize("load", ["idle", "backlog"])
def test_where_pauses_are_planned_there_are_no_stalls(load):
    assert "longest_stall_ms" not in drained(load=load)


# --- retries ---------------------------------------------------------------------------------


@pytest.fixture
def retried():
    """Two failures of task 0, one of task 1; asked were 100 ms. 10, 30 and 2 ms late."""
    story = Story().sent(0, 0).sent(1, 0)
    story.failed(0, 1, 5).failed(0, 115, 120).ran(0, 250, 251)
    story.failed(1, 2, 6).ran(1, 108, 109)
    return story, [item(0, attempts=3, retried_after=0.1), item(1, attempts=2, retried_after=0.1)]


def test_every_retry_is_late_by_its_gap_less_the_delay_asked_for(retried):
    found = metrics(*retried, load="burst")
    assert found["retry_lateness_ms_p50"] == Value(pytest.approx(10), 3)
    assert found["retry_lateness_ms_max"] == Value(pytest.approx(30), 3)


def test_an_early_retry_has_a_negative_lateness():
    story = Story().failed(0, 0, 1).ran(0, 51, 52).failed(1, 0, 1).ran(1, 51, 52)
    items = [item(n, attempts=2, retried_after=0.1) for n in (0, 1)]
    assert metrics(story, items)["retry_lateness_ms_p50"].value == pytest.approx(-50)


def test_one_retry_has_a_maximum_but_no_median():
    story = Story().failed(0, 0, 1).ran(0, 106, 107)
    found = metrics(story, [item(0, attempts=2, retried_after=0.1)])
    assert found["retry_lateness_ms_max"] == Value(pytest.approx(5), 1)
    assert "retry_lateness_ms_p50" not in found


def test_running_again_after_a_success_is_no_retry():
    story = Story().ran(0, 0, 1).ran(0, 200, 201)
    found = metrics(story, [item(0, retried_after=0.1)])
    assert "retry_lateness_ms_max" not in found


def test_retries_of_tasks_without_a_delay_are_not_late():
    story = Story().failed(0, 0, 1).ran(0, 200, 201)
    assert "retry_lateness_ms_max" not in metrics(story, [item(0, attempts=2)])


def test_attempts_per_task_counts_starts_over_tasks_that_started(retried):
    assert metrics(*retried)["attempts_per_task"] == Value(2.5, 2)


def test_retry_gaps_tell_task_attempt_and_gap(retried):
    story, items = retried
    gaps = retry_gaps(attempts(story.trace(items)))
    assert [list(map(int, row)) for row in zip(*gaps, strict=True)] == [
        [0, 2, 110_000_000],
        [0, 3, 130_000_000],
        [1, 2, 102_000_000],
    ]


# --- pairs of starts and ends ----------------------------------------------------------------


def tried(story, count=2):
    """Every attempt by task and number, as lists."""
    table = attempts(story.trace([item(n) for n in range(count)]))
    order = np.lexsort((table.number, table.task))
    return {name: column[order].tolist() for name, column in table._asdict().items()}


def test_the_nth_start_is_paired_with_the_nth_end_or_failure():
    story = Story().failed(0, 0, 4).ran(1, 1, 3, value=11).ran(0, 7, 9, value=22)
    rows = tried(story)
    assert rows["task"] == [0, 0, 1]
    assert rows["number"] == [1, 2, 1]
    assert [(t - ORIGIN_NS) // 10**6 for t in rows["started_ns"]] == [0, 7, 1]
    assert [(t - ORIGIN_NS) // 10**6 for t in rows["ended_ns"]] == [4, 9, 3]
    assert rows["ok"] == [False, True, True]
    assert rows["value"] == [0, 22, 11]


def test_an_attempt_that_never_ended_has_no_end_and_is_not_ok():
    rows = tried(Story().tell(kinds.START, 0, 0).ran(1, 1, 2))
    assert [end == NEVER for end in rows["ended_ns"]] == [True, False]
    assert rows["ok"] == [False, True]


def test_attempts_that_overlap_are_told_apart_by_their_order():
    story = Story().tell(kinds.START, 0, 0).tell(kinds.START, 0, 10)
    story.tell(kinds.END, 0, 20).tell(kinds.END, 0, 25)
    rows = tried(story)
    took = [end - start for start, end in zip(rows["started_ns"], rows["ended_ns"], strict=True)]
    assert took == [20_000_000, 15_000_000]


def test_of_several_attempts_the_last_may_not_have_ended():
    story = Story().failed(1, 0, 1).tell(kinds.START, 1, 5).failed(0, 2, 3).tell(kinds.START, 0, 6)
    rows = tried(story)
    assert rows["number"] == [1, 2, 1, 2]
    assert [end == NEVER for end in rows["ended_ns"]] == [False, True, False, True]


def test_an_end_without_a_start_is_no_attempt():
    rows = tried(Story().tell(kinds.END, 0, 1, 7).ran(1, 2, 3))
    assert rows["task"] == [1]


def test_pairs_are_those_of_a_plain_loop():
    """A few hundred tasks with 0 to 4 starts and ends in any order, counted one by one."""
    rng = np.random.default_rng(5)
    story, known = Story(), {}
    for moment in range(3000):
        number, kind = int(rng.integers(300)), (kinds.START, kinds.END, kinds.FAIL)[moment % 3]
        if sum(1 for k, _ in known.setdefault(number, []) if k == kind) < 4:
            known[number].append((kind, moment))
            story.tell(kind, number, moment)
    expected = []
    for number, told in sorted(known.items()):
        starts = [moment for kind, moment in told if kind == kinds.START]
        ends = [(moment, kind == kinds.END) for kind, moment in told if kind != kinds.START]
        ends += [(None, False)] * len(starts)
        expected += [(number, n + 1, s, *ends[n]) for n, s in enumerate(starts)]
    rows = tried(story, 300)
    moments = [
        [None if t == NEVER else (t - ORIGIN_NS) // 10**6 for t in rows[name]]
        for name in ("started_ns", "ended_ns")
    ]
    found = zip(rows["task"], rows["number"], *moments, rows["ok"], strict=True)
    assert list(found) == expected


# --- what a sample supports ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "supported"),
    [
        (1, set()),
        (2, {"p50"}),
        (19, {"p50"}),
        (20, {"p50", "p95"}),
        (99, {"p50", "p95"}),
        (100, {"p50", "p95", "p99"}),
    ],
)
def test_a_percentile_needs_a_sample_beyond_it(count, supported):
    story = Story()
    for n in range(count):
        story.sent(n, n, took_ms=0.1)
    found = metrics(story, [item(n) for n in range(count)])
    names = {name.rsplit("_", 1)[1] for name in found if name.startswith("enqueue_us_")}
    assert names == supported


def test_percentiles_interpolate_between_samples():
    """Of 1, 2, ..., 21 ms the 95th percentile is the 20th value, the median the 11th."""
    story = Story()
    for n in range(21):
        story.sent(n, 100 * n, took_ms=n + 1)
    found = metrics(story, [item(n) for n in range(21)])
    assert found["enqueue_us_p95"].value == pytest.approx(20_000)
    assert found["enqueue_us_p50"].value == pytest.approx(11_000)


@pytest.mark.parametrize("load", ["drain", "closed", "burst", "open", "backlog", "idle"])
def test_no_events_give_no_metrics(load):
    assert metrics(Story(), [item(0, 1), item(2, 3)], load=load) == {}


def test_no_events_have_no_attempts_and_no_retries():
    found = attempts(Story().trace([item(0)]))
    assert [len(column) for column in found] == [0] * 6
    assert [len(column) for column in retry_gaps(found)] == [0] * 3


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("throughput_tasks_per_s", "tasks/s"),
        ("enqueue_us_p50", "us"),
        ("queue_wait_ms_p99", "ms"),
        ("retry_lateness_ms_max", "ms"),
        ("longest_stall_ms", "ms"),
        ("ready_s", "s"),
        ("share_of_ideal", "1"),
        ("attempts_per_task", "1"),
        ("latency_ms_p99.9", "ms"),
        ("saturation_tasks_per_s", "tasks/s"),
        ("part_queue_wait_ms", "ms"),
        ("redis_commands_per_task", "1"),
        ("redis_commands_per_task:brpop", "1"),
        ("redis_bytes_per_task:in", "bytes"),
        ("redis_memory_bytes_per_task", "bytes"),
        ("cpu_ms_per_task:worker", "ms"),
        ("context_switches_per_task:worker", "1"),
        ("worker_peak_rss_mb", "MB"),
        ("idle_commands_per_s", "1/s"),
        ("idle_cpu_ms_per_s:worker", "ms/s"),
    ],
)
def test_a_metrics_name_carries_its_unit(metric, expected):
    assert unit(metric) == expected


def test_more_is_better_of_rates_and_shares_only():
    assert {
        "throughput_tasks_per_s",
        "share_of_ideal",
        "offered_tasks_per_s",
        "saturation_tasks_per_s",
        "sustained_tasks_per_s",
    } == HIGHER_IS_BETTER
